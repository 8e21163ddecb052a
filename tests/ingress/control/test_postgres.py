"""The address of the control database: no secret in it, TLS that proves who answers."""

import time

import pytest
from certificates import issue_certificate
from control_state import NOW, NOW_SECONDS, Verifier, control_database, using
from postgres_server import PASSWORD, postgres_server
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ingress.control.migrating import require_current
from ingress.control.postgres import open_postgres, place, read_address, scrub, unusable
from ingress.control.store import Place, open_control
from ingress.errors import ControlDatabaseError
from ingress.identity.keys import KeyStore, LocalIssuer

HOST = "postgresql://gateway@db.acme.example/control"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("sqlite:///x.db", "is not of the form"),
        ("canary", "is not of the form"),
        ("postgresql://gateway@db.acme.example", "is not of the form"),
        ("postgresql://gateway@db.acme.example:canary/control", "is not of the form"),
        ("postgresql://gateway:canary@127.0.0.1/control", "holds a password"),
        (HOST + "?password=canary", "holds a password"),
        (HOST + "?sslpassword=canary", "holds a password"),
        (HOST, "db.acme.example/control must prove who it is"),
        (HOST + "?sslmode=verify-ca", "must prove who it is"),
        ("postgresql://gateway@127.0.0.1/control?host=db.acme.example", "must prove who it is"),
        ("postgresql://gateway@localhost/control?hostaddr=10.0.0.1", "must prove who it is"),
        ("postgresql://gateway@127.0.0.1,db.acme.example/control", "must prove who it is"),
        ("postgresql://gateway@/control", "must name the host"),
        (HOST + "?service=canary", "must name the host"),
    ],
)
def test_address_that_will_not_do_is_refused_without_being_quoted(address, told):
    with pytest.raises(ControlDatabaseError, match=told) as refused:
        read_address(address)

    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "mode"),
    [
        (HOST + "?sslrootcert=/ca.pem", "verify-full"),
        (HOST + "?sslrootcert=/ca.pem&sslmode=verify-ca", "verify-ca"),
        (HOST + "?sslmode=disable", "disable"),
        ("postgresql://gateway@127.0.0.1:6432/control", None),
        ("postgresql+psycopg://gateway@[::1]/control", None),
        ("postgresql://gateway@/control?host=/run/postgresql", None),
    ],
)
def test_tls_proves_the_server_unless_it_is_here_or_said_otherwise(address, mode):
    assert read_address(address).query.get("sslmode") == mode


def test_place_tells_host_and_database_alone():
    assert place(read_address(HOST + "?sslrootcert=/ca.pem")) == "db.acme.example/control"


def test_password_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ControlDatabaseError, match="gone of the control database cannot be read"):
        open_postgres("postgresql://gateway@127.0.0.1/control", str(tmp_path / "gone"))


def test_nothing_that_prints_holds_the_password(tmp_path):
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    engine = open_postgres("postgresql://gateway@127.0.0.1:1/control", str(file))

    with pytest.raises(ControlDatabaseError) as refused:
        require_current(engine)

    chain = [refused.value, refused.value.__cause__]
    told = repr(engine) + repr(engine.url) + "".join(map(repr, chain))
    assert PASSWORD not in told
    assert str(refused.value).startswith("The control database 127.0.0.1/control cannot be used")


@pytest.fixture
def tls(tmp_path):
    """Have the server speak TLS as db.acme.example; return its authority and another one."""
    server = postgres_server()
    files = []
    for name in ("own", "other"):
        authority, certificate, key = issue_certificate("db.acme.example")
        file = tmp_path / f"{name}.pem"
        file.write_bytes(authority)
        files.append(file)
        if name == "own":
            server.use_tls(certificate, key)
    time.sleep(0.2)
    yield files
    server.leave_tls()


def ask_by_name(name, parameters):
    """Open a database of a host that is elsewhere by its name, and here by its address."""
    server = postgres_server()
    here = server.address().replace("127.0.0.1", name)
    engine = open_postgres(f"{here}?hostaddr=127.0.0.1&{parameters}", str(server.password_file))
    try:
        with engine.connect() as connection:
            return connection.execute(
                text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            ).scalar_one()
    except SQLAlchemyError as error:
        return str(unusable(engine, error))
    finally:
        engine.dispose()


