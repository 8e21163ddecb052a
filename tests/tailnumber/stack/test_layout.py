import json
import socket
import stat

import pytest

from tailnumber.errors import CommandError, StackNotRunning
from tailnumber.stack import layout as layout_module
from tailnumber.stack.layout import (
    Endpoints,
    Layout,
    free_ports,
    is_locked,
    lock_holder,
    locked,
    port_is_free,
    write_private,
)


@pytest.fixture
def layout(tmp_path):
    made = Layout(tmp_path / "data")
    made.create()
    return made


def test_folders_are_closed_to_others(layout):
    assert stat.S_IMODE(layout.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(layout.logs.stat().st_mode) == 0o700


def test_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(CommandError, match="choose another with --data-dir"):
        Layout(tmp_path / "file" / "data").create()


def test_lock_is_held_for_the_block_and_names_its_holder(layout):
    import os

    with locked(layout.lock_file):
        assert is_locked(layout.lock_file)
        assert lock_holder(layout.lock_file) == os.getpid()

    assert not is_locked(layout.lock_file)
    assert lock_holder(layout.lock_file) is None


def test_second_lock_is_refused(layout):
    with locked(layout.lock_file), pytest.raises(BlockingIOError), locked(layout.lock_file):
        pass


def test_private_file_appears_whole_and_closed_to_others(layout):
    path = layout.root / "x.json"
    write_private(path, "old")
    write_private(path, "new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in layout.root.glob(".*")] == []


def test_endpoints_of_a_stack_that_has_ended_are_not_believed(layout):
    write_private(layout.endpoints_file, json.dumps({"gateway": "http://127.0.0.1:1"}))

    with pytest.raises(StackNotRunning, match="No stack runs"):
        layout.read_endpoints()


def test_endpoints_of_a_running_stack_are_read(layout):
    document = {
        "gateway": "g", "console": "c", "gateway_key": "k", "project": "p", "bigquery": "b",
        "pubsub": "h:1", "upstream_demo": None, "pids": {"ingress": 1},
    }  # fmt: skip
    write_private(layout.endpoints_file, json.dumps(document))

    with locked(layout.lock_file):
        assert layout.read_endpoints() == Endpoints(**document)


def test_starting_stack_says_to_wait(layout):
    with locked(layout.lock_file), pytest.raises(StackNotRunning, match="still starting"):
        layout.read_endpoints()


def test_free_ports_differ_and_leave_out_those_in_use(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert not port_is_free(taken)

        found = free_ports(5)

    assert len(set(found)) == 5
    assert all(20_000 <= port < 32_000 for port in found)


def test_no_free_port_is_one_sentence(monkeypatch):
    monkeypatch.setattr(layout_module, "port_is_free", lambda port: False)

    with pytest.raises(CommandError, match="No free port"):
        free_ports(1)
