"""Running Pub/Sub servers and clients that talk to them."""

import signal
from collections.abc import Iterator

import pytest
from pubsub_servers import Client, Server


@pytest.fixture
def start(tmp_path):
    """Start our server on a file name; all that still run are killed at the end."""
    servers: list[Server] = []

    def run(file_name: str = "pubsub.db", *arguments: str) -> Server:
        servers.append(Server(tmp_path / file_name, *arguments))
        return servers[-1]

    yield run
    for server in servers:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)


@pytest.fixture
def connect():
    """Connect a client to an address; all are closed at the end."""
    clients: list[Client] = []

    def run(address: str) -> Client:
        clients.append(Client(address))
        return clients[-1]

    yield run
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[Client]:
    """A client of our server, shared by the tests of a module."""
    server = Server(tmp_path_factory.mktemp("pubsub") / "pubsub.db")
    connected = Client(server.address)
    yield connected
    connected.close()
    server.end(signal.SIGTERM)
