"""Say which OIDC issuers may vouch for callers, and what a token of each must be.

Reads the issuers file strictly: every fault has its line and column, and a profile that any
stranger could satisfy (Google and GitHub sign for everybody) is refused unless it is pinned.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import yaml

from ingress.errors import PolicyError, PolicyProblem
from ingress.identity.login import Login, read_login
from ingress.identity.principal import PrincipalKind
from ingress.identity.profiles import (
    ALGORITHMS,
    PROFILE,
    PROFILES,
    Algorithm,
    Profile,
    ProfileName,
)
from ingress.policy.document import Reader
from ingress.upstream.origin import Origin

Ask = Literal["needed", "always"]

# Far above what one policy tells apart, and what an event should carry for each interaction.
GROUPS_LIMIT: Final = 1000
# Longest life of a key that a person's token is traded for: its groups are those of the exchange.
KEY_LIFETIME_MAX: Final = timedelta(hours=24)

_VERSION: Final = "1"
_TOP_KEYS: Final = ("version", "issuers")
_ISSUER_KEYS: Final = (
    "issuer",
    "profile",
    "audiences",
    "algorithms",
    "groups_claim",
    "groups_from",
    "groups_max",
    "jwks_uri",
    "key_lifetime",
    "kind",
    "login",
    "required",
)
_GROUPS_FROM_KEYS: Final = ("credential", "ask", "url", "act_as")
_ASK: Final[tuple[Ask, ...]] = ("needed", "always")
_KINDS: Final[tuple[PrincipalKind, ...]] = ("human", "service")
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
# An event's issuer and a claim's value are short texts.
_TEXT: Final = re.compile(r"[\x21-\x7e]{1,256}")
_REFERENCE: Final = re.compile(r"secret/[a-z0-9][a-z0-9-]{0,62}")
_REFERENCE_FORM: Final = "a reference to a credential such as secret/okta-groups"
_TEXT_FORM: Final = "1 to 256 printable ASCII characters without a blank"


@dataclass(frozen=True, slots=True)
class GroupsFrom:
    """Where an issuer's callers' groups are asked for, if the token does not tell them.

    Args:
        credential: reference to what the directory lets the gateway in by.
        ask: ``always``, or when ``needed``: the token has no list of groups, or a cut one.
        url: the directory's base URL.
        act_as: the administrator on whose behalf Google's directory is asked, if any.
    """

    credential: str
    ask: Ask
    url: str
    act_as: str | None = None


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer of the file, its defaults filled in.

    Args:
        groups_from: whom to ask for groups; None: the token alone tells them.
        login: how a person signs in from a command line; None: not at all.
        key_lifetime: life of a gateway key that a person's token is traded for.
        required: claim -> values of which the claim must be, or hold, at least one.
        jwks_uri: where its keys are; None: as its discovery document says, on its own origin.
    """

    issuer: str
    profile_name: ProfileName
    audiences: frozenset[str]
    algorithms: tuple[Algorithm, ...]
    groups_claim: str | None
    groups_from: GroupsFrom | None
    groups_max: int
    jwks_uri: str | None
    kind: PrincipalKind
    required: Mapping[str, frozenset[str]]
    login: Login | None = None
    key_lifetime: timedelta = KEY_LIFETIME_MAX

    @property
    def profile(self) -> Profile:
        """The profile's facts."""
        return PROFILE[self.profile_name]


