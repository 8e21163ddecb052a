"""Run one gateway process: ``python -m ingress``; settings come from the environment.

Prints one JSON line with its URL when it serves, and exits 2 with one sentence when it cannot.
"""

import os
import socket
import sys

from ingress.app import create_app
from ingress.errors import IngressError
from ingress.hardening import keep_memory_private
from ingress.server import Server, server_config
from ingress.settings import Settings, settings_table
from ingress.telemetry import configure_logging
from ingress.workers import Workers, inherited_listener


def main() -> int:
    """Serve until a signal; return the exit code."""
    if "--settings" in sys.argv:
        print(settings_table(), end="")  # noqa: T201  (docs/settings.md is made of it)
        return 0
    configure_logging()
    try:
        settings = Settings.from_env(os.environ)
        if settings.core_dumps == "never":
            keep_memory_private()
        listener = inherited_listener(os.environ) or _listen(settings.host, settings.port)
    except (IngressError, OSError) as error:
        return _cannot_start(error)
    if settings.workers > 1:
        return Workers(settings.workers, listener, os.environ).run()
    app = create_app(settings)
    server = Server(server_config(app, trusted_proxies=settings.trusted_proxies))
    try:
        server.run(sockets=[listener])
    except SystemExit:  # how uvicorn ends a start that failed
        if app.start_error is None:
            raise
    if app.start_error is not None:
        return _cannot_start(app.start_error)
    return 0 if server.started else 1


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(
            f"port {port} on {host} cannot be used ({error.strerror}); "
            "stop what listens there or set TAILNUMBER_PORT"
        ) from error
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def _cannot_start(error: Exception) -> int:
    print(f"ingress: {error}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main())
