"""``tailnumber mask``: what the gateway would mask in a text, and why; never the values."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from tailnumber.commands.options import DataDir, Json, layout_of
from tailnumber.errors import CheckFailed, CommandError
from tailnumber.output import console, print_json, printable, say, table

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
    from tailnumber.masking import (
        DEMONSTRATION_KEY,
        TextMasker,
        build_masker,
        tenant_key,
        wanted_of,
    )

    key = tenant_key(layout_of(data_dir))
    wanted = replace(wanted_of(policy, rules or [], tier2, pii), engine=engine)
    masker = TextMasker(build_masker(wanted, key or DEMONSTRATION_KEY), delta_characters=stream)
    if jsonl:
        _mask_lines(masker.answer, file)
        return
    text, findings = masker.mask(_read_all(file), None if file == "-" else file)
    if as_json:
        print_json({"masked": text, "findings": findings})
    else:
        _show(text, findings)
        if key is None:
            say(
                "No stack has run on the data directory: placeholders are made with a demonstration"
                " key, and a gateway's differ.",
                style="dim",
            )
    if findings:
        raise typer.Exit(1)


def _read_all(file: str) -> str:
    from tailnumber.masking import read_text

    if file != "-":
        return read_text(Path(file))
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise CommandError(f"Standard input is not UTF-8 text (byte {error.start}).") from None


def _show(text: str, findings: Sequence[dict[str, Any]]) -> None:
    names = [finding["placeholder"] for finding in findings if finding["placeholder"]]
    if findings:
        rows = (
            [
                f"{each['line']}:{each['column']}",
                each["rule_id"],
                each["tier"],
                each["description"],
                each["placeholder"] or "recorded only",
            ]
            for each in findings
        )
        console().print(table(("place", "rule", "tier", "what it is", "placeholder"), rows))
    recorded = len(findings) - len(names)
    if text:
        console().print(_highlighted(text, names), soft_wrap=True)
    say(f"{len(names)} masked, {recorded} recorded only." if findings else "Nothing found.", "bold")
    if recorded:
        say("What is recorded only stays in the text; --tier2 mask masks it.", "dim")


def _highlighted(text: str, placeholders: Iterable[str]) -> Text:
    shown = Text(printable(text))
    names = "|".join(map(re.escape, sorted(set(placeholders), key=len, reverse=True)))
    if names:
        shown.highlight_regex(re.compile(names), "bold black on yellow")
    return shown


def _mask_lines(answer_to: Callable[[bytes, int], dict[str, Any]], file: str) -> None:
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
                answer = answer_to(line, number)
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
