"""``tailnumber hold``: keep what a matter needs, beyond its time and against erasure."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

import typer

from tailnumber.commands.options import (
    DataDir,
    DeedReason,
    Json,
    Project,
    checked_reason,
    layout_of,
    since_time,
)
from tailnumber.errors import CommandError
from tailnumber.output import console, print_json, say, table

app = typer.Typer(
    help="Legal holds: what one covers neither expires nor is erased until it is released.",
    no_args_is_help=True,
)

_NAME_MAX: Final = 128
_COLUMNS: Final = ("name", "keeps", "placed_at", "released_at", "reason")

Name = Annotated[str, typer.Option("--name", help="Name of the hold, such as a case number.")]


@app.command(
    epilog="Example:  tailnumber hold place --name case-26-117 --reason 'Acme v. Initech' "
    "--repository acme/payments --from 2026-07-01 --to 2026-10-01"
)
def place(  # noqa: PLR0913, PLR0917  (the options of one command)
    name: Name,
    reason: DeedReason,
    principal: Annotated[
        list[str] | None,
        typer.Option(help="ISSUER/SUBJECT, mail address or principal id; may be repeated."),
    ] = None,
    session: Annotated[
        list[str] | None, typer.Option(help="Id of a session; may be repeated.")
    ] = None,
    repository: Annotated[
        list[str] | None, typer.Option(help="OWNER/NAME: every session in it; may be repeated.")
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Nothing before this time, UTC.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Nothing from this time on, UTC.")
    ] = None,
    project: Project = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Place a hold. It keeps rows that match all that is given, and counts at once."""
    name, reason = _checked_name(name), checked_reason(reason)
    begin_at, end_at = _time(begin, "--from"), _time(end, "--to")
    if begin_at and end_at and begin_at >= end_at:
        raise CommandError("--from must lie before --to.")
    if not (principal or session or repository or begin_at or end_at):
        raise CommandError(
            "A hold needs a scope: give --principal, --session, --repository, --from or --to."
        )
    layout = layout_of(data_dir)
    from ingress.control.holds import Holds, Scope
    from tailnumber.answering import open_asked
    from tailnumber.control import control_state, principal_key, this_account
    from tailnumber.lifecycle.holding import copy_now, require_recorded
    from tailnumber.lifecycle.subjects import find_people

    with control_state(layout) as engine, open_asked(project, data_dir) as trail:
        people = [
            person.principal_id
            for who in principal or ()
            for person in find_people(trail, engine, partial(principal_key, layout, engine), who)
        ]
        require_recorded(trail, tuple(session or ()), tuple(repository or ()))
        scope = Scope(
            principal_ids=tuple(dict.fromkeys(people)),
            session_ids=tuple(session or ()),
            repositories=tuple(repository or ()),
            begin=begin_at,
            end=end_at,
        )
        hold = Holds(engine).place(name, reason, scope, this_account(), datetime.now(UTC))
        if hold is None:
            raise CommandError(
                f"A hold named {name!r} is open already; choose another name, or release it first."
            )
        copied = copy_now(trail, engine, datetime.now(UTC))
    if as_json:
        print_json({**_document(hold), "copied_row_count": copied})
        return
    say(f"Hold {hold.name} is placed; it keeps {_keeps(hold)}.")
    say(
        f"{copied} rows that would expire soon were copied to the dataset hold; "
        "`tailnumber retain` copies more as their time comes, run it daily.",
        style="dim",
    )


@app.command(epilog="Example:  tailnumber hold release --name case-26-117 --reason 'settled'")
def release(
    name: Name,
    reason: DeedReason,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Release a hold. What it alone kept beyond its time goes with the next `retain`."""
    reason = checked_reason(reason)
    from ingress.control.holds import Holds
    from tailnumber.control import control_state, this_account

    with control_state(layout_of(data_dir)) as engine:
        hold = Holds(engine).release(name, reason, this_account(), datetime.now(UTC))
    if hold is None:
        raise CommandError(f"No open hold is named {name!r}; see: tailnumber hold list")
    if as_json:
        print_json(_document(hold))
        return
    say(
        f"Hold {hold.name} is released: erasures are possible again, and rows past their time go "
        "with the next: tailnumber retain"
    )


@app.command("list", epilog="Example:  tailnumber hold list --all")
def list_holds(
    released: Annotated[bool, typer.Option("--all", help="Released ones too.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the holds, oldest first: what they keep and why."""
    from ingress.control.holds import Holds
    from tailnumber.control import control_state

    with control_state(layout_of(data_dir)) as engine:
        holds = Holds(engine).list(released=released)
    if as_json:
        print_json({"holds": [_document(hold) for hold in holds]})
    elif holds:
        rows = (
            (hold.name, _keeps(hold), hold.placed_at, hold.released_at, hold.reason)
            for hold in holds
        )
        console().print(table(_COLUMNS, rows))
    else:
        say("No hold is open." if not released else "No hold was ever placed.")


def _document(hold: Any) -> dict[str, Any]:
    return {
        "hold_id": hold.hold_id,
        "name": hold.name,
        "reason": hold.reason,
        "scope": hold.scope.facts(),
        "placed_at": hold.placed_at,
        "released_at": hold.released_at,
    }


def _keeps(hold: Any) -> str:
    scope = hold.scope
    parts = [
        f"{title} {', '.join(values)}"
        for title, values in (
            ("principal", scope.principal_ids),
            ("session", scope.session_ids),
            ("repository", scope.repositories),
        )
        if values
    ]
    if scope.begin:
        parts.append(f"from {scope.begin:%Y-%m-%d %H:%M}")
    if scope.end:
        parts.append(f"until {scope.end:%Y-%m-%d %H:%M}")
    return "; ".join(parts)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= _NAME_MAX or not name.isprintable():
        raise typer.BadParameter(
            f"write one line of 1 to {_NAME_MAX} characters", param_hint="--name"
        )
    return name


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        return since_time(text)
    except typer.BadParameter:
        raise typer.BadParameter(
            "write a date such as 2026-07-01, or a time such as 2026-07-01T08:00",
            param_hint=option,
        ) from None
