"""THE PATH OF A REQUEST, top to bottom, in ten steps; docs/request.md tells it in the same words.

1 identify - 2 route - 3 parse - 4 mask the prompt - 5 decide - 6 hold - 7 record
``interaction.requested`` - 8 forward - 9 stream the completion back through the masker -
10 record ``interaction.completed | failed | blocked``, always.

One raw ASGI application: no framework stands between a client's bytes and the journal. It keeps
no text longer than the request lives and raises nothing that carries one.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from time import perf_counter, time
from typing import Any, Final

import orjson

from ingress import refusals
from ingress.context import derived_session, printable, read_context
from ingress.errors import (
    AuditUnavailable,
    BadPrompt,
    BodyTooLarge,
    GatewayKeyNeeded,
    IdentityUnavailable,
    IngressError,
    ProxyRefused,
    Unauthenticated,
    UnknownPath,
    UpgradeRefused,
)
from ingress.exchange import Exchange
from ingress.forwarding import Forwarder
from ingress.git.path import GitPath
from ingress.git.refusals import git_refusal, told_status
from ingress.github import GitHubWrites
from ingress.identity.authenticate import Authenticator
from ingress.identity.placement import find_stray_key, take_path_key
from ingress.ids import new_id, utc_now
from ingress.local import LocalAnswers
from ingress.policy.decide import Policy
from ingress.policy.rules import FREE_OPERATIONS, Operation, PolicyDecision, StricterMasking
from ingress.policy.strictest import decide_known
from ingress.prompt_masking import PromptMasking
from ingress.protocol.texts import Prompt
from ingress.recording.recorder import Recorder
from ingress.relay import ClientGone, Relay
from ingress.routing import OPEN_OPERATIONS, Router
from ingress.telemetry import Metrics
from ingress.usage import Usage, Use

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PATH_MAX: Final = 4096
_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_NOTHING: Final = Use()
_AUDIT_TEXT: Final = "The audit journal cannot record this request, so it was not sent. Try again."
_FAILED_TEXT: Final = "The gateway could not handle this request; it was not sent."


@dataclass(frozen=True, slots=True)
class Rules:
    """What one policy file gives: decisions, routes and maskers; a reload swaps all at once."""

    policy: Policy
    router: Router
    masking: PromptMasking
    stricter: Mapping[StricterMasking, PromptMasking]


@dataclass(slots=True)
class Gateway:
    """The data path of one process."""

    authenticator: Authenticator
    rules: Rules
    recorder: Recorder
    forwarder: Forwarder
    local: LocalAnswers
    git: GitPath
    github: GitHubWrites
    metrics: Metrics
    usage: Usage
    prompt_bytes_max: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; the server asks for nothing else."""
        exchange = self._arrive(scope)
        relay = Relay(exchange, receive, send, scope.get("watchers"))
        self.metrics.requests.labels(exchange.route.operation).inc()
        try:
            await self._carry(exchange, relay)
        except ClientGone:
            _log.info("client left", extra={"interaction_id": exchange.interaction_id})
        except IngressError as error:
            await self._refuse(exchange, relay, error)
        except Exception as error:  # noqa: BLE001  (ASGI edge; no traceback may carry a text)
            _log.error(
                "request failed",
                extra={
                    "interaction_id": exchange.interaction_id,
                    "error": type(error).__name__,
                    "at": _where(error),
                },
            )
            await self._refuse(exchange, relay, IngressError(_FAILED_TEXT))

    async def _carry(self, exchange: Exchange, relay: Relay) -> None:
        rules = self.rules
        if exchange.stray_key is not None:
            await self.authenticator.refuse_stray_key(exchange.stray_key, time())
        # 1 identify: nothing of the body is read for a caller that is not known.
        if exchange.route.operation in OPEN_OPERATIONS:
            await self.local.answer_open(exchange, relay)
            return
        await self._identify(exchange)
        # 2 route: an unknown path is recorded and refused, never passed in silence.
        exchange.policy_digest = rules.policy.digest
        if exchange.route.git is not None:
            # Packs are no prompts: git has the same steps in its own words.
            self._ask(exchange, rules.policy)
            await self.git.carry(exchange, relay, rules.policy, rules.masking)
            return
        # 3 parse: body to prompt parts.
        exchange.body = await self._read_body(exchange, relay)
        rules.masking.parse(exchange)
        _take_what_the_body_names(exchange)
        if rules.policy.excluded:
            rules.masking.exclude(exchange, rules.policy.excluded.match)
        # 4 mask: from here on no unmasked text of the prompt exists outside the client.
        rules.masking.mask(exchange)
        # 5 decide.
        decision = exchange.decision = await self._decide(exchange, rules.policy)
        if not exchange.route.known:
            raise _unknown(exchange)
        if not decision.allowed:
            await self._block(exchange, relay, decision)
            return
        masking = rules.masking
        if decision.masking is not None:
            masking = rules.stricter[decision.masking]
            masking.mask_again(exchange)
        # 6 hold: a decision of `review` is refused above until holding is built.
        # 7 record: nothing goes upstream unrecorded.
        await self.recorder.requested(exchange)
        # 8 forward, 9 stream, 10 record the outcome: one unit, so that 10 always happens.
        if exchange.route.connection is None:
            await self.local.answer(exchange, relay)
        else:
            try:
                await self.forwarder.forward(exchange, relay, masking)
            finally:
                if rules.policy.counts:
                    self.usage.spend(exchange, time())

    def _arrive(self, scope: Scope) -> Exchange:
        headers = scope["headers"]
        # What the records name is masked from here on: a path or a header may hold a secret too.
        name = self.rules.masking.name
        path = name(scope["path"])[:_PATH_MAX]
        method = scope["method"]
        context = read_context(headers, name)
        intent = next((value for name, value in headers if name == b"openai-intent"), b"")
        address = scope.get("client")
        path_key, raw_path = None, scope["raw_path"]
        if self.authenticator.takes_path_keys:
            path_key, raw_path = take_path_key(raw_path)
        query = scope.get("query_string", b"")
        return Exchange(
            interaction_id=new_id(),
            requested_at=utc_now(),
            began_at=perf_counter(),
            method=method,
            path=printable_path(path),
            query=query,
            headers=headers,
            address=address[0] if address else None,
            context=context,
            route=self.rules.router.route(
                method, raw_path.decode("latin-1"), printable(intent), query
            ),
            path_key=path_key,
            stray_key=find_stray_key(raw_path, query, headers),
        )

    async def _identify(self, exchange: Exchange) -> None:
        principal = await self.authenticator.authenticate(
            exchange.headers, time(), exchange.path_key
        )
        exchange.principal = principal
        exchange.session_id = exchange.context.session_id or derived_session(
            principal.principal_id,
            exchange.context.client_name,
            exchange.requested_at.date().isoformat(),
        )
        if exchange.route.operation == "token" and not principal.key_id:
            raise GatewayKeyNeeded("A Copilot token is minted for a gateway key only; send one.")

    async def _read_body(self, exchange: Exchange, relay: Relay) -> bytes:
        if exchange.method not in _BODY_METHODS:
            return b""
        announced = next((v for n, v in exchange.headers if n == b"content-length"), b"0")
        if announced.isdigit() and int(announced) > self.prompt_bytes_max:
            raise BodyTooLarge(f"The request body is over {self.prompt_bytes_max} bytes.")
        body = await relay.read_body(self.prompt_bytes_max)
        encoding = next((v for n, v in exchange.headers if n == b"content-encoding"), b"identity")
        if encoding.lower() != b"identity" and exchange.route.protocol is not None:
            raise BadPrompt("A compressed request body cannot be read here; send it plain.")
        return body

    def _ask(self, exchange: Exchange, policy: Policy) -> Operation:
        """Return what the caller is about to do, as policy is asked about it."""
        principal = exchange.principal
        if principal is None:
            raise Unauthenticated
        prompt, route, context = exchange.prompt, exchange.route, exchange.context
        used = self.usage.of(principal.principal_id, time()) if policy.asks_usage else _NOTHING
        exchange.policy = policy
        asked = exchange.asked = Operation(
            operation=route.operation,
            connection=route.connection_name,
            principal_id=principal.principal_id,
            principal_issuer=principal.issuer,
            principal_subject=principal.subject,
            principal_kind=principal.kind,
            principal_email=principal.email or "",
            principal_groups=principal.groups,
            client_name=context.client_name,
            client_version=context.client_version or "",
            protocol=route.protocol_name,
            model=prompt.model or "",
            tool_name=prompt.tool_name or "",
            repository=context.repository or "",
            paths=prompt.file_paths,
            languages=(prompt.language,) if prompt.language else (),
            findings=tuple(found.rule_id for found in exchange.findings),
            stream=prompt.streamed,
            size_bytes=len(exchange.body),
            method=exchange.method,
            path=exchange.path,
            at=exchange.requested_at,
            requests_last_hour=used.requests,
            tokens_last_hour=used.tokens,
        )
        return asked

    async def _decide(self, exchange: Exchange, policy: Policy) -> PolicyDecision:
        asked = self._ask(exchange, policy)
        if exchange.route.is_github:
            decision = await self.github.decide(exchange, asked, policy)
            return self._admitted(exchange, policy, decision)
        unknown = () if exchange.prompt.paths_known else ("paths",)
        decision = decide_known(policy, asked, unknown)
        return self._admitted(exchange, policy, decision)

    def _admitted(
        self, exchange: Exchange, policy: Policy, decision: PolicyDecision
    ) -> PolicyDecision:
        """Return the decision, or the refusal that its rule's limits make of it."""
        asked = exchange.asked
        if asked is None or not policy.counts or not decision.allowed:
            return decision
        if asked.operation in FREE_OPERATIONS:
            return decision
        return self.usage.admit(asked.principal_id, decision, time())

    async def _block(self, exchange: Exchange, relay: Relay, decision: PolicyDecision) -> None:
        """Record that policy kept the prompt back, then say so in the client's own way."""
        status = refusals.policy_status(exchange.route.operation)
        if exchange.route.is_github:
            status = refusals.POLICY_GITHUB_STATUS
        await self.recorder.blocked(exchange, decision.reasons[-1], status)
        self.metrics.ended.labels("blocked").inc()
        await self._answer(exchange, relay, status, "policy", decision.message)

    async def _refuse(self, exchange: Exchange, relay: Relay, error: IngressError) -> None:
        """Answer for a request that cannot go on; record it as what it is."""
        status, code = told_status(exchange, error.status), error.code
        text = str(error) if str(error) != code else _FAILED_TEXT
        try:
            if isinstance(error, Unauthenticated | IdentityUnavailable):
                self.metrics.denied.labels(code).inc()
                await self.recorder.denied(
                    error,
                    exchange.context,
                    address=exchange.address,
                    method=exchange.method,
                    path=exchange.path,
                    status=status,
                    mask=self.rules.masking.name,
                )
                if isinstance(error, Unauthenticated):
                    code, text = "unauthenticated", error.CLIENT_TEXT
            elif isinstance(error, AuditUnavailable):
                text = _AUDIT_TEXT
            elif exchange.principal is not None and not exchange.recorded:
                exchange.policy_digest = exchange.policy_digest or self.rules.policy.digest
                exchange.decision = PolicyDecision("deny", "default", (code,), text, "strict")
                # It may not be masked, or not wholly: nothing of it is recorded.
                exchange.prompt = Prompt()
                await self.recorder.blocked(exchange, code, status)
        except AuditUnavailable as unavailable:
            status, code, text = unavailable.status, unavailable.code, _AUDIT_TEXT
        self.metrics.refused.labels(code).inc()
        await self._answer(exchange, relay, status, code, text)

    async def _answer(
        self, exchange: Exchange, relay: Relay, status: int, code: str, text: str
    ) -> None:
        try:
            if relay.started:
                error = orjson.dumps(refusals.error_object(code, text))
                await relay.end_with_error(error)
            else:
                refusal = git_refusal(exchange, status, text) or _refusal(
                    exchange, status, code, text
                )
                await relay.answer(refusal.status, refusal.headers, refusal.body)
        except ClientGone:
            _log.info("client left", extra={"interaction_id": exchange.interaction_id})


