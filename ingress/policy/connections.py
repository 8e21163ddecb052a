"""Read the policy's connections: where requests may go, and how the gateway proves itself there.

A credential is a reference, never a value. How it is shown (``auth``) is one of the classes below;
`ingress.upstream.custody` does what they say. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

import yaml

from ingress.networks import Network, is_loopback, literal, permits
from ingress.policy.document import Reader

UnknownPaths = Literal["refuse", "pass"]
ConnectionNetwork = Literal["public", "private"]

UNKNOWN_PATHS: Final[tuple[UnknownPaths, ...]] = ("refuse", "pass")
NETWORKS: Final[tuple[ConnectionNetwork, ...]] = ("public", "private")
CONNECTION_KINDS: Final = ("copilot", "openai", "azure", "anthropic", "github", "git", "http")
GOOGLE_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True, slots=True)
class Bearer:
    """``Authorization: Bearer`` with the credential as it is."""


@dataclass(frozen=True, slots=True)
class HeaderAuth:
    """The credential as it is in a header of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class Basic:
    """``Authorization: Basic`` of a user name and the credential as password."""

    user: str


@dataclass(frozen=True, slots=True)
class OAuth:
    """An access token for the credential as client secret; RFC 6749 section 4.4."""

    token_url: str
    client_id: str
    scopes: tuple[str, ...] = ()
    audience: str = ""


@dataclass(frozen=True, slots=True)
class Google:
    """A Google token: of the service account key in the credential, else of the machine itself.

    An ID token if there is an ``audience``, else an access token of the scopes.
    """

    scopes: tuple[str, ...] = (GOOGLE_SCOPE,)
    audience: str = ""


@dataclass(frozen=True, slots=True)
class AwsSigV4:
    """Each request signed with the credential as secret access key."""

    service: str
    region: str
    access_key_id: str


@dataclass(frozen=True, slots=True)
class CopilotToken:
    """The credential, a GitHub token, traded for Copilot's short-lived one.

    The trade's answer names endpoints; only hosts of ``hosts`` are followed (``*.`` stands for
    one or more labels).
    """

    token_url: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GitHubApp:
    """An installation token for the credential, a GitHub App's private key in PEM."""

    app_id: int
    installation_id: int
    api: str


Auth = Bearer | HeaderAuth | Basic | OAuth | Google | AwsSigV4 | CopilotToken | GitHubApp


@dataclass(frozen=True, slots=True)
class Connection:
    """An upstream that paths lead to; ``credential`` is a reference, never a value."""

    name: str
    kind: str
    upstream: str
    credential: str | None = None
    unknown_paths: UnknownPaths = "refuse"
    auth: Auth = Bearer()
    network: ConnectionNetwork = "public"

    @property
    def address_rule(self) -> Network:
        """Return which addresses the upstream's name may resolve to."""
        return "loopback" if is_loopback(urlsplit(self.upstream).hostname or "") else self.network


# A connection is also reached by its name in a path, /c/<name>/…
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME_FORM: Final = "a connection's name: letters, digits, hyphen, underscore, 64 at most"
_REFERENCE: Final = re.compile(
    r"secret/[a-z0-9][a-z0-9-]{0,62}"
    r"|projects/[a-z0-9:.-]{1,80}/secrets/[A-Za-z0-9_-]{1,255}/versions/(?:latest|[1-9]\d{0,9})"
)
_REFERENCE_FORM: Final = (
    "a reference to a credential such as secret/copilot "
    "or projects/acme/secrets/copilot/versions/latest"
)
_KEYS: Final = ("kind", "upstream", "credential", "auth", "network", "unknown_paths")
# RFC 9110 section 5.6.2; framing and hop headers are the client's own matter.
_HEADER: Final = re.compile(
    r"(?!(?i:host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect)\Z)"
    r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}"
)
_USER: Final = re.compile(r"[!-9;-~]{1,128}")
_TEXT: Final = re.compile(r"[!-~]{1,256}")
_AWS_NAME: Final = re.compile(r"[a-z0-9-]{1,64}")
_AWS_KEY_ID: Final = re.compile(r"[A-Z0-9]{16,128}")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.){{0,8}}{_LABEL}(?::[1-9]\d{{0,4}})?")
_ID_MAX: Final = 999_999_999


def read_connections(reader: Reader, node: yaml.Node) -> dict[str, Connection]:
    """Read the section ``connections``; what is wrong is noted with the reader."""
    found: dict[str, Connection] = {}
    for name, value in reader.mapping(node, None).items():
        if not _NAME.fullmatch(name):
            reader.note(value, f"{name!r} is not {_NAME_FORM}")
        keys = reader.mapping(value, _KEYS, required=("kind", "upstream"))
        if {"kind", "upstream"} <= keys.keys():
            found[name] = _connection(reader, name, value, keys)
    return found