class IssuersChange(NamedTuple):
    """Which issuers differ between two files, by name."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def compare_issuers(old: Iterable[Issuer], new: Iterable[Issuer]) -> IssuersChange:
    """Return what differs; an issuer of both is changed if anything it says is another."""
    before = {issuer.issuer: issuer for issuer in old}
    after = {issuer.issuer: issuer for issuer in new}
    return IssuersChange(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(name for name in after if name in before and after[name] != before[name]),
    )


class TrustedIssuers:
    """The issuers in force; a reload replaces all of them at once."""

    def __init__(self, issuers: Iterable[Issuer] = ()) -> None:
        self._by_name: Mapping[str, Issuer] = {}
        self.replace(issuers)

    def __bool__(self) -> bool:
        """Whether any issuer is trusted at all."""
        return bool(self._by_name)

    def __iter__(self) -> Iterator[Issuer]:
        """Return the issuers in the order of their file."""
        return iter(tuple(self._by_name.values()))

    def get(self, issuer: str) -> Issuer | None:
        """Return the issuer of exactly this name."""
        return self._by_name.get(issuer)

    def replace(self, issuers: Iterable[Issuer]) -> None:
        """Trust these from now on, and no others."""
        self._by_name = {issuer.issuer: issuer for issuer in issuers}


def read_issuers(path: Path) -> tuple[Issuer, ...]:
    """Read the issuers file.

    Raises:
        PolicyError: it cannot be read, or is refused with every problem's place.
    """
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        problem = PolicyProblem(str(path), 1, 1, f"cannot be read: {type(error).__name__}")
        raise PolicyError((problem,)) from None
    return load_issuers(text, str(path))


def load_issuers(text: str, source: str) -> tuple[Issuer, ...]:
    """Return the issuers of a YAML text; ``source`` names it in problems.

    Raises:
        PolicyError: the text is refused; nothing of it counts.
    """
    reader = Reader(source, text)
    top = reader.mapping(reader.root(), _TOP_KEYS, required=_TOP_KEYS)
    if "version" in top:
        reader.choice(top["version"], (_VERSION,))
    found: dict[str, Issuer] = {}
    for node in reader.sequence(top["issuers"]) if "issuers" in top else ():
        issuer = _issuer(reader, node)
        if issuer is not None and issuer.issuer in found:
            reader.note(node, f"issuer {issuer.issuer!r} is listed twice")
        elif issuer is not None:
            found[issuer.issuer] = issuer
    reader.finish()
    return tuple(found.values())


def is_confidential(origin: Origin) -> bool:
    """Tell whether nobody on the way can read or change what is said to an origin."""
    return origin.scheme == "https" or origin.host in _LOOPBACK


def _issuer(reader: Reader, node: yaml.Node) -> Issuer | None:
    keys = reader.mapping(node, _ISSUER_KEYS, required=("issuer", "profile", "audiences"))
    if not {"issuer", "profile", "audiences"} <= keys.keys():
        return None
    name = reader.choice(keys["profile"], PROFILES)
    url = _url(reader, keys["issuer"])
    audiences = _texts(reader, keys["audiences"])
    if name is None or url is None:
        return None
    profile = PROFILE[name]
    required = _required(reader, keys["required"]) if "required" in keys else {}
    if profile.pins and not required.keys() & set(profile.pins):
        pins = " or ".join(profile.pins)
        reader.note(node, f"{name} signs for strangers too: pin {pins} under required")
    return Issuer(
        issuer=url,
        profile_name=name,
        audiences=frozenset(audiences),
        algorithms=_algorithms(reader, keys.get("algorithms"), profile),
        groups_claim=_optional(reader, keys.get("groups_claim")),
        groups_from=_groups_from(reader, keys, name, url),
        groups_max=_groups_max(reader, keys.get("groups_max"), profile),
        jwks_uri=_url(reader, keys["jwks_uri"]) if "jwks_uri" in keys else profile.jwks_uri,
        kind=(reader.choice(keys["kind"], _KINDS) if "kind" in keys else None) or profile.kind,
        required=MappingProxyType(required),
        login=read_login(reader, keys["login"], name) if "login" in keys else None,
        key_lifetime=_key_lifetime(reader, keys.get("key_lifetime")),
    )


def _url(reader: Reader, node: yaml.Node) -> str | None:
    """Return a URL as written; tokens must repeat an issuer's character by character."""
    url = reader.matching(node, _TEXT, _TEXT_FORM)
    if url is None:
        return None
    try:
        origin, _ = Origin.split(url)
    except ValueError:
        reader.note(node, "a URL without user, query and fragment is expected here")
        return None
    if not is_confidential(origin):
        reader.note(node, "https is expected here; http is for this machine only")
    return url


def _texts(reader: Reader, node: yaml.Node) -> tuple[str, ...]:
    items = (node,) if isinstance(node, yaml.ScalarNode) else reader.sequence(node)
    if not items:
        reader.note(node, "at least one value is expected here")
    found = (reader.matching(item, _TEXT, _TEXT_FORM) for item in items)
    return tuple(text for text in found if text)


def _required(reader: Reader, node: yaml.Node) -> dict[str, frozenset[str]]:
    claims = reader.mapping(node, None)
    return {claim: frozenset(_texts(reader, value)) for claim, value in claims.items()}


def _algorithms(reader: Reader, node: yaml.Node | None, profile: Profile) -> tuple[Algorithm, ...]:
    if node is None:
        return profile.algorithms
    found: Iterable[Algorithm] = reader.choices(node, ALGORITHMS)
    chosen = tuple(dict.fromkeys(found))
    if isinstance(node, yaml.SequenceNode) and not node.value:
        reader.note(node, "at least one algorithm is expected here")
    return chosen


def _groups_from(
    reader: Reader, entry: Mapping[str, yaml.Node], name: ProfileName, issuer: str
) -> GroupsFrom | None:
    if "groups_from" not in entry:
        return None
    node, claim = entry["groups_from"], entry.get("groups_claim")
    # Of two kinds of names, a rule would see now the one and now the other.
    if name == "entra" and claim is not None and claim.value != "groups":
        reader.note(claim, "the directory gives groups: groups_claim must be groups, or left out")
    keys = reader.mapping(node, _GROUPS_FROM_KEYS, required=("credential",))
    base = PROFILE[name].directory_url
    if base is None:
        reader.note(node, f"{name} has no directory that can be asked; okta, entra and google have")
        return None
    if "act_as" in keys and name != "google":
        reader.note(keys["act_as"], "only Google's directory is asked on somebody's behalf")
    if "credential" not in keys:
        return None
    url = _url(reader, keys["url"]) if "url" in keys else base or _origin(issuer)
    return GroupsFrom(
        credential=reader.matching(keys["credential"], _REFERENCE, _REFERENCE_FORM) or "",
        ask=(reader.choice(keys["ask"], _ASK) if "ask" in keys else None) or "needed",
        url=url or "",
        act_as=_optional(reader, keys.get("act_as")),
    )


def _origin(url: str) -> str:
    try:
        return str(Origin.split(url)[0])
    except ValueError:
        return ""  # noted where the issuer itself was read


def _groups_max(reader: Reader, node: yaml.Node | None, profile: Profile) -> int:
    value = None if node is None else reader.integer(node, 1, GROUPS_LIMIT)
    return value or profile.groups_max


def _key_lifetime(reader: Reader, node: yaml.Node | None) -> timedelta:
    seconds = None if node is None else reader.duration_seconds(node)
    if node is None or seconds is None:
        return KEY_LIFETIME_MAX
    if not timedelta(minutes=5) <= timedelta(seconds=seconds) <= KEY_LIFETIME_MAX:
        reader.note(node, "5m to 24h is expected here")
    return timedelta(seconds=seconds)


def _optional(reader: Reader, node: yaml.Node | None) -> str | None:
    return None if node is None else reader.matching(node, _TEXT, _TEXT_FORM)
