import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from filelock import FileLock

from tailnumber.clients.ledger import Ledger
from tailnumber.clients.plan import FileEdit, Plan
from tailnumber.errors import CommandError

BEFORE = '{\n  "theme": "dark", // at night\n  "url": "https://direct.example"\n}\n'


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "own")


@pytest.fixture
def settings(tmp_path):
    return tmp_path / "settings.json"


def plan(settings, url="http://gateway", **more):
    values = tuple(((name,), value) for name, value in {"url": url, **more}.items())
    return Plan((FileEdit(settings, "jsonc", values),))


def write(ledger, made):
    return ledger.write("editor", "http://gateway", made, {})


def test_file_is_written_with_a_backup_beside_it(ledger, settings):
    settings.write_text(BEFORE)

    [outcome] = write(ledger, plan(settings))

    assert (outcome.file, outcome.done) == (settings, "written")
    assert outcome.backup.read_text() == BEFORE
    assert outcome.backup.stat().st_mode & 0o777 == 0o600
    assert settings.read_text() == BEFORE.replace("https://direct.example", "http://gateway")


def test_second_time_changes_nothing(ledger, settings):
    settings.write_text(BEFORE)
    write(ledger, plan(settings))
    once = settings.read_bytes()

    [outcome] = write(ledger, plan(settings))

    assert outcome.done == "unchanged"
    assert settings.read_bytes() == once
    assert outcome.backup.read_text() == BEFORE


def test_undo_restores_the_very_bytes_and_mode(ledger, settings):
    settings.write_text(BEFORE)
    settings.chmod(0o640)
    write(ledger, plan(settings))
    assert settings.stat().st_mode & 0o777 == 0o640
    write(ledger, plan(settings, url="http://another", extra=1))

    [outcome] = ledger.undo("editor")

    assert outcome.done == "restored"
    assert settings.read_text() == BEFORE
    assert settings.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in settings.parent.iterdir()} == {"settings.json", "own"}
    assert ledger.configured() == {}


def test_undo_of_a_file_that_was_not_there_removes_it(ledger, settings):
    write(ledger, plan(settings))

    [outcome] = ledger.undo("editor")

    assert outcome.done == "removed"
    assert not settings.exists()


def test_undo_keeps_what_the_person_changed_since(ledger, settings):
    settings.write_text(BEFORE)
    write(ledger, plan(settings, added=1))
    settings.write_text(settings.read_text().replace('"dark"', '"light"'))

    [outcome] = ledger.undo("editor")

    assert outcome.done == "taken out"
    assert settings.read_text() == BEFORE.replace('"dark"', '"light"')


def test_undo_after_the_person_removed_the_file_brings_back_the_one_of_before(ledger, settings):
    settings.write_text(BEFORE)
    write(ledger, plan(settings))
    settings.unlink()

    ledger.undo("editor")

    assert settings.read_text() == BEFORE


def test_broken_file_is_named_with_its_line_and_no_file_is_touched(ledger, settings, tmp_path):
    settings.write_text('{\n  "a": \n}\n')
    first = FileEdit(tmp_path / "first.json", "jsonc", ((("a",), 1),))

    with pytest.raises(CommandError, match=r"settings.json, line 3: a value is expected. Nothing"):
        write(ledger, Plan((first, *plan(settings).edits)))

    assert not first.file.exists()
    assert settings.read_text() == '{\n  "a": \n}\n'
    assert ledger.configured() == {}


def test_undo_of_a_file_that_is_broken_since_is_refused(ledger, settings):
    settings.write_text(BEFORE)
    write(ledger, plan(settings))
    settings.write_text("{")

    with pytest.raises(CommandError, match="line 1"):
        ledger.undo("editor")

    assert "editor" in ledger.configured()


def test_file_that_is_no_text_is_refused(ledger, settings):
    settings.write_bytes(b"\xff\xfe")

    with pytest.raises(CommandError, match="it is not UTF-8"):
        write(ledger, plan(settings))


def test_what_was_never_configured_cannot_be_undone(ledger):
    with pytest.raises(CommandError, match="nothing to undo"):
        ledger.undo("editor")


def test_crash_before_the_file_is_written_leaves_what_undo_needs(ledger, settings, monkeypatch):
    settings.write_text(BEFORE)
    with monkeypatch.context() as crash:
        crash.setattr("tailnumber.clients.ledger.write_atomic", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write(ledger, plan(settings))

    assert settings.read_text() == BEFORE
    ledger.undo("editor")
    assert settings.read_text() == BEFORE


def test_note_of_what_was_there_is_private(ledger, settings, tmp_path):
    settings.write_text(BEFORE)
    write(ledger, plan(settings))

    note = tmp_path / "own" / "clients.json"
    assert note.stat().st_mode & 0o777 == 0o600
    assert json.loads(note.read_text())["clients"]["editor"]["gateway"] == "http://gateway"


def test_file_that_holds_a_key_is_closed_to_others_until_undo(ledger, settings):
    settings.write_text(BEFORE)
    settings.chmod(0o644)
    [edit] = plan(settings).edits
    write(ledger, Plan((replace(edit, holds_key=True),)))
    assert settings.stat().st_mode & 0o777 == 0o600

    ledger.undo("editor")

    assert settings.stat().st_mode & 0o777 == 0o644


def test_two_at_one_time_do_not_lose_each_others_note(ledger, settings, tmp_path):
    files = [tmp_path / f"{number}.json" for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda file: Ledger(tmp_path / "own").write(file.stem, "http://g", plan(file), {}),
                files,
            )
        )

    assert set(ledger.configured()) == {file.stem for file in files}


def test_who_waits_too_long_for_another_is_told(ledger, settings, tmp_path, monkeypatch):
    monkeypatch.setattr("tailnumber.clients.ledger._LOCK_SECONDS", 0.05)
    write(ledger, plan(settings))

    with FileLock(tmp_path / "own" / "clients.lock"), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ledger.undo, "editor")
        with pytest.raises(CommandError, match="try again when it is done"):
            waiting.result()


def test_damaged_note_points_to_the_backups(ledger, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "clients.json").write_text("{")

    with pytest.raises(CommandError, match=r"backups beside each file \(\*.tailnumber-backup\)"):
        ledger.configured()
