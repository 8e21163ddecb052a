"""The command line: one typer app. Every command lives in ``tailnumber.commands``.

Exit codes: 0 done, 1 a finding or a failed check, 2 usage or configuration. Nothing of Beam,
FastAPI or the Google clients is loaded before a command needs it.
"""

import sys

import typer

from tailnumber.commands import (
    ask,
    configure,
    control,
    credentials,
    demo,
    doctor,
    erase,
    export,
    hold,
    issuers,
    keys,
    login,
    mask,
    policy,
    query,
    replay,
    retain,
    rules,
    search,
    sessions,
    stack,
)
from tailnumber.errors import CommandError
from tailnumber.output import complain

app = typer.Typer(
    name="tailnumber",
    help=(
        "The audit trail for AI coding agents: who asked what, what was masked, what was refused."
        "\n\nA first look:  tailnumber demo"
        "\n\nYour own:      tailnumber up, then point an editor at the gateway it names."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
stack.register(app)
doctor.register(app)
demo.register(app)
login.register(app)
configure.register(app)
app.add_typer(keys.app, name="keys")
app.add_typer(credentials.app, name="credentials")
app.add_typer(issuers.app, name="issuers")
app.add_typer(policy.app, name="policy")
app.add_typer(rules.app, name="rules")
mask.register(app)
ask.register(app)
query.register(app)
sessions.register(app)
replay.register(app)
search.register(app)
export.register(app)
erase.register(app)
retain.register(app)
app.add_typer(hold.app, name="hold")
app.add_typer(control.app, name="control")


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    try:
        app(arguments, prog_name="tailnumber")
    except CommandError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
