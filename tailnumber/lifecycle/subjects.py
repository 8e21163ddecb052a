"""Find out whom a command means: accounts and pseudonyms of one person.

A person is named by ISSUER/SUBJECT, by a mail address, by a principal id, or, on one machine, by
the local account's name. Every account of a mail address is the same person's.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import Engine

from ingress.control.erasure import Erasures, Person
from ingress.identity.keys import LOCAL_ISSUER, Account, KeyStore
from ingress.identity.principal import principal_id
from schemas.fields import PART_ID_PATTERN
from tailnumber.errors import CommandError
from tailnumber.lifecycle.scopes import FLOOR
from tailnumber.trail import Trail

_RECORDED: Final = f"""\
SELECT
  principal_id, principal_issuer, principal_subject,
  MAX(principal_email) AS principal_email, MAX(principal_kind) AS principal_kind
FROM audit.interactions_v1
WHERE requested_at >= {FLOOR}
  AND (LOWER(principal_email) = LOWER(@name) OR principal_id IN UNNEST(@ids)
    OR CONCAT(principal_issuer, '/', principal_subject) = @name)
GROUP BY 1, 2, 3
ORDER BY 1
"""  # noqa: S608  (a constant)


def find_people(
    trail: Trail, engine: Engine, principal_key: Callable[[], bytes], name: str
) -> list[Person]:
    """Return every account that is meant: of recorded rows, gateway keys and content keys.

    Args:
        trail: the warehouse.
        engine: the control database.
        principal_key: returns the tenant's subkey "principal"; not asked for a principal id,
            which whoever has no right to the tenant's key can name people by.
        name: as the person who runs the command wrote it.

    Raises:
        CommandError: nobody of this name is known.
    """
    name = name.strip()
    found: dict[str, Person] = {}
    accounts: dict[str, tuple[str, str]] = {}
    if not re.fullmatch(PART_ID_PATTERN, name):
        key = principal_key()
        accounts = {principal_id(key, *each): each for each in _accounts(name)}
        for account in _key_holders(engine, name, frozenset(accounts.values())):
            identifier = principal_id(key, account.issuer, account.subject)
            found[identifier] = Person(identifier, account)
    for row in trail.ask(_RECORDED, name=name, ids=(*accounts, name)).rows:
        found.setdefault(row["principal_id"], Person(row["principal_id"], _account(row)))
    for identifier in Erasures(engine).key_counts([*accounts]):
        found.setdefault(identifier, Person(identifier, Account(*accounts[identifier])))
    if not found:
        raise CommandError(
            f"Nobody called {name!r} is known here: no key and no record names them. Write "
            "ISSUER/SUBJECT, a mail address or a principal id, as `tailnumber query` shows them."
        )
    return [found[identifier] for identifier in sorted(found)]


def _accounts(name: str) -> Iterator[tuple[str, str]]:
    """Yield what ISSUER/SUBJECT may mean: both may contain slashes."""
    if "\0" in name:
        return
    if "/" not in name and "@" not in name:
        yield LOCAL_ISSUER, name
    at = name.find("/")
    while at >= 0:
        if 0 < at < len(name) - 1:
            yield name[:at], name[at + 1 :]
        at = name.find("/", at + 1)


def _key_holders(
    engine: Engine, name: str, accounts: frozenset[tuple[str, str]]
) -> Iterator[Account]:
    for key in KeyStore(engine).list():
        same_mail = key.email is not None and key.email.casefold() == name.casefold()
        if same_mail or (key.issuer, key.subject) in accounts:
            yield Account(key.issuer, key.subject, key.email, key.groups, key.kind)


def _account(row: dict[str, Any]) -> Account:
    return Account(
        issuer=row["principal_issuer"],
        subject=row["principal_subject"],
        email=row["principal_email"],
        kind=row["principal_kind"],
    )
