import socket

import pytest

from tailnumber.stack.layout import Layout, locked


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_up_on_a_port_in_use_says_so_and_the_way_out(tailnumber, taken_port):
    result = tailnumber.on_data("up", "--port", str(taken_port))

    assert result.code == 2
    assert f"Port {taken_port} is in use" in result.err
    assert "--port" in result.err


def test_second_up_on_a_data_directory_is_refused(tailnumber):
    layout = Layout(tailnumber.data_dir)
    layout.create()

    with locked(layout.lock_file):
        result = tailnumber.on_data("up", "--port", "0")

    assert result.code == 2
    assert "A stack already runs" in result.err
    assert "tailnumber down" in result.err


def test_up_with_a_faulty_policy_names_the_place(tailnumber, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nrules: [{id: a, effect: maybe}]\n")

    result = tailnumber.on_data("up", "--port", "0", "--policy", str(policy))

    assert result.code == 2
    assert f"{policy}:2:" in result.err


def test_up_leaves_the_lock_free_after_a_failure(tailnumber, taken_port):
    tailnumber.on_data("up", "--port", str(taken_port))

    assert "already runs" not in tailnumber.on_data("up", "--port", str(taken_port)).err


def test_down_where_nothing_runs_is_no_error(tailnumber):
    result = tailnumber.on_data("down")

    assert result.code == 0
    assert "Nothing runs" in result.out


def test_status_json_where_nothing_runs_is_still_a_document(tailnumber):
    result = tailnumber.on_data("status", "--json")

    assert result.code == 1
    assert result.document["running"] is False
