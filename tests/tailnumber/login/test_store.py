import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sign_in import MemoryKeyring

from tailnumber.errors import CommandError, SignInFailed
from tailnumber.login import store as store_module
from tailnumber.login.facts import IssuedKey
from tailnumber.login.store import SERVICE, Login, Logins, system_keyring

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GATEWAY = "https://gateway.example"
KEY = "tnk_12345678_secretsecret_check0"


@pytest.fixture
def login(registration):
    return Login(
        gateway=GATEWAY,
        registration=registration,
        issued_at=NOW,
        expires_at=NOW + timedelta(hours=24),
        kept_in="keyring",
        key=KEY,
        refresh_token="refresh-secret",
    )


@pytest.fixture
def keyring():
    return MemoryKeyring()


@pytest.fixture
def logins(tmp_path, keyring):
    return Logins(tmp_path / "config", lambda: keyring)


def kept(logins, login):
    with logins:
        return logins.put(login)


def test_secrets_go_to_the_keyring_and_the_rest_to_a_private_file(logins, login, keyring):
    assert kept(logins, login).kept_in == "keyring"

    text = logins.file.read_text()
    assert KEY not in text
    assert "refresh-secret" not in text
    assert "12345678" in text
    assert logins.file.stat().st_mode & 0o777 == 0o600
    assert logins.file.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(keyring.secrets[SERVICE, GATEWAY])["key"] == KEY
    assert logins.get(GATEWAY) == login


def test_without_a_keyring_the_private_file_has_it_all(tmp_path, login):
    logins = Logins(tmp_path, lambda: None)

    assert kept(logins, login).kept_in == "file"

    assert logins.get(GATEWAY) == replace(login, kept_in="file")
    assert logins.file.stat().st_mode & 0o777 == 0o600


def test_keyring_that_refuses_is_no_reason_not_to_sign_in(logins, login, keyring):
    keyring.refuses = True

    assert kept(logins, login).kept_in == "file"
    assert logins.get(GATEWAY).key == KEY


def test_login_in_the_file_stays_there_when_it_is_renewed(logins, login, keyring):
    kept(logins, replace(login, kept_in="file"))

    assert keyring.secrets == {}


def test_keyring_that_is_locked_later_is_named_with_the_way_out(logins, login, keyring):
    kept(logins, login)
    keyring.refuses = True

    with pytest.raises(CommandError, match="unlock it, or run: tailnumber login --gateway"):
        logins.get(GATEWAY)


def test_login_does_not_show_its_secrets(login):
    assert "secret" not in repr(login)


def test_forgotten_login_leaves_nothing(logins, login, keyring):
    kept(logins, login)
    kept(logins, replace(login, gateway="https://other.example"))

    with logins:
        logins.forget(GATEWAY)

    assert logins.gateways() == ("https://other.example",)
    assert logins.get(GATEWAY) is None
    assert list(keyring.secrets) == [(SERVICE, "https://other.example")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"logins": 7}',
        '{"logins": {"https://gateway.example": {}}}',
    ],
)
def test_damaged_file_is_named_with_the_way_out_and_without_its_text(logins, text):
    logins.file.parent.mkdir()
    logins.file.write_text(text)

    with pytest.raises(CommandError, match="tailnumber login"):
        logins.get(GATEWAY)


def test_crash_while_writing_leaves_the_login_of_before(logins, login, monkeypatch):
    kept(logins, login)
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full"))
    )

    with pytest.raises(CommandError, match=r"logins.json cannot be written"):
        kept(logins, replace(login, expires_at=NOW))

    monkeypatch.undo()
    assert logins.get(GATEWAY) == login
    assert [path.name for path in logins.file.parent.glob(".*")] == []


@pytest.mark.parametrize(
    ("life", "left", "due"),
    [
        (timedelta(hours=24), timedelta(hours=7), False),
        (timedelta(hours=24), timedelta(hours=6), True),
        (timedelta(minutes=15), timedelta(minutes=4), False),
        (timedelta(minutes=15), timedelta(minutes=3), True),
        (timedelta(minutes=2), timedelta(seconds=61), False),
        (timedelta(minutes=2), timedelta(seconds=60), True),
        (timedelta(hours=24), timedelta(hours=-1), True),
    ],
    ids=str,
)
def test_key_is_due_in_the_last_quarter_of_its_life(login, life, left, due):
    worn = replace(login, issued_at=NOW + left - life, expires_at=NOW + left)

    assert worn.is_due(NOW) is due


def test_keys_before_this_one_are_remembered_while_they_are_good(login):
    second = login.with_key(IssuedKey("tnk_second00_x_y", NOW, NOW + timedelta(hours=1)))
    at = NOW + timedelta(hours=2)
    third = second.with_key(IssuedKey("tnk_third000_x_y", at, at + timedelta(hours=1)))

    assert dict(second.older_keys) == {"12345678": NOW + timedelta(hours=24)}
    assert dict(third.older_keys) == {"12345678": NOW + timedelta(hours=24)}


def test_who_waits_too_long_for_another_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_LOCK_SECONDS", 0.05)
    first, second = (Logins(tmp_path, lambda: None) for _ in range(2))
    failures = []

    def try_it():
        try:
            second.__enter__()
        except SignInFailed as error:
            failures.append(str(error))

    with first:
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()

    assert "try again when it is done" in failures[0]


def test_only_the_operating_systems_own_keyring_counts():
    backend = system_keyring()

    assert backend is None or type(backend).__module__.startswith("keyring.backends.")
