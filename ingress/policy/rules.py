"""Name what a policy consists of, what it is asked and what it answers; pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal

from ingress.errors import PolicyProblem
from ingress.masking.allow import Allow
from ingress.masking.pii import PiiKind
from ingress.policy.connections import Connection

Effect = Literal["allow", "mask", "review", "deny"]
Assurance = Literal["strict", "bracket", "async"]
ContentMode = Literal["sealed", "tagged", "none"]
Tier2 = Literal["off", "audit", "mask"]

EFFECTS: Final[tuple[Effect, ...]] = ("allow", "mask", "review", "deny")
ASSURANCES: Final[tuple[Assurance, ...]] = ("strict", "bracket", "async")
CONTENT_MODES: Final[tuple[ContentMode, ...]] = ("sealed", "tagged", "none")
TIER2_MODES: Final[tuple[Tier2, ...]] = ("off", "audit", "mask")

# What a rule's ``on`` may name: the operations of the events, and those that policy sees inside a
# completion (tool_call) or a git exchange (push, fetch).
OPERATIONS: Final = (
    "chat",
    "inline",
    "panel",
    "embeddings",
    "models",
    "token",
    "user",
    "settings",
    "telemetry",
    "tool_call",
    "push",
    "fetch",
    "other",
)

# The rule id of a decision that no rule made.
DEFAULT_RULE_ID: Final = "default"

# The operations that name a model, and so those that a list of models is about.
MODEL_OPERATIONS: Final = frozenset({"chat", "inline", "panel", "embeddings"})
# The operations whose prompt is one file.
WHOLE_FILE_OPERATIONS: Final = frozenset({"inline", "panel"})
# Operations that answer from what is known and spend nothing: no limit counts them.
FREE_OPERATIONS: Final = frozenset({"models", "token", "user", "telemetry", "fetch", "push"})
_UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Masking:
    """What is masked: sets of rules, what to do with generic findings, kinds of personal data."""

    rules: tuple[str, ...] = ("builtin",)
    tier2: Tier2 = "audit"
    pii: tuple[PiiKind, ...] = ()
    restore: bool = True
    allow: tuple[Allow, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """Who must approve, how many of them, and how long a request waits."""

    reviewers: str
    quorum: int = 1
    hold_seconds: int = 120
    expires_seconds: int = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Limits:
    """What a rule lets one principal use in any 60 minutes; None: as much as wanted."""

    requests_per_hour: int | None = None
    tokens_per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class StricterMasking:
    """What a rule of effect ``mask`` masks beyond the policy's own masking."""

    tier2: Tier2 = "mask"
    pii: tuple[PiiKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; ``on`` empty means every operation, ``when`` None means always.

    ``models`` None means the policy's own list; an empty list is refused at load.
    """

    id: str
    effect: Effect
    on: frozenset[str] = frozenset()
    when: str | None = None
    message: str = ""
    review: Review | None = None
    assurance: Assurance = "strict"
    models: tuple[str, ...] | None = None
    limits: Limits | None = None
    masking: StricterMasking | None = None
    # None: as the policy says.
    content: ContentMode | None = None

    def applies_to(self, operation: str) -> bool:
        """Tell whether the rule is asked about that operation at all."""
        return not self.on or operation in self.on


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy file, checked and typed; ``digest`` is the SHA-256 of its bytes in hex.

    ``models`` empty: any model; ``warnings``: what is allowed in a file but surely not meant.
    """

    source: str
    digest: str
    connections: MappingProxyType[str, Connection]
    masking: Masking
    content: ContentMode
    rules: tuple[Rule, ...]
    # Groups whose members manage everybody's gateway keys.
    admins: frozenset[str] = frozenset()
    models: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    warnings: tuple[PolicyProblem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What someone is about to do. Unknown texts are empty, never None: CEL compares strings."""

    operation: str
    connection: str
    principal_id: str
    principal_issuer: str
    principal_subject: str
    principal_kind: str
    principal_email: str = ""
    principal_groups: tuple[str, ...] = ()
    client_name: str = ""
    client_version: str = ""
    protocol: str = ""
    model: str = ""
    repository: str = ""
    paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    ref: str = ""
    ref_change: str = ""
    tool_name: str = ""
    findings: tuple[str, ...] = ()
    stream: bool = False
    size_bytes: int = 0
    method: str = ""
    path: str = ""
    at: datetime = _UNKNOWN_TIME
    requests_last_hour: int = 0
    tokens_last_hour: int = 0


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """What the policy answers.

    ``reasons`` are stable codes: ``rule`` (a rule matched), ``no_rule`` (none did),
    ``condition_error`` (a condition could not be evaluated, so the answer is deny),
    ``review_unavailable``, ``model_not_allowed``, ``limit_reached`` and ``path_excluded``.
    ``message`` is for the person who asked; empty if allowed. What follows ``assurance`` is what
    an allowed operation must still keep to.
    """

    effect: Effect
    rule_id: str
    reasons: tuple[str, ...]
    message: str
    assurance: Assurance
    limits: Limits | None = None
    masking: StricterMasking | None = None
    content: ContentMode | None = None

    @property
    def allowed(self) -> bool:
        """Tell whether the operation may go on."""
        return self.effect in {"allow", "mask"}
