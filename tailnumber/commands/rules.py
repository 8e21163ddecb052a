"""``tailnumber rules``: look at masking rules, and try them on their own examples."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import track
from rich.text import Text

from tailnumber.commands.mask import Rules
from tailnumber.commands.options import Json
from tailnumber.errors import CheckFailed
from tailnumber.output import console, print_json, printable, say, table

app = typer.Typer(
    help="Look at masking rules, and try them on their own examples.", no_args_is_help=True
)

ItemT = TypeVar("ItemT")


@app.command("list", epilog="Example:  tailnumber rules list --family AWS")
def list_rules(
    family: Annotated[
        str, typer.Option(help="Only rules whose id or description has this word, e.g. AWS.")
    ] = "",
    rules: Rules = None,
    as_json: Json = False,
) -> None:
    """List the kinds of secrets that are known: tier 1 is masked, tier 2 as policy says."""
    from tailnumber.rule_facts import listing

    document = listing(rules or [], family)
    if as_json:
        print_json(document)
        return
    chosen = document["rules"]
    if not chosen:
        raise CheckFailed(f"No rule is of the family {family!r}; see: tailnumber rules list")
    rows = ([rule["id"], rule["tier"], rule["description"]] for rule in chosen)
    console().print(table(("id", "tier", "description"), rows))
    say(f"{len(chosen)} rule{'s' * (len(chosen) > 1)}", style="dim")
    if document["path_only"]:
        names = ", ".join(document["path_only"])
        say(f"Only about file names, of no use here: {names}", style="dim")


@app.command("test", epilog="Example:  tailnumber rules test our-rules.toml")
def try_examples(
    file: Annotated[
        Path | None,
        typer.Argument(help="Rule file. Default: the builtin rules.", dir_okay=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try each rule on its own true and false examples, and say which do not hold."""
    from tailnumber.rule_facts import trial

    document = trial(file, _tracked)
    failures = document["failures"]
    if as_json:
        print_json(document)
    else:
        for each in failures:
            kind, number, result = each["example"], each["number"], each["result"]
            place = f"{file or 'builtin.toml'}:{each['line']}"
            say(f"{place}: {each['rule']}: {kind} {number} {result}")
        say(
            f"{document['rules']} rules, {document['examples']} examples, {len(failures)} failed; "
            f"{len(document['untested'])} rules have no tests."
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
    from tailnumber.rule_facts import explanation

    document = explanation(rules or [], rule_id)
    if as_json:
        print_json(document)
        return
    _show_facts(document)
    for item in document["allowances"]:
        _show_allowance(item)
    for example in document["true_examples"]:
        say("\nFound in:", "bold")
        shown = Text("  " + printable(example["text"]))
        if example["start"] is not None:
            shown.stylize("bold black on yellow", example["start"] + 2, example["end"] + 2)
        console().print(shown, soft_wrap=True)
        say("becomes (placeholders of your gateway differ):", "dim")
        say("  " + printable(example["masked"]))
    for text in document["false_examples"]:
        say("\nNot found in:", "bold")
        say("  " + printable(text))


def _tracked(items: Sequence[ItemT]) -> Iterable[ItemT]:
    """Return the items, with a progress bar where a person is looking."""
    return track(
        items,
        "Trying rules",
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def _show_facts(rule: dict[str, Any]) -> None:
    say(f"{rule['id']}: {rule['description']}", "bold")
    kinds = {1: "always masked", 2: "generic: masked or only recorded, as policy says"}
    say(f"  tier       {rule['tier']} ({kinds[rule['tier']]})")
    say(f"  regex      {rule['regex']}")
    say(f"  keywords   {', '.join(rule['keywords']) or 'none: every text is searched'}")
    if rule["entropy"]:
        say(f"  entropy    over {rule['entropy']:g} bits a character")
    say(f"  longest    {rule['max_length']} bytes")
    if rule["path"]:
        say(f"  path       {rule['path']}")


def _show_allowance(item: dict[str, Any]) -> None:
    say(f"\nNo secret, when {'all' if item['every'] else 'one'} of these holds:", "bold")
    for expression in item["regexes"]:
        say(f"  the {item['regex_target']} matches  {expression}")
    if item["stopwords"]:
        say(f"  the secret has one of  {', '.join(item['stopwords'])}")
    for expression in item["paths"]:
        say(f"  the path matches  {expression}")
