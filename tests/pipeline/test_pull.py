"""Directories are pulled into one file, which is replaced whole or not at all."""

import json
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline.__main__ import main
from pipeline.enrichment.directory import Person, read_directory
from pipeline.enrichment.people import ENTERPRISE

TOKEN = "canary-token-71f2"


class FakeDirectory:
    """Answers the three APIs in pages of one person; notes what was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.next_host = ""
        self.asked: list[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.asked.append(self.path)
                allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
                body = json.dumps(fake.page(self.path)).encode()
                self.send_response(fake.status if allowed else 401)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def page(self, path: str) -> dict[str, Any]:
        parts, query = urlsplit(path).path, parse_qs(urlsplit(path).query)
        if parts == "/scim/Users":
            start = int(query["startIndex"][0])
            return {"totalResults": 3, "Resources": SCIM[start - 1 : start]}
        if parts == "/entra/users":
            at = int(query.get("$skiptoken", ["0"])[0])
            link = f"{self.next_host or self.url}/entra/users?$skiptoken={at + 1}"
            return {"value": ENTRA[at : at + 1]} | ({"@odata.nextLink": link} if at == 0 else {})
        if parts == "/google/users":
            at = int(query.get("pageToken", ["0"])[0])
            return {"users": GOOGLE[at : at + 1]} | ({"nextPageToken": "1"} if at == 0 else {})
        return {}


SCIM: list[dict[str, Any]] = [
    {
        "id": "1",
        "externalId": "s-ada",
        "userName": "ada@acme.example",
        "userType": "employee",
        "addresses": [{"country": "DE"}],
        ENTERPRISE: {"department": "Payments", "costCenter": "CC-7", "manager": {"value": "2"}},
    },
    {"id": "2", "userName": "grace", "emails": [{"value": "grace@acme.example", "primary": True}]},
    {"id": "3", "userName": "gone@acme.example", "active": False},
]
MANAGER = {"mail": "grace@acme.example"}
ENTRA = [
    {
        "mail": "ada@acme.example",
        "department": "Payments",
        "employeeType": "employee",
        "employeeOrgData": {"costCenter": "CC-7"},
        "usageLocation": "DE",
        "manager": MANAGER,
    },
    {"mail": None, "userPrincipalName": "gone@acme.example", "accountEnabled": False},
]
GOOGLE = [
    {
        "id": "s-ada",
        "primaryEmail": "ada@acme.example",
        "organizations": [
            {"department": "old"},
            {
                "primary": True,
                "department": "Payments",
                "costCenter": "CC-7",
                "description": "employee",
            },
        ],
        "relations": [{"type": "manager", "value": "grace@acme.example"}],
        "addresses": [{"countryCode": "DE"}],
    },
    {"id": "9", "primaryEmail": "gone@acme.example", "suspended": True},
]
ADA = Person("Payments", "CC-7", "employee", "grace@acme.example", "DE")


@pytest.fixture
def directory() -> Iterator[FakeDirectory]:
    fake = FakeDirectory()
    yield fake
    fake.close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(TOKEN + "\n")
    return tmp_path / "directory.csv"


def _pull(directory: FakeDirectory, out: Path, kind: str) -> int:
    url = f"{directory.url}/{kind}"
    token = str(out.parent / "token")
    return main(["directory", "pull", kind, "--url", url, "--token-file", token, "--out", str(out)])


@pytest.mark.parametrize("kind", ["scim", "entra", "google"])
def test_people_of_every_page_are_in_the_file_without_those_who_left(
    directory: FakeDirectory, out: Path, kind: str
) -> None:
    assert _pull(directory, out, kind) == 0

    people = read_directory(out.read_bytes(), "directory.csv")
    assert people.find("?", "ada@acme.example") == ADA
    assert people.find("?", "gone@acme.example") is None
    assert len(directory.asked) > 1
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("status", [302, 401, 403, 500])
def test_directory_that_refuses_leaves_the_file_as_it_was(
    directory: FakeDirectory, out: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    out.write_text("as it was")
    directory.status = status

    assert _pull(directory, out, "scim") == 1

    error = capsys.readouterr().err
    assert f"the directory answered {status}; " in error
    assert TOKEN not in error
    assert out.read_text() == "as it was"
    assert sorted(path.name for path in out.parent.iterdir()) == ["directory.csv", "token"]


def test_token_goes_to_no_other_host(
    directory: FakeDirectory, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory.next_host = "https://evil.example"

    assert _pull(directory, out, "entra") == 1
    assert "the directory's next page is on another host" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--url", "http://directory.example"], "a directory is asked over https"),
        ([], "scim needs --url"),
    ],
)
def test_wrong_address_is_said(
    out: Path, capsys: pytest.CaptureFixture[str], more: list[str], sentence: str
) -> None:
    token = str(out.parent / "token")
    arguments = ["directory", "pull", "scim", "--token-file", token, "--out", str(out), *more]

    assert main(arguments) == 1
    assert sentence in capsys.readouterr().err
