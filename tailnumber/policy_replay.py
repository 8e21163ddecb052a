"""Ask a new policy about what was recorded, and add up what it would have decided otherwise.

The rows come day by day and page by page, and only sums and a few samples of them are kept, so a
month of a large company streams through.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from ingress.policy.cases import shown_effect
from ingress.policy.conditions import names_used
from ingress.policy.decide import Policy
from ingress.policy.rules import Operation, PolicyDecision
from ingress.policy.strictest import strictest
from tailnumber import questions
from tailnumber.recorded import operation_of
from tailnumber.trail import Row, Trail

SAMPLES_MAX: Final = 3
_WINDOW: Final = timedelta(days=1)
# Why policy refused; another reason is no decision of a policy, and replays as nothing.
_DECIDED: Final = frozenset(
    {
        "rule",
        "no_rule",
        "condition_error",
        "review_unavailable",
        "model_not_allowed",
        "path_excluded",
    }
)
# What conditions may name and no row of an interaction tells.
_UNTOLD: Final = ("requests_last_hour", "tokens_last_hour")


class Kind(NamedTuple):
    """One way in which a decision changes."""

    operation: str
    old_effect: str
    old_rule: str
    new_effect: str
    new_rule: str
    new_reason: str

    @property
    def changes_effect(self) -> bool:
        """Tell whether more than the rule's name differs."""
        return self.old_effect != self.new_effect


@dataclass(slots=True)
class Change:
    """How often, for whom and where a decision changes in one way."""

    count: int = 0
    principals: set[str] = field(default_factory=set)
    repositories: set[str] = field(default_factory=set)
    samples: list[str] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Count a row."""
        self.count += 1
        self.principals.add(row.get("principal_email") or row["principal_subject"])
        if row.get("repository"):
            self.repositories.add(row["repository"])
        if len(self.samples) < SAMPLES_MAX:
            self.samples.append(row["interaction_id"])


@dataclass(slots=True)
class Replay:
    """What a policy would have decided otherwise.

    ``skipped_count`` counts rows that no policy decided or that a limit refused.
    """

    policy: Policy
    interaction_count: int = 0
    tool_call_count: int = 0
    skipped_count: int = 0
    changes: dict[Kind, Change] = field(default_factory=dict)

    def take(self, row: Row) -> None:
        """Ask the policy about one row of ``audit.interactions`` and the tool calls in it."""
        if row["status"] == "blocked" and row.get("reason_code") not in _DECIDED:
            self.skipped_count += 1
            return
        asked = operation_of(row, [*(row.get("finding_rules") or ())])
        self.interaction_count += 1
        self._compare(row, asked, row["effect"], row["rule_id"], row.get("reason_code"))
        for call in row.get("tool_calls") or ():
            if call.get("effect") and call.get("reason_code") in _DECIDED:
                self.tool_call_count += 1
                self._compare(
                    row, _call(asked, call), call["effect"], call["rule_id"], call["reason_code"]
                )

    def _compare(
        self, row: Row, asked: Operation, effect: str, rule_id: str, reason: str | None
    ) -> None:
        decision = self._decide(row, asked)
        old = shown_effect(effect, (reason or "",))
        new = shown_effect(decision.effect, decision.reasons)
        if (old, rule_id) == (new, decision.rule_id):
            return
        why = decision.reasons[-1]
        kind = Kind(asked.operation, old, rule_id, new, decision.rule_id, why)
        self.changes.setdefault(kind, Change()).add(row)

    def _decide(self, row: Row, asked: Operation) -> PolicyDecision:
        """Decide as the gateway does: a push ref by ref, the strictest for all."""
        refs = [each for each in row.get("refs") or () if each.get("ref")]
        if asked.operation != "push" or not refs:
            return self.policy.decide(asked)
        each_ref = (
            replace(asked, ref=each["ref"], ref_change=each.get("change") or "") for each in refs
        )
        return strictest([self.policy.decide(each) for each in each_ref])

    @property
    def changed_count(self) -> int:
        """Return how many decisions would have another effect."""
        return sum(each.count for kind, each in self.changes.items() if kind.changes_effect)

    def notes(self) -> list[str]:
        """Return what the recorded rows cannot answer for this policy."""
        rules = self.policy.document.rules
        named = {name for rule in rules for name in names_used(rule.when or "")}
        notes = [
            f"`{name}` is not recorded and counts as empty" for name in _UNTOLD if name in named
        ]
        if any(rule.limits for rule in rules):
            notes.append("limits are not replayed: a request counts as within them")
        if "findings" in named:
            notes.append("`findings` are those of the masking rules of that time")
        return notes

    def document(self) -> dict[str, Any]:
        """Return it as scripts get it, the most frequent change first."""
        return {
            "policy": {"file": self.policy.document.source, "digest": self.policy.digest},
            "interaction_count": self.interaction_count,
            "tool_call_count": self.tool_call_count,
            "skipped_count": self.skipped_count,
            "changed_count": self.changed_count,
            "changes": [
                {
                    **kind._asdict(),
                    "changes_effect": kind.changes_effect,
                    "count": change.count,
                    "principals": sorted(change.principals),
                    "repositories": sorted(change.repositories),
                    "samples": change.samples,
                }
                for kind, change in self.ordered()
            ],
            "notes": self.notes(),
        }

    def ordered(self) -> list[tuple[Kind, Change]]:
        """Return the changes: those of an effect first, then by how often."""
        return sorted(
            self.changes.items(), key=lambda each: (not each[0].changes_effect, -each[1].count)
        )


def days(since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Return the windows that a replay asks for, one after the other."""
    windows = []
    while since < until:
        windows.append((since, min(since + _WINDOW, until)))
        since += _WINDOW
    return windows


def recorded(trail: Trail, window: tuple[datetime, datetime]) -> Iterator[Row]:
    """Yield the interactions of one window.

    Raises:
        CommandError: the warehouse refused, or did not answer.
    """
    begin, end = window
    return trail.stream(questions.DECIDED, begin=begin, end=end)


def _call(asked: Operation, call: Mapping[str, Any]) -> Operation:
    paths: Sequence[str] = call.get("file_paths") or ()
    return replace(asked, operation="tool_call", tool_name=call["name"], paths=tuple(paths))
