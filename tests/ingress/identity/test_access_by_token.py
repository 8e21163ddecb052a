"""Walk the whole data path with an OIDC access token: gateway, issuer and upstream on loopback."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from fake_directory import API_TOKEN, FakeDirectory
from fake_upstream import FakeUpstream
from running_gateway import RunningGateway, prepare
from tokens import AUDIENCE, Idp

from ingress.app import running_parts
from ingress.errors import PolicyError, Unauthenticated
from ingress.upstream.credentials import CredentialStore


@pytest.fixture(scope="module")
def idp():
    with Idp() as idp:
        yield idp


@pytest.fixture(scope="module")
def upstream():
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def okta():
    with Idp() as okta:
        yield okta


@pytest.fixture(scope="module")
def directory():
    with FakeDirectory() as directory:
        yield directory


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, upstream, idp, okta, directory):
    root = tmp_path_factory.mktemp("gateway")
    issuers = root / "issuers.yaml"
    entry = {
        "issuer": idp.issuer,
        "profile": "generic",
        "audiences": [AUDIENCE],
        "groups_claim": "groups",
    }
    down = {**entry, "issuer": "http://127.0.0.1:1"}
    source = {"credential": "secret/okta-groups", "url": directory.url}
    asks = {**entry, "issuer": okta.issuer, "profile": "okta", "groups_from": source}
    issuers.write_text(json.dumps({"version": 1, "issuers": [entry, down, asks]}))
    with RunningGateway(root, upstream.port, issuers_file=str(issuers)) as gateway:
        store = CredentialStore(
            gateway.settings.data_dir / "secrets" / "credentials.json", gateway.reading.tenant.kek
        )
        store.put("okta-groups", API_TOKEN)
        yield gateway


def test_access_token_lets_its_caller_in_and_names_it_in_the_record(gateway, idp):
    answer = gateway.chat("hello", session="by-token", key=idp.token(time.time()))

    assert answer.status == 200
    principal = gateway.only_end("by-token").principal
    assert (principal.issuer, principal.subject) == (idp.issuer, "ada")
    assert (principal.groups, principal.kind) == (("engineering",), "human")
    assert (principal.email, principal.key_id) == ("ada@corp.example", None)


def test_access_token_does_not_reach_the_upstream_or_the_record(gateway, idp, upstream):
    token = idp.token(time.time())
    gateway.chat("hello", session="kept-back", key=token)
    gateway.only_end("kept-back")

    signature = token.rpartition(".")[2].encode()
    assert all(signature not in seen.head + seen.body for seen in upstream.seen)
    assert all(signature not in data for data in gateway.events_raw())


def test_policy_sees_the_groups_of_the_token(gateway, idp):
    token = idp.token(time.time(), groups=["contractors"])

    answer = gateway.chat("hello", session="by-group", key=token)

    assert answer.status == 451
    assert b"Contractors may not ask here." in answer.body
    assert gateway.only_end("by-group").event_type == "interaction.blocked"


@pytest.mark.parametrize(
    ("groups", "status"), [(["engineering"], 200), (["contractors"], 451), (None, 401)]
)
def test_policy_sees_the_groups_of_the_directory(gateway, okta, directory, groups, status):
    directory.groups.clear()
    user = f"00u1abcdefghijklm{status}"
    if groups is not None:
        directory.groups[user] = groups
    agent, session = f"by-directory/{status}", f"by-directory-{status}"
    token = okta.token(time.time(), uid=user, cid="cli", scp=["use"], groups=None)

    answer = gateway.chat("hello", session=session, key=token, headers={"user-agent": agent})

    assert answer.status == status
    if groups is None:
        assert gateway.denied(agent).reason_code == "groups_unresolved"
    else:
        assert gateway.only_end(session).principal.groups == tuple(groups)


def test_client_that_acts_for_itself_is_recorded_as_a_service(gateway, idp):
    token = idp.token(time.time(), sub="cli")

    gateway.chat("hello", session="service", key=token)

    assert gateway.only_end("service").principal.kind == "service"


def test_gateway_keys_go_on_beside_tokens(gateway):
    assert gateway.chat("hello", session="by-key").status == 200


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, "expired_access_token"),
        ({"aud": "another"}, "wrong_audience"),
        ({"iss": "https://evil.example"}, "unknown_issuer"),
        ({"groups": None}, "groups_missing"),
        ({"groups": [f"g{number}" for number in range(250)]}, "groups_truncated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusal_tells_the_client_nothing_and_the_record_the_reason(gateway, idp, claims, reason):
    agent = f"test-{reason}/1"
    token = idp.token(time.time(), **claims)

    answer = gateway.chat("hello", key=token, headers={"user-agent": agent})

    assert answer.status == 401
    assert Unauthenticated.CLIENT_TEXT.encode() in answer.body
    assert reason.encode() not in answer.body
    denied = gateway.denied(agent)
    assert denied.reason_code == reason
    assert denied.unverified_issuer == claims.get("iss", idp.issuer)


@pytest.mark.parametrize(
    ("issuer", "recorded"),
    [
        (
            "https://evil.example/\r\n\x1b[31mforged: 1\u202e",
            "https://evil.example/���[31mforged: 1\\u202e",
        ),
        (
            "https://evil.example/?key=zk_live_q7Wm2Xc9Vb4Nn8Rt",
            "https://evil.example/?key=REDACTED",
        ),
        ("https://evil.example/" + "x" * 9000, "https://evil.example/" + "x" * 235),
        ("\ud800", "\\ud800"),
        ("", None),
        (["https://evil.example"], None),
        (None, None),
    ],
    ids=["control", "secret", "long", "surrogate", "empty", "list", "none"],
)
def test_issuer_that_nobody_vouched_for_is_recorded_harmless(gateway, idp, issuer, recorded):
    agent = f"test-claimed-{time.monotonic_ns()}/1"

    answer = gateway.chat(
        "hello", key=idp.token(time.time(), iss=issuer), headers={"user-agent": agent}
    )

    denied = gateway.denied(agent)
    assert (answer.status, denied.reason_code) == (401, "unknown_issuer")
    claimed = denied.unverified_issuer
    assert claimed == recorded or claimed.startswith(recorded), claimed
    assert b"evil" not in answer.body


def test_issuer_that_is_down_is_503_and_recorded(gateway, idp):
    agent = "test-down/1"
    token = idp.token(time.time(), iss="http://127.0.0.1:1")

    answer = gateway.chat("hello", key=token, headers={"user-agent": agent})

    assert answer.status == 503
    assert gateway.denied(agent).reason_code == "identity_unavailable"


def test_copilot_token_is_refused_to_an_access_token_and_recorded(gateway, idp):
    answer = gateway.ask(
        method="GET",
        path="/copilot_internal/v2/token",
        session="no-copilot-token",
        key=idp.token(time.time()),
    )

    assert answer.status == 403
    assert gateway.only_end("no-copilot-token").reason_code == "gateway_key_needed"


def test_running_gateway_follows_its_issuers_file(gateway, idp):
    file = Path(gateway.settings.issuers_file)
    good = file.read_text()
    token = idp.token(time.time())
    assert gateway.chat("hello", key=token).status == 200

    file.write_text('{"version": 1, "issuers": []}')
    until(lambda: gateway.chat("hello", key=token).status == 401)
    file.write_text(good)
    until(lambda: gateway.chat("hello", key=token).status == 200)

    def changes():
        return [m.event for m in gateway.messages() if m.event.event_type == "issuers.changed"]

    until(lambda: len(changes()) == 2)
    removed, added = changes()
    assert idp.issuer in removed.issuers_removed
    assert idp.issuer in added.issuers_added


def test_running_gateway_with_a_broken_issuers_file_goes_on_and_says_where(gateway, idp):
    file = Path(gateway.settings.issuers_file)
    good = file.read_text()

    file.write_text(good + "secret-canary")
    until(lambda: readyz(gateway).json["issuers_error"])
    ready = readyz(gateway)
    metrics = gateway.ask(None, "/metrics", method="GET", key="").body.decode()
    answer = gateway.chat("hello", key=idp.token(time.time()))
    file.write_text(good)
    until(lambda: not readyz(gateway).json["issuers_error"])

    assert (ready.status, answer.status) == (200, 200)
    assert ready.json["issuers_error"][0].startswith("issuers.yaml:1:")
    assert "canary" not in str(ready.json)
    assert "ingress_issuers_problem_count 1.0" in metrics


def readyz(gateway):
    return gateway.ask(None, "/readyz", method="GET", key="")


def until(fact, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def test_gateway_does_not_start_on_a_broken_issuers_file(tmp_path):
    issuers = tmp_path / "issuers.yaml"
    issuers.write_text("version: 1\nissuers: [{issuer: x}]\n")
    settings = prepare(tmp_path, 1, issuers_file=str(issuers))

    async def start():
        async with running_parts(settings):
            pass

    with pytest.raises(PolicyError, match=r"issuers\.yaml:2:11: key 'profile' is missing"):
        asyncio.run(start())
