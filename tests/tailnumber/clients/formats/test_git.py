import pytest

from tailnumber.clients.formats import MISSING, BrokenFile
from tailnumber.clients.formats.git import Git
from tailnumber.errors import CommandError

GIT = Git()
CONFIG = "[user]\n\tname = Ada # me\n[credential]\n\thelper = store\n"
HELPER = ("credential.http://127.0.0.1:8080.helper",)


def test_values_are_set_in_order_and_the_rest_stays():
    text = GIT.put(CONFIG, HELPER, ["", "!tailnumber key --git"])

    assert text.startswith(CONFIG)
    assert GIT.get(text, HELPER) == ["", "!tailnumber key --git"]
    assert GIT.put(text, HELPER, ["", "!tailnumber key --git"]) == text


def test_values_of_before_are_replaced():
    text = GIT.put(CONFIG, ("credential.helper",), ["cache"])

    assert GIT.get(text, ("credential.helper",)) == ["cache"]
    assert GIT.get(CONFIG, HELPER) is MISSING


def test_dropped_values_leave_the_rest():
    assert GIT.drop(GIT.put(CONFIG, HELPER, ["a"]), HELPER) == CONFIG
    assert GIT.drop(CONFIG, HELPER) == CONFIG


def test_broken_file_is_refused_with_its_line():
    with pytest.raises(BrokenFile, match="git cannot read it") as broken:
        GIT.put("[user]\n\tname = Ada\n[oh no\n", HELPER, ["a"])

    assert broken.value.line == 3


def test_machine_without_git_is_told_so(monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(CommandError, match="git is not installed"):
        GIT.get(CONFIG, HELPER)
