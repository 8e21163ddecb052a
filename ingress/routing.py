"""Lead a path to its connection, protocol and operation; a path that none has is refused. Pure.

The paths at the root are the ones that the clients call by themselves (GitHub's token API, the
Copilot API and its completions proxy, OpenAI). Any connection is also reached under
``/c/{connection}/``, with the upstream's own paths behind it; git's smart HTTP stands under
``/git/{connection}/``, with the repository's path behind it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote, urlsplit

from ingress.policy.connections import Basic, Bearer, Connection
from ingress.protocol.anthropic import AnthropicMessages
from ingress.protocol.git import RECEIVE_PACK, UPLOAD_PACK
from ingress.protocol.github import operation_of, plain_path
from ingress.protocol.mcp import ModelContext
from ingress.protocol.openai import OpenAiChat, OpenAiCompletions, OpenAiEmbeddings
from ingress.protocol.responses import OpenAiResponses
from ingress.protocol.wire import WireProtocol

# Operations that the gateway answers itself: they speak of its own keys and endpoints.
LOCAL: Final = frozenset({"token", "user", "settings", "telemetry", "ping"})

# Reached without a credential by the clients themselves; they go nowhere and carry no prompt.
OPEN_OPERATIONS: Final = frozenset({"telemetry", "ping"})

_PROTOCOLS: Final[Mapping[str, WireProtocol]] = {
    protocol.name: protocol
    for protocol in (
        OpenAiChat(),
        OpenAiCompletions(),
        OpenAiEmbeddings(),
        OpenAiResponses(),
        AnthropicMessages(),
        ModelContext(),
    )
}


@dataclass(frozen=True, slots=True)
class GitTarget:
    """What git asks of which repository: a service, or the refs that it offers (``advertised``)."""

    service: str
    repository: str
    repository_path: str
    advertised: bool


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: ``upstream_path`` is appended to the connection's upstream.

    ``protocol`` is None where no texts are understood; ``connection`` is None where the gateway
    answers itself or where the path is unknown.
    """

    operation: str
    protocol: WireProtocol | None = None
    connection: Connection | None = None
    upstream_path: str = ""
    known: bool = True
    # What the path says of the model; the upstream goes by it, whatever the body says.
    model: str = ""
    git: GitTarget | None = None
    # Where it goes, if that is not where the connection leads; the record names the connection.
    server: Connection | None = None

    @property
    def protocol_name(self) -> str:
        """Return the protocol's name as events carry it."""
        if self.protocol:
            return self.protocol.name
        return "git" if self.git else "http"

    @property
    def is_github(self) -> bool:
        """Say that it goes to GitHub's API, whose writes may reach a branch."""
        return bool(self.connection and self.connection.kind == "github" and not self.git)

    @property
    def graphql_server(self) -> Connection | None:
        """Return where GitHub's GraphQL is answered, which is not below ``/api/v3``."""
        return graphql_server(self.connection) if self.connection else None

    @property
    def connection_name(self) -> str:
        """Return the connection's name as events carry it; ``gateway`` answers itself."""
        return self.connection.name if self.connection else "gateway"


@dataclass(frozen=True, slots=True)
class _Pattern:
    method: str
    path: re.Pattern[str]
    operation: str
    protocol: str | None
    kinds: tuple[str, ...]


def _pattern(
    method: str, path: str, operation: str, protocol: str | None = None, *kinds: str
) -> _Pattern:
    return _Pattern(method, re.compile(path + r"\Z"), operation, protocol, kinds or ("copilot",))


# Source: Microsoft Learn, "Azure OpenAI REST API reference".
_AZURE: Final = r"/openai/deployments/(?P<model>[\w.\-]{1,128})/"

