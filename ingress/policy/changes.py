"""Compare two policies for the record of a change; pure."""

from dataclasses import dataclass
from typing import Literal

from ingress.policy.rules import PolicyDocument

Section = Literal["admins", "connections", "masking", "content", "models", "exclude", "rule_order"]


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What differs, by name; two files that differ in comments alone differ in nothing here."""

    previous_digest: str
    digest: str
    rules_added: tuple[str, ...]
    rules_removed: tuple[str, ...]
    rules_changed: tuple[str, ...]
    sections_changed: tuple[Section, ...]


def compare(before: PolicyDocument, after: PolicyDocument) -> PolicyChange:
    """Return what differs, rules in the order of their file.

    ``rule_order`` differs when rules that both have stand in another order: the first match wins.
    """
    old = {rule.id: rule for rule in before.rules}
    new = {rule.id: rule for rule in after.rules}
    sections: list[Section] = []
    if before.admins != after.admins:
        sections.append("admins")
    if before.connections != after.connections:
        sections.append("connections")
    if before.masking != after.masking:
        sections.append("masking")
    if before.content != after.content:
        sections.append("content")
    if before.models != after.models:
        sections.append("models")
    if before.exclude != after.exclude:
        sections.append("exclude")
    if [each for each in old if each in new] != [each for each in new if each in old]:
        sections.append("rule_order")
    return PolicyChange(
        previous_digest=before.digest,
        digest=after.digest,
        rules_added=tuple(each for each in new if each not in old),
        rules_removed=tuple(each for each in old if each not in new),
        rules_changed=tuple(
            each for each, rule in new.items() if each in old and old[each] != rule
        ),
        sections_changed=tuple(sections),
    )
