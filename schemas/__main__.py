"""Render, check and explain the contract: ``python -m schemas``."""

import argparse
import sys
from collections.abc import Sequence

from schemas import compatibility, cost, render
from schemas.explain import UnknownNameError, explain, names
from schemas.lookml import lookml
from schemas.published import RevisionError, published

OK, FINDINGS, USAGE = 0, 1, 2

_EPILOG = """\
examples:
  python -m schemas render                          write what is rendered, after a change
  python -m schemas render --check                  exit 1 if it was forgotten (for CI)
  python -m schemas check --against origin/main     exit 1 if a published version would break
  python -m schemas docs                            write docs/tables.md and docs/access.md
  python -m schemas cost                            what a million interactions cost
  python -m schemas explain                         list every event, table, view and function
  python -m schemas explain interaction.completed   its fields; @1 asks for version 1
  python -m schemas explain audit.interactions      its columns, partition and retention

exit codes: 0 ok, 1 findings, 2 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parsed = _parser().parse_args(arguments)
    if parsed.command == "render":
        return _render(check=parsed.check)
    if parsed.command == "cost":
        return _cost(parsed.body_bytes, parsed.text_bytes)
    if parsed.command == "docs":
        return _docs(check=parsed.check)
    if parsed.command == "check":
        return _check(parsed.against)
    return _explain(parsed.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m schemas",
        description="The contract: event records, table rows and what is rendered from them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    rendering = commands.add_parser(
        "render", help="write schemas/generated and schemas/looker/views"
    )
    rendering.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is out of date"
    )
    pages = commands.add_parser(
        "docs", help="write docs/tables.md and docs/access.md from the contract"
    )
    pages.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a page is out of date"
    )
    costs = commands.add_parser(
        "cost", help="reckon what a million interactions cost (docs/cost.md)"
    )
    usual = cost.Sizes()
    costs.add_argument(
        "--body-bytes", type=int, default=usual.body, metavar="N", help="of a request, on average"
    )
    costs.add_argument(
        "--text-bytes",
        type=int,
        default=usual.texts,
        metavar="N",
        help="new texts of one, likewise",
    )
    checking = commands.add_parser(
        "check", help="refuse a change that breaks a published event, table or view"
    )
    checking.add_argument(
        "--against", required=True, metavar="REV", help="git revision that was published"
    )
    explaining = commands.add_parser("explain", help="print the fields of an event or a table")
    explaining.add_argument(
        "name", nargs="?", metavar="TYPE[@VERSION]|TABLE", help="without a name: list them all"
    )
    return parser


def _render(*, check: bool) -> int:
    if not check:
        done = [*render.write(), *render.write(render.LOOKER, lookml())]
        _say(*(done or ["everything was up to date"]))
        return OK
    findings = [*render.stale(), *render.stale(render.LOOKER, lookml())]
    if findings:
        _say(*findings, "run `python -m schemas render` and commit what it writes")
        return FINDINGS
    _say("everything is up to date")
    return OK


def _docs(*, check: bool) -> int:
    if not render.DOCS.is_dir():
        return _refuse("no docs folder beside the package; run it in a checkout")
    findings = render.stale_pages()
    if check and findings:
        _say(*(f"{path.name} differs from the contract" for path in findings))
        _say("run `python -m schemas docs` and commit what it writes")
        return FINDINGS
    for path in findings:
        path.write_text(render.pages()[path.name], encoding="utf-8")
    _say(*(f"wrote {path.name}" for path in findings), *(() if findings else ("up to date",)))
    return OK


def _cost(body_bytes: int, text_bytes: int) -> int:
    if body_bytes < 0 or text_bytes < 0:
        return _refuse("a size is not below 0")
    once, bodies = cost.reckon(cost.Sizes(body=body_bytes, texts=text_bytes))
    _say("Each text once", cost.table(once), "", "Every body", cost.table(bodies))
    return OK


def _check(revision: str) -> int:
    try:
        old = published(revision)
    except RevisionError as error:
        return _refuse(str(error))
    if not old:
        _say(f"{revision} has no schemas/generated: nothing was published, nothing can break")
        return OK
    try:
        findings = compatibility.breaks(old, render.documents())
    except (ValueError, KeyError, TypeError):
        return _refuse(f"a file of schemas/generated in {revision} was not rendered by Tailnumber")
    if findings:
        _say(*findings)
        return FINDINGS
    _say(f"nothing that {revision} published would break")
    return OK


def _explain(name: str | None) -> int:
    if name is None:
        _say(*names())
        return OK
    try:
        sys.stdout.write(explain(name))
    except UnknownNameError as error:
        return _refuse(str(error))
    return OK


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"python -m schemas: {sentence}\n")
    return USAGE


if __name__ == "__main__":
    sys.exit(main())