# First match wins; ``kinds`` are the connections that serve it, in the order they are looked for.
_PATTERNS: Final = (
    _pattern(
        "POST", r"/v1/engines/(?P<model>[\w.\-]{1,128})/completions", "inline", "openai.completions"
    ),
    _pattern("POST", r"/chat/completions", "chat", "openai.chat", "copilot", "openai"),
    _pattern("POST", r"/v1/chat/completions", "chat", "openai.chat", "openai", "copilot"),
    _pattern("POST", r"/responses", "chat", "openai.responses", "copilot", "openai"),
    _pattern("POST", r"/v1/responses", "chat", "openai.responses", "openai", "copilot"),
    _pattern("POST", r"/v1/messages", "chat", "anthropic.messages", "anthropic", "copilot"),
    _pattern("POST", r"/v1/completions", "chat", "openai.completions", "openai", "copilot"),
    _pattern(
        "POST", r"(?:/v1)?/embeddings", "embeddings", "openai.embeddings", "copilot", "openai"
    ),
    _pattern("GET", r"/models(?:/[\w.\-]{1,128})?", "models", None, "copilot", "openai"),
    _pattern("GET", r"/v1/models(?:/[\w.\-]{1,128})?", "models", None, "openai", "copilot"),
    _pattern("POST", _AZURE + "chat/completions", "chat", "openai.chat", "azure"),
    _pattern("POST", _AZURE + "completions", "chat", "openai.completions", "azure"),
    _pattern("POST", _AZURE + "embeddings", "embeddings", "openai.embeddings", "azure"),
    _pattern("POST", r"/openai/v1/chat/completions", "chat", "openai.chat", "azure"),
    _pattern("POST", r"/openai(?:/v1)?/responses", "chat", "openai.responses", "azure"),
    _pattern("POST", r"/openai/v1/completions", "chat", "openai.completions", "azure"),
    _pattern("POST", r"/openai/v1/embeddings", "embeddings", "openai.embeddings", "azure"),
    _pattern("GET", r"/openai(?:/v1)?/models(?:/[\w.\-]{1,128})?", "models", None, "azure"),
    _pattern("GET", r"/copilot_internal/v2/token", "token"),
    _pattern("GET", r"/copilot_internal/user", "user"),
    # What an editor asks a GitHub host after it signed in.
    _pattern("GET", r"/user", "user"),
    _pattern("GET", r"/telemetry", "telemetry"),
    _pattern("POST", r"/telemetry", "telemetry"),
    _pattern("GET", r"/_ping", "ping"),
    # What the Copilot CLI asks GitHub at its start and does without: the gateway's policy counts.
    _pattern("GET", r"/copilot_internal/managed_settings", "settings"),
    _pattern("GET", r"/copilot_internal/team_customizations", "settings"),
    _pattern("GET", r"/copilot/mcp_registry", "settings"),
    _pattern("POST", r"/mcp(?:/[\w\-]{1,64})?", "other", "mcp"),
    _pattern("GET", r"/agents", "other"),
    _pattern("GET", r"/embeddings/models", "other"),
)
_GIT_PATH: Final = re.compile(
    r"/git/([\w\-]{1,64})((?:/[\w.\-+~]{1,128}){1,16})/(info/refs|git-upload-pack|git-receive-pack)\Z",
    re.ASCII,
)
_CONNECTION_PATH: Final = re.compile(r"/c/([\w\-]{1,64})(/.*)\Z")


# Also with a parameter behind it ("…;x"), which some servers take off a path.
_GIT_SERVICE: Final = re.compile(
    r"/(?:info/+refs|git-upload-pack|git-receive-pack)(?:[/;\s].*)?\Z", re.IGNORECASE | re.DOTALL
)
# Where clients of a GitHub Enterprise Server (gh, Octokit) look for its APIs.
_GITHUB_ROOTS: Final = ("/api/v3/", "/api/graphql")
_SERVICES: Final = {b"service=" + name.encode(): name for name in (UPLOAD_PACK, RECEIVE_PACK)}
GIT_KINDS: Final = frozenset({"git", "github"})


class Router:
    """The routes of one policy; made anew when the policy is reloaded."""

    def __init__(self, connections: Mapping[str, Connection]) -> None:
        self._connections = connections
        self._by_kind: dict[str, Connection] = {}
        for connection in connections.values():
            self._by_kind.setdefault(connection.kind, connection)
        self._git_servers = {
            name: git_server(connection)
            for name, connection in connections.items()
            if connection.kind in GIT_KINDS
        }

    def route(self, method: str, path: str, intent: str = "", query: bytes = b"") -> Route:
        """Return where a request goes.

        Args:
            method: HTTP method, upper case.
            path: path without the query as it was sent: what is matched here is what goes on, so
                no escape can make it mean two things.
            intent: ``OpenAI-Intent`` header: Copilot's panel asks on the inline path.
            query: query as it was sent: git names the service in it.
        """
        if path.startswith("/git/"):
            return self._git(method, path, query)
        if path.startswith(_GITHUB_ROOTS):
            return self._within(self._by_kind.get("github"), method, path, intent)
        prefixed = _CONNECTION_PATH.match(path)
        if prefixed:
            connection = self._connections.get(prefixed[1])
            return self._within(connection, method, prefixed[2], intent)
        for pattern in _PATTERNS:
            if pattern.method != method or not (match := pattern.path.match(path)):
                continue
            if not _climbs(path):
                served = (self._by_kind.get(kind) for kind in pattern.kinds)
                connection = next((found for found in served if found), None)
                return _route(pattern, connection, match, intent)
        return Route("other", known=False, upstream_path=path)

    def _git(self, method: str, path: str, query: bytes) -> Route:
        match = _GIT_PATH.match(path)
        connection = self._connections.get(match[1]) if match else None
        if match is None or connection is None or connection.kind not in GIT_KINDS or _climbs(path):
            return Route("other", known=False, upstream_path=path)
        advertised = match[3] == "info/refs"
        service = _SERVICES.get(query, "") if advertised else match[3]
        if method != ("GET" if advertised else "POST") or not service:
            return Route("other", None, connection, path, known=False)
        repository = match[2][1:].removesuffix(".git")
        if connection.kind == "github":
            # GitHub's names differ in nothing but case there; here one name must be one name.
            repository = repository.lower()
        # The refs that a push begins with are read, whatever comes of it.
        operation = "fetch" if advertised or service == UPLOAD_PACK else "push"
        git = GitTarget(service, repository, match[2], advertised)
        server = self._git_servers[match[1]]
        path = f"{match[2]}/{match[3]}"
        return Route(operation, None, connection, path, git=git, server=server)

    def _within(self, connection: Connection | None, method: str, path: str, intent: str) -> Route:
        if connection is None or _climbs(path):
            return Route("other", known=False, upstream_path=path)
        if connection.kind == "github":
            return _github(connection, method, path)
        for pattern in _PATTERNS:
            if pattern.method != method or pattern.operation in LOCAL:
                continue
            if connection.kind in pattern.kinds and (match := pattern.path.match(path)):
                return _route(pattern, connection, match, intent)
        # git's own paths are read under /git/ alone: a push must not pass unread here.
        passes = connection.unknown_paths == "pass" and not _is_git_service(path)
        return Route("other", None, connection, path, known=passes)


