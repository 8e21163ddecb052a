"""Carry one request through the steps of ``ingress.gateway``; each step fills its part."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingress.context import Context
from ingress.identity.placement import StrayKey
from ingress.identity.principal import Principal
from ingress.policy.decide import Policy
from ingress.policy.rules import Operation, PolicyDecision
from ingress.protocol.git import Push
from ingress.protocol.texts import Completion, Prompt
from ingress.routing import Route


@dataclass(slots=True)
class Located:
    """A finding and where it was: a finding's span counts in the text as it was before masking."""

    rule_id: str
    tier: int
    direction: str
    action: str
    location: str
    start: int
    end: int
    fingerprint: str
    part_id: str | None = None


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """What a push does to one ref, or, with no ref, an object that a fetch wants."""

    ref: str
    change: str
    old_id: str = ""
    new_id: str = ""
    result: str = ""


@dataclass(slots=True)
class Outcome:
    """What came back so far; what a failure leaves unset stays unknown."""

    http_status: int = 502
    upstream_status: int | None = None
    upstream_request_id: str | None = None
    completion: Completion = field(default_factory=Completion)
    findings: list[Located] = field(default_factory=list)
    completion_bytes: int = 0
    chunk_count: int = 0
    first_chunk_seconds: float | None = None
    client_left: bool = False


@dataclass(slots=True)
class Exchange:
    """One request and what the steps learned of it."""

    interaction_id: str
    requested_at: datetime
    began_at: float
    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    address: str | None
    context: Context
    route: Route
    path_key: str | None = field(default=None, repr=False)
    stray_key: StrayKey | None = None
    principal: Principal | None = None
    session_id: str = ""
    outgoing_headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    document: dict[str, Any] | None = None
    prompt: Prompt = field(default_factory=Prompt)
    findings: list[Located] = field(default_factory=list)
    # Placeholder to value, of this request alone; never recorded, gone with the exchange.
    vault: dict[str, str] = field(default_factory=dict, repr=False)
    # What the policy was asked about the request, and the policy: what the exchange turns out to
    # do (a tool call) is decided by the same one.
    asked: Operation | None = None
    policy: Policy | None = None
    decision: PolicyDecision | None = None
    policy_digest: str = ""
    # Files that policy took out of the prompt.
    excluded_paths: tuple[str, ...] = ()
    prompt_part_ids: list[str] = field(default_factory=list)
    # What every event of this interaction says of it, as JSON; set with the first.
    told: bytes = b""
    # Of git alone: what is pushed or wanted, what a refusal answers to, and a body kept elsewhere.
    refs: tuple[RefUpdate, ...] = ()
    file_path_count: int | None = None
    push: Push | None = None
    spooled_bytes: int = 0
    recorded: bool = False
    ended: bool = False
    outcome: Outcome = field(default_factory=Outcome)