@pytest.mark.postgres
def test_server_elsewhere_proves_by_its_certificate_who_it_is(tls):
    own, other = tls

    assert ask_by_name("db.acme.example", f"sslrootcert={own}") is True
    assert "certificate" in ask_by_name("db.acme.example", f"sslrootcert={other}")
    assert "certificate" in ask_by_name("db.initech.example", f"sslrootcert={own}")
    assert ask_by_name("db.initech.example", f"sslmode=verify-ca&sslrootcert={own}") is True


@pytest.mark.postgres
def test_server_without_tls_is_not_told_the_password(tmp_path):
    authority, _, _ = issue_certificate("db.acme.example")
    (tmp_path / "ca.pem").write_bytes(authority)

    said = ask_by_name("db.acme.example", f"sslrootcert={tmp_path / 'ca.pem'}")

    assert "it speaks no TLS" in said


@pytest.fixture
def lesser_role(tmp_path):
    """Return an address of a database for a role that reads and writes rows and owns nothing."""
    with using("postgresql"), control_database(tmp_path) as owner:
        with owner.begin() as connection:
            for statement in (
                f"CREATE ROLE lesser LOGIN PASSWORD '{PASSWORD}'",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO lesser",
            ):
                connection.execute(text(statement))
        yield postgres_server().database_of(tmp_path).replace("tailnumber@", "lesser@")


@pytest.mark.postgres
def test_gateways_role_needs_no_more_than_to_read_and_write_rows(tmp_path, lesser_role):
    engine = open_control(Place(tmp_path, lesser_role, str(postgres_server().password_file)))
    try:
        record, key = LocalIssuer(KeyStore(engine)).mint("ada", now=NOW)
        assert Verifier(engine).verify(key, NOW_SECONDS).subject == "ada"
        assert KeyStore(engine).revoke(record.key_id, NOW)
        # Who does not own the table is told so, and not that all is well.
        assert not scrub(engine)
    finally:
        engine.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("database", "password", "told"),
    [("control", PASSWORD, "no such database"), ("postgres", "wrong", "refuses the password")],
)
def test_server_that_refuses_is_told_in_our_words(tmp_path, database, password, told):
    server = postgres_server()
    (tmp_path / "password").write_text(password)
    there = Place(tmp_path, server.address(database), str(tmp_path / "password"))

    with pytest.raises(ControlDatabaseError, match=told):
        open_control(there)


@pytest.mark.postgres
def test_password_that_was_rotated_counts_for_the_next_connection(tmp_path):
    server = postgres_server()
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    engine = open_postgres(server.address(), str(file))
    with engine.connect() as connection:
        connection.execute(text("CREATE ROLE rotating LOGIN PASSWORD 'first'"))
        connection.commit()
    file.write_text("first")
    role = open_postgres(server.address().replace("tailnumber@", "rotating@"), str(file))
    with role.connect():
        pass

    server.run_sql("postgres", "ALTER ROLE rotating PASSWORD 'second'")
    role.dispose()
    with pytest.raises(SQLAlchemyError), role.connect():
        pass
    file.write_text("second\n")
    with role.connect():
        pass
    role.dispose()
    engine.dispose()


@pytest.mark.postgres
def test_server_ends_what_waits_too_long(tmp_path):
    server = postgres_server()
    engine = open_postgres(server.address(), str(server.password_file))
    with engine.connect() as connection:
        timeouts = connection.execute(
            text("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        ).one()
    engine.dispose()

    assert tuple(timeouts) == ("5s", "3s")


@pytest.mark.postgres
def test_connection_that_died_with_its_server_is_made_anew(tmp_path):
    server = postgres_server()
    engine = open_postgres(server.address(), str(server.password_file))
    with engine.connect():
        pass
    server.stop()
    began = time.monotonic()
    with pytest.raises(SQLAlchemyError), engine.connect():
        pass
    took = time.monotonic() - began
    server.start()

    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()
    assert took < 1
