"""An own PostgreSQL server for tests: started once, on loopback, with a database for each folder.

``TAILNUMBER_TEST_POSTGRES`` names the folder of its programs; without it Debian's are looked for.
PostgreSQL refuses to run as root; there it runs as another account.
"""

import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ingress.control.migrating import migrate
from ingress.control.postgres import open_postgres

PASSWORD = "canary-password-nobody-may-see"
_USER = "tailnumber"
# Migrated once; every folder's database is a copy.
TEMPLATE = "template_control"


class PostgresServer:
    """A server that takes one role by its password."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.root = Path(tempfile.mkdtemp(prefix="tailnumber-postgres-"))
        self._account = _account()
        self.password_file = self.root / "password"
        self.password_file.write_text(PASSWORD + "\n")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if self._account:
            for path in (self.root, self.password_file):
                shutil.chown(path, self._account, pwd.getpwnam(self._account).pw_gid)
        self._run(
            "initdb", "-D", str(self.root / "data"), "-U", _USER, "-A", "scram-sha-256",
            "-E", "UTF8", "--no-locale", "--no-sync", f"--pwfile={self.password_file}",
        )  # fmt: skip
        self.start()
        # Databases that were made; those of folders go when their test is over.
        self.made: set[str] = set()

    def start(self) -> None:
        # fsync=off: what is killed here are processes, never the machine.
        options = f"-p {self.port} -k {self.root} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._control("start", "-o", options, "-l", str(self.root / "log"))

    def stop(self, mode: str = "immediate") -> None:
        self._control("stop", "-m", mode)

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"

    def database_of(self, directory: Path) -> str:
        """Return the address of a folder's own database, made and migrated on first use."""
        name = database_name(directory)
        if name not in self.made:
            self._make(TEMPLATE, "template0")
            self.make_database(name, TEMPLATE)
        return self.address(name)

    def make_database(self, name: str, template: str = "template0") -> str:
        self._make(name, template)
        return self.address(name)

    def drop(self, names: set[str]) -> None:
        """Drop databases, whoever uses them: each takes eight megabytes."""
        drops = [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in sorted(names)]
        self.run_sql("postgres", *drops)
        self.made -= names

    def run_sql(self, database: str, *statements: str) -> None:
        engine = open_postgres(self.address(database), str(self.password_file))
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for statement in statements:
                    connection.execute(text(statement))
        finally:
            engine.dispose()

    def psql(self, database: str, statement: str) -> None:
        """Run a statement as an operator does, in a process of its own."""
        environ = {"PATH": os.defpath, "PGPASSWORD": PASSWORD}
        subprocess.run(
            [self._programs / "psql", "-q", "-X", "-c", statement, self.address(database)],
            env=environ,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def use_tls(self, certificate: bytes, key: bytes) -> None:
        """Speak TLS too, from the next connection on."""
        for name, content in (("server.crt", certificate), ("server.key", key)):
            path = self.root / "data" / name
            path.write_bytes(content)
            path.chmod(0o600)
            if self._account:
                shutil.chown(path, self._account, pwd.getpwnam(self._account).pw_gid)
        self.run_sql("postgres", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")

    def leave_tls(self) -> None:
        self.run_sql("postgres", "ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()")

    def processes(self) -> list[int]:
        """Return the ids of the server's processes, the first one's and its children's."""
        first = (self.root / "data" / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [int(pid) for pid in (first, *children)]

    def files(self) -> list[Path]:
        """Return the files of all tables as they lie on disk now, the log of writes aside."""
        self.run_sql("postgres", "CHECKPOINT")
        return [path for path in (self.root / "data" / "base").rglob("*") if path.is_file()]

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def _make(self, name: str, template: str) -> None:
        if name in self.made:
            return
        try:
            self.run_sql("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        except DBAPIError as error:  # a forked process made it
            if "already exists" not in str(error):
                raise
        if name == TEMPLATE:
            engine = open_postgres(self.address(name), str(self.password_file))
            migrate(engine)
            engine.dispose()
        self.made.add(name)

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.root / "data"), "-w", "-s", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        account = self._account
        subprocess.run(
            [self._programs / program, *arguments],
            user=account,
            group=pwd.getpwnam(account).pw_gid if account else None,
            extra_groups=[] if account else None,
            cwd=self.root,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )


def database_name(directory: Path) -> str:
    """Return the name of a folder's own database."""
    return "t_" + hashlib.sha256(str(directory).encode()).hexdigest()[:24]


@cache
def _server() -> PostgresServer | str:
    named = os.environ.get("TAILNUMBER_TEST_POSTGRES")
    places = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    for place in reversed(places):
        if (place / "initdb").exists():
            return PostgresServer(place)
    return "no PostgreSQL server is installed; set TAILNUMBER_TEST_POSTGRES to its bin folder"


def postgres_server() -> PostgresServer:
    """Return the server of this test run; skip where its programs are missing."""
    server = _server()
    if isinstance(server, str):
        pytest.skip(server)
    return server


def close_server() -> None:
    """Stop the server of this test run, if it was started, and remove its files."""
    server = _server() if _server.cache_info().currsize else None
    if isinstance(server, PostgresServer):
        server.close()


def _account() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
