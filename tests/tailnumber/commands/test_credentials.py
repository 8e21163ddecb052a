import json

import pytest
from token_server import Answer, TokenServer


def test_value_is_read_from_standard_input_and_kept_encrypted(tailnumber):
    assert tailnumber.on_data("credentials", "set", "copilot", stdin="hush-hush\n").code == 0

    assert tailnumber.on_data("credentials", "list", "--json").document == {
        "credentials": ["copilot"]
    }
    for path in tailnumber.data_dir.rglob("*"):
        assert not path.is_file() or b"hush-hush" not in path.read_bytes()


def test_value_as_an_argument_is_a_usage_error_that_does_not_repeat_it(tailnumber):
    result = tailnumber.on_data("credentials", "set", "copilot", "hush-hush")

    assert result.code == 2


def test_empty_value_is_refused(tailnumber):
    result = tailnumber.on_data("credentials", "set", "copilot", stdin="\n")

    assert result.code == 2
    assert "The value is empty" in result.err


def test_bad_name_is_refused_without_repeating_it(tailnumber):
    result = tailnumber.on_data("credentials", "set", "ghp_Secret", stdin="x")

    assert result.code == 2
    assert "ghp_Secret" not in result.err


def test_list_of_nothing_says_how_to_set_one(tailnumber):
    assert "tailnumber credentials set" in tailnumber.on_data("credentials", "list").out


PEM = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\nBBBB\n-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize("value", [PEM, json.dumps({"type": "service_account"}, indent=2)])
def test_private_key_of_several_lines_is_kept(tailnumber, value):
    assert tailnumber.on_data("credentials", "set", "app", stdin=value).code == 0


def test_other_text_of_several_lines_is_refused_without_repeating_it(tailnumber):
    result = tailnumber.on_data("credentials", "set", "app", stdin="canary\nsecond")

    assert result.code == 2
    assert "PEM" in result.err
    assert "canary" not in result.err


def test_removed_credential_is_gone(tailnumber):
    tailnumber.on_data("credentials", "set", "copilot", stdin="x")

    assert tailnumber.on_data("credentials", "remove", "copilot").code == 0
    assert tailnumber.on_data("credentials", "list", "--json").document == {"credentials": []}
    assert tailnumber.on_data("credentials", "remove", "copilot").code == 2


@pytest.fixture
def server():
    with TokenServer() as running:
        yield running


def check(tailnumber, tmp_path, connection, *more):
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\nconnections:\n  main: {connection}\nrules: []\n")
    tailnumber.on_data("credentials", "set", "x", stdin="canary-credential")
    return tailnumber.on_data("credentials", "check", "x", "--policy", str(policy), *more)


@pytest.mark.parametrize(
    ("status", "code", "said"), [(200, 0, "main: ok: taken"), (401, 1, "main: failed: refused")]
)
def test_check_asks_the_upstream_and_says_what_happened(
    tailnumber, tmp_path, server, status, code, said
):
    server.answers["/v1/models"] = [Answer({"hint": "canary-credential"}, status)]

    result = check(
        tailnumber, tmp_path, f"{{kind: openai, upstream: '{server.url}', credential: secret/x}}"
    )

    assert result.code == code
    assert said in result.out
    assert "canary" not in result.out + result.err
    assert server.asked[0].headers["authorization"] == "Bearer canary-credential"


def test_check_of_a_trade_says_whether_it_was_made(tailnumber, tmp_path, server):
    connection = (
        "{kind: http, upstream: 'https://a.example', credential: secret/x, "
        f"auth: {{oauth: {{token_url: '{server.url}/token', client_id: me}}}}}}"
    )
    server.answers["/token"] = [Answer({"access_token": "t-canary"}), Answer({}, 401)]

    good = check(tailnumber, tmp_path, connection, "--json")
    bad = check(tailnumber, tmp_path, connection, "--json")

    assert (good.code, good.document["checks"][0]["passed"]) == (0, True)
    assert (bad.code, bad.document["checks"][0]["passed"]) == (1, False)
    assert "canary" not in good.out + bad.out


def test_check_of_a_credential_that_no_connection_uses_is_a_usage_error(tailnumber, tmp_path):
    result = check(tailnumber, tmp_path, "{kind: openai, upstream: 'https://a.example'}")

    assert result.code == 2
    assert "No connection" in result.err
