"""``tailnumber policy``: look at a policy file before the gateway does, and ask it why."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tailnumber.commands import policy_replay
from tailnumber.commands.options import DEFAULT_SINCE, DataDir, Json, Since, layout_of, since_time
from tailnumber.errors import CheckFailed, CommandError
from tailnumber.output import console, print_json, printable, say, table

app = typer.Typer(
    help="Check, explain, test and replay policy files: who may do what, and where it goes.",
    no_args_is_help=True,
)
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="Policy file, YAML.", dir_okay=False),
]


@app.callback()
def policy() -> None:
    """Check, explain, test and replay policy files: who may do what, and where it goes."""


@app.command(epilog="Example:  tailnumber policy check policy.yaml")
def check(
    file: Annotated[Path, typer.Argument(help="Policy file, YAML.", dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Check a policy file and print every problem with its line and column.

    A warning is of what is allowed and surely not meant, such as a condition on `ref` in a rule
    for chats; it fails nothing.
    """
    from ingress.errors import PolicyError, PolicyProblem
    from ingress.policy.load import load_policy

    try:
        text = file.read_bytes().decode()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CheckFailed(f"{file} is not UTF-8 text (byte {error.start}).") from error
    problems: tuple[PolicyProblem, ...] = ()
    warnings: tuple[PolicyProblem, ...] = ()
    good = ""
    try:
        document = load_policy(text, str(file)).document
    except PolicyError as error:
        problems = error.problems
    else:
        warnings = document.warnings
        rules, ways = len(document.rules), len(document.connections)
        good = f"{file}: good. {rules} rules, {ways} connections, digest {document.digest[:16]}…"
    if as_json:
        listed = {"problems": problems, "warnings": warnings}
        told = {name: [each._asdict() for each in found] for name, found in listed.items()}
        print_json({"valid": not problems, **told})
    else:
        lines = [*map(str, problems), *(f"warning: {each}" for each in warnings), good]
        say("\n".join(line for line in lines if line))
    if problems:
        raise CheckFailed(f"{file} has {len(problems)} problem{'s' * (len(problems) > 1)}.")


