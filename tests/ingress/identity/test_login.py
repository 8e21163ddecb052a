from datetime import timedelta

import pytest

from ingress.errors import PolicyError
from ingress.identity.issuers import load_issuers
from ingress.identity.login import Login

ENTRY = "{issuer: 'https://i.example', profile: okta, audiences: [a], groups_claim: groups, %s}"


def issuer(more):
    (found,) = load_issuers(f"version: 1\nissuers:\n  - {ENTRY % more}\n", "i.yaml")
    return found


def test_login_has_defaults_for_all_but_the_client():
    assert issuer("login: {client_id: cli}").login == Login(
        name="okta",
        client_id="cli",
        scopes=("openid", "offline_access"),
        flows=("device", "browser"),
    )


def test_login_says_what_its_issuer_wants():
    login = issuer(
        "login: {client_id: cli, name: corp, scopes: [openid], flows: [browser], audience: 'api://x'}"
    ).login

    assert login == Login("corp", "cli", ("openid",), ("browser",), "api://x")


def test_issuer_without_a_login_is_for_nobody_at_a_command_line():
    found = issuer("kind: human")

    assert found.login is None
    assert found.key_lifetime == timedelta(hours=24)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("login: {name: corp}", "key 'client_id' is missing"),
        ("login: {client_id: cli, client_secret: x}", "client_secret"),
        ("login: {client_id: cli, flows: [password]}", "password"),
        ("login: {client_id: 'a b'}", "printable ASCII"),
        ("key_lifetime: 2d", "5m to 24h"),
        ("key_lifetime: 10s", "5m to 24h"),
        ("key_lifetime: forever", "duration"),
    ],
    ids=["no client", "secret", "flow", "blank", "too long", "too short", "no time"],
)
def test_fault_is_told_with_its_place(more, fault):
    with pytest.raises(PolicyError, match=fault) as refused:
        issuer(more)

    assert refused.value.problems[0].line == 3
