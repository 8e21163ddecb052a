"""The caller's keys by the API, and an admin's view; what others have is never told."""

import pytest
import running_gateway
from running_gateway import POLICY, RunningGateway
from sqlalchemy.exc import OperationalError


@pytest.fixture(scope="module")
def gateway(upstream, tmp_path_factory):
    root = tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as patch:
        with_admins = POLICY.replace("rules:\n  -", "admins: [security]\nrules:\n  -", 1)
        patch.setattr(running_gateway, "POLICY", with_admins)
        with RunningGateway(root, upstream.port) as running:
            yield running


def api(gateway, method, path, key):
    return gateway.ask(None, f"/api/v1{path}", method=method, key=key)


def id_of(key):
    return key.split("_")[1]


def test_owner_sees_own_keys_alone_and_which_one_is_in_use(gateway):
    mine, other = gateway.reading.key("lin"), gateway.reading.key("lin")
    gateway.reading.key("grace")

    answer = api(gateway, "GET", "/keys", mine)

    assert answer.status == 200
    assert {key["user"] for key in answer.json["keys"]} == {"lin"}
    assert {key["id"]: key["current"] for key in answer.json["keys"]} == {
        id_of(mine): True,
        id_of(other): False,
    }
    assert mine.encode() not in answer.body


def test_admin_sees_all_keys_and_may_ask_for_one_user_s(gateway):
    admin = gateway.reading.key("root", "security")
    gateway.reading.key("joan")

    everybody = api(gateway, "GET", "/keys", admin).json["keys"]
    joan = api(gateway, "GET", "/keys?user=joan", admin).json["keys"]

    assert {"root", "joan", "ada"} <= {key["user"] for key in everybody}
    assert {key["user"] for key in joan} == {"joan"}


def test_owner_s_revocation_counts_from_the_next_request_and_is_recorded(gateway):
    key = gateway.reading.key("vera")
    assert gateway.chat("hello", key=key, session="before").status == 200

    answer = api(gateway, "DELETE", f"/keys/{id_of(key)}", key)

    assert (answer.status, answer.json["state"]) == (200, "revoked")
    assert gateway.chat("hello", key=key).status == 401
    *_, revoked = gateway.key_events(id_of(key), "key.issued", "key.revoked")
    assert (revoked.principal.subject, revoked.holder.subject) == ("vera", "vera")
    assert revoked.principal.key_id == id_of(key)


def test_admin_revokes_anybody_s_key_and_is_named(gateway):
    admin, key = gateway.reading.key("root", "security"), gateway.reading.key("mary")

    assert api(gateway, "DELETE", f"/keys/{id_of(key)}", admin).status == 200
    assert gateway.chat("hello", key=key).status == 401
    *_, revoked = gateway.key_events(id_of(key), "key.issued", "key.revoked")
    assert (revoked.principal.subject, revoked.holder.subject) == ("root", "mary")


def test_somebody_else_s_key_is_answered_like_no_key(gateway):
    mine, other = gateway.reading.key("lin"), gateway.reading.key("grace")

    others = api(gateway, "DELETE", f"/keys/{id_of(other)}", mine)
    nobody = api(gateway, "DELETE", "/keys/nobody00", mine)

    assert (others.status, others.body) == (nobody.status, nobody.body)
    assert others.status == 404
    assert gateway.chat("hello", key=other, session="still").status == 200


def test_stranger_is_refused_and_recorded(gateway):
    headers = {"user-agent": "stranger/1", "authorization": "Bearer nonsense"}

    answer = gateway.ask(None, "/api/v1/keys", method="GET", key="", headers=headers)

    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json["error"]["code"] == "unauthenticated"
    denied = gateway.denied("stranger/1")
    assert (denied.reason_code, denied.path) == ("malformed_key", "/api/v1/keys")


def test_api_describes_itself(gateway):
    document = gateway.ask(None, "/api/v1/openapi.json", method="GET", key="").json

    assert {"/oauth/token", "/api/v1/login", "/api/v1/keys", "/api/v1/keys/{key_id}"} <= (
        document["paths"].keys()
    )


def test_key_that_the_command_line_makes_beside_a_running_gateway_is_recorded(gateway):
    key = gateway.reading.key("dorothy")

    (issued,) = gateway.key_events(id_of(key), "key.issued")

    assert issued.holder.subject == "dorothy"
    assert issued.principal.issuer == "urn:tailnumber:local"


def test_database_that_fails_is_503_without_a_word_of_it(gateway, monkeypatch):
    def failing(**_):
        raise OperationalError("SELECT secret_hash", {}, Exception("disk"))

    key = gateway.reading.key("ada")
    monkeypatch.setattr(gateway.parts.keys, "list", failing)

    answer = api(gateway, "GET", "/keys", key)

    assert (answer.status, answer.json["error"]["code"]) == (503, "identity_unavailable")
    assert b"SELECT" not in answer.body


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("PUT", "/keys", 405)]
)
def test_path_that_the_api_does_not_have_is_refused_in_its_own_shape(gateway, method, path, status):
    answer = gateway.ask(None, f"/api/v1{path}", method=method, key="")

    assert (answer.status, answer.json["error"]["code"]) == (status, "unknown_path")


def test_a_path_of_the_api_that_is_none_is_recorded(gateway):
    key = gateway.reading.key("nobody")

    answer = gateway.ask(
        None, "/api/v1/nothing", method="GET", key=key, headers={"user-agent": "lost/1"}
    )

    denied = gateway.denied("lost/1")
    assert (answer.status, denied.reason_code) == (404, "unknown_path")
    assert (denied.path, denied.http_status) == ("/api/v1/nothing", 404)


def test_a_key_in_an_unknown_path_of_the_api_is_refused_and_not_named(gateway):
    key = gateway.reading.key("careless")

    answer = gateway.ask(
        None, f"/api/v1/{key}", method="GET", key=key, headers={"user-agent": "lost/2"}
    )

    denied = gateway.denied("lost/2")
    assert (answer.status, denied.reason_code) == (401, "key_in_url")
    assert key not in str(denied)
