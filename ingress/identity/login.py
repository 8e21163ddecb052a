"""Read what a command line needs to sign a person in at an issuer; pure."""

import re
from dataclasses import dataclass
from typing import Final, Literal

import yaml

from ingress.policy.document import Reader

Flow = Literal["device", "browser"]
FLOWS: Final[tuple[Flow, ...]] = ("device", "browser")

_KEYS: Final = ("name", "client_id", "scopes", "flows", "audience")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME_FORM: Final = "a name: letters, digits, dot, hyphen and underscore, 64 at most"
_TEXT: Final = re.compile(r"[\x21-\x7e]{1,256}")
_TEXT_FORM: Final = "1 to 256 printable ASCII characters without a blank"
_DEFAULT_SCOPES: Final = ("openid", "offline_access")


@dataclass(frozen=True, slots=True)
class Login:
    """How a person signs in: as a public client, so nothing here is secret.

    Args:
        name: what a person chooses the issuer by.
        client_id: of the public client that the issuer knows the command line as.
        flows: which ways the issuer offers it.
        audience: what the issuer must be asked to make the token for, where it wants to be told.
    """

    name: str
    client_id: str
    scopes: tuple[str, ...] = _DEFAULT_SCOPES
    flows: tuple[Flow, ...] = FLOWS
    audience: str | None = None


def read_login(reader: Reader, node: yaml.Node, profile: str) -> Login | None:
    """Return the ``login`` mapping of an issuer; faults are noted at the reader."""
    keys = reader.mapping(node, _KEYS, required=("client_id",))
    if "client_id" not in keys:
        return None
    name = reader.matching(keys["name"], _NAME, _NAME_FORM) if "name" in keys else profile
    client_id = reader.matching(keys["client_id"], _TEXT, _TEXT_FORM)
    scopes: tuple[str, ...] = _DEFAULT_SCOPES
    if "scopes" in keys:
        read = [reader.matching(n, _TEXT, _TEXT_FORM) for n in reader.sequence(keys["scopes"])]
        scopes = tuple(scope for scope in read if scope)
    flows = tuple(reader.choices(keys["flows"], FLOWS)) if "flows" in keys else FLOWS
    audience = reader.matching(keys["audience"], _TEXT, _TEXT_FORM) if "audience" in keys else None
    return Login(name or profile, client_id or "", scopes, flows, audience)
