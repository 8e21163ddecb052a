import base64
import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "terraform/modules/ingress/files/fetch_secrets.py"
TOKEN = "ya29.machine"


class Google(ThreadingHTTPServer):
    """The metadata server and Secret Manager in one; `secrets` is what they hold."""

    def __init__(self) -> None:
        self.secrets: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.token_is_given = True
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Google

    def do_GET(self) -> None:
        if self.path == "/token" and self.headers["Metadata-Flavor"] == "Google":
            self._answer({"access_token": TOKEN} if self.server.token_is_given else None)
            return
        name = self.path.removeprefix("/projects/acme/secrets/").removesuffix(
            "/versions/latest:access"
        )
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        data = self.server.secrets.get(name) if allowed else None
        body = data and {"payload": {"data": base64.b64encode(data).decode()}}
        self._answer(body, missing_bytes=name in self.server.cut)

    def _answer(self, body: object, missing_bytes: int = 0) -> None:
        data = json.dumps(body or {"error": "SECRET-CANARY"}).encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(data) + missing_bytes))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def google() -> Iterator[Google]:
    server = Google()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_secrets", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fetch(script: ModuleType, google: Google, folder: Path, *wanted: str) -> int:
    return script.main(["acme", str(folder), *wanted], f"{google.url}/token", google.url)


def test_a_secret_becomes_a_file_that_its_owner_alone_reads(script, google, tmp_path):
    google.secrets["tailnumber-policy"] = b"version: 1\n"

    assert fetch(script, google, tmp_path, "policy=tailnumber-policy") == 0

    assert (tmp_path / "policy").read_bytes() == b"version: 1\n"
    assert (tmp_path / "policy").stat().st_mode & 0o777 == 0o400
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]


def test_a_new_version_replaces_the_file_and_an_old_one_leaves_it_untouched(
    script, google, tmp_path
):
    google.secrets["p"] = b"old"
    fetch(script, google, tmp_path, "policy=p")
    before = (tmp_path / "policy").stat()

    fetch(script, google, tmp_path, "policy=p")
    same = (tmp_path / "policy").stat()
    google.secrets["p"] = b"new"
    fetch(script, google, tmp_path, "policy=p")

    assert (same.st_ino, same.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (tmp_path / "policy").read_bytes() == b"new"
    assert (tmp_path / "policy").stat().st_ino != before.st_ino


def test_a_secret_that_is_not_there_keeps_its_file_and_the_others_are_fetched(
    script, google, tmp_path, capsys
):
    (tmp_path / "policy").write_bytes(b"former")
    google.secrets["i"] = b"issuers"

    assert fetch(script, google, tmp_path, "policy=p", "issuers=i") == 1

    assert (tmp_path / "policy").read_bytes() == b"former"
    assert (tmp_path / "issuers").read_bytes() == b"issuers"
    assert capsys.readouterr().err == "secret p was not fetched: 404\n"


def test_an_answer_that_is_cut_short_keeps_its_file_and_the_others_are_fetched(
    script, google, tmp_path, capsys
):
    google.secrets = {"p": b"SECRET-CANARY", "i": b"issuers"}
    google.cut = {"p"}

    assert fetch(script, google, tmp_path, "policy=p", "issuers=i") == 1

    assert [path.name for path in tmp_path.iterdir()] == ["issuers"]
    assert capsys.readouterr().err == "secret p was not fetched: IncompleteRead\n"


def test_without_a_token_nothing_is_fetched_and_nothing_of_an_answer_is_told(
    script, google, tmp_path, capsys
):
    google.token_is_given = False

    assert fetch(script, google, tmp_path, "policy=p") == 1

    assert capsys.readouterr().err == "no token from the metadata server: 404\n"
    assert not list(tmp_path.iterdir())
