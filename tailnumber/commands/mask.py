"""``tailnumber mask``: what the gateway would mask in a text, and why; never the values."""

import json
import re
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from tailnumber.commands.options import DataDir, Json, layout_of
from tailnumber.errors import CheckFailed, CommandError
from tailnumber.output import console, print_json, printable, say, table

if TYPE_CHECKING:
    from ingress.masking.mask import Masker
    from tailnumber.masking import Masked, Wanted

Rules = Annotated[
    list[str] | None,
    typer.Option(
        "--rules",
        metavar="FILE",
        help="Rule file in gitleaks' format, or `builtin`; may be repeated. Default: builtin.",
    ),
]
_EPILOG = (
    "Example:  tailnumber mask notes.txt\n\n"
    "Exit codes: 0 nothing found, 1 something found, 2 usage. With --jsonl: 0 every line was read, "
    "1 a line was not."
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_EPILOG)(mask)


def mask(  # noqa: PLR0913, PLR0917  (the options of one command)
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Text; - is standard input.")] = "-",
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl",
            help='Read a {"text": …, "path": …} a line, write a {"masked": …, "findings": […]}.',
        ),
    ] = False,
    stream: Annotated[
        int,
        typer.Option(
            "--stream", metavar="N", min=0, help="Feed deltas of N characters, as an answer comes."
        ),
    ] = 0,
    rules: Rules = None,
    tier2: Annotated[
        Literal["mask", "audit", "off"] | None,
        typer.Option(help="Generic findings: mask, only record, or ignore. Default: audit."),
    ] = None,
    pii: Annotated[
        str | None, typer.Option(metavar="KIND,…", help="Personal data: email, card, iban, …")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="Take rules, tier2 and pii from a policy file.", dir_okay=False),
    ] = None,
    engine: Annotated[
        Literal["portable", "vectorscan", "auto"],
        typer.Option(help="They find the same; vectorscan is faster and takes longer to start."),
    ] = "portable",
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show what the gateway would mask in a text, and why: rule and place, never the value.

    Placeholders are those of the stack on the data directory, so that they can be looked up there.
    """
    if jsonl and as_json:
        raise CommandError("Choose one of --json and --jsonl.")
    from tailnumber.masking import DEMONSTRATION_KEY, build_masker, tenant_key

    key = tenant_key(layout_of(data_dir))
    wanted = _wanted(policy, rules, tier2, pii)
    masker = build_masker(replace(wanted, engine=engine), key or DEMONSTRATION_KEY)
    if jsonl:
        _mask_lines(masker, file, stream)
        return
    text = _read_all(file)
    masked = _masked(masker, text, None if file == "-" else file, stream)
    if as_json:
        print_json({"masked": masked.text, "findings": _documents(masker, text, masked)})
    else:
        _show(masker, text, masked)
        if key is None:
            say(
                "No stack has run on the data directory: placeholders are made with a demonstration"
                " key, and a gateway's differ.",
                style="dim",
            )
    if masked.findings:
        raise typer.Exit(1)


def _wanted(
    policy: Path | None,
    rules: list[str] | None,
    tier2: Literal["mask", "audit", "off"] | None,
    pii: str | None,
) -> "Wanted":
    """Return what is looked for: the policy's, and what was said beside it."""
    from tailnumber.masking import Wanted, read_policy_masking

    wanted = read_policy_masking(policy) if policy else Wanted()
    if rules:
        wanted = replace(wanted, rules=tuple(rules))
    if tier2:
        wanted = replace(wanted, tier2=tier2)
    if pii is not None:
        wanted = replace(wanted, pii=tuple(kind.strip() for kind in pii.split(",") if kind.strip()))
    return wanted


def _read_all(file: str) -> str:
    from tailnumber.masking import read_text

    if file != "-":
        return read_text(Path(file))
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise CommandError(f"Standard input is not UTF-8 text (byte {error.start}).") from None


def _masked(masker: "Masker", text: str, path: str | None, delta_characters: int) -> "Masked":
    from ingress.masking.errors import MaskingError
    from tailnumber.masking import mask_text

    try:
        return mask_text(masker, text, path=path, delta_characters=delta_characters)
    except MaskingError as error:
        raise CheckFailed(f"The text cannot be checked: {error}.") from error


def _documents(masker: "Masker", text: str, masked: "Masked") -> list[dict[str, Any]]:
    from tailnumber.masking import finding_document, place

    described = {rule.rule_id: rule.description for rule in masker.detector.rules.rules}
    documents: list[dict[str, Any]] = []
    for finding in masked.findings:
        line, column = place(text, finding.start)
        more = {"line": line, "column": column, "description": described.get(finding.rule_id, "")}
        documents.append(finding_document(finding) | more)
    return documents


def _show(masker: "Masker", text: str, masked: "Masked") -> None:
    found = _documents(masker, text, masked)
    names = [finding["placeholder"] for finding in found if finding["placeholder"]]
    if found:
        rows = (
            [
                f"{each['line']}:{each['column']}",
                each["rule_id"],
                each["tier"],
                each["description"],
                each["placeholder"] or "recorded only",
            ]
            for each in found
        )
        console().print(table(("place", "rule", "tier", "what it is", "placeholder"), rows))
    recorded = len(found) - len(names)
    if text:
        console().print(_highlighted(masked.text, names), soft_wrap=True)
    say(f"{len(names)} masked, {recorded} recorded only." if found else "Nothing found.", "bold")
    if recorded:
        say("What is recorded only stays in the text; --tier2 mask masks it.", "dim")


def _highlighted(text: str, placeholders: Iterable[str]) -> Text:
    shown = Text(printable(text))
    names = "|".join(map(re.escape, sorted(set(placeholders), key=len, reverse=True)))
    if names:
        shown.highlight_regex(re.compile(names), "bold black on yellow")
    return shown


def _mask_lines(masker: "Masker", file: str, delta_characters: int) -> None:
    """Answer each line as it comes.

    Raises:
        CheckFailed: some line was no text to mask.
    """
    bad_count = 0
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                answer = _answer(masker, line, number, delta_characters)
                bad_count += "error" in answer
                # Escaped to ASCII: a text may hold half a surrogate pair.
                sys.stdout.write(json.dumps(answer) + "\n")
                sys.stdout.flush()
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    if bad_count:
        raise CheckFailed(f"{bad_count} line{'s' * (bad_count > 1)} could not be masked.")


def _answer(masker: "Masker", line: bytes, number: int, delta_characters: int) -> dict[str, Any]:
    from ingress.masking.errors import MaskingError
    from tailnumber.masking import finding_document, mask_text

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
        masked = mask_text(masker, document["text"], path=path, delta_characters=delta_characters)
    except MaskingError as error:
        return {"error": str(error), "line": number}
    return {
        "masked": masked.text,
        "findings": [finding_document(finding) for finding in masked.findings],
    }
