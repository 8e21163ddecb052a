import pytest

from ingress.networks import is_loopback, permits

NEVER = [
    "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254",
    "168.63.129.16", "100.100.100.200", "0.0.0.0", "::", "127.0.0.1", "::1", "224.0.0.1", "ff02::1",
    "255.255.255.255", "240.0.0.1", "::ffff:169.254.169.254", "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "not an address", "",
]  # fmt: skip
PRIVATE = ["10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1"]
PUBLIC = ["1.1.1.1", "140.82.112.3", "2606:4700::1111", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", NEVER)
def test_address_of_this_machine_or_of_the_clouds_metadata_is_never_reached(address):
    assert not permits("public", address)
    assert not permits("private", address)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_address_is_reached_where_the_policy_says_so(address):
    assert not permits("public", address)
    assert permits("private", address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_reached(address):
    assert permits("public", address)
    assert permits("private", address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_upstream_reaches_loopback_and_nothing_else(address):
    assert permits("loopback", address)
    assert not permits("loopback", "10.0.0.1")


def test_host_is_loopback_by_its_form_alone():
    assert is_loopback("localhost")
    assert is_loopback("127.0.0.1")
    assert not is_loopback("localhost.evil.example")
