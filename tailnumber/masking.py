"""Mask as the gateway would, without a gateway: which rules, which key, and where things stand.

Needs no running stack. Loads nothing but the masking engine; the tenant's key, and with it Tink,
only where a data directory has one.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from ingress.masking.allow import Allow
from ingress.masking.detect import Detector
from ingress.masking.engine import Engine
from ingress.masking.errors import MaskingError
from ingress.masking.mask import Finding, Masker, Tier2
from ingress.masking.pii import PII_KINDS, PiiKind
from ingress.masking.rules import RuleError, RuleSet, builtin_rules, load_rules, merge
from tailnumber.errors import CheckFailed, CommandError
from tailnumber.stack.layout import Layout

BUILTIN: Final = "builtin"

DEMONSTRATION_KEY: Final = bytes(32)
"""Key of fingerprints where there is no tenant; equal secrets correlate within a machine."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, and how."""

    rules: tuple[str, ...] = (BUILTIN,)
    tier2: Tier2 = "audit"
    pii: tuple[PiiKind, ...] = ()
    allow: tuple[Allow, ...] = ()
    engine: Engine = "portable"


class Masked(NamedTuple):
    """A text as it would go on, and what was found in it, as scripts get it."""

    text: str
    findings: list[dict[str, Any]]


class TextMasker:
    """Masks texts whole, or in deltas of so many characters as a streamed answer would come."""

    def __init__(self, masker: Masker, *, delta_characters: int = 0) -> None:
        self._masker = masker
        self._delta_characters = delta_characters
        rules = masker.detector.rules.rules
        self._descriptions = {rule.rule_id: rule.description for rule in rules}

    def mask(self, text: str, path: str | None = None) -> Masked:
        """Return the masked text, and the findings with their line and column, from 1.

        Raises:
            CheckFailed: the text could not be checked.
        """
        try:
            masked, findings = self._mask(text, path)
        except MaskingError as error:
            raise CheckFailed(f"The text cannot be checked: {error}.") from error
        documents = []
        for finding in findings:
            line, column = place(text, finding.start)
            what = self._descriptions.get(finding.rule_id, "")
            more = {"line": line, "column": column, "description": what}
            documents.append(_document(finding) | more)
        return Masked(masked, documents)

    def answer(self, line: bytes, number: int) -> dict[str, Any]:
        """Return the answer to one line of JSON: ``masked`` and ``findings``, or ``error``."""
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            return {"error": "not JSON", "line": number}
        if not isinstance(document, dict) or not isinstance(document.get("text"), str):
            return {"error": 'no object with a string "text"', "line": number}
        path = document.get("path")
        if path is not None and not isinstance(path, str):
            return {"error": '"path" is not a string', "line": number}
        try:
            masked, findings = self._mask(document["text"], path)
        except MaskingError as error:
            return {"error": str(error), "line": number}
        return {"masked": masked, "findings": [_document(finding) for finding in findings]}

    def _mask(self, text: str, path: str | None) -> tuple[str, Sequence[Finding]]:
        if not self._delta_characters:
            return self._masker.mask(text, path=path)
        stream = self._masker.stream()
        pieces = [stream.feed(delta) for delta in _deltas(text, self._delta_characters)]
        pieces.append(stream.finish())
        return "".join(pieces), stream.findings


def read_text(file: Path) -> str:
    """Return a file's text, line ends untouched.

    Raises:
        CommandError: it cannot be read or is not UTF-8.
    """
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        # The cause would quote the file.
        raise CommandError(f"{file} is not UTF-8 text (byte {error.start}).") from None


def read_rules(names: Sequence[str]) -> RuleSet:
    """Return rule sets together; of an id that stands in several, the first file's rule counts.

    Args:
        names: `BUILTIN`, or paths of files in gitleaks' format.

    Raises:
        CommandError: one cannot be used.
    """
    try:
        sets = [
            builtin_rules() if name == BUILTIN else load_rules(read_text(Path(name)), name)
            for name in names
        ]
        return sets[0] if len(sets) == 1 else merge(*sets)
    except RuleError as error:
        raise CommandError(f"The rules cannot be used: {error}.") from error


def wanted_of(
    policy: Path | None, rules: Sequence[str], tier2: Tier2 | None, pii: str | None
) -> Wanted:
    """Return what is looked for: a policy's, and what is said beside it.

    Args:
        policy: policy file; its masking section counts.
        rules: see `read_rules`; empty = the policy's.
        tier2: None = the policy's.
        pii: kinds with commas between them; None = the policy's.

    Raises:
        CommandError: the policy is refused, or a kind is unknown.
    """
    wanted = _of_policy(policy) if policy else Wanted()
    if rules:
        wanted = replace(wanted, rules=tuple(rules))
    if tier2:
        wanted = replace(wanted, tier2=tier2)
    if pii is None:
        return wanted
    kinds = [kind.strip() for kind in pii.split(",") if kind.strip()]
    for kind in kinds:
        if kind not in PII_KINDS:
            raise CommandError(
                f"There is no kind {kind!r} of personal data; there are {', '.join(PII_KINDS)}."
            )
    return replace(wanted, pii=tuple(cast("PiiKind", kind) for kind in kinds))


def _of_policy(file: Path) -> Wanted:
    from ingress.errors import PolicyError
    from ingress.policy.load import load_policy

    try:
        masking = load_policy(read_text(file), str(file)).document.masking
    except PolicyError as error:
        raise CommandError(
            f"{file} is no valid policy; see: tailnumber policy check {file}"
        ) from error
    rules = (name if name == BUILTIN else str(file.parent / name) for name in masking.rules)
    return Wanted(tuple(rules), masking.tier2, masking.pii, masking.allow)


def tenant_key(layout: Layout) -> bytes | None:
    """Return the key of the tenant's fingerprints; None where no gateway ever ran.

    Raises:
        CommandError: it is damaged or open to others.
    """
    if not (layout.secrets / "tenant.key").exists():
        return None
    from ingress.errors import SecretsError
    from ingress.secrets import TenantSecrets

    try:
        return TenantSecrets.load_or_create(layout.secrets).subkey("fingerprint")
    except SecretsError as error:
        raise CommandError(f"The tenant's key cannot be used: {error}.") from error


def build_masker(wanted: Wanted, key: bytes) -> Masker:
    """Return the masker that the gateway would use.

    Raises:
        CommandError: a rule file or the engine cannot be used.
    """
    try:
        detector = Detector(read_rules(wanted.rules), engine=wanted.engine)
    except MaskingError as error:
        raise CommandError(f"The engine cannot be used: {error}.") from error
    return Masker(
        detector,
        key,
        tier2=wanted.tier2,
        pii=wanted.pii,
        allow=wanted.allow,
        today=lambda: datetime.now(UTC).date(),
    )


def _deltas(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def _document(finding: Finding) -> dict[str, Any]:
    return asdict(finding) | {"action": "masked" if finding.placeholder else "recorded"}


def place(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of an offset, both counted from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
