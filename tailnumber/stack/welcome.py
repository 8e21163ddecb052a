"""Say where a stack that has just become ready is reached, and what to do next."""

from tailnumber.output import say
from tailnumber.stack.layout import Layout
from tailnumber.stack.machine import Machine


def welcome(machine: Machine, start_seconds: float) -> None:
    """Print the endpoints and a few commands that work as they stand."""
    layout = machine.layout
    say()
    say(f"Tailnumber is ready ({start_seconds:.1f} s).", style="bold green")
    say()
    say(f"  gateway   {machine.gateway}")
    say(f"  your key  {machine.gateway_key}")
    say(f"  BigQuery  {machine.bigquery} (project {machine.endpoints({}).project})")
    if machine.demo_port:
        say(f"  upstream  http://127.0.0.1:{machine.demo_port}, a made-up Copilot for the demo")
    say(f"  policy    {machine.policy_file}")
    say(f"  data      {layout.root}")
    say(f"  all of it {layout.endpoints_file}")
    say()
    say("Send a first prompt:", style="bold")
    say(f"  curl {machine.gateway}/v1/chat/completions \\")
    say(f"    -H 'Authorization: Bearer {machine.gateway_key}' \\")
    say("    -d '" + _PROMPT + "'")
    say()
    say("and see it in BigQuery:", style="bold")
    for command in next_commands(layout):
        say(f"  {command}")
    for name in machine.missing_credentials:
        say()
        say(
            f"The policy uses the credential {name!r}, which is not set: "
            f"tailnumber credentials set {name}{_option(layout)}",
            style="yellow",
        )
    say()
    say("Stop with Ctrl-C.", style="dim")


_PROMPT = '{"model": "gpt-4.1", "messages": [{"role": "user", "content": "Write a retry loop"}]}'


_QUERY = (
    "SELECT requested_at, principal_subject, model, status FROM audit.interactions "
    "WHERE requested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)"
)


def next_commands(layout: Layout) -> list[str]:
    """Return commands that show what was recorded."""
    option = _option(layout)
    return [
        f"tailnumber sessions{option}",
        f"tailnumber replay SESSION{option}",
        f'tailnumber query "{_QUERY}"{option}',
        f"tailnumber status{option}",
    ]


def _option(layout: Layout) -> str:
    from tailnumber.commands.options import layout_of

    return "" if layout == layout_of(None) else f" --data-dir {layout.root}"
