"""Send keys to a real gateway at right and wrong places; see what leaves it and what is kept."""

import base64
import json

import pytest
from fake_upstream import FakeUpstream
from running_gateway import RunningGateway

from ingress.errors import MisplacedKey
from ingress.identity.keys import KeyStore, LocalIssuer
from ingress.ids import utc_now


@pytest.fixture(scope="module")
def upstream():
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def closed(tmp_path_factory, upstream):
    """A gateway as it comes: keys in headers alone."""
    with RunningGateway(tmp_path_factory.mktemp("closed"), upstream.port) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def opened(tmp_path_factory, upstream):
    """A gateway that takes path keys and proxy passwords."""
    root = tmp_path_factory.mktemp("opened")
    with RunningGateway(root, upstream.port, path_keys="on", proxy_keys="on") as gateway:
        yield gateway


def mint(gateway, user, key_class="header"):
    issuer = LocalIssuer(KeyStore(gateway.reading.engine))
    return issuer.mint(user, now=utc_now(), groups=("engineering",), key_class=key_class)[1]


def state_of(gateway, key):
    record = KeyStore(gateway.reading.engine).find(key.split("_")[1])
    return record.state(utc_now())


def proxied(key):
    encoded = base64.b64encode(f"ada:{key}".encode()).decode()
    return {"proxy-authorization": f"Basic {encoded}", "authorization": "Bearer sk-unused"}


MISPLACED = {
    "query": (lambda key: (f"/v1/chat/completions?api_key={key}", {}), "key_in_url"),
    "escaped": (lambda key: (f"/models?k={key.replace('_', '%5F')}", {}), "key_in_url"),
    "path": (lambda key: (f"/t/{key}/v1/chat/completions", {}), "key_in_url"),
    "referer": (lambda key: ("/models", {"referer": f"https://x/?k={key}"}), "key_in_header"),
    "cookie": (lambda key: ("/models", {"cookie": f"k={key}"}), "key_in_header"),
    "header": (lambda key: ("/models", {"x-goog-api-key": key}), "key_in_header"),
    "passing": (lambda key: (f"/c/passing/x?key={key}", {}), "key_in_url"),
    "telemetry": (lambda key: (f"/telemetry?key={key}", {}), "key_in_url"),
    "api": (lambda key: (f"/api/v1/keys?user={key}", {}), "key_in_url"),
}


@pytest.mark.parametrize("place", MISPLACED)
def test_misplaced_key_is_refused_kept_nowhere_and_reported(closed, upstream, place, caplog):
    key, agent = mint(closed, "ada"), f"misplaced-{place}/1"
    target, reason = MISPLACED[place]
    path, headers = target(key)
    before = len(upstream.seen)

    answer = closed.ask(None, path, method="GET", key=key, headers={"user-agent": agent, **headers})

    assert answer.status == 401
    assert MisplacedKey.CLIENT_TEXT.encode() in answer.body
    denied = closed.denied(agent)
    assert (denied.reason_code, denied.unverified_key_id) == (reason, key.split("_")[1])
    assert len(upstream.seen) == before
    assert state_of(closed, key) == "exposed"
    secret = key.split("_")[2]
    assert secret.encode() not in b"".join(closed.events_raw()) + answer.body
    assert secret not in caplog.text


def test_exposed_key_still_works_where_it_belongs_and_its_owner_sees_it(closed):
    key = mint(closed, "lin")
    closed.ask(None, f"/models?k={key}", method="GET", key=key)

    assert closed.chat("hello", key=key, session="exposed").status == 200
    keys = closed.ask(None, "/api/v1/keys", method="GET", key=key).json["keys"]
    assert [(found["state"], found["exposed_at"] is not None) for found in keys] == [
        ("exposed", True)
    ]


def test_look_alike_exposes_nothing_and_is_answered_the_same(closed):
    key, other = mint(closed, "grace"), mint(closed, "grace")
    guess = other[:13] + "x" * 32 + other[45:]

    real = closed.ask(None, f"/models?k={key}", method="GET", key="")
    alike = closed.ask(None, f"/models?k={guess}", method="GET", key="")

    assert alike.status == real.status
    assert json.loads(alike.body) == json.loads(real.body)
    assert state_of(closed, other) == "valid"


def test_key_in_the_user_agent_is_in_no_record(closed):
    key = mint(closed, "ada")

    closed.ask(None, "/models", method="GET", key="", headers={"user-agent": f"cli/1 {key}"})

    assert closed.denied("cli/1 [gateway key]").reason_code == "key_in_header"


def test_path_key_opens_its_path_and_is_in_no_record(opened, upstream):
    key = mint(opened, "ada", "path")

    answer = opened.chat("hello", path=f"/t/{key}/chat/completions", key="", session="path-key")

    assert answer.status == 200
    end = opened.only_end("path-key")
    assert end.path == "/t/[gateway key]/chat/completions"
    assert end.principal.subject == "ada"
    (seen,) = upstream.of("path-key")
    assert seen.target == "/chat/completions"
    assert key.encode() not in b"".join(opened.events_raw()) + seen.head


def test_proxy_password_lets_its_caller_in_and_stays_here(opened, upstream):
    key = mint(opened, "ada", "proxy")

    answer = opened.chat("hello", key="", session="proxy-key", headers=proxied(key))

    assert answer.status == 200
    assert opened.only_end("proxy-key").principal.subject == "ada"
    (seen,) = upstream.of("proxy-key")
    assert b"proxy-authorization" not in seen.head.lower()
    assert b"sk-unused" not in seen.head


def test_key_of_one_class_is_refused_at_the_place_of_another(opened):
    header, path, proxy = (mint(opened, "ada", name) for name in ("header", "path", "proxy"))
    wrong = {
        "header-in-path": {"path": f"/t/{header}/v1/chat/completions", "key": ""},
        "path-in-header": {"key": path},
        "proxy-in-header": {"key": proxy},
        "header-as-proxy": {"key": "", "headers": proxied(header)},
    }

    for name, request in wrong.items():
        headers = {**request.pop("headers", {}), "user-agent": f"{name}/1"}
        assert opened.chat("hello", headers=headers, **request).status == 401, name
        assert opened.denied(f"{name}/1").reason_code == "wrong_key_class"


def test_proxy_passwords_and_path_keys_are_off_by_default(closed):
    path, proxy = mint(closed, "ada", "path"), mint(closed, "ada", "proxy")
    agent = {"user-agent": "off/1"}

    assert closed.chat("hello", key="", headers=proxied(proxy)).status == 401
    by_path = closed.chat("hello", key="", path=f"/t/{path}/chat/completions", headers=agent)
    assert by_path.status == 401
    assert closed.denied("off/1").reason_code == "key_in_url"


def test_two_keys_at_once_are_refused(opened):
    key, other = mint(opened, "ada", "proxy"), mint(opened, "ada")
    headers = {**proxied(key), "authorization": f"Bearer {other}", "user-agent": "two/1"}

    assert opened.chat("hello", key="", headers=headers).status == 401
    assert opened.denied("two/1").reason_code == "duplicate_credential"
