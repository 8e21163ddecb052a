"""THE PATH OF A GIT REQUEST: the steps of ``ingress.gateway`` for clone, fetch and push.

1 identify and 2 route are the gateway's own. Here: 3 parse what stands before the pack, and what
the pack changes - 5 decide each ref - 7 record ``interaction.requested`` - 8 forward - 9 stream the
answer back - 10 record its end. Packs are searched for secrets and never masked (objects are named
by their hash), nor kept in a record: it names repository, refs, files, findings and sizes.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from ingress.errors import BadPrompt, UpstreamProtocolError, UpstreamRefused
from ingress.exchange import Exchange, RefUpdate
from ingress.forwarding import Forwarder
from ingress.git.push import Changes, read_push
from ingress.git.refusals import git_refusal, told_status
from ingress.git.secrets import search_push
from ingress.git.spool import MEMORY_BYTES_MAX, Spool
from ingress.git.upstream import UpstreamObjects
from ingress.policy.connections import Connection
from ingress.policy.decide import Policy
from ingress.policy.rules import Operation, PolicyDecision
from ingress.policy.strictest import decide_known, strictest
from ingress.prompt_masking import PromptMasking
from ingress.protocol.git import (
    COMMANDS_BYTES_MAX,
    RECEIVE_PACK,
    PushReport,
    parse_push,
    parse_wants,
    plain_push_advertisement,
)
from ingress.recording.recorder import Recorder
from ingress.refusals import POLICY_CHAT_STATUS
from ingress.relay import HeaderList, Relay
from ingress.routing import GitTarget
from ingress.telemetry import Metrics
from ingress.upstream.client import Body, UpstreamResponse
from ingress.upstream.custody import Outgoing

# Headers of git that an upstream must see; nothing else of the client's goes on.
_FORWARDED: Final = frozenset({b"accept", b"content-type", b"git-protocol"})
_RETURNED: Final = frozenset({b"cache-control", b"content-type", b"expires", b"pragma"})
# Most of a list of refs that is looked at before it goes on.
_ADVERTISEMENT_HEAD_MAX: Final = 128 * 1024
# Files of one push that its record names; ``file_path_count`` tells how many there are.
RECORDED_PATHS_MAX: Final = 1000


class GitPath:
    """Carry git exchanges from their third step to their last."""

    def __init__(  # noqa: PLR0913  (the parts that meet here)
        self,
        forwarder: Forwarder,
        recorder: Recorder,
        metrics: Metrics,
        *,
        folder: Path,
        fetch_bytes_max: int,
        push_bytes_max: int,
    ) -> None:
        self._forwarder = forwarder
        self._recorder = recorder
        self._metrics = metrics
        self._folder = folder
        self._fetch_bytes_max = fetch_bytes_max
        self._push_bytes_max = push_bytes_max

    async def carry(
        self, exchange: Exchange, relay: Relay, policy: Policy, masking: PromptMasking
    ) -> None:
        """Carry one exchange; every outcome but an error is recorded when it returns.

        Raises:
            IngressError: it cannot go on; recorded if it had been requested.
            ClientGone: the client left.
        """
        git, asked = _git_of(exchange)
        asked = replace(asked, repository=git.repository)
        exchange.context = replace(exchange.context, repository=git.repository)
        pushed = exchange.route.operation == "push"
        limit = self._push_bytes_max if pushed else self._fetch_bytes_max
        with Spool(self._folder, limit, gzipped=_gzipped(exchange)) as body:
            # 3 parse.
            await _receive(exchange, relay, body)
            if pushed:
                push = parse_push(body.head(COMMANDS_BYTES_MAX))
                if push.commands:
                    exchange.push = push
                else:
                    # The probe before a large push: it shows who asks, and pushes nothing.
                    asked = replace(asked, operation="fetch")
                    exchange.route = replace(exchange.route, operation="fetch")
            elif body.size_bytes:
                wants = parse_wants(body.head(self._fetch_bytes_max))
                exchange.refs = tuple(_wanted(name) for name in wants)
            asked = replace(asked, size_bytes=body.size_bytes)
            # 5 decide.
            exchange.decision = await self._decide(exchange, policy, masking, asked, body)
            if not exchange.decision.allowed:
                await self._block(exchange, relay, exchange.decision)
                return
            # 7 record: nothing goes upstream unrecorded.
            await self._recorder.requested(exchange)
            # 8 forward, 9 stream, 10 record the outcome.
            await self._forwarder.carry(
                exchange,
                relay,
                lambda: self._send(exchange, git, body),
                lambda response: self._bring_back(exchange, relay, response),
            )

    async def _decide(
        self,
        exchange: Exchange,
        policy: Policy,
        masking: PromptMasking,
        asked: Operation,
        body: Spool,
    ) -> PolicyDecision:
        """Decide a push ref by ref, the strictest for all; anything else as one operation.

        Raises:
            BadPrompt: the pack is damaged.
        """
        push = exchange.push
        if push is None:
            exchange.asked = asked
            return decide_known(policy, asked)
        git, _ = _git_of(exchange)
        send = partial(self._forwarder.send, _server_of(exchange))
        objects = UpstreamObjects(send, git.repository_path, push.object_format)
        read = await read_push(push, body, objects)
        changes = read.changes
        _name_paths(exchange, changes)
        exchange.findings, searched = await search_push(push, body, read.pack, masking.search)
        rules = dict.fromkeys(found.rule_id for found in exchange.findings)
        asked = replace(asked, findings=tuple(rules))
        operations = [_operation(asked, change) for change in changes]
        decisions = [
            decide_known(policy, operation, _unknown(change, searched=searched))
            for operation, change in zip(operations, changes, strict=True)
        ]
        decision = strictest(decisions)
        exchange.asked = operations[decisions.index(decision)]
        exchange.refs = tuple(
            replace(change.update, result="" if decided.allowed else "refused")
            for change, decided in zip(changes, decisions, strict=True)
        )
        return decision

    async def _block(self, exchange: Exchange, relay: Relay, decision: PolicyDecision) -> None:
        """Record that policy kept the exchange back, then say so in git's own output."""
        status = told_status(exchange, POLICY_CHAT_STATUS)
        await self._recorder.blocked(exchange, decision.reasons[-1], status)
        self._metrics.ended.labels("blocked").inc()
        refusal = git_refusal(exchange, status, decision.message)
        if refusal is not None:
            await relay.answer(refusal.status, refusal.headers, refusal.body)

    async def _send(self, exchange: Exchange, git: GitTarget, body: Spool) -> UpstreamResponse:
        target = exchange.route.upstream_path
        sent: Body = None
        if git.advertised:
            target += f"?service={git.service}"
        elif body.size_bytes <= MEMORY_BYTES_MAX:
            sent = body.head(MEMORY_BYTES_MAX)
        else:
            sent = body.pieces()
        response = await self._forwarder.send(
            _server_of(exchange),
            Outgoing(exchange.method, target.encode(), _headers_for(exchange), sent),
        )
        outcome = exchange.outcome
        outcome.upstream_status = outcome.http_status = response.status
        return response

    async def _bring_back(
        self, exchange: Exchange, relay: Relay, response: UpstreamResponse
    ) -> None:
        """Stream the answer; its last bytes wait until its end is recorded."""
        headers = [pair for pair in response.headers if pair[0].lower() in _RETURNED]
        _check_answer(response)
        git, _ = _git_of(exchange)
        report = PushReport(exchange.push) if exchange.push else None
        held = b""
        if git.advertised and git.service == RECEIVE_PACK and response.status == 200:
            held = await _plain_advertisement(response)
        await relay.start(response.status, headers)
        outcome = exchange.outcome
        async for piece in response.chunks():
            if report is not None:
                report.feed(piece)
            if held:
                _count(exchange, held)
                await relay.send(held)
            held = piece
        _count(exchange, held)
        if report is not None:
            exchange.refs = _with_results(exchange.refs, report.results())
            exchange.told = b""  # the request was recorded without the results
        outcome.http_status = response.status
        await self._forwarder.record_end(exchange)
        await relay.send(held, more=False)


