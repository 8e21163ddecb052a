"""Whose word counts for the client's address: the load balancer's, and nobody else's."""

import pytest
from running_gateway import RunningGateway

THROUGH = {"x-forwarded-for": "203.0.113.9, 198.51.100.7, 10.64.0.5"}
FORGED = {"x-forwarded-for": "192.0.2.1"}


@pytest.fixture(scope="module")
def behind(upstream, tmp_path_factory):
    root = tmp_path_factory.mktemp("behind")
    proxies = "127.0.0.1,10.64.0.0/24"
    with RunningGateway(root, upstream.port, trusted_proxies=proxies) as running:
        yield running


def address(gateway, session, headers, **more):
    gateway.chat("hi", session=session, headers=headers, **more)
    return gateway.only_end(session).client.address


def test_last_address_that_no_proxy_of_ours_has_is_the_clients(behind):
    # What stands further left the client may have written itself.
    assert address(behind, "through", THROUGH) == "198.51.100.7"


def test_connection_without_the_header_counts_as_it_is(behind):
    assert address(behind, "none", {}) == "127.0.0.1"


def test_nobody_is_believed_unless_the_setting_says_so(gateway):
    assert address(gateway, "forged", FORGED) == "127.0.0.1"


def test_refused_caller_is_recorded_by_the_same_address(behind):
    headers = {**THROUGH, "user-agent": "stranger"}
    assert behind.chat("hi", key="wrong", headers=headers).status == 401

    assert behind.denied("stranger").client.address == "198.51.100.7"
