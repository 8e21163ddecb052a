"""Place what the maskers find into an exchange's outcome, and mask what a record names. Pure."""

from collections.abc import Iterable
from typing import Final

from ingress.exchange import Located, Outcome
from ingress.masking.errors import MaskingError
from ingress.masking.mask import Finding, Masker
from ingress.protocol.texts import Completion
from ingress.protocol.wire import NAME_MAX

TO_UPSTREAM, TO_CLIENT = "to_upstream", "to_client"
_UNCHECKED: Final = "unchecked"


def located(findings: Iterable[Finding], direction: str, location: str) -> list[Located]:
    """Return what a masker found as the record names it: where, and in which direction."""
    return [
        Located(
            rule_id=found.rule_id,
            tier=found.tier,
            direction=direction,
            action="masked" if found.placeholder else "recorded",
            location=location,
            start=found.start,
            end=found.end,
            fingerprint=found.fingerprint,
        )
        for found in findings
    ]


def add_new(outcome: Outcome, findings: Iterable[Finding], location: str) -> None:
    """Add what was found in a text that may say again what was looked at before."""
    known = {found.fingerprint for found in outcome.findings}
    fresh = [found for found in findings if found.fingerprint not in known]
    outcome.findings += located(fresh, TO_CLIENT, location)


def masked_name(masker: Masker, text: str) -> str:
    """Return a name as a record may hold it; what cannot be checked is not named."""
    try:
        return masker.mask(text)[0]
    except MaskingError:
        return _UNCHECKED


def mask_names(completion: Completion, masker: Masker) -> None:
    """Mask what the record names of an answer: it was read from the frames as they came."""
    if completion.model_used:
        completion.model_used = masked_name(masker, completion.model_used)[:NAME_MAX]
    for choice, reason in completion.finish_reasons.items():
        completion.finish_reasons[choice] = masked_name(masker, reason)[:NAME_MAX]
    for tool in completion.tools.values():
        tool.name = masked_name(masker, tool.name)[:NAME_MAX]
        if tool.call_id:
            tool.call_id = masked_name(masker, tool.call_id)[:NAME_MAX]
