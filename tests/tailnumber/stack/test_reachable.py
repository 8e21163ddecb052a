"""The health check of the stand-ins' containers."""

import socket

from tailnumber.stack.reachable import main


def test_ports_that_listen_are_reachable_and_others_are_not():
    with socket.create_server(("127.0.0.1", 0)) as one, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        open_port, closed_port = (str(each.getsockname()[1]) for each in (one, closed))

        assert main([open_port]) == 0
        assert main([open_port, closed_port]) == 1
