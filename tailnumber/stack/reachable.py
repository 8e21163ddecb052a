"""Say whether ports of this container are open: ``python -m tailnumber.stack.reachable 8085 …``.

For the health checks of the servers that stand in for Google Cloud.
"""

import socket
import sys
from typing import Final

_WAIT_SECONDS: Final = 3.0


def main(ports: list[str]) -> int:
    """Return 0 if something listens on every port of loopback, else 1."""
    try:
        for port in ports:
            socket.create_connection(("127.0.0.1", int(port)), _WAIT_SECONDS).close()
    except OSError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
