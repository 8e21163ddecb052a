"""Nothing that a client sends chooses a host (SSRF): a listener beside the upstream is never hit."""

import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def elsewhere():
    """A server that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener
        with pytest.raises(BlockingIOError):
            listener.accept()


def hit(listener):
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def send(gateway, target, *headers):
    lines = [f"GET {target} HTTP/1.1", "Host: gateway", f"Authorization: Bearer {gateway.key}"]
    lines = [*lines, "X-Session-Id: forgery", "X-Scenario: forgery", "Connection: close", *headers]
    return gateway.raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")


@pytest.mark.parametrize(
    "target",
    [
        "http://{evil}/c/passing/x",
        "//{evil}/c/passing/x",
        "/c/passing//{evil}/x",
        "/c/passing/@{evil}/x",
        "/c/passing@{evil}/x",
        "/c/passing/http://{evil}/",
        "/c/passing/..//{evil}",
        "/c/passing/%2e%2e/{evil}",
        "/c/passing/%2f%2f{evil}",
        "/c/passing/\\\\{evil}",
        "/c/passing/%5c%5c{evil}",
        "/c/passing/x?url=http://{evil}",
        "/c/http:%2f%2f{evil}/x",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["X-Forwarded-Host: {evil}", "Forwarded: host={evil}", "X-Original-URL: http://{evil}/"],
    ],
    ids=["plain", "forwarded"],
)
def test_no_form_of_a_request_reaches_another_host(gateway, upstream, elsewhere, target, headers):
    evil = f"127.0.0.1:{elsewhere.getsockname()[1]}"
    before = len(upstream.seen)

    send(gateway, target.format(evil=evil), *(line.format(evil=evil) for line in headers))

    assert not hit(elsewhere)
    for seen in upstream.seen[before:]:
        assert seen.target.startswith("/prefix/")
        assert seen.header("host") == f"127.0.0.1:{upstream.port}"
        assert seen.header("x-forwarded-host") is None


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    parts=st.lists(
        st.sampled_from(
            ["/", "//", "..", ".", "%2e", "%2E%2e", "%2f", "%5c", "\\", "@", ":", ";", "%3b", "..;",
             "?", "#", "%00", "%0d%0a", "%252e", "a", "evil.example", "[::1]"]
        ),
        max_size=8,
    )
)  # fmt: skip
def test_no_path_leaves_the_upstreams_prefix(gateway, upstream, parts):
    before = len(upstream.seen)

    send(gateway, "/c/passing/" + "".join(parts))

    for seen in upstream.seen[before:]:
        path = seen.target.partition("?")[0]
        assert path.startswith("/prefix/")
        assert ".." not in path.split("/")
        assert seen.header("host") == f"127.0.0.1:{upstream.port}"


def test_redirect_to_another_host_is_not_followed(gateway, upstream, elsewhere):
    from fake_upstream import whole

    evil = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
    upstream.scenarios["away"] = whole(b"", "307 Temporary Redirect", f"Location: {evil}")

    answer = gateway.ask(None, "/c/passing/x", method="GET", session="away")

    assert (answer.status, answer.headers.get("location")) == (307, None)
    assert not hit(elsewhere)
