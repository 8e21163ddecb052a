"""Replace secrets by placeholders that say which kind stood there, and which are equal.

A placeholder is ``REDACTED_<RULE>_<10 characters of base32 HMAC-SHA256(key, secret)>``: only
letters, digits and underscores, so it survives JSON, shell, URL and YAML; the same secret gives the
same placeholder under one tenant's key, so equal secrets correlate and the provider's prompt cache
keeps its prefix. Findings never hold a value. Called by the gateway for whole texts; streams by
`ingress.masking.stream`.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal, NamedTuple

from ingress.masking.allow import Allow
from ingress.masking.detect import Detector, Span
from ingress.masking.pii import PiiKind, pii_rules

if TYPE_CHECKING:
    from ingress.masking.stream import StreamMasker

LEAST_KNOWN_VALUE = 8
"""A masked value of at least this many characters is masked wherever else it stands."""

MOST_KNOWN_VALUES = 256
"""How many different values of one text are looked for elsewhere in it."""

ENCODED_DEPTH = 2
"""How often base64 inside base64 is decoded."""

_LABEL_LENGTH = 40
_NOT_LABEL = re.compile(r"[^A-Z0-9]+")
_TOKEN_REST = re.compile(r"[A-Za-z0-9+/=_.~%:@-]*")
_BLOCK_REST = re.compile(r"[A-Za-z0-9+/=\s\\]*")


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret that was found; never the secret.

    Attributes:
        start: first code point in the original text.
        end: code point after the last one, in the original text.
        fingerprint: HMAC-SHA256 of the value under the tenant's key, hex.
        placeholder: what stands there now; "" when it was only recorded (tier 2, audit).
    """

    rule_id: str
    tier: int
    start: int
    end: int
    fingerprint: str
    placeholder: str


class Cluster(NamedTuple):
    """Spans that overlap, as one: named by the most specific rule."""

    rule_id: str
    tier: int
    start: int
    end: int
    rule_index: int
    masked: bool


Tier2 = Literal["mask", "audit", "off"]


