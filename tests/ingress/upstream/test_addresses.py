"""DNS does not choose where the gateway connects: a name that leads elsewhere is refused."""

import asyncio
import socket

import pytest
from scripted_server import Read, ScriptedServer, Send, answer

from ingress.errors import UpstreamAddressRefused
from ingress.upstream.client import UpstreamClient
from ingress.upstream.origin import Origin


class Dns:
    """Answers each question for a name from a list, the last answer again and again."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host, port, **_):
        self.asked += 1
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]


def ask(network, dns, *, host="upstream.example"):
    async def body():
        script = [[Read(), Send(answer())]]
        async with ScriptedServer(script) as server:
            asyncio.get_running_loop().getaddrinfo = dns
            client = UpstreamClient()
            try:
                origin = Origin("http", host, server.port, network)
                response = await client.send(origin, "GET", "/", [])
                await response.read(100)
                return response.status
            finally:
                await client.close()
                assert len(server.events) == (0 if dns.refused else 2)

    return asyncio.run(body())


@pytest.mark.parametrize("network", ["public", "private"])
@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"])
def test_name_that_leads_to_this_machine_is_refused_before_a_connection(network, address):
    dns = Dns([address])
    dns.refused = True

    with pytest.raises(UpstreamAddressRefused, match="network: private"):
        ask(network, dns)


def test_name_is_resolved_once_and_what_was_judged_is_connected_to():
    dns = Dns(["127.0.0.1"], ["169.254.169.254"])
    dns.refused = False

    assert ask("loopback", dns, host="localhost") == 200
    assert dns.asked == 1


def test_address_that_is_permitted_is_taken_out_of_a_mixed_answer():
    dns = Dns(["10.0.0.1", "127.0.0.1"])
    dns.refused = False

    assert ask("loopback", dns) == 200


def test_address_that_refuses_gives_way_to_the_next():
    dns = Dns(["127.0.0.9", "127.0.0.1"])
    dns.refused = False

    assert ask("loopback", dns) == 200
