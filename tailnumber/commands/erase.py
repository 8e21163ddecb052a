"""``tailnumber erase``: destroy the keys of one person's texts."""

from functools import partial
from typing import Annotated, Any

import typer

from tailnumber.commands.options import (
    DataDir,
    DeedReason,
    Json,
    Project,
    checked_reason,
    layout_of,
)
from tailnumber.errors import CheckFailed, CommandError
from tailnumber.output import print_json, say, working


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example:  tailnumber erase --subject ada@acme.example --reason 'ticket 4711' "
        "--dry-run"
    )(erase)


def erase(  # noqa: PLR0913, PLR0917  (the options of one command)
    subject: Annotated[
        str | None,
        typer.Option(
            metavar="WHO", help="ISSUER/SUBJECT, mail address or principal id of the person."
        ),
    ] = None,
    reason: DeedReason = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; it cannot be undone.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish erasures that were interrupted, no other.")
    ] = False,
    project: Project = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Erase a person's texts for good: their keys are destroyed, rows and hashes stay.

    Every proof still verifies. Refused while a legal hold keeps anything of the person. When it is
    final, counting backups and BigQuery's time travel, is told in docs/retention.md.
    """
    layout = layout_of(data_dir)
    if resume == (subject is not None):
        raise CommandError("Say whose texts with --subject, or give --resume alone.")
    if not resume:
        reason = checked_reason(reason)
    from ingress.control.erasure import Erasures
    from ingress.control.holds import Holds
    from tailnumber.answering import open_asked
    from tailnumber.control import control_state, principal_key, this_account
    from tailnumber.lifecycle import erasing
    from tailnumber.lifecycle.subjects import find_people

    with control_state(layout) as engine, open_asked(project, data_dir) as trail:
        erasures, holds = Erasures(engine), Holds(engine)
        if subject is None:
            with working("looking for interrupted erasures") as status:
                finished = erasing.resume(trail, erasures, holds, status.update)
            _tell_resumed(erasures, finished, as_json=as_json)
            return
        people = find_people(trail, engine, partial(principal_key, layout, engine), subject)
        ids = [person.principal_id for person in people]
        counts = erasures.key_counts(ids)
        if dry_run:
            standing = erasing.judge(trail, holds, ids).standing
            _tell_plan(people, counts, standing, as_json=as_json)
            return
        if not (yes or _confirmed(people, counts)):
            raise CommandError("Nothing was erased.")
        with working("asking for legal holds") as status:
            done, standing = erasing.erase(
                trail, erasures, holds, people, reason, this_account(), status.update
            )
    if standing:
        names = ", ".join(hold.name for hold in standing)
        raise CheckFailed(
            f"Nothing was erased: the legal hold {names} keeps texts of this person. The refusal "
            "is recorded; ask again once it is released (tailnumber hold list)."
        )
    count = sum(len(each.key_ids) for each in done)
    if as_json:
        print_json({"state": "done", "erasures": [_document(each) for each in done]})
        return
    say(f"Erased: {count} keys of {len(done)} account(s) are destroyed; their texts open no more.")
    say("When backups have forgotten them too: docs/retention.md", style="dim")


def _confirmed(people: Any, counts: dict[str, int]) -> bool:
    import sys

    for person in people:
        say(f"{_who(person)}: {counts.get(person.principal_id, 0)} keys")
    if not sys.stdin.isatty():
        raise CommandError("Nothing was erased; nobody is here to ask. Give --yes to go on.")
    return typer.confirm("Destroy them? It cannot be undone.")


def _tell_plan(people: Any, counts: dict[str, int], standing: Any, *, as_json: bool) -> None:
    if as_json:
        accounts = [
            {
                "principal_id": person.principal_id,
                "issuer": person.account.issuer,
                "subject": person.account.subject,
                "email": person.account.email,
                "key_count": counts.get(person.principal_id, 0),
            }
            for person in people
        ]
        print_json({"accounts": accounts, "holds": [hold.name for hold in standing]})
        return
    for person in people:
        say(f"{_who(person)}: {counts.get(person.principal_id, 0)} keys would be destroyed")
    for hold in standing:
        say(f"refused as long as the legal hold {hold.name} stands", style="bold red")
    say("Nothing was changed.", style="dim")


def _tell_resumed(erasures: Any, finished: Any, *, as_json: bool) -> None:
    now = {
        each.erasure_id: each for each in erasures.of([begun.principal_id for begun in finished])
    }
    documents = [_document(now[each.erasure_id]) for each in finished]
    if as_json:
        print_json({"erasures": documents})
    elif documents:
        for document in documents:
            say(f"{document['erasure_id']}: {document['state']}")
    else:
        say("No erasure was interrupted.")


def _document(erasure: Any) -> dict[str, Any]:
    return {
        "erasure_id": erasure.erasure_id,
        "principal_id": erasure.principal_id,
        "state": erasure.state,
        "key_count": len(erasure.key_ids),
        "requested_at": erasure.requested_at,
    }


def _who(person: Any) -> str:
    account = person.account
    return f"{account.issuer}/{account.subject}" + (f" ({account.email})" if account.email else "")
