import socket

import pytest

from tailnumber.errors import SignInFailed
from tailnumber.login.wire import host_of


def test_object_of_an_answer_is_read_whatever_its_status(wire, gateway):
    gateway.instead["/x"] = [(418, {"error": "teapot", "error_description": "short\nand stout"})]

    answer = wire.get(f"{gateway.url}/x")

    assert (answer.status, answer.ok, answer.error) == (418, False, "teapot")
    assert answer.reason == "teapot: short and stout"


@pytest.mark.parametrize(
    "body", [b"<html>", b"[1]", b"", b"\xff"], ids=["html", "list", "empty", "binary"]
)
def test_answer_without_an_object_has_no_members(wire, gateway, body):
    gateway.instead["/x"] = [(200, body)]

    answer = wire.get(f"{gateway.url}/x")

    assert dict(answer.members) == {}
    assert answer.error == "HTTP 200"


def test_text_of_an_error_cannot_move_the_cursor(wire, gateway):
    gateway.instead["/x"] = [(400, {"error": "a\x1b[2Jb", "error_description": "c" * 1000})]

    reason = wire.get(f"{gateway.url}/x").reason

    assert "\x1b" not in reason
    assert len(reason) < 250


def test_answer_that_does_not_end_is_left(wire, gateway):
    gateway.instead["/x"] = [(200, b"x" * 300_000)]

    with pytest.raises(SignInFailed, match="more than a sign-in needs"):
        wire.get(f"{gateway.url}/x")


def test_redirect_is_not_followed(wire, gateway):
    gateway.instead["/x"] = [(302, {})]

    assert wire.get(f"{gateway.url}/x").status == 302
    assert len(gateway.asked) == 1


def test_host_that_is_not_there_is_named_and_nothing_else(wire):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(SignInFailed, match=rf"http://127.0.0.1:{port} does not answer") as failed:
        wire.post(f"http://127.0.0.1:{port}/token?x=1", {"refresh_token": "hidden"})

    assert "hidden" not in str(failed.value)
    assert "token?x" not in str(failed.value)


def test_host_of_a_url_leaves_the_rest_out():
    assert host_of("https://a.example:8443/b?c=d") == "https://a.example:8443"