def _connection(
    reader: Reader, name: str, node: yaml.Node, keys: Mapping[str, yaml.Node]
) -> Connection:
    kind = reader.choice(keys["kind"], CONNECTION_KINDS) or "http"
    upstream = _url(reader, keys["upstream"], "upstream")
    credential = _matching(reader, keys, "credential", _REFERENCE, _REFERENCE_FORM)
    unknown = reader.choice(keys["unknown_paths"], UNKNOWN_PATHS) if "unknown_paths" in keys else ""
    network = reader.choice(keys["network"], NETWORKS) if "network" in keys else "public"
    auth = _Auth(reader, kind, upstream).read(keys["auth"]) if "auth" in keys else None
    if auth is not None and "credential" not in keys and not isinstance(auth, Google):
        reader.note(keys["auth"], "auth needs the key 'credential': what is to be shown")
    connection = Connection(
        name=name,
        kind=kind,
        upstream=upstream,
        credential=credential or None,
        unknown_paths=unknown or "refuse",
        auth=auth or default_auth(kind, upstream),
        network=network or "public",
    )
    host = urlsplit(upstream).hostname or ""
    if literal(host) is not None and not permits(connection.address_rule, host):
        reader.note(node, "the upstream's address is not a public one; say network: private")
    return connection


def default_auth(kind: str, upstream: str) -> Auth:
    """Return how a connection of that kind shows its credential if the policy does not say."""
    if kind == "anthropic":
        return HeaderAuth("x-api-key")
    if kind == "azure":
        return HeaderAuth("api-key")
    if kind == "git":
        return Basic("x-access-token")
    if kind == "copilot" and (trade := _copilot(upstream)):
        return trade
    return Bearer()


def _copilot(upstream: str) -> CopilotToken | None:
    """Return the trade that belongs to a Copilot host of GitHub's; None for any other host.

    Source: docs.github.com, "Copilot allowlist reference".
    """
    host = urlsplit(upstream).hostname or ""
    if host == "api.githubcopilot.com" or host.endswith(".githubcopilot.com"):
        return CopilotToken(
            "https://api.github.com/copilot_internal/v2/token",
            ("*.githubcopilot.com", "copilot-proxy.githubusercontent.com"),
        )
    if host.startswith("copilot-api.") and host.endswith(".ghe.com"):
        tenant = host.removeprefix("copilot-api.")
        return CopilotToken(f"https://api.{tenant}/copilot_internal/v2/token", (f"*.{tenant}",))
    return None


