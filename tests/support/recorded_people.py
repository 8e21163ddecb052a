"""Rows and content keys of people, as a stack would have them, without running one."""

import itertools
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from control_state import control_place
from google.cloud import bigquery
from sqlalchemy import Engine

from ingress.control.erasure import Person
from ingress.control.store import open_control
from ingress.identity.keys import LOCAL_ISSUER, Account
from ingress.identity.principal import principal_id
from ingress.ids import new_id
from ingress.sealing import ContentKeys, Opener, Sealer, part_id, quarter_of
from ingress.secrets import TenantSecrets
from pipeline.tables import apply_contract
from tailnumber.trail import Trail

_INTERACTION: dict[str, Any] = {
    "tenant_id": "local",
    "sequence": 1,
    "status": "completed",
    "status_rank": 2,
    "assurance": "strict",
    "policy_digest": "0" * 64,
    "connection": "openai",
    "protocol": "openai.chat",
    "operation": "chat",
    "method": "POST",
    "path": "/v1/chat/completions",
    "streamed": False,
    "effect": "allow",
    "rule_id": "all",
    "prompt_bytes": 10,
    "completion_bytes": 10,
    "prompt_finding_count": 0,
    "completion_finding_count": 0,
    "chunk_count": 1,
    "client_left": False,
    "client_name": "test",
    "principal_kind": "human",
}


class Recorded:
    """A data directory and the warehouse of one project; rows are inserted as the loader's are."""

    def __init__(self, client: bigquery.Client, root: Path) -> None:
        self.client = client
        self.root = root
        self.tenant = TenantSecrets.load_or_create(root / "secrets")
        self.engine: Engine = open_control(control_place(root))
        self.trail = Trail(client)
        keys = ContentKeys(self.engine, self.tenant.kek, self.tenant.subkey("content-key"))
        self.sealer, self.opener = Sealer(keys), Opener(keys)
        self._numbers = itertools.count()

    def person(self, name: str | None = None) -> Person:
        """Return somebody whom no other test knows."""
        name = name or f"u{uuid.uuid4().hex[:8]}"
        account = Account(LOCAL_ISSUER, name, f"{name}@acme.example")
        key = self.tenant.subkey("principal")
        return Person(principal_id(key, account.issuer, account.subject), account)

    def said(
        self,
        person: Person,
        text: str,
        at: datetime,
        *,
        session: str = "s1",
        repository: str | None = None,
    ) -> dict[str, Any]:
        """Record one interaction with one text; return the row of the text."""
        interaction = new_id()
        part = part_id(self.tenant.subkey("part"), session, text.encode())
        sealed = self.sealer.seal(person.principal_id, quarter_of(at), part.encode(), text.encode())
        common = {
            "event_id": new_id(),
            "occurred_at": at,
            "tenant_id": "local",
            "session_id": session,
            "interaction_id": interaction,
            "principal_id": person.principal_id,
            "loaded_at": at,
        }
        row = {
            **common,
            "part_id": part,
            "key_id": sealed.key_id,
            "role": "user",
            "ciphertext_hash": "0" * 64,
            "ciphertext": sealed.ciphertext,
        }
        self.insert("content.parts_v1", row)
        self.insert(
            "audit.interactions_v1",
            {
                **_INTERACTION,
                **common,
                "writer_id": new_id(),
                "requested_at": at,
                "repository": repository,
                "principal_issuer": person.account.issuer,
                "principal_subject": person.account.subject,
                "principal_email": person.account.email,
            },
        )
        return row

    def said_in_clear(
        self, person: Person, text: str, at: datetime, *, table: str = "content.parts_v1"
    ) -> None:
        """Record a text as a policy of ``content: tagged`` does."""
        self.insert(
            table,
            {
                "event_id": new_id(),
                "occurred_at": at,
                "tenant_id": "local",
                "session_id": "clear",
                "interaction_id": new_id(),
                "principal_id": person.principal_id,
                "loaded_at": at,
                "part_id": part_id(self.tenant.subkey("part"), "clear", text.encode()),
                "text": text,
                "salt": b"salt",
                "commitment": "1" * 64,
            },
        )

    def insert(self, table: str, row: dict[str, Any]) -> None:
        """Insert one row by SQL: quicker than the loader's stream for one."""
        given = {name: value for name, value in row.items() if value is not None}
        kinds = {str: "STRING", int: "INT64", bool: "BOOL", bytes: "STRING", datetime: "TIMESTAMP"}
        config = bigquery.QueryJobConfig(
            query_parameters=[
                # bqemulator stores a parameter of type BYTES as its base64 text.
                bigquery.ScalarQueryParameter(
                    name,
                    kinds[type(value)],
                    b64encode(value).decode() if isinstance(value, bytes) else value,
                )
                for name, value in given.items()
            ]
        )
        names = ", ".join(given)
        values = ", ".join(
            f"FROM_BASE64(@{name})" if isinstance(value, bytes) else f"@{name}"
            for name, value in given.items()
        )
        self.client.query(
            f"INSERT INTO {table} ({names}) VALUES ({values})", config, job_retry=None
        ).result(timeout=10, job_retry=None)

    def parts(self, person: Person, table: str = "content.parts_v1") -> int:
        """Return how many rows of a person's texts a table holds."""
        (row,) = self.trail.ask(
            f"SELECT COUNT(*) AS n FROM {table} WHERE principal_id = @who "
            "AND occurred_at > TIMESTAMP '1970-01-01 00:00:00+00'",
            who=person.principal_id,
        ).rows
        return row["n"]

    def opens(self, row: dict[str, Any]) -> str:
        """Return a part's text, as a reader with the keys."""
        return self.opener.open(row["key_id"], row["ciphertext"], row["part_id"].encode()).decode()


def ago(**span: int) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


@contextmanager
def recorded(client: bigquery.Client, root: Path) -> Iterator[Recorded]:
    apply_contract(client)
    made = Recorded(client, root)
    try:
        yield made
    finally:
        made.engine.dispose()
