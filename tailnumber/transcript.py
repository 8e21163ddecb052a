"""Print a session as a conversation: per turn what was new, what came back, what was found."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tailnumber.output import as_utc, printable, say

# Lines of one text that are shown without --full.
_LINES_MAX: Final = 14
_STATUS_STYLES: Final[Mapping[str, str]] = {
    "completed": "green",
    "blocked": "bold red",
    "failed": "yellow",
}
_KINDS: Final[Mapping[str, str]] = {
    "prefix": "code before the cursor",
    "suffix": "code after the cursor",
    "tool_result": "tool result",
    "tool_arguments": "tool arguments",
    "reasoning": "reasoning",
    "other": "parameters and tools",
}
# Operations in which a client fetches its token or a list; they carry no prompt.
_QUIET: Final = frozenset({"token", "user", "models"})


def print_transcript(session_id: str, turns: list[dict[str, Any]], *, full: bool) -> None:
    """Print the turns; without ``full``, only new texts, and long ones cut."""
    first, last = turns[0], turns[-1]
    client = " ".join(filter(None, (first["client_name"], first["client_version"])))
    begin, end = as_utc(first["requested_at"]), as_utc(last["requested_at"])
    say(f"Session {session_id}", style="bold")
    say(
        f"{who(first)} with {client}, {len(turns)} interaction{'s' * (len(turns) > 1)}, "
        f"{begin:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC"
    )
    known: set[str] = set()
    for number, turn in enumerate(turns, start=1):
        say()
        for line, style in _turn(number, turn, known, full=full):
            say(line, style=style)


def who(row: Mapping[str, Any]) -> str:
    """Return whom a row is about, as a person would call them."""
    return str(row["principal_email"] or row["principal_subject"])


def _turn(
    number: int, turn: dict[str, Any], known: set[str], *, full: bool
) -> Iterator[tuple[str, str | None]]:
    yield _headline(number, turn), _STATUS_STYLES.get(turn["status"], "bold")
    about = [f"rule {turn['rule_id']}"]
    about += [f"repository {turn['repository']}"] if turn["repository"] else []
    about += [f"file {path}" for path in turn["file_paths"][:4]]
    if full or turn["operation"] not in _QUIET:
        yield "   " + " · ".join(about), "dim"
    hidden = 0
    for part in turn["prompt"]:
        if full or (part["new"] and part["kind"] != "other"):
            yield from _text(">", _label(part), part, full=full)
        elif not part["new"]:
            hidden += 1
    if hidden:
        yield f"   > {hidden} part{'s' * (hidden > 1)} as before", "dim"
    for part in turn["completion"]:
        if part["kind"] != "tool_arguments":
            yield from _text("<", _label(part), part, full=full)
    for call in turn["tool_calls"]:
        paths = f" on {', '.join(call['file_paths'])}" if call["file_paths"] else ""
        shown = {"text": call["arguments"], "state": "not stored"}
        yield from _text("<", f"calls the tool {call['name']}{paths}", shown, full=full)
    yield from _findings(turn, known, full=full)
    yield from _end(turn)


def _headline(number: int, turn: dict[str, Any]) -> str:
    model = turn["model_used"] or turn["model"]
    words = [f"{number:<2} {as_utc(turn['requested_at']):%H:%M:%S}", turn["operation"]]
    words += [model] if model else []
    words.append(turn["status"])
    if turn["duration_seconds"] is not None:
        words[-1] += f" in {turn['duration_seconds']:.2f} s"
    if turn["input_tokens"] is not None:
        words.append(f"{turn['input_tokens']} -> {turn['output_tokens']} tokens")
    return "  ".join(words)


def _findings(
    turn: dict[str, Any], known: set[str], *, full: bool
) -> Iterator[tuple[str, str | None]]:
    """Show each secret where it came first; a client repeats it with every later turn."""
    repeated = 0
    for finding in turn["findings"]:
        if finding["fingerprint"] in known and not full:
            repeated += 1
            continue
        known.add(finding["fingerprint"])
        way = "before it left" if finding["direction"] == "to_upstream" else "in the answer"
        yield f"   ! {finding['action']} {finding['rule_id']} {way} ({finding['location']})", "red"
    if repeated:
        yield f"   ! {repeated} finding{'s' * (repeated > 1)} as before", "red"


def _end(turn: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    if turn["status"] == "blocked":
        yield f"   x refused: {turn['reason_code']}, HTTP {turn['http_status']}", "bold red"
    elif turn["status"] == "failed":
        yield f"   x failed: {turn['reason_code']}, HTTP {turn['http_status']}", "yellow"
    elif turn["status"] == "requested":
        yield "   … no end was recorded yet", "dim"


def _label(part: Mapping[str, Any]) -> str:
    kind = _KINDS.get(part["kind"] or "")
    return f"{part['role'] or 'text'}" + (f", {kind}" if kind else "")


def _text(
    mark: str, label: str, part: Mapping[str, Any], *, full: bool
) -> Iterator[tuple[str, str | None]]:
    yield f"   {mark} {label}", "cyan" if mark == ">" else "magenta"
    if part["text"] is None:
        yield f"     ({part['state']})", "dim"
        return
    lines = printable(part["text"]).expandtabs(4).strip("\n").splitlines() or [""]
    shown = lines if full else lines[:_LINES_MAX]
    for line in shown:
        yield f"     {line}", None
    if len(lines) > len(shown):
        yield f"     … {len(lines) - len(shown)} more lines; see them with --full", "dim"