async def _receive(exchange: Exchange, relay: Relay, body: Spool) -> None:
    if exchange.method != "POST":
        return
    await relay.read_pieces(body.write)
    body.end()
    exchange.spooled_bytes = body.size_bytes


def _git_of(exchange: Exchange) -> tuple[GitTarget, Operation]:
    if exchange.route.git is None or exchange.asked is None:
        raise AssertionError("a git exchange is carried after it was routed and asked about")
    return exchange.route.git, exchange.asked


def _server_of(exchange: Exchange) -> Connection:
    if exchange.route.server is None:
        raise UpstreamProtocolError("no server to forward to")
    return exchange.route.server


def _gzipped(exchange: Exchange) -> bool:
    """Say that the body is compressed.

    Raises:
        BadPrompt: by something that is not understood.
    """
    encoding = next((v for n, v in exchange.headers if n == b"content-encoding"), b"identity")
    if encoding.lower() not in {b"identity", b"gzip", b"x-gzip"}:
        raise BadPrompt("The request body is compressed by something else than gzip.")
    return encoding.lower() != b"identity"


def _wanted(name: str) -> RefUpdate:
    if name.startswith("refs/"):
        return RefUpdate(name, "wanted")
    return RefUpdate("", "wanted", new_id=name)


def _operation(asked: Operation, change: Changes) -> Operation:
    return replace(
        asked,
        ref=change.update.ref,
        ref_change=change.update.change,
        paths=tuple(sorted(change.paths or ())),
    )


