"""Keep one gateway key for the machine's own user, so that a first request needs no set-up.

The key itself is kept (only its hash is in the control database) in a file of mode 0600 beside
the other secrets; a key that has expired or was revoked is replaced.
"""

import getpass
from datetime import UTC, datetime, timedelta
from typing import Final

from ingress.errors import IngressError
from ingress.identity.keys import KeyStore, LocalIssuer
from ingress.secrets import read_private
from tailnumber.stack.layout import Layout, write_private

GROUPS: Final = ("engineering",)
DEVICE_NAME: Final = "this machine"
# Renewed while it still works for the length of a holiday.
_RENEWED_BEFORE: Final = timedelta(days=14)


def local_key(layout: Layout, store: KeyStore) -> str:
    """Return the key of the machine's user: the one of the last start, else a new one."""
    kept = _kept(layout)
    now = datetime.now(UTC)
    if kept is not None:
        key_id = kept.split("_")[1]
        record = next((each for each in store.list() if each.key_id == key_id), None)
        if record and record.revoked_at is None and record.expires_at - now > _RENEWED_BEFORE:
            return kept
    _, key = LocalIssuer(store).mint(
        machine_user(), now=now, groups=GROUPS, device_name=DEVICE_NAME
    )
    write_private(layout.local_key_file, key)
    return key


def machine_user() -> str:
    """Return the account name of who runs this, or ``local`` where the machine knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "local"


def _kept(layout: Layout) -> str | None:
    if not layout.local_key_file.exists():
        return None
    try:
        key = read_private(layout.local_key_file).decode("ascii").strip()
    except (IngressError, UnicodeDecodeError):
        return None
    return key if key.startswith("tnk_") else None
