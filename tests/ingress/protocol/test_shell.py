"""What a shell command plainly changes is read; anything else is named or left out, never raised."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.protocol.shell import ShellPaths


def edited(command, directory=""):
    shell = ShellPaths(directory)
    shell.read(command)
    return shell.edited


@pytest.mark.parametrize(
    ("command", "paths"),
    [
        ("echo a > x.py", ["x.py"]),
        ("echo a>>x.py 2>/dev/null", ["x.py"]),
        ("make &> build.log", ["build.log"]),
        ("make 2>&1 | tail -5", []),
        ("cat < in.txt", []),
        ("echo 'a > b'", []),
        ('echo "a > b" > "my file.py"', ["my file.py"]),
        ("echo a > 'it'\\''s.py'", ["it's.py"]),
        ("cat a.py | tee -a b.py c.py", ["b.py", "c.py"]),
        ("sed -i 's/a/b/' a.py b.py", ["a.py", "b.py"]),
        ("sed -i -e s/a/b/ a.py", ["a.py"]),
        ("sed -n 1,5p a.py", []),
        ("perl -pi -e 's/x/y/' a.pl", ["a.pl"]),
        ("rm -rf build && mv a.py b.py", ["build", "a.py", "b.py"]),
        ("cp -r a b/", ["b/"]),
        ("git rm a.py; git mv b.py c.py", ["a.py", "b.py", "c.py"]),
        ("git status", []),
        ("dd if=/dev/zero of=disk.img", ["disk.img"]),
        ("cd src/auth && touch a.py", ["src/auth/a.py"]),
        ("sudo touch a.py", ["a.py"]),
        ("FOO=1 touch a.py", ["a.py"]),
        ("bash -lc 'echo a > x.py'", ["x.py"]),
        ("cat <<'EOF' > x.py\nit's > not.py\nEOF\ntouch y.py", ["x.py", "y.py"]),
        ("git apply <<EOF\n--- a/x.py\n+++ b/x.py\n@@\n-a\n+b\nEOF", ["x.py", "x.py"]),
        ("echo a > /dev/null", []),
    ],
)
def test_plain_changes_are_read(command, paths):
    assert edited(command) == paths


def test_a_relative_path_stands_in_the_directory_that_the_call_names():
    assert edited("touch a.py /b.py ~/c.py", "/w/src") == ["/w/src/a.py", "/b.py", "~/c.py"]


def test_files_that_are_only_read_are_named():
    shell = ShellPaths()

    shell.read("cat src/auth/login.py; curl https://acme.example/a.py; pytest tests/ -q")

    assert (shell.edited, shell.named) == ([], ["src/auth/login.py", "tests/"])


@given(st.text("ab/.'\"\\<>|&;()$`\n EOF-", max_size=80))
def test_no_command_raises(command):
    ShellPaths().read(command)


@pytest.mark.parametrize(
    "command",
    ["'" * 65536, '"\\' * 32768, "<<a" * 22000, "a" * 65536, "<" * 65536, "<<a\n" * 16000],
    ids=["quotes", "escapes", "here", "word", "redirects", "heres"],
)
def test_a_hostile_command_takes_bounded_time(command):
    began = time.process_time()

    ShellPaths().read(command)

    assert time.process_time() - began < 5.0


def test_shells_in_shells_are_read_to_a_depth():
    command = "touch deep.py"
    for _ in range(6):
        command = f"bash -c {command!r}"

    assert edited(command) in ([], ["deep.py"])
