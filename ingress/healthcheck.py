"""Ask the gateway of this container whether it answers: ``python -m ingress.healthcheck``.

It asks ``/healthz``, not ``/readyz``: to restart a gateway that cannot record helps nobody.
"""

import http.client
import os
import sys
from collections.abc import Mapping
from typing import Final

_ANSWER_SECONDS: Final = 4.0
_DEFAULT_PORT: Final = "8080"


def main(environ: Mapping[str, str]) -> int:
    """Return 0 if it answers, else 1."""
    port = int(environ.get("TAILNUMBER_PORT", _DEFAULT_PORT))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return 0 if connection.getresponse().status == http.HTTPStatus.OK else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(os.environ))
