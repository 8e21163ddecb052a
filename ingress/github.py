"""Decide what a request to GitHub's API does: writes that reach a branch or tag are pushes.

What the request does not say (a pull request's base and files, a repository's default branch, what
a GraphQL id stands for) is asked of GitHub with the connection's own credential; what GitHub does
not tell stays unknown, and a rule that asks for it refuses the request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import orjson

from ingress.errors import BadPrompt, CredentialError, UpstreamError
from ingress.exchange import Exchange, RefUpdate
from ingress.git.path import RECORDED_PATHS_MAX
from ingress.policy.connections import Connection
from ingress.policy.decide import Policy
from ingress.policy.rules import Operation, PolicyDecision
from ingress.policy.strictest import decide_known, strictest
from ingress.protocol.github import (
    Write,
    graphql_writes,
    pull_writes,
    repository_of,
    repository_path,
    rest_writes,
)
from ingress.upstream.client import UpstreamResponse
from ingress.upstream.custody import Outgoing

_ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
# GitHub lists at most 3,000 files of a pull request, 100 a page.
_FILES_PER_PAGE, _PAGES_MAX = 100, 30
_HEADERS: Final = (
    (b"accept", b"application/vnd.github+json"),
    (b"content-type", b"application/json"),
    (b"user-agent", b"tailnumber"),
    (b"accept-encoding", b"identity"),
)
_NODE_QUERY: Final = """query($id: ID!) { node(id: $id) { __typename
  ... on Ref { name prefix repository { nameWithOwner } }
  ... on Repository { nameWithOwner }
  ... on PullRequest { number baseRepository { nameWithOwner } } } }"""


class GitHubWrites:
    """Decide requests to the connections of kind ``github``."""

    def __init__(self, send: Callable[[Connection, Outgoing], Awaitable[UpstreamResponse]]) -> None:
        """Ask GitHub by ``send``, which shows the connection's credential."""
        self._send = send

    async def decide(self, exchange: Exchange, asked: Operation, policy: Policy) -> PolicyDecision:
        """Decide a request; each ref that it would change is a ``push`` of its own.

        Raises:
            BadPrompt: it may change a ref, and cannot be read.
        """
        repository, unknown = await self._repository(exchange)
        # What the client says of its workspace does not count here.
        exchange.context = replace(exchange.context, repository=repository)
        asked = replace(asked, repository=repository or "")
        writes = await self._writes(exchange)
        if not writes:
            exchange.asked = asked
            return decide_known(policy, asked, unknown)
        known = [each for write in writes for each in await self._looked_up(exchange, write)]
        operations = [_operation(asked, write) for write in known]
        decisions = [
            decide_known(policy, operation, _unknown(write))
            for operation, write in zip(operations, known, strict=True)
        ]
        decision = strictest(decisions)
        exchange.asked = operations[decisions.index(decision)]
        _note(exchange, known, decisions)
        return decision

    async def _repository(self, exchange: Exchange) -> tuple[str | None, tuple[str, ...]]:
        """Return the repository that the path names, by its name or number, and what is unknown."""
        path = exchange.route.upstream_path
        repository, base = repository_of(path), repository_path(path)
        if repository is None and base is not None:
            told = await self._ask(exchange, base)
            name = told.get("full_name") if isinstance(told, dict) else None
            repository = name.lower() if isinstance(name, str) else None
        unknown = ("repository",) if base is not None and repository is None else ()
        return repository, unknown

    async def _writes(self, exchange: Exchange) -> list[Write]:
        route, query, body = exchange.route, exchange.query, exchange.body
        if route.upstream_path == "/graphql" and (query or exchange.method not in {"GET", "HEAD"}):
            # In a thread: the first one loads the library.
            writes = await asyncio.to_thread(graphql_writes, query, body)
        else:
            writes = rest_writes(exchange.method, route.upstream_path, query, body)
            if not writes:
                return []
        if body:
            _send_as_read(exchange)
        return writes

    async def _looked_up(self, exchange: Exchange, write: Write) -> list[Write]:
        """Return a write with what GitHub tells of it."""
        ask = partial(self._ask, exchange)
        base = repository_path(exchange.route.upstream_path)
        if write.node is not None and (write.ref is None or write.repository is None):
            write = _of_node(write, await ask("/graphql", {"id": write.node}))
        if base is None and write.repository is not None:
            base = f"/repos/{write.repository}"
        if base is None:
            return [write]
        if write.default_branch or write.repository is None:
            told = await ask(base)
            write = _of_repository(write, told)
        if write.pull is None:
            return [write]
        pull = await ask(f"{base}/pulls/{write.pull}")
        return pull_writes(write, pull, await self._files(ask, base, write, pull))

    async def _files(
        self,
        ask: Callable[[str], Awaitable[Any]],
        base: str,
        write: Write,
        pull: Any,
    ) -> frozenset[str] | None:
        """Return the files that a pull request changes; None if GitHub does not tell all."""
        count = pull.get("changed_files") if isinstance(pull, dict) else None
        if write.side != "base" or not isinstance(count, int):
            return None
        pages = -(-count // _FILES_PER_PAGE)
        if pages > _PAGES_MAX:
            return None
        paths: set[str] = set()
        for page in range(1, pages + 1):
            target = f"{base}/pulls/{write.pull}/files?per_page={_FILES_PER_PAGE}&page={page}"
            listed = await ask(target)
            if not isinstance(listed, list):
                return None
            for file in listed:
                paths |= {file[key] for key in ("filename", "previous_filename") if key in file}
        return frozenset(paths)

    async def _ask(
        self, exchange: Exchange, target: str, variables: dict[str, Any] | None = None
    ) -> Any:
        """Return GitHub's answer as JSON; an empty object if there is none."""
        route = exchange.route
        connection = route.graphql_server if variables is not None else route.connection
        if connection is None:
            return {}
        body = None
        if variables is not None:
            body = orjson.dumps({"query": _NODE_QUERY, "variables": variables})
        method = "GET" if body is None else "POST"
        try:
            asked = Outgoing(method, quote(target, safe="/?&=").encode(), _HEADERS, body)
            async with await self._send(connection, asked) as response:
                if response.status != 200:
                    return {}
                return orjson.loads(await response.read(_ANSWER_BYTES_MAX))
        except (CredentialError, UpstreamError, orjson.JSONDecodeError):
            return {}


def _send_as_read(exchange: Exchange) -> None:
    """Let a JSON body go on with each member once: a second reader may take the other of two.

    Raises:
        BadPrompt: it cannot be written again.
    """
    try:
        exchange.body = orjson.dumps(orjson.loads(exchange.body))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        raise BadPrompt("The request body cannot be read.") from None
    # A stricter masking begins with the texts again, and the record names what was sent.
    for text in exchange.prompt.texts:
        if text.location == "body":
            text.replace(exchange.body.decode())


def _of_node(write: Write, answer: Any) -> Write:
    node = ((answer or {}).get("data") or {}).get("node") or {}
    kind = node.get("__typename")
    if kind == "Ref":
        repository = node.get("repository") or {}
        ref = f"{node.get('prefix', '')}{node.get('name', '')}"
        return replace(write, repository=_lower(repository), ref=ref or None)
    if kind == "Repository":
        return replace(write, repository=_lower(node))
    if kind == "PullRequest":
        repository = node.get("baseRepository") or {}
        return replace(write, repository=_lower(repository), pull=node.get("number"))
    return write


def _lower(repository: dict[str, Any]) -> str | None:
    name = repository.get("nameWithOwner")
    return name.lower() if isinstance(name, str) else None


def _of_repository(write: Write, told: Any) -> Write:
    if not isinstance(told, dict):
        return write
    name, branch = told.get("full_name"), told.get("default_branch")
    if isinstance(name, str):
        write = replace(write, repository=name.lower())
    if write.default_branch and isinstance(branch, str):
        write = replace(write, ref=f"refs/heads/{branch}")
    return write


def _operation(asked: Operation, write: Write) -> Operation:
    return replace(
        asked,
        operation="push",
        repository=write.repository or "",
        ref=write.ref or "",
        ref_change=write.change,
        paths=tuple(sorted(write.paths or ())),
    )


def _unknown(write: Write) -> list[str]:
    facts = {"repository": write.repository, "ref": write.ref, "paths": write.paths}
    return [name for name, value in facts.items() if value is None]


def _note(exchange: Exchange, writes: list[Write], decisions: list[PolicyDecision]) -> None:
    """Put what would be written into the record."""
    exchange.route = replace(exchange.route, operation="push")
    exchange.refs = tuple(
        RefUpdate(write.ref or "", write.change, result="" if decision.allowed else "refused")
        for write, decision in zip(writes, decisions, strict=True)
    )
    known = [write.paths for write in writes if write.paths is not None]
    paths = sorted(frozenset().union(*known))
    exchange.prompt.file_paths = tuple(paths[:RECORDED_PATHS_MAX])
    exchange.file_path_count = len(paths) if len(known) == len(writes) else None
    repository = next((write.repository for write in writes if write.repository), None)
    exchange.context = replace(exchange.context, repository=repository)