def _route(
    pattern: _Pattern, connection: Connection | None, match: re.Match[str], intent: str
) -> Route:
    if pattern.operation in LOCAL:
        return Route(pattern.operation)
    path = match[0]
    if connection is None:
        return Route(pattern.operation, known=False, upstream_path=path)
    operation = "panel" if intent == "copilot-panel" else pattern.operation
    protocol = _PROTOCOLS[pattern.protocol] if pattern.protocol else None
    return Route(operation, protocol, connection, path, model=match.groupdict().get("model") or "")


def _github(connection: Connection, method: str, path: str) -> Route:
    # What goes on must stay a path: a server takes "http://…" in its place for another one.
    if path.startswith("/api/v3/"):
        path = path.removeprefix("/api/v3")
    if plain_path(path).lower() in {"/graphql", "/api/graphql"}:
        return Route("other", None, connection, "/graphql", server=graphql_server(connection))
    return Route(operation_of(method, path), None, connection, path)


def _is_git_service(path: str) -> bool:
    """Say that a path leads, or may lead behind a proxy that unescapes it again, to git's own."""
    once = unquote(path)
    return any(_GIT_SERVICE.search(each) for each in (once, unquote(once)))


def _climbs(path: str) -> bool:
    """Say that a path would leave the connection's upstream prefix, or smuggle an authority."""
    if path[:1] != "/":
        return True
    path = unquote(path)
    if "%" in path:
        # A proxy on the way may unescape it once more.
        return _climbs_plainly(path) or _climbs_plainly(unquote(path))
    return _climbs_plainly(path)


def _climbs_plainly(path: str) -> bool:
    parts = path.split("/")
    if ";" in path:
        # Some servers take "..;x" for "..": what follows the semicolon is a parameter to them.
        parts = [part.partition(";")[0] for part in parts]
    return path.startswith("//") or not {".", ".."}.isdisjoint(parts) or "\\" in path


def graphql_server(connection: Connection) -> Connection:
    """Return where a connection's GraphQL is answered, below ``/graphql``."""
    url = urlsplit(connection.upstream)
    if not url.path.endswith("/api/v3"):
        return connection
    return replace(
        connection,
        name=f"{connection.name} (graphql)",
        upstream=connection.upstream.removesuffix("/v3"),
    )


def git_server(connection: Connection) -> Connection:
    """Return where and how a connection's repositories are reached.

    GitHub's API and its repositories have two hosts (``api.github.com`` and ``github.com``,
    ``api.SUB.ghe.com`` and ``SUB.ghe.com``), a GitHub Enterprise Server two paths (``/api/v3``);
    the token of the one is the password of the other.
    """
    if connection.kind != "github":
        return connection
    url = urlsplit(connection.upstream)
    path = url.path.removesuffix("/api/v3")
    return replace(
        connection,
        name=f"{connection.name} (git)",
        kind="git",
        upstream=f"{url.scheme}://{url.netloc.removeprefix('api.')}{path}",
        auth=Basic("x-access-token") if isinstance(connection.auth, Bearer) else connection.auth,
    )


def protocol_named(name: str) -> WireProtocol | None:
    """Return the protocol that an event names; None for ``http``."""
    return _PROTOCOLS.get(name)
