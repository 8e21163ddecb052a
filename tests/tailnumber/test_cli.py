import subprocess
import sys

import pytest

COMMANDS = (
    "up", "down", "status", "doctor", "demo", "query", "sessions", "replay",
    "keys create", "keys list", "keys revoke", "credentials set", "credentials list",
    "policy check", "policy explain", "policy test", "mask", "rules list", "rules test", "rules explain",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_teaches_by_an_example(tailnumber, command):
    result = tailnumber(*command.split(), "--help")

    assert result.code == 0
    assert f"Example:  tailnumber {command}" in " ".join(result.out.split("\n")).replace("│", "")


def test_unknown_command_is_a_usage_error(tailnumber):
    assert tailnumber("fly").code == 2


def test_help_loads_neither_beam_nor_the_warehouse_nor_google_clients():
    program = (
        "import sys; from tailnumber.cli import app; "
        "heavy = {'apache_beam', 'bqemulator', 'fastapi', 'google.cloud.bigquery', 'sqlalchemy', 'grpc'}; "
        "print(*(heavy & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "command", [["query", "SELECT 1"], ["sessions"], ["replay", "abc"], ["status"]], ids=" ".join
)
def test_command_without_a_stack_says_how_to_start_one_in_one_sentence(tailnumber, command):
    result = tailnumber.on_data(*command)

    assert result.code == (1 if command == ["status"] else 2)
    assert "No stack runs" in result.err
    assert f"tailnumber up --data-dir {tailnumber.data_dir}" in result.err
    assert "Traceback" not in result.err


def test_json_of_a_failed_command_leaves_standard_output_empty(tailnumber):
    assert tailnumber.on_data("sessions", "--json").out == ""
