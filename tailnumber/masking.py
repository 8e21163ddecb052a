"""Mask as the gateway would, without a gateway: which rules, which key, and where things stand.

Needs no running stack. Loads nothing but the masking engine; the tenant's key, and with it Tink,
only where a data directory has one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from ingress.masking.detect import Detector
from ingress.masking.engine import Engine
from ingress.masking.errors import MaskingError
from ingress.masking.mask import Finding, Masker, Tier2
from ingress.masking.rules import RuleError, RuleSet, builtin_rules, load_rules, merge
from tailnumber.errors import CommandError
from tailnumber.stack.layout import Layout

BUILTIN: Final = "builtin"

DEMONSTRATION_KEY: Final = bytes(32)
"""Key of fingerprints where there is no tenant; equal secrets correlate within a machine."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, and how."""

    rules: tuple[str, ...] = (BUILTIN,)
    tier2: Tier2 = "audit"
    pii: tuple[str, ...] = ()
    engine: Engine = "portable"


class Masked(NamedTuple):
    """A text as it would go on, and what was found in it."""

    text: str
    findings: tuple[Finding, ...]


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


def read_policy_masking(file: Path) -> Wanted:
    """Return what a policy file's masking section asks for.

    Raises:
        CommandError: the file is refused.
    """
    from ingress.errors import PolicyError
    from ingress.policy.load import load_policy

    try:
        masking = load_policy(read_text(file), str(file)).document.masking
    except PolicyError as error:
        raise CommandError(
            f"{file} is no valid policy; see: tailnumber policy check {file}"
        ) from error
    rules = (name if name == BUILTIN else str(file.parent / name) for name in masking.rules)
    return Wanted(rules=tuple(rules), tier2=masking.tier2, pii=masking.pii)


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
    return Masker(detector, key, tier2=wanted.tier2)


def mask_text(
    masker: Masker, text: str, *, path: str | None = None, delta_characters: int = 0
) -> Masked:
    """Mask a text, whole or in deltas as a streamed answer would come.

    Args:
        masker: see `build_masker`.
        text: what may hold secrets.
        path: where the text comes from; a stream has none.
        delta_characters: size of a delta; 0 = whole.

    Raises:
        MaskingError: the text could not be checked.
    """
    if not delta_characters:
        return Masked(*masker.mask(text, path=path))
    stream = masker.stream()
    pieces = [stream.feed(delta) for delta in _deltas(text, delta_characters)]
    pieces.append(stream.finish())
    return Masked("".join(pieces), tuple(stream.findings))


def _deltas(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding as scripts get it; offsets in code points of the text as it came."""
    return asdict(finding) | {"action": "masked" if finding.placeholder else "recorded"}


def place(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of an offset, both counted from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
