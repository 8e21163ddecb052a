"""Mask a text that arrives in pieces, holding back only what may still become a secret.

One `StreamMasker` serves one channel of one answer (a choice, a content block, the arguments of a
tool call). Whatever the pieces, what it releases equals `Masker.mask` of the whole text without
looking into base64, with one exception that no stream can avoid: an occurrence of a value *before*
the place that gives it away has been released already. It holds back from the first character on
that may belong to a secret whose end has not arrived, at most `HOLD_CHARACTERS` (more for a private
key), and keeps `CONTEXT_CHARACTERS` of what it has released.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ingress.masking.detect import (
    Characters,
    Span,
    begun_at,
    encode,
    goes_on_at,
    line_known,
    secret_span,
    sees_lines,
    unescape,
)
from ingress.masking.mask import (
    LEAST_KNOWN_VALUE,
    MOST_KNOWN_VALUES,
    Cluster,
    Finding,
    Masker,
    occurrences,
)

CONTEXT_CHARACTERS = 512
"""Released text that is kept to recognise a secret that follows it."""

HOLD_CHARACTERS = 4096
"""Most text held back for a candidate, unless its rule allows longer secrets."""

_ARM_REACH = 384  # characters before the newest text in which a keyword arms its rules
_EAGER_CHARACTERS = 512  # a longer hold is looked at only when it has grown by a part
_LARGE_BYTES = 8192  # a larger window goes through the prefilter before RE2 confirms
_GROWTH = 16
_ESCAPE_TAIL = re.compile(r"\\+(?:u[0-9a-fA-F]{0,3})?\Z")


class _Look(NamedTuple):
    """What one look at the held text showed; offsets in characters of the window."""

    spans: list[Span]
    resumes: list[tuple[int, int, int]]  # rule, start of the secret, where the rule goes on
    hold: int
    longest: int


class StreamMasker:
    """Masks one channel of a stream; see the module."""

    def __init__(self, masker: Masker) -> None:
        self.findings: list[Finding] = []
        self._masker = masker
        self._detector = masker.detector
        self._context = ""  # released text, escapes undone
        self._released = ""  # the same text as it came
        self._pending = ""
        self._offset = 0
        self._look_again_at = 0
        self._resume: dict[int, int] = {}
        self._known: dict[str, Cluster] = {}
        self._masked_spans: list[tuple[int, int]] = []  # in the whole text, as far as kept
        self._scanned = 0
        self._marks: list[tuple[int, frozenset[int]]] = []
        self._named_always = masker.detector.announced(b"")
        self._swallow: re.Pattern[str] | None = None

    @property
    def held(self) -> int:
        """Return how many characters are held back."""
        return len(self._pending)

    def feed(self, delta: str) -> str:
        """Take the next piece and return the text that may be released now, perhaps "".

        Raises:
            MaskingError: the stream must end; nothing of what is held may be released.
        """
        self._pending += delta
        if len(self._pending) < self._look_again_at:
            return ""
        return self._advance(final=False)

    def finish(self) -> str:
        """Return the rest, masked. The text has ended.

        Raises:
            MaskingError: as `feed`.
        """
        return self._advance(final=True)

    def _advance(self, *, final: bool) -> str:
        if self._swallow:
            self._drop_rest(self._swallow)
        pending = self._pending
        limit = len(pending)
        if not final and "\\" in pending[-8:]:
            escape = _ESCAPE_TAIL.search(pending)
            limit = escape.start() if escape else limit
        fresh = unescape(pending[:limit])
        window = self._context + fresh
        armed, tail = self._armed(window, len(fresh))
        if not armed and not self._known:
            return self._release(limit if final else max(limit - tail, 0), window, [])
        data = encode(window)
        look = self._look(window, data, armed, tail=tail, final=final)
        overfull = len(window) - look.hold > look.longest
        if overfull and not final:
            look = self._look(window, data, armed, tail=0, final=True)
        clusters, hold, known = self._settle(look, pending, limit, final=final)
        base = self._offset - len(self._context)
        for index, start, resume in look.resumes:
            if start < hold + len(self._context):
                self._resume[index] = max(self._resume.get(index, 0), base + resume)
        self._known.update(known)
        if overfull and clusters and clusters[-1].masked and clusters[-1].end == hold:
            self._swallow = self._masker.rest(clusters[-1])
        return self._release(hold, window, clusters)

    def _armed(self, window: str, fresh: int) -> tuple[frozenset[int], int]:
        """Return the rules that may have a secret in the newest text.

        And how many characters at its end may be the start of a word that is a secret.
        """
        base = self._offset - len(self._context)
        seen = max(self._scanned - base - self._detector.longest_word, 0)
        newest = encode(window[seen:]).lower()
        named = self._detector.announced(newest)
        end = self._scanned = base + len(window)
        if named is not self._named_always:
            self._marks.append((end, named))
        reach = end - fresh - _ARM_REACH
        while self._marks and self._marks[0][0] < reach:
            del self._marks[0]
        tail, begun = self._detector.tails.begun(newest)
        if self._marks or begun:
            begun = self._named_always.union(begun, *(rules for _, rules in self._marks))
        return begun or self._named_always, tail

    def _look(
        self, window: str, data: bytes, armed: frozenset[int], *, tail: int, final: bool
    ) -> _Look:
        """Return the finished matches of the armed rules and where unfinished ones begin."""
        characters = Characters(data, len(window))
        look = _Look([], [], len(window) - (0 if final else tail), HOLD_CHARACTERS)
        worth = self._detector.fired(data) if len(data) > _LARGE_BYTES else armed
        for index in sorted(armed):
            rule = self._detector.rules.rules[index]
            if not self._masker.wants(rule.rule_id, rule.tier, None):
                continue
            position = self._position(index, window)
            unfinished = None if final else rule.unfinished.search(data, position)
            begun = begun_at(unfinished, rule.unfinished.groups) if unfinished else len(data) + 1
            candidates = self._detector.matches(rule, data, position) if index in worth else ()
            for match in candidates:
                start, end = secret_span(rule, match)
                if start >= begun:
                    break
                if not final and sees_lines(rule) and not line_known(data, match):
                    begun = start
                    break
                first, last = characters.start(start), characters.end(end)
                resume = characters.end(goes_on_at(rule, match))
                look.resumes.append((index, first, resume))
                if self._detector.accepts(rule, data, match, None):
                    look.spans.append(Span(rule.rule_id, rule.tier, first, last, index))
            if begun <= len(data) and self._masker.masks(rule.tier):
                hold = min(look.hold, characters.start(begun))
                look = look._replace(hold=hold, longest=max(look.longest, rule.max_length))
        return look

    def _position(self, index: int, window: str) -> int:
        """Return the byte of the window from which a rule looks: where it last ended."""
        resume = self._resume.get(index, 0) - (self._offset - len(self._context))
        if resume > 0:
            return len(encode(window[:resume]))
        # The first character of a context that was cut serves only to see a word's edge.
        return int(0 < len(self._context) < self._offset)

    def _settle(
        self, look: _Look, pending: str, limit: int, *, final: bool
    ) -> tuple[list[Cluster], int, dict[str, Cluster]]:
        """Return the clusters that are decided, how far text is, and the values they make known.

        Offsets are those of the pending text. Nothing is decided that overlaps what is held.
        """
        shift = len(self._context)
        hold = min(max(look.hold - shift, 0), limit)
        spans = [moved for span in look.spans if (moved := self._moved(span, shift))]
        while True:
            decided = [
                span
                for span in spans
                if span.start < hold and (span.end <= hold or self._masker.masks(span.tier))
            ]
            known = self._values(self._decide(decided, pending), pending)
            spared = max((span.end for span in decided), default=0)
            echoes, begun = self._echoes(pending[:limit], spared, known, final=final)
            everything = decided + [span for span in echoes if span.start < hold]
            crossing = [
                span.start
                for span in everything
                if span.end > hold and self._masker.masks(span.tier)
            ]
            lower = min([hold, begun, *crossing])
            if lower == hold:
                break
            hold = lower
        clusters = self._decide(everything, pending)
        return [c for c in clusters if c.start < hold], hold, known

    def _decide(self, spans: list[Span], pending: str) -> list[Cluster]:
        return self._masker.unallowed(self._masker.resolve(spans), pending, None)

    def _moved(self, span: Span, shift: int) -> Span | None:
        """Return a span by its place in the pending text.

        Of a secret whose beginning has been released (its rule gave no sign), the rest is masked.
        What is only recorded is dropped where something was masked.
        """
        start, end = span.start - shift, span.end - shift
        if self._masker.masks(span.tier):
            start = max(start, 0)
        elif start < 0:
            first, last = start + self._offset, end + self._offset
            if any(one < last and first < other for one, other in self._masked_spans):
                return None
        return span._replace(start=start, end=end) if end > start else None

    def _values(self, clusters: list[Cluster], pending: str) -> dict[str, Cluster]:
        known: dict[str, Cluster] = {}
        for cluster in clusters:
            if not cluster.masked:
                continue
            value = pending[cluster.start : cluster.end]
            room = len(known) + len(self._known) < MOST_KNOWN_VALUES
            if room and len(value) >= LEAST_KNOWN_VALUE and value not in self._known:
                known.setdefault(value, cluster)
        return known

    def _echoes(
        self, text: str, spared: int, fresh: dict[str, Cluster], *, final: bool
    ) -> tuple[list[Span], int]:
        """Return where known values stand, and where one may have begun after `spared`."""
        spans: list[Span] = []
        begun = len(text)
        for value, cluster in (self._known | fresh).items():
            found = occurrences(text, value, cluster, 0)
            spans += found
            if not final:
                after = max(spared, found[-1].end if found else 0)
                begun = min(begun, _partial_tail(text, value, after))
        return spans, begun

    def _release(self, hold: int, window: str, clusters: list[Cluster]) -> str:
        """Give out the pending text up to `hold`, masked, and keep the rest."""
        pending = self._pending
        text = pending[:hold]
        if clusters:
            text = self._masked(text, clusters)
        if hold:
            self._context = window[: len(self._context) + hold][-CONTEXT_CHARACTERS:]
            self._released = (self._released + pending[:hold])[-CONTEXT_CHARACTERS:]
            self._offset += hold
            self._pending = pending[hold:]
        held = len(self._pending)
        self._look_again_at = held + held // _GROWTH if held > _EAGER_CHARACTERS else 0
        return text

    def _masked(self, text: str, clusters: list[Cluster]) -> str:
        pieces: list[str] = []
        at = 0
        for cluster in clusters:
            finding = self._masker.finding(cluster, self._window_text(cluster), self._offset)
            self.findings.append(finding)
            if cluster.masked:
                pieces += (text[at : cluster.start], finding.placeholder)
                at = cluster.end
                self._masked_spans.append((finding.start, finding.end))
        oldest = self._offset - CONTEXT_CHARACTERS
        self._masked_spans = [span for span in self._masked_spans if span[1] > oldest]
        return "".join([*pieces, text[at:]])

    def _window_text(self, cluster: Cluster) -> str:
        """Return a value; part of one that is only recorded may have been released."""
        shift = len(self._released)
        whole = self._released + self._pending
        return whole[max(cluster.start + shift, 0) : cluster.end + shift]

    def _drop_rest(self, rest: re.Pattern[str]) -> None:
        """Drop what continues a value that was longer than what may be held."""
        found = rest.match(self._pending)
        end = found.end() if found else 0
        if end < len(self._pending):
            self._swallow = None
        self._offset += end
        self._pending = self._pending[end:]
        self._context = self._released = ""


def _partial_tail(text: str, value: str, after: int) -> int:
    """Return where a proper beginning of `value` ends `text`, from `after` on, else its length."""
    size = len(text)
    at = text.find(value[0], max(after, size - len(value) + 1))
    while at >= 0:
        if value.startswith(text[at:]):
            return at
        at = text.find(value[0], at + 1)
    return size