def _unknown(change: Changes, *, searched: bool) -> list[str]:
    facts = {"paths": change.paths is not None, "findings": searched}
    return [name for name, is_known in facts.items() if not is_known]


def _name_paths(exchange: Exchange, changes: Sequence[Changes]) -> None:
    """Put the files of a push into its record: all if they are few, else the first."""
    known = [change.paths for change in changes if change.paths is not None]
    paths = sorted(frozenset().union(*known))
    exchange.prompt.file_paths = tuple(paths[:RECORDED_PATHS_MAX])
    exchange.file_path_count = len(paths) if len(known) == len(changes) else None


def _with_results(refs: tuple[RefUpdate, ...], results: dict[str, str]) -> tuple[RefUpdate, ...]:
    return tuple(replace(each, result=results.get(each.ref, "")) for each in refs)


def _headers_for(exchange: Exchange) -> HeaderList:
    headers = [pair for pair in exchange.headers if pair[0] in _FORWARDED]
    headers.append((b"accept-encoding", b"identity"))
    agent = exchange.context.user_agent
    if agent:
        headers.append((b"user-agent", agent.encode("latin-1", "replace")))
    return headers


def _check_answer(response: UpstreamResponse) -> None:
    """Refuse answers that git would act on in place of this gateway.

    Raises:
        UpstreamRefused: a redirect, which would lead git around the gateway, or a compressed
            answer.
    """
    if 300 <= response.status < 400:
        raise UpstreamRefused(
            "The git server redirects; name the repository as it is called there."
        )
    encoding = next((v for n, v in response.headers if n.lower() == b"content-encoding"), b"")
    if encoding.lower() not in {b"", b"identity"}:
        raise UpstreamRefused("The git server compressed its answer though it was told not to.")


async def _plain_advertisement(response: UpstreamResponse) -> bytes:
    """Return the beginning of a list of refs, such that packs come whole.

    Raises:
        ProtocolError: it is no list of refs.
    """
    head = b""
    while len(head) < _ADVERTISEMENT_HEAD_MAX:
        piece = await response.next_chunk()
        if not piece:
            break
        head += piece
        if (plain := plain_push_advertisement(head)) is not None:
            return b"".join(plain)
    raise UpstreamProtocolError("the upstream's list of refs has no beginning")


def _count(exchange: Exchange, piece: bytes) -> None:
    outcome = exchange.outcome
    if outcome.first_chunk_seconds is None:
        outcome.first_chunk_seconds = round(perf_counter() - exchange.began_at, 6)
    outcome.chunk_count += 1
    outcome.completion_bytes += len(piece)