@app.command(
    epilog="Example:  tailnumber policy explain --as bob --group contractors "
    "--repository acme/payments --model gpt-4.1\n\n"
    "Example:  tailnumber policy explain --interaction 019a7c"
)
def explain(  # noqa: PLR0913, PLR0917  (the facts of an operation)
    interaction: Annotated[
        str | None,
        typer.Option(help="A recorded interaction, by its id's first letters.", metavar="ID"),
    ] = None,
    user: Annotated[str, typer.Option("--as", metavar="USER", help="Who asks.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="A group; may be repeated.")] = None,
    kind: Annotated[Literal["human", "service"], typer.Option(help="Kind of principal.")] = "human",
    email: Annotated[str, typer.Option(help="Mail address.")] = "",
    issuer: Annotated[str, typer.Option(help="Who vouches.")] = "urn:tailnumber:local",
    operation: Annotated[str, typer.Option(help="chat, inline, embeddings, push, …")] = "chat",
    connection: Annotated[str, typer.Option(help="Default: the policy's first.")] = "",
    client: Annotated[str, typer.Option(metavar="NAME", help="Client program.")] = "",
    client_version: Annotated[str, typer.Option(help="Its version.")] = "",
    protocol: Annotated[str, typer.Option(help="Such as openai.chat.")] = "",
    model: Annotated[str, typer.Option(help="Model that is asked for.")] = "",
    repository: Annotated[str, typer.Option(help="As owner/name.")] = "",
    path: Annotated[list[str] | None, typer.Option(help="A file; may be repeated.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    ref: Annotated[str, typer.Option(help="Git ref.")] = "",
    tool: Annotated[str, typer.Option(metavar="NAME", help="Tool that is called.")] = "",
    finding: Annotated[
        list[str] | None, typer.Option(help="A masking rule that found something; repeatable.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="The answer is a stream.")] = False,
    size: Annotated[int, typer.Option(metavar="BYTES", min=0, help="Size of the prompt.")] = 0,
    at: Annotated[
        str, typer.Option("--time", help="Such as 2026-11-20T18:30:00Z. Default: now.")
    ] = "",
    policy_file: PolicyFile = None,
    since: Since = DEFAULT_SINCE,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show why a policy allows or denies, rule by rule; the default policy is the data directory's.

    Of a recorded interaction it shows what this policy says of it now, and what was decided then.
    """
    from tailnumber.policies import explained, made_up, policy_of, read_policy

    layout = layout_of(data_dir)
    facts: dict[str, Any] = {
        "principal.subject": user,
        "principal.groups": tuple(group or ()),
        "principal.email": email,
        "operation": _known_operation(operation),
        "connection": connection,
        "client.name": client,
        "client.version": client_version,
        "protocol": protocol,
        "model": model,
        "repository": repository,
        "paths": tuple(path or ()),
        "languages": tuple(language or ()),
        "ref": ref,
        "tool_name": tool,
        "findings": tuple(finding or ()),
        "stream": stream,
        "size": size,
        "time": _time(at) if at else None,
    }
    if interaction and any(value for name, value in facts.items() if name != "operation"):
        raise CommandError("Choose one: --interaction, or an operation of your own.")
    facts |= {"principal.kind": kind, "principal.issuer": issuer}
    loaded = read_policy(policy_file or policy_of(layout))
    if interaction:
        from tailnumber.recorded import recorded_interaction
        from tailnumber.trail import open_trail

        begin = since_time(since)
        with open_trail(layout.read_endpoints()) as trail:
            asked, row = recorded_interaction(trail, interaction, begin)
        explanation = explained(loaded, asked, row)
    else:
        explanation = explained(loaded, made_up(loaded, facts))
    if as_json:
        print_json(explanation.document())
    else:
        _show(explanation.document())


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"--time is a time such as 2026-11-20T18:30:00Z, not {text!r}."
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _known_operation(name: str) -> str:
    from ingress.policy.document import hint
    from ingress.policy.rules import OPERATIONS

    if name not in OPERATIONS:
        raise CommandError(
            f"--operation is one of {', '.join(OPERATIONS)}, not {name!r}{hint(name, OPERATIONS)}."
        )
    return name


_SAYS = {"always": "true, always", "not_asked": "not for this operation"}


def _show(document: Mapping[str, Any]) -> None:
    asked = {name: value for name, value in document["operation"].items() if value}
    console().print(table(("asked", "value"), asked.items()))
    rows = [
        [
            "=>" if each["decides"] else "",
            each["rule"],
            each["effect"],
            each["condition"] or "",
            _SAYS.get(each["says"], each["says"]) + (f": {each['error']}" if each["error"] else ""),
        ]
        for each in document["rules"]
    ]
    console().print(table(("", "rule", "effect", "condition", "says"), rows))
    decision = document["decision"]
    why = ", ".join(decision["reasons"])
    said = f"{decision['effect']} by {decision['rule']} ({why})"
    say(f"{said}; assurance {decision['assurance']}", "bold")
    if decision["message"]:
        say(printable(decision["message"]))
    if row := document["recorded"]:
        same = row["policy_digest"] == document["policy"]["digest"]
        when = "by this policy" if same else f"by another policy, {row['policy_digest'][:16]}…"
        say(f"Recorded: {row['effect']} by {row['rule_id']}, {when}.", "dim")


@app.command(
    "test",
    epilog="Example:  tailnumber policy test policy.tests.yaml\n\n"
    "Exit codes: 0 all cases pass, 1 a case fails or a file is refused, 2 usage.",
)
def try_cases(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", help="Cases, YAML; x.tests.yaml tests x.yaml.", dir_okay=False
        ),
    ],
    policy_file: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Try the cases of a policy and print those that it answers otherwise."""
    from tailnumber.policies import decision_document, tested

    results = [(file, result) for file in files for result in tested(file, policy_file)]
    failed = [(file, result) for file, result in results if not result.passes]
    if as_json:
        failures = [
            {
                "file": str(file),
                "line": result.case.line,
                "name": result.case.name,
                "expected": {"effect": result.case.effect, "rule": result.case.rule},
                "got": decision_document(result.decision) | {"effect": result.effect},
            }
            for file, result in failed
        ]
        print_json({"case_count": len(results), "failures": failures})
    elif failed:
        rows = [
            [
                f"{file}:{result.case.line}",
                result.case.name,
                f"{result.case.effect or 'any effect'} by {result.case.rule or 'any rule'}",
                f"{result.effect} by {result.decision.rule_id}",
            ]
            for file, result in failed
        ]
        console().print(table(("place", "case", "expected", "got"), rows))
    else:
        say(f"{len(results)} case{'s' * (len(results) != 1)} pass.")
    if failed:
        raise CheckFailed(f"{len(failed)} of {len(results)} cases fail.")


app.command(
    epilog="Example:  tailnumber policy replay new.yaml --since 7d --fail-on-change\n\n"
    "Exit codes: 0 done, 1 the policy is refused or --fail-on-change found one, 2 usage.",
)(policy_replay.replay)
