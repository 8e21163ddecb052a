"""Say which findings a company lets pass: by value, rule or path, with a reason and an end.

The policy's masking section holds them as a list of mappings, each with ``reason``, ``expires`` (a
date, the last day on which it counts) and one or more of ``fingerprint`` (64 hex digits, as a
finding shows it; the value itself is never needed), ``rule`` (a rule's id) and ``path`` (a glob, in
which ``*`` also stands for slashes). All that are given must agree. Pure: the day comes in as an
argument. Used by `ingress.masking.mask`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

_FINGERPRINT = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Allow:
    """One allowance.

    Attributes:
        reason: why; for the people who review the policy.
        expires: last day on which it counts.
        fingerprint: HMAC-SHA256 of the value under the tenant's key, hex; "" = any value.
        rule: id of the rule; "" = any.
        path: glob for the path that a text comes from; "" = any, also none.

    Raises:
        ValueError: no reason, nothing that is allowed, or not a fingerprint.
    """

    reason: str
    expires: date
    fingerprint: str = ""
    rule: str = ""
    path: str = ""

    def __post_init__(self) -> None:
        """Refuse an allowance that allows everything or says nothing."""
        if not self.reason.strip():
            raise ValueError("an allowance needs a reason")
        if not (self.fingerprint or self.rule or self.path):
            raise ValueError("an allowance needs a fingerprint, a rule or a path")
        if self.fingerprint and not _FINGERPRINT.fullmatch(self.fingerprint):
            raise ValueError("a fingerprint is 64 hex digits in lower case")

    def covers(self, rule: str, fingerprint: str, path: str | None, today: date) -> bool:
        """Tell whether a finding may pass today."""
        if today > self.expires:
            return False
        if self.fingerprint and fingerprint != self.fingerprint:
            return False
        if self.rule and rule != self.rule:
            return False
        return not self.path or (path is not None and fnmatchcase(path, self.path))
