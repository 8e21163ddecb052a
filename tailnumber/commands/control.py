"""``tailnumber control``: the database that gateways of several machines share."""

from typing import Annotated

import typer

from tailnumber.commands.options import DataDir, Json, layout_of
from tailnumber.errors import CheckFailed
from tailnumber.output import print_json, say

app = typer.Typer(
    help="The control database on PostgreSQL: its version, and bringing it to this program's. "
    "Its address is TAILNUMBER_CONTROL_DATABASE, for these and for every command that needs keys "
    "or holds; without it they use control.db of the data directory.",
    no_args_is_help=True,
)

_ADVICE = {
    "empty": "it has no tables yet; run: tailnumber control migrate",
    "older": "run: tailnumber control migrate",
    "newer": "it belongs to a newer Tailnumber; use that one",
}


@app.command(epilog="Example:  tailnumber control status")
def status(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Say where the control state is and whether its version is this program's."""
    from ingress.control import migrating, postgres
    from tailnumber.control import control_server

    with control_server(layout_of(data_dir)) as engine:
        if engine is None:
            if as_json:
                print_json({"database": "control.db", "state": "current"})
            else:
                say("SQLite in the data directory: its tables are made when it is opened.")
            return
        name, there = postgres.place(engine.url), migrating.versions(engine)
    if as_json:
        print_json(
            {
                "database": name,
                "state": there.state,
                "version": there.database,
                "program_version": there.program,
            }
        )
    else:
        say(f"{name}: version {there.database or 'none'}; this program's: {there.program}")
    if there.state != "current":
        raise CheckFailed(f"The control database is {there.state}: {_ADVICE[there.state]}")


@app.command(epilog="Example:  tailnumber control migrate")
def migrate(
    to: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Go to this version, back too, before an older program runs again. "
            "Default: this program's.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Bring the control database to this program's version, before its gateways start.

    All or nothing, in one transaction; of several at once one works and the others wait for it.
    Make a backup first: what a version took away is not brought back by going back to it.
    """
    from ingress.control import migrating, postgres
    from tailnumber.control import control_server
    from tailnumber.errors import CommandError

    with control_server(layout_of(data_dir)) as engine:
        if engine is None:
            raise CommandError(
                "TAILNUMBER_CONTROL_DATABASE is not set: SQLite needs no migration, and the "
                "address of a PostgreSQL database is not known."
            )
        before = migrating.migrate(engine, to)
        name, now = postgres.place(engine.url), migrating.versions(engine)
    if as_json:
        print_json({"database": name, "from": before.database, "to": now.database})
    elif before.database == now.database:
        say(f"{name} is at version {now.database} already.")
    else:
        say(f"{name} went from version {before.database or 'none'} to {now.database}.")


@app.command("import", epilog="Example:  tailnumber control import --data-dir /var/lib/tailnumber")
def import_state(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Copy control.db of a data directory into the shared database, which must be empty.

    Stop the gateway of that directory before. Its secrets must be those of the new gateways.
    """
    from ingress.control.migrating import import_rows
    from ingress.control.store import open_sqlite
    from ingress.errors import IngressError
    from tailnumber.control import control_state
    from tailnumber.errors import CommandError

    layout = layout_of(data_dir)
    if not layout.control_db.exists():
        raise CommandError(f"There is no {layout.control_db} to copy.")
    with control_state(layout) as engine:
        if engine.dialect.name == "sqlite":
            raise CommandError(
                "TAILNUMBER_CONTROL_DATABASE is not set: there is nowhere to copy to."
            )
        source = open_sqlite(layout.control_db)
        try:
            count = import_rows(source, engine)
        except IngressError as error:
            raise CommandError(f"{error}.") from error
        finally:
            source.dispose()
    if as_json:
        print_json({"row_count": count})
    else:
        say(f"{count} rows were copied. The file stays: delete it when the gateways serve.")
