import socket
from dataclasses import fields

import pytest

from ingress.settings import Settings
from tailnumber.errors import CommandError
from tailnumber.stack.layout import Layout
from tailnumber.stack.machine import PASSED_ON, prepare


@pytest.fixture(autouse=True)
def no_emulator(monkeypatch):
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "data")


def demo(layout, **more):
    return prepare(layout, **({"port": 0, "demo": True, "policy": None} | more))


def parts(machine):
    return {part.name: part for part in machine.parts(lambda address: None)}


def test_second_demo_finds_key_credential_and_upstream_again(layout):
    first, second = demo(layout), demo(layout)

    assert first.gateway_key == second.gateway_key
    assert first.demo_credential == second.demo_credential
    assert first.demo_port == second.demo_port


def test_demo_credential_is_no_argument_of_any_process(layout):
    machine = demo(layout)

    for part in parts(machine).values():
        assert not any(machine.demo_credential in word for word in part.command)


def test_demo_and_own_policy_are_two_files(layout):
    made = demo(layout)
    own = demo(layout, demo=False)

    assert made.policy_file != own.policy_file
    assert "upstream_demo" in parts(made)
    assert "upstream_demo" not in parts(own)


def test_credential_that_the_policy_needs_is_told(layout):
    assert demo(layout, demo=False).missing_credentials == ("copilot",)
    assert demo(layout).missing_credentials == ()


ISSUERS = """\
version: 1
issuers:
  - {issuer: "https://corp.okta.com", profile: okta, audiences: [a],
     groups_from: {credential: secret/okta-groups}}
"""


def test_issuers_file_of_the_data_directory_is_found_and_another_can_be_named(layout, tmp_path):
    assert demo(layout).issuers_file is None

    layout.issuers_file.write_text("version: 1\nissuers: []\n")
    other = tmp_path / "other.yaml"
    other.write_text(ISSUERS)

    assert demo(layout).issuers_file == layout.issuers_file
    machine = demo(layout, issuers=other)
    assert parts(machine)["ingress"].environ["TAILNUMBER_ISSUERS_FILE"] == str(other)
    assert machine.missing_credentials == ("okta-groups",)


def test_broken_issuers_file_is_told_with_its_place(layout):
    layout.create()
    layout.issuers_file.write_text("version: 1\nissuers: [{issuer: x}]\n")

    with pytest.raises(CommandError, match=r"issuers\.yaml:2:11: key 'profile' is missing"):
        demo(layout)


def test_taken_port_of_the_demo_upstream_is_one_sentence(layout):
    port = demo(layout).demo_port

    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(CommandError, match=f"Port {port}, where the policy .* expects"),
    ):
        demo(layout)


def test_policy_of_a_person_is_never_written(layout, tmp_path):
    policy = tmp_path / "mine.yaml"
    text = "version: 1\nrules: [{id: all, effect: allow}]\n"
    policy.write_text(text)

    machine = demo(layout, demo=False, policy=policy)

    assert machine.policy_file == policy
    assert policy.read_text() == text
    assert not layout.policy_file(demo=False).exists()


def test_every_part_listens_on_loopback_only(layout):
    machine = demo(layout)

    assert parts(machine)["ingress"].environ["TAILNUMBER_HOST"] == "127.0.0.1"
    for part in parts(machine).values():
        assert not any("0.0.0.0" in word for word in (*part.command, *part.environ.values()))


def test_emulator_of_the_environment_takes_the_place_of_ours(layout, monkeypatch):
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:8085")

    machine = demo(layout)

    assert "pubsub" not in parts(machine)
    assert parts(machine)["ingress"].environ["TAILNUMBER_PUBSUB_ADDRESS"] == "127.0.0.1:8085"


def test_endpoints_have_exactly_the_members_that_scripts_rely_on(layout):
    from dataclasses import asdict

    endpoints = asdict(demo(layout).endpoints({"ingress": 1}))

    assert set(endpoints) == {
        "gateway", "console", "gateway_key", "project", "bigquery", "pubsub", "upstream_demo",
        "pids", "demo_credential",
    } - {"demo_credential"}  # fmt: skip


def test_gateway_settings_that_up_leaves_to_the_person_are_those_of_the_gateway():
    known = {f"TAILNUMBER_{item.name.upper()}" for item in fields(Settings)}

    assert set(PASSED_ON) <= known
