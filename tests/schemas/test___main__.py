"""Check the command line: what it says, and with which exit code."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from schemas import __main__ as command
from schemas import render
from schemas.published import RevisionError

Output = pytest.CaptureFixture[str]


def test_render_check_passes_on_the_committed_files(capsys: Output) -> None:
    assert command.main(["render", "--check"]) == 0
    assert capsys.readouterr().out == "everything is up to date\n"


def test_render_check_fails_on_a_stale_file(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    render.write(tmp_path)
    (tmp_path / "views" / "audit.events.sql").write_text("SELECT 1\n")
    monkeypatch.setattr(render, "stale", lambda *at, found=render.stale: found(*at or (tmp_path,)))

    assert command.main(["render", "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "views/audit.events.sql differs from the contract",
        "run `python -m schemas render` and commit what it writes",
    ]


def test_render_says_what_it_wrote(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        render, "write", lambda *at, written=render.write: written(*at or (tmp_path,))
    )

    assert command.main(["render"]) == 0
    assert "wrote tables/audit.events_v1.json" in capsys.readouterr().out
    assert command.main(["render"]) == 0
    assert capsys.readouterr().out == "everything was up to date\n"


def check(monkeypatch: pytest.MonkeyPatch, old: Mapping[str, str]) -> int:
    monkeypatch.setattr(command, "published", lambda revision: old)
    return command.main(["check", "--against", "v1"])


def test_check_passes_when_nothing_changed(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(monkeypatch, render.documents()) == 0
    assert capsys.readouterr().out == "nothing that v1 published would break\n"


def test_check_names_what_breaks(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(monkeypatch, {**render.documents(), "views/audit.old.sql": "SELECT 1\n"}) == 1
    assert capsys.readouterr().out.startswith("audit.old was removed: what is published stays")


def test_check_against_a_revision_without_generated_files_says_so(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check(monkeypatch, {}) == 0
    assert capsys.readouterr().out.startswith("v1 has no schemas/generated")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": [{"name": "x"}]}'])
def test_check_against_foreign_files_is_wrong_usage(
    text: str, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check(monkeypatch, {"tables/audit.events_v1.json": text}) == 2
    assert "was not rendered by Tailnumber" in capsys.readouterr().err


def test_check_against_an_unknown_revision_is_wrong_usage(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(revision: str) -> Mapping[str, str]:
        raise RevisionError(f"no commit {revision!r} here")

    monkeypatch.setattr(command, "published", refuse)

    assert command.main(["check", "--against", "nowhere"]) == 2
    assert capsys.readouterr().err == "python -m schemas: no commit 'nowhere' here\n"


def test_explain_without_a_name_lists_them_all(capsys: Output) -> None:
    assert command.main(["explain"]) == 0
    assert {"interaction.requested@1", "audit.events_v1", "audit.sessions"} <= set(
        capsys.readouterr().out.splitlines()
    )


def test_explain_prints_a_page_or_refuses(capsys: Output) -> None:
    assert command.main(["explain", "writer.closed"]) == 0
    assert capsys.readouterr().out.startswith("writer.closed@1: ")
    assert command.main(["explain", "writer.close"]) == 2
    assert "did you mean writer.closed@1" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["check"], ["render", "--force"], ["paint"]])
def test_wrong_usage_exits_with_two(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(arguments)

    assert stop.value.code == 2
    assert "usage: python -m schemas" in capsys.readouterr().err


def test_help_teaches_by_example(capsys: Output) -> None:
    with pytest.raises(SystemExit) as stop:
        command.main(["--help"])

    assert stop.value.code == 0
    assert "python -m schemas check --against origin/main" in capsys.readouterr().out
