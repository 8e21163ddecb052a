"""The health check of the gateway's container."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ingress.healthcheck import main


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked, running.status = [], 200
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_gateway_that_answers_is_healthy(server):
    assert main({"TAILNUMBER_PORT": str(server.server_port)}) == 0
    assert server.asked == ["/healthz"]


def test_gateway_that_answers_otherwise_is_not(server):
    server.status = 500

    assert main({"TAILNUMBER_PORT": str(server.server_port)}) == 1


def test_gateway_that_does_not_listen_is_not(server):
    port = str(server.server_port)
    server.shutdown()
    server.server_close()

    assert main({"TAILNUMBER_PORT": port}) == 1
