"""Pull a directory into ``directory.csv``: SCIM, Entra ID by Microsoft Graph, Google Workspace.

``python -m pipeline directory pull scim --url https://idp.example/scim/v2 --token-file F --out F``.
Run it by a timer; the pipeline follows the file. The new file is checked before it stands in the
place of the old one: a pull that fails half way changes nothing.
"""

import argparse
import json
import os
import ssl
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

from pipeline.enrichment.directory import read_directory
from pipeline.enrichment.people import Json, Row, from_entra, from_google, from_scim, write_csv
from pipeline.errors import SourceError

_CALL_SECONDS: Final = 30.0
_PAGE_USERS: Final = 500
# A directory that never ends its pages is broken; the largest companies have a few million people.
_PAGES_MAX: Final = 20_000
_ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024

_ENTRA_FIELDS: Final = (
    "mail,userPrincipalName,department,employeeType,employeeOrgData,usageLocation,accountEnabled"
)

Fetch = Callable[[str], Json]


def scim_users(fetch: Fetch, url: str) -> Iterator[Json]:
    """Yield every user. Source: RFC 7644, section 3.4.2.4, pagination from 1."""
    start = 1
    for _ in range(_PAGES_MAX):
        query = urlencode({"startIndex": start, "count": _PAGE_USERS})
        page = fetch(f"{url.rstrip('/')}/Users?{query}")
        users = _listed(page, "Resources")
        yield from users
        start += len(users)
        if not users or start > int(page.get("totalResults", 0)):
            return
    raise SourceError("the directory does not end its pages")


def entra_users(fetch: Fetch, url: str) -> Iterator[Json]:
    """Yield every user. Source: Microsoft Graph, "Paging", ``@odata.nextLink``."""
    query = urlencode(
        {
            "$select": _ENTRA_FIELDS,
            "$expand": "manager($select=mail,userPrincipalName)",
            "$top": _PAGE_USERS,
        }
    )
    base = f"{url.rstrip('/')}/users"
    following: str | None = f"{base}?{query}"
    for _ in range(_PAGES_MAX):
        if following is None:
            return
        page = fetch(following)
        yield from _listed(page, "value")
        link = page.get("@odata.nextLink")
        following = urljoin(base, link) if isinstance(link, str) else None
        # The token is for this directory alone.
        if following and urlsplit(following)[:2] != urlsplit(base)[:2]:
            raise SourceError("the directory's next page is on another host")
    raise SourceError("the directory does not end its pages")


def google_users(fetch: Fetch, url: str) -> Iterator[Json]:
    """Yield every user. Source: Admin SDK Directory API, ``users.list``, ``nextPageToken``."""
    query = {"customer": "my_customer", "projection": "full", "maxResults": str(_PAGE_USERS)}
    for _ in range(_PAGES_MAX):
        page = fetch(f"{url.rstrip('/')}/users?{urlencode(query)}")
        yield from _listed(page, "users")
        following = page.get("nextPageToken")
        if not isinstance(following, str):
            return
        query["pageToken"] = following
    raise SourceError("the directory does not end its pages")


_Kind = tuple[Callable[[Fetch, str], Iterator[Json]], Callable[[Iterator[Json]], list[Row]], str]
KINDS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "scim": (scim_users, from_scim, ""),
        "entra": (entra_users, from_entra, "https://graph.microsoft.com/v1.0"),
        "google": (google_users, from_google, "https://admin.googleapis.com/admin/directory/v1"),
    }
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``directory pull``."""
    parser.add_argument("action", choices=("pull",), help="fetch all people into a file")
    parser.add_argument("kind", choices=tuple(KINDS), help="what kind of directory it is")
    parser.add_argument("--url", help="base URL; needed for scim, known for the others")
    parser.add_argument(
        "--token-file",
        required=True,
        type=Path,
        help="file that holds a bearer token which may read users; never an argument",
    )
    parser.add_argument("--out", required=True, type=Path, help="the directory.csv to replace")


def run(options: argparse.Namespace) -> int:
    """Pull once; return 0, or 1 with one sentence and the old file left as it was."""
    list_users, to_rows, known_url = KINDS[options.kind]
    url = options.url or known_url
    if not url:
        sys.stderr.write(f"pipeline: {options.kind} needs --url\n")
        return 1
    try:
        token = _token(options.token_file)
        rows = to_rows(list_users(lambda address: fetch_json(address, token), url))
        rows = [row for row in rows if row["email"] or row["subject"]]
        data = write_csv(rows)
        read_directory(data, options.out.name)
        _replace(options.out, data)
    except SourceError as error:
        sys.stderr.write(f"pipeline: {error}; {options.out} is as it was\n")
        return 1
    sys.stdout.write(json.dumps({"people": len(rows), "file": str(options.out)}) + "\n")
    return 0


def fetch_json(url: str, token: str) -> Json:
    """Return a JSON object; a redirect is not followed, since it would carry the token along.

    Raises:
        SourceError: the directory did not answer with one. The message holds no answer.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise SourceError("a directory is asked over https")
    request = urllib.request.Request(  # noqa: S310  (the scheme is checked above)
        url, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"}
    )
    opener = urllib.request.build_opener(
        _NoRedirect, urllib.request.HTTPSHandler(context=ssl.create_default_context())
    )
    try:
        with opener.open(request, timeout=_CALL_SECONDS) as answer:
            document = json.loads(answer.read(_ANSWER_BYTES_MAX))
    except urllib.error.HTTPError as error:
        with error:
            raise SourceError(f"the directory answered {error.code}") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"the directory did not answer ({type(error).__name__})") from None
    if not isinstance(document, dict):
        raise SourceError("the directory answered with something else than an object")
    return document


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _listed(page: Json, member: str) -> Sequence[Json]:
    users = page.get(member, [])
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise SourceError(f"the directory's {member} is no list of people")
    return users


def _token(path: Path) -> str:
    try:
        token = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise SourceError(f"{path}: no token can be read there") from None
    if not token:
        raise SourceError(f"{path}: it is empty")
    return token


def _replace(path: Path, data: bytes) -> None:
    """Put the file there at once, readable for this account alone."""
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise SourceError(f"{path}: cannot be written ({error.strerror})") from None