class Masker:
    """Masks texts of one tenant.

    Args:
        detector: finds secrets.
        key: the tenant's key for fingerprints, at least 16 bytes.
        tier2: what to do with generic findings: mask, record only, or ignore.
        pii: kinds of personal data that are masked too, as tier 1.
        allow: findings that pass.
        today: tells the day that decides which allowances still count.

    Raises:
        ValueError: the key is too short, or there are allowances and no way to tell the day.
    """

    def __init__(  # noqa: PLR0913  # all but two are given by name
        self,
        detector: Detector,
        key: bytes,
        *,
        tier2: Tier2 = "audit",
        pii: Sequence[PiiKind] = (),
        allow: Sequence[Allow] = (),
        today: Callable[[], date] | None = None,
    ) -> None:
        if len(key) < 16:
            raise ValueError("the fingerprint key has less than 16 bytes")
        if allow and today is None:
            raise ValueError("allowances need to be told the day")
        self.detector = detector.extended(pii_rules(tuple(sorted(pii)))) if pii else detector
        self.tier2 = tier2
        self._key = key
        self._allow_value = tuple(item for item in allow if item.fingerprint)
        self._allow_any = tuple(item for item in allow if not item.fingerprint)
        self._today = today

    def mask(
        self,
        text: str,
        *,
        path: str | None = None,
        vault: dict[str, str] | None = None,
        encoded: bool = True,
    ) -> tuple[str, tuple[Finding, ...]]:
        """Return the masked text and the findings by place.

        The very same object comes back when nothing was changed. Other verbatim occurrences of a
        masked value are masked too, also before the place where it was recognised.

        Args:
            text: what may hold secrets.
            path: where it comes from, if known.
            vault: receives each masked value by its placeholder, for `Restorer`. A value longer
                than its rule's longest is left out: its placeholder does not stand for all of it.

            encoded: whether runs of base64 are decoded too and masked whole; a stream cannot.

        Raises:
            MaskingError: the text could not be checked and must not pass.
        """
        depth = ENCODED_DEPTH if encoded else 0
        spans = self.wanted(self.detector.scan_deep(text, path=path, depth=depth), path)
        if not spans:
            return text, ()
        spans = [self.lengthen(span, text) for span in spans]
        clusters = self.unallowed(self.resolve(spans), text, path)
        echoes = self._echoes(text, clusters)
        if echoes:
            clusters = self.unallowed(self.resolve([*spans, *echoes]), text, path)
        pieces: list[str] = []
        findings: list[Finding] = []
        at = 0
        for cluster in clusters:
            value = text[cluster.start : cluster.end]
            finding = self.finding(cluster, value, 0)
            findings.append(finding)
            if cluster.masked:
                pieces += (text[at : cluster.start], finding.placeholder)
                at = cluster.end
                if vault is not None and len(value) <= self.most(cluster):
                    vault[finding.placeholder] = value
        return ("".join([*pieces, text[at:]]) if at else text), tuple(findings)

    def stream(self) -> StreamMasker:
        """Return a masker for one channel of a stream."""
        from ingress.masking.stream import StreamMasker

        return StreamMasker(self)

    def wanted(self, spans: Iterable[Span], path: str | None) -> list[Span]:
        """Return the spans that policy asks for."""
        return [span for span in spans if self.wants(span.rule_id, span.tier, path)]

    def wants(self, rule_id: str, tier: int, path: str | None) -> bool:
        """Tell whether policy asks for a rule's findings in texts from a path."""
        if tier != 1 and self.tier2 == "off":
            return False
        return not self._allow_any or not self._covered(self._allow_any, rule_id, "", path)

    def unallowed(self, clusters: list[Cluster], text: str, path: str | None) -> list[Cluster]:
        """Return the clusters whose value is not allowed by its fingerprint."""
        if not self._allow_value:
            return clusters
        kept: list[Cluster] = []
        for cluster in clusters:
            value = text[cluster.start : cluster.end]
            fingerprint, _ = self._identify(cluster.rule_id, value[: self.most(cluster)])
            if not self._covered(self._allow_value, cluster.rule_id, fingerprint, path):
                kept.append(cluster)
        return kept

    def _covered(
        self, allow: tuple[Allow, ...], rule_id: str, fingerprint: str, path: str | None
    ) -> bool:
        if not allow or self._today is None:
            return False
        today = self._today()
        return any(item.covers(rule_id, fingerprint, path, today) for item in allow)

    def masks(self, tier: int) -> bool:
        """Tell whether findings of a tier are masked, not only recorded."""
        return tier == 1 or self.tier2 == "mask"

    def most(self, span: Span | Cluster) -> int:
        """Return the longest value, in characters, that is told apart for a rule."""
        return self.detector.rules.rules[span.rule_index].max_length

    def rest(self, span: Span | Cluster) -> re.Pattern[str]:
        """Return what continues a value that is longer than the longest."""
        long = self.detector.rules.rules[span.rule_index].max_length > 4096
        return _BLOCK_REST if long else _TOKEN_REST

    def lengthen(self, span: Span, text: str) -> Span:
        """Take all of a value that is longer than the longest."""
        if span.end - span.start <= self.most(span):
            return span
        rest = self.rest(span).match(text, span.end)
        return span._replace(end=rest.end() if rest else span.end)

    def resolve(self, spans: Iterable[Span]) -> list[Cluster]:
        """Join spans that overlap.

        A recorded-only span that overlaps a masked one is dropped. The rule of the lower tier names
        the whole, of these the first in the rule file.
        """
        ordered = sorted(spans, key=lambda span: (span.start, span.end, span.rule_index))
        masked = _join((span for span in ordered if self.masks(span.tier)), masked=True)
        audited = _join((span for span in ordered if not self.masks(span.tier)), masked=False)
        free = [item for item in audited if not any(_overlap(item, other) for other in masked)]
        return sorted([*masked, *free], key=lambda cluster: cluster.start)

    def finding(self, cluster: Cluster, value: str, base: int) -> Finding:
        """Return the finding for a value that stands `base` characters further on."""
        fingerprint, placeholder = self._identify(cluster.rule_id, value[: self.most(cluster)])
        return Finding(
            rule_id=cluster.rule_id,
            tier=cluster.tier,
            start=cluster.start + base,
            end=cluster.end + base,
            fingerprint=fingerprint,
            placeholder=placeholder if cluster.masked else "",
        )

    def _identify(self, rule_id: str, value: str) -> tuple[str, str]:
        digest = hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), "sha256")
        label = _NOT_LABEL.sub("_", rule_id.upper()).strip("_")[:_LABEL_LENGTH] or "SECRET"
        code = base64.b32encode(digest[:10]).decode()[:10]
        return digest.hex(), f"REDACTED_{label}_{code}"

    def _echoes(self, text: str, clusters: Sequence[Cluster]) -> list[Span]:
        """Return the other places where masked values stand."""
        taken = {(cluster.start, cluster.end) for cluster in clusters}
        found: list[Span] = []
        for value, cluster in known_values(text, clusters).items():
            found += (
                span
                for span in occurrences(text, value, cluster, 0)
                if (span.start, span.end) not in taken
            )
        return found


def known_values(text: str, clusters: Iterable[Cluster]) -> dict[str, Cluster]:
    """Return the masked values that are worth looking for elsewhere."""
    values: dict[str, Cluster] = {}
    for cluster in clusters:
        if cluster.masked and cluster.end - cluster.start >= LEAST_KNOWN_VALUE:
            values.setdefault(text[cluster.start : cluster.end], cluster)
            if len(values) == MOST_KNOWN_VALUES:
                break
    return values


def occurrences(text: str, value: str, cluster: Cluster, start: int) -> list[Span]:
    """Return where a known value stands from `start` on."""
    found: list[Span] = []
    at = text.find(value, start)
    while at >= 0:
        end = at + len(value)
        found.append(Span(cluster.rule_id, cluster.tier, at, end, cluster.rule_index))
        at = text.find(value, end)
    return found


def _join(spans: Iterable[Span], *, masked: bool) -> list[Cluster]:
    joined: list[Cluster] = []
    for span in spans:
        if joined and span.start < joined[-1].end:
            last = joined[-1]
            named: Span | Cluster = span
            if (last.tier, last.rule_index) <= (span.tier, span.rule_index):
                named = last
            joined[-1] = last._replace(
                rule_id=named.rule_id,
                tier=named.tier,
                rule_index=named.rule_index,
                end=max(last.end, span.end),
            )
        else:
            joined.append(
                Cluster(span.rule_id, span.tier, span.start, span.end, span.rule_index, masked)
            )
    return joined


def _overlap(one: Cluster, other: Cluster) -> bool:
    return one.start < other.end and other.start < one.end
