"""``tailnumber rules``: look at masking rules, and try them on their own examples."""

import difflib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.text import Text

from tailnumber.commands.mask import Rules
from tailnumber.commands.options import Json
from tailnumber.errors import CheckFailed, CommandError
from tailnumber.output import console, print_json, printable, say, table

if TYPE_CHECKING:
    from ingress.masking.detect import Detector
    from ingress.masking.rules import Allowance, Pattern, Rule

app = typer.Typer(
    help="Look at masking rules, and try them on their own examples.", no_args_is_help=True
)


@app.command("list", epilog="Example:  tailnumber rules list --family AWS")
def list_rules(
    family: Annotated[
        str, typer.Option(help="Only rules whose id or description has this word, e.g. AWS.")
    ] = "",
    rules: Rules = None,
    as_json: Json = False,
) -> None:
    """List the kinds of secrets that are known: tier 1 is masked, tier 2 as policy says."""
    from tailnumber.masking import BUILTIN, read_rules

    rule_set = read_rules(rules or [BUILTIN])
    chosen = [rule for rule in rule_set.rules if _is_of(rule, family)]
    if as_json:
        print_json({"rules": [_summary(rule) for rule in chosen]})
        return
    if not chosen:
        raise CheckFailed(f"No rule is of the family {family!r}; see: tailnumber rules list")
    rows = ([rule.rule_id, rule.tier, rule.description] for rule in chosen)
    console().print(table(("id", "tier", "description"), rows))
    say(f"{len(chosen)} rule{'s' * (len(chosen) > 1)}", style="dim")
    if rule_set.path_only:
        say(f"Only about file names, of no use here: {', '.join(rule_set.path_only)}", style="dim")


