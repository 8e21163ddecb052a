# ruff: noqa: INP001  (a file that machines get, no package)
"""Write secrets of Google Secret Manager into files of one folder, each only when it has changed.

Runs on a gateway's machine, in the gateway's image and as its account: before the gateway starts,
and once a minute after. The gateway looks at the files four times a second and puts a new policy
or a new list of issuers in force; a file appears whole, by a rename. Standard library alone.

    fetch_secrets.py PROJECT FOLDER FILE=SECRET...
"""

import base64
import http.client
import json
import os
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

_TOKEN_URL: Final = (
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105  (where the token is)
)
_SECRETS_URL: Final = "https://secretmanager.googleapis.com/v1"
_CALL_SECONDS: Final = 10.0
_FILE_MODE: Final = 0o400
# No connection, a refusal, an answer that is cut short or is not what was asked for.
_FAILURES: Final = (OSError, http.client.HTTPException, ValueError, KeyError)


def main(arguments: list[str], token_url: str = _TOKEN_URL, api: str = _SECRETS_URL) -> int:
    """Bring the files up to date; return 0, or 1 if one could not be."""
    project, folder, *wanted = arguments
    failed = False
    try:
        token = _get(token_url, {"Metadata-Flavor": "Google"})["access_token"]
    except _FAILURES as error:
        return _tell(f"no token from the metadata server: {_kind(error)}")
    for file, _, secret in (each.partition("=") for each in wanted):
        url = f"{api}/projects/{project}/secrets/{secret}/versions/latest:access"
        try:
            answer = _get(url, {"Authorization": f"Bearer {token}"})
            _replace(Path(folder, file), base64.b64decode(answer["payload"]["data"]))
        except _FAILURES as error:
            # The others still count; the former version of this one stays.
            failed = bool(_tell(f"secret {secret} was not fetched: {_kind(error)}"))
    return 1 if failed else 0


def _get(url: str, headers: dict[str, str]) -> dict[str, dict[str, str]]:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  (the two URLs above)
    with urllib.request.urlopen(request, timeout=_CALL_SECONDS) as response:  # noqa: S310
        parsed: dict[str, dict[str, str]] = json.load(response)
    return parsed


def _replace(path: Path, data: bytes) -> None:
    """Put ``data`` into the file at once; a file that holds it already is not touched."""
    if path.exists() and path.read_bytes() == data:
        return
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).chmod(_FILE_MODE)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _kind(error: Exception) -> str:
    # An answer's text is not repeated: it is not known what stands in it.
    return str(error.code) if isinstance(error, urllib.error.HTTPError) else type(error).__name__


def _tell(text: str) -> int:
    print(text, file=sys.stderr)  # noqa: T201  (the machine's log)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
