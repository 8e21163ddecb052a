"""Check that what is committed is what the contract renders."""

from pathlib import Path

import pytest

from schemas.render import documents, stale, stale_pages, write


def test_committed_files_equal_a_fresh_render() -> None:
    assert stale() == []


def test_render_writes_every_document_and_a_second_run_nothing(tmp_path: Path) -> None:
    first = write(tmp_path)

    assert sorted(first) == sorted(f"wrote {path}" for path in documents())
    assert write(tmp_path) == []
    assert stale(tmp_path) == []


def test_missing_changed_and_leftover_files_are_each_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "events" / "writer.opened.1.schema.json").unlink()
    (tmp_path / "tables" / "audit.events_v1.json").write_text("{}\n")
    (tmp_path / "views" / "audit.old.sql").write_text("SELECT 1\n")

    assert stale(tmp_path) == [
        "events/writer.opened.1.schema.json is missing",
        "tables/audit.events_v1.json differs from the contract",
        "views/audit.old.sql belongs to nothing in the contract",
    ]


def test_render_repairs_and_removes(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "views" / "audit.old.sql").write_text("SELECT 1\n")
    (tmp_path / "tables" / "audit.events_v1.json").unlink()

    assert write(tmp_path) == ["removed views/audit.old.sql", "wrote tables/audit.events_v1.json"]


@pytest.mark.parametrize("text", documents().values(), ids=documents().keys())
def test_document_ends_with_one_newline(text: str) -> None:
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_pages_of_docs_are_up_to_date() -> None:
    assert stale_pages() == [], "run `python -m schemas docs`"
