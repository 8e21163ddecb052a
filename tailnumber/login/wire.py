"""Send the few requests of a sign-in, and read their JSON answers.

No redirect is followed, nothing is sent in clear except to this machine, an answer is read to
256 KiB and no further. What an error says never holds a token, a code or an answer's text beyond
the two error members that OAuth defines.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from tailnumber.errors import SignInFailed
from tailnumber.output import printable

_TIMEOUT_SECONDS: Final = 15.0
_ANSWER_BYTES_MAX: Final = 256 * 1024
_ERROR_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the members of its JSON object; an answer without one has no members."""

    status: int
    members: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether the request was done."""
        return 200 <= self.status < 300

    def text(self, name: str) -> str | None:
        """Return a member if it is a text that is not empty."""
        value = self.members.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def error(self) -> str:
        """Return OAuth's error code, or the status."""
        code = self.text("error")
        return _short(code) if code else f"HTTP {self.status}"

    @property
    def reason(self) -> str:
        """Return the error for a person: the code, and what it is about if that is said."""
        said = self.text("error_description")
        return f"{self.error}: {_short(said)}" if said else self.error


class Wire:
    """One client for a whole sign-in; use as a context manager."""

    def __init__(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._client = httpx.Client(
            timeout=timeout_seconds,
            follow_redirects=False,
            verify=_trust(),
            headers={"accept": "application/json", "user-agent": "tailnumber"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, url: str, key: str | None = None) -> Answer:
        """Ask for a document, if need be with a gateway key.

        Raises:
            SignInFailed: the host cannot be reached or does not speak JSON over HTTP.
        """
        return self._send("GET", url, key=key)

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """Send a form; see ``get``."""
        return self._send("POST", url, form=form)

    def delete(self, url: str, key: str) -> Answer:
        """Delete what a URL names; see ``get``."""
        return self._send("DELETE", url, key=key)

    def _send(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Answer:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        try:
            with self._client.stream(method, url, data=form, headers=headers) as answer:
                body = b""
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _ANSWER_BYTES_MAX:
                        raise SignInFailed(
                            f"{host_of(url)} answered with more than a sign-in needs; "
                            "check that its URL is right."
                        )
                return Answer(answer.status_code, _members(body))
        except httpx.HTTPError as error:
            raise SignInFailed(
                f"{host_of(url)} does not answer ({type(error).__name__}); "
                "check the network and the URL, then try again."
            ) from error


@cache
def _trust() -> ssl.SSLContext:
    """Trust the system's store, so that a company's own authority counts as in its browsers."""
    return ssl.create_default_context()


def host_of(url: str) -> str:
    """Return scheme, host and port of a URL, for a person."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _short(text: str) -> str:
    return printable(" ".join(text.split()))[:_ERROR_LENGTH_MAX].rstrip(".")