@app.command("test", epilog="Example:  tailnumber rules test our-rules.toml")
def try_examples(
    file: Annotated[
        Path | None,
        typer.Argument(help="Rule file. Default: the builtin rules.", dir_okay=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try each rule on its own true and false examples, and say which do not hold."""
    from importlib import resources

    from ingress.masking.detect import Detector
    from tailnumber.masking import BUILTIN, read_rules, read_text

    rule_set = read_rules([str(file) if file else BUILTIN])
    source = resources.files("ingress.masking").joinpath("builtin.toml")
    lines = _lines_of_rules(read_text(file) if file else source.read_text("utf-8"))
    detector = Detector(rule_set, engine="portable")
    failures: list[dict[str, Any]] = []
    example_count = 0
    for rule in _tracked(rule_set.rules):
        example_count += len(rule.true_examples) + len(rule.false_examples)
        where = {"rule": rule.rule_id, "line": lines.get(rule.rule_id, 0)}
        failures += [where | reason for reason in _broken(detector, rule)]
    untested = [
        rule.rule_id for rule in rule_set.rules if not rule.true_examples + rule.false_examples
    ]
    if as_json:
        counts = {"rules": len(rule_set.rules), "examples": example_count}
        print_json(counts | {"failures": failures, "untested": untested})
    else:
        for each in failures:
            kind, number, result = each["example"], each["number"], each["result"]
            say(f"{rule_set.source}:{each['line']}: {each['rule']}: {kind} {number} {result}")
        say(
            f"{len(rule_set.rules)} rules, {example_count} examples, {len(failures)} failed; "
            f"{len(untested)} rules have no tests."
        )
    if failures:
        raise CheckFailed(f"{len(failures)} example{'s' * (len(failures) > 1)} did not hold.")


@app.command(epilog="Example:  tailnumber rules explain aws-access-key-id")
def explain(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="As `rules list` shows it.")],
    rules: Rules = None,
    as_json: Json = False,
) -> None:
    """Explain one rule: what it matches, what it lets pass, and what stands there instead."""
    from ingress.masking.detect import Detector
    from ingress.masking.mask import Masker
    from tailnumber.masking import BUILTIN, DEMONSTRATION_KEY, read_rules

    rule_set = read_rules(rules or [BUILTIN])
    rule = next((each for each in rule_set.rules if each.rule_id == rule_id), None)
    if rule is None:
        raise CommandError(_unknown(rule_id, [each.rule_id for each in rule_set.rules]))
    detector = Detector(rule_set, engine="portable")
    masker = Masker(detector, DEMONSTRATION_KEY, tier2="mask")
    masked = [masker.mask(text)[0] for text in rule.true_examples]
    spans = [_span(detector, rule, text) for text in rule.true_examples]
    if as_json:
        more = {
            "allowances": [_allowance(item) for item in rule.allowances],
            "true_examples": [
                {"text": text, "start": span and span[0], "end": span and span[1], "masked": after}
                for text, span, after in zip(rule.true_examples, spans, masked, strict=True)
            ],
            "false_examples": rule.false_examples,
        }
        print_json(_summary(rule) | more)
        return
    _show_facts(rule)
    for item in rule.allowances:
        say(f"\nNo secret, when {'all' if item.every else 'one'} of these holds:", "bold")
        _show_allowance(item)
    for text, span, after in zip(rule.true_examples, spans, masked, strict=True):
        say("\nFound in:", "bold")
        shown = Text("  " + printable(text))
        if span:
            shown.stylize("bold black on yellow", span[0] + 2, span[1] + 2)
        console().print(shown, soft_wrap=True)
        say("becomes (placeholders of your gateway differ):", "dim")
        say("  " + printable(after))
    for text in rule.false_examples:
        say("\nNot found in:", "bold")
        say("  " + printable(text))


def _is_of(rule: "Rule", family: str) -> bool:
    words = rf"(?<![a-z0-9]){re.escape(family.lower())}"
    return bool(re.search(words, f"{rule.rule_id} {rule.description}".lower()))


def _summary(rule: "Rule") -> dict[str, Any]:
    return {
        "id": rule.rule_id,
        "tier": rule.tier,
        "description": rule.description,
        "regex": rule.regex,
        "keywords": rule.keywords,
        "entropy": rule.entropy,
        "example_count": len(rule.true_examples) + len(rule.false_examples),
    }


def _lines_of_rules(toml: str) -> dict[str, int]:
    """Return the line on which each rule's id stands."""
    found: dict[str, int] = {}
    for number, line in enumerate(toml.splitlines(), 1):
        named = re.match(r"""\s*id\s*=\s*["']([^"']+)["']""", line)
        if named:
            found.setdefault(named[1], number)
    return found


def _tracked(rules: Sequence["Rule"]) -> Iterator["Rule"]:
    """Yield the rules with a progress bar where a person is looking."""
    quiet = not sys.stderr.isatty()
    yield from track(
        rules, "Trying rules", console=Console(stderr=True), transient=True, disable=quiet
    )


def _broken(detector: "Detector", rule: "Rule") -> Iterator[dict[str, Any]]:
    """Yield the examples that do not hold, by number: an example may be somebody's secret."""
    for number, text in enumerate(rule.true_examples, 1):
        if _span(detector, rule, text) is None:
            yield {"example": "true example", "number": number, "result": "is not found"}
    for number, text in enumerate(rule.false_examples, 1):
        if _span(detector, rule, text):
            yield {"example": "false example", "number": number, "result": "is found"}


def _span(detector: "Detector", rule: "Rule", text: str) -> tuple[int, int] | None:
    spans = detector.scan(text)
    return next(((s.start, s.end) for s in spans if s.rule_id == rule.rule_id), None)


def _unknown(rule_id: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(rule_id, known, 3)
    hint = f" Did you mean {', '.join(near)}?" if near else " See: tailnumber rules list"
    return f"There is no rule {rule_id!r}.{hint}"


def _show_facts(rule: "Rule") -> None:
    say(f"{rule.rule_id}: {rule.description}", "bold")
    kinds = {1: "always masked", 2: "generic: masked or only recorded, as policy says"}
    say(f"  tier       {rule.tier} ({kinds[rule.tier]})")
    say(f"  regex      {rule.regex}")
    say(f"  keywords   {', '.join(rule.keywords) or 'none: every text is searched'}")
    if rule.entropy:
        say(f"  entropy    over {rule.entropy:g} bits a character")
    say(f"  longest    {rule.max_length} bytes")
    if rule.path:
        say(f"  path       {_expression(rule.path)}")


def _show_allowance(item: "Allowance") -> None:
    document = _allowance(item)
    target = document["regex_target"]
    for expression in document["regexes"]:
        say(f"  the {target} matches  {expression}")
    if item.stopwords:
        say(f"  the secret has one of  {', '.join(item.stopwords)}")
    for expression in document["paths"]:
        say(f"  the path matches  {expression}")


def _allowance(item: "Allowance") -> dict[str, Any]:
    return {
        "every": item.every,
        "regex_target": item.regex_target,
        "regexes": [_expression(pattern) for pattern in item.regexes],
        "stopwords": item.stopwords,
        "paths": [_expression(pattern) for pattern in item.paths],
    }


def _expression(pattern: "Pattern") -> str:
    """Return what a compiled expression was written as; RE2's wrapper keeps it as bytes."""
    written = getattr(pattern, "pattern", b"")
    return written.decode("utf-8", "replace") if isinstance(written, bytes) else str(written)