def _take_what_the_body_names(exchange: Exchange) -> None:
    """Let the body name the session where no header did, and a call of a tool what it is."""
    prompt = exchange.prompt
    if prompt.session_id and not exchange.context.session_id:
        exchange.session_id = prompt.session_id
    if prompt.tool_name:
        exchange.route = replace(exchange.route, operation="tool_call")


def _unknown(exchange: Exchange) -> IngressError:
    """Return why a path that leads nowhere is refused, so that the client can do better."""
    if exchange.method == "CONNECT":
        return ProxyRefused(
            "This gateway is no HTTP proxy: set it as the client's endpoint (base URL) instead."
        )
    if any(name == b"upgrade" for name, _ in exchange.headers):
        return UpgradeRefused("This gateway speaks HTTP only; send the request as a POST.")
    return UnknownPath("No such path on this gateway.")


def _refusal(exchange: Exchange, status: int, code: str, text: str) -> refusals.Refusal:
    if exchange.route.is_github:
        return refusals.refuse_github(status, text, exchange.interaction_id)
    return refusals.refuse(exchange.route.operation, status, code, text, exchange.interaction_id)


def printable_path(path: str) -> str:
    """Return a path that is safe in a log line: what is not printable becomes ``?``."""
    return path if path.isprintable() else "".join(c if c.isprintable() else "?" for c in path)


def _where(error: BaseException) -> str:
    """Return file and line where an error was raised, and nothing of its values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