class _Auth:
    """Read one connection's ``auth``: a word, or a mapping with exactly one key."""

    def __init__(self, reader: Reader, kind: str, upstream: str) -> None:
        self._reader = reader
        self._kind = kind
        self._upstream = upstream
        self._words: Mapping[str, Callable[[], Auth | None]] = {
            "bearer": Bearer,
            "google": Google,
            "copilot": lambda: _copilot(upstream),
        }
        self._forms: Mapping[str, Callable[[yaml.Node], Auth | None]] = {
            "header": self._header,
            "basic": self._basic,
            "oauth": self._oauth,
            "google": self._google,
            "aws": self._aws,
            "copilot": self._copilot,
            "github_app": self._github_app,
        }

    def read(self, node: yaml.Node) -> Auth | None:
        """Return what is said, None if it cannot be read (which is noted)."""
        reader = self._reader
        if isinstance(node, yaml.ScalarNode):
            word = reader.choice(node, tuple(self._words))
            auth = self._words[word]() if word else None
            if word and auth is None:
                reader.note(
                    node, "no GitHub API is known for this upstream; give copilot: {token_url: …}"
                )
            return auth
        keys = reader.mapping(node, tuple(self._forms))
        if len(keys) > 1:
            reader.note(node, f"one way to show a credential, not {len(keys)}: {', '.join(keys)}")
        elif not keys and isinstance(node, yaml.MappingNode) and not node.value:
            reader.note(node, f"one of {', '.join(self._forms)} is expected here")
        for key, value in keys.items():
            return self._forms[key](value)
        return None

    def _header(self, node: yaml.Node) -> Auth | None:
        name = self._reader.matching(
            node, _HEADER, "the name of a header that carries a credential"
        )
        return HeaderAuth(name.lower()) if name else None

    def _basic(self, node: yaml.Node) -> Auth | None:
        user = self._reader.matching(node, _USER, "a user name: printable ASCII without colon")
        return Basic(user) if user else None

    def _oauth(self, node: yaml.Node) -> Auth:
        keys = self._mapping(
            node, ("token_url", "client_id", "scopes", "audience"), ("token_url", "client_id")
        )
        return OAuth(
            token_url=self._url(keys, "token_url"),
            client_id=self._text(keys, "client_id"),
            scopes=self._texts(keys, "scopes"),
            audience=self._text(keys, "audience"),
        )

    def _google(self, node: yaml.Node) -> Auth:
        keys = self._mapping(node, ("scopes", "audience"))
        if len(keys) > 1:
            self._reader.note(
                node, "scopes are of an access token, audience of an ID token: one of them"
            )
        scopes = self._texts(keys, "scopes")
        return Google(scopes or (GOOGLE_SCOPE,), self._text(keys, "audience"))

    def _aws(self, node: yaml.Node) -> Auth:
        names = ("service", "region", "access_key_id")
        keys = self._mapping(node, names, names)
        return AwsSigV4(
            service=_matching(self._reader, keys, "service", _AWS_NAME, "an AWS service name"),
            region=_matching(self._reader, keys, "region", _AWS_NAME, "an AWS region"),
            access_key_id=_matching(
                self._reader, keys, "access_key_id", _AWS_KEY_ID, "an access key id such as AKIA…"
            ),
        )

    def _copilot(self, node: yaml.Node) -> Auth:
        keys = self._mapping(node, ("token_url", "hosts"))
        known = _copilot(self._upstream)
        if known is None and "token_url" not in keys:
            self._reader.note(node, "no GitHub API is known for this upstream; give token_url")
        hosts = tuple(
            host
            for item in (self._reader.sequence(keys["hosts"]) if "hosts" in keys else ())
            if (host := self._reader.matching(item, _HOST, "a host such as *.githubcopilot.com"))
        )
        token_url = self._url(keys, "token_url") if "token_url" in keys else ""
        return CopilotToken(
            token_url or (known.token_url if known else ""),
            hosts or (known.hosts if known else ()),
        )

    def _github_app(self, node: yaml.Node) -> Auth:
        names = ("app_id", "installation_id")
        keys = self._mapping(node, (*names, "api"), names)
        ids = [
            self._reader.integer(keys[name], 1, _ID_MAX) or 0 if name in keys else 0
            for name in names
        ]
        if "api" in keys:
            api = self._url(keys, "api")
        elif self._kind == "github":
            api = self._upstream
        else:
            api = "https://api.github.com"
            if urlsplit(self._upstream).hostname != "github.com":
                self._reader.note(node, "the key 'api' is missing: the server's REST API")
        return GitHubApp(ids[0], ids[1], api)

    def _mapping(
        self, node: yaml.Node, allowed: tuple[str, ...], required: tuple[str, ...] = ()
    ) -> dict[str, yaml.Node]:
        return self._reader.mapping(node, allowed, required)

    def _url(self, keys: Mapping[str, yaml.Node], key: str) -> str:
        return _url(self._reader, keys[key], key) if key in keys else ""

    def _text(self, keys: Mapping[str, yaml.Node], key: str) -> str:
        return _matching(self._reader, keys, key, _TEXT, "printable ASCII without spaces")

    def _texts(self, keys: Mapping[str, yaml.Node], key: str) -> tuple[str, ...]:
        if key not in keys:
            return ()
        items = self._reader.sequence(keys[key])
        texts = [self._reader.matching(item, _TEXT, "a scope without spaces") for item in items]
        return tuple(text for text in texts if text)


def _matching(
    reader: Reader, keys: Mapping[str, yaml.Node], key: str, pattern: re.Pattern[str], form: str
) -> str:
    return (reader.matching(keys[key], pattern, form) if key in keys else None) or ""


def _url(reader: Reader, node: yaml.Node, key: str) -> str:
    """Return a base URL without a slash at its end; noted if it may not be called."""
    value = reader.text(node) or ""
    try:
        url = urlsplit(value)
        host, _ = url.hostname or "", url.port
    except ValueError:
        reader.note(node, f"the {key} is not a URL")
        return ""
    if url.scheme not in {"http", "https"} or not host:
        reader.note(node, f"the {key} must be a URL such as https://api.githubcopilot.com")
    elif url.username is not None or url.query or url.fragment:
        # Not quoted: a password may stand in it.
        reader.note(node, f"the {key} must not hold a user, password, query or fragment")
    elif url.scheme == "http" and not is_loopback(host):
        reader.note(node, f"the {key} must be https; http is for loopback only")
    elif not value.isascii() or any(c <= " " for c in value):
        reader.note(node, f"the {key} must be plain ASCII; write a foreign host as xn--…")
    return value.rstrip("/")
