"""Name what a policy consists of, what it is asked and what it answers; pure."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

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
class Rule:
    """One rule; ``on`` empty means every operation, ``when`` None means always."""

    id: str
    effect: Effect
    on: frozenset[str] = frozenset()
    when: str | None = None
    message: str = ""
    review: Review | None = None
    assurance: Assurance = "strict"

    def applies_to(self, operation: str) -> bool:
        """Tell whether the rule is asked about that operation at all."""
        return not self.on or operation in self.on


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy file, checked and typed; ``digest`` is the SHA-256 of its bytes in hex."""

    source: str
    digest: str
    connections: MappingProxyType[str, Connection]
    masking: Masking
    content: ContentMode
    rules: tuple[Rule, ...]
    # Groups whose members manage everybody's gateway keys.
    admins: frozenset[str] = frozenset()


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
    tool_name: str = ""
    findings: tuple[str, ...] = ()
    stream: bool = False
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """What the policy answers.

    ``reasons`` are stable codes: ``rule`` (a rule matched), ``no_rule`` (none did),
    ``condition_error`` (a condition could not be evaluated, so the answer is deny) and
    ``review_unavailable``. ``message`` is for the person who asked; empty if allowed.
    """

    effect: Effect
    rule_id: str
    reasons: tuple[str, ...]
    message: str
    assurance: Assurance

    @property
    def allowed(self) -> bool:
        """Tell whether the operation may go on."""
        return self.effect in {"allow", "mask"}
