"""The edited files of a tool call are known where its arguments say them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.protocol.edits import call_paths, code_blocks, edited_paths, normal_path

PATCH = (
    "*** Begin Patch\n*** Update File: a.py\n@@\n-x\n+y\n*** Add File: b.py\n+z\n*** End Patch\n"
)


@pytest.mark.parametrize(
    ("tool", "arguments", "paths"),
    [
        ("replace_string_in_file", json.dumps({"filePath": "/w/a.py"}), ("/w/a.py",)),
        ("Write", json.dumps({"file_path": "/w/a.py", "content": "x"}), ("/w/a.py",)),
        ("create", json.dumps({"path": "a.py", "file_text": ""}), ("a.py",)),
        ("apply_patch", json.dumps({"input": PATCH}), ("a.py", "b.py")),
        ("apply_patch", PATCH, ("a.py", "b.py")),
        (
            "multi_replace_string_in_file",
            json.dumps({"replacements": [{"filePath": "a.py"}, {"filePath": "a.py"}, 7]}),
            ("a.py",),
        ),
        ("read_file", json.dumps({"filePath": "a.py"}), ()),
        ("run_in_terminal", json.dumps({"command": "rm a.py"}), ("a.py",)),
        ("Write", '{"file_path": "cut', ("cut",)),
        ("Write", "[1]", ()),
    ],
)
def test_files_are_named_in_order_and_once(tool, arguments, paths):
    assert edited_paths(tool, arguments) == paths


@pytest.mark.parametrize(
    ("tool", "arguments", "paths"),
    [
        ("exec_command", {"cmd": "echo a > x.py", "workdir": "/w/src"}, ("/w/src/x.py",)),
        ("shell", {"command": ["bash", "-lc", "touch a.py"]}, ("a.py",)),
        ("shell", {"command": ["apply_patch", PATCH]}, ("a.py", "b.py")),
        ("bash", {"command": f"apply_patch <<'EOF'\n{PATCH}EOF"}, ("a.py", "b.py")),
        ("shell", {"action": {"commands": ["touch a.py", "touch b.py"]}}, ("a.py", "b.py")),
        ("tools/call", {"name": "write_file", "arguments": {"path": "a.py"}}, ("a.py",)),
        ("apply_patch", {"operation": {"type": "delete_file", "path": "a.py"}}, ("a.py",)),
        ("MultiEdit", {"file_path": "a.py", "edits": [{"old_string": "x"}]}, ("a.py",)),
        ("NotebookEdit", {"notebook_path": "n.ipynb", "new_source": "x = 1"}, ("n.ipynb",)),
        ("edit_files", {"files": ["a.py", {"path": "b.py"}, 5]}, ("a.py", "b.py")),
        ("move_file", {"source": "a.py", "destination": "b.py"}, ("a.py", "b.py")),
    ],
)
def test_shells_mcp_and_built_in_tools_are_read(tool, arguments, paths):
    assert edited_paths(tool, json.dumps(arguments)) == paths


def test_a_file_that_is_only_read_is_named_and_not_edited():
    call = call_paths("read_file", json.dumps({"filePath": "src/auth/login.py"}))

    assert (call.edited, call.named) == ((), ("src/auth/login.py",))


@pytest.mark.parametrize(
    "arguments",
    [
        '{"filePath": "/w/auth/a.py", "content": "cut he',
        '{"command": "echo a > /w/auth/a.py',
        '{"input": "*** Begin Patch\\n*** Update File: /w/auth/a.py\\n@@ cu',
        '{"filePath": "/w/auth/a.py", "bad": "\\ud800"}',
    ],
)
def test_arguments_that_are_no_json_are_searched_as_text(arguments):
    assert "/w/auth/a.py" in edited_paths("any", arguments)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("./src//lib/../auth/a.py", "src/auth/a.py"),
        ("C:\\w\\auth\\a.py", "C:/w/auth/a.py"),
        ("file:///w/my%20file.py", "/w/my file.py"),
        ("//w/a.py", "/w/a.py"),
        (" 'a.py' ", "a.py"),
        ("https://acme.example/a.py", ""),
        (".", ""),
        ("", ""),
        ("a\x00b\u202e.py", "a?b?.py"),
    ],
)
def test_a_path_has_one_form(written, normal):
    assert normal_path(written) == normal


@given(
    st.text(max_size=20),
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["path", "command", "files", "edits", "input", "action", "cwd", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
)
def test_no_arguments_raise_and_no_path_is_long_or_unprintable(tool, arguments):
    call = call_paths(tool, json.dumps(arguments))

    assert all(len(path) <= 1024 and path.isprintable() for path in (*call.edited, *call.named))


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("no code", []),
        ("```python\nx\n```", ["python"]),
        ("```\nx\n```\n~~~sh\ny\n~~~", ["", "sh"]),
        ("````md\n```py\nx\n```\n````", ["md"]),
        ("```py\nunfinished", ["py"]),
        ("say ```inline``` code", []),
    ],
)
def test_fenced_blocks_are_counted_by_language(text, languages):
    assert code_blocks(text) == languages


@pytest.mark.parametrize(
    "arguments",
    [
        {"files": [f"a{n}" for n in range(64)] + ["auth/a.py"]},
        {"path": "x" * 2000 + "/auth/a.py"},
        {"command": "true\n" * 20_000 + "rm auth/a.py"},
    ],
    ids=["files", "long path", "long command"],
)
def test_files_that_are_left_out_are_told(arguments):
    assert not call_paths("any", json.dumps(arguments)).whole


def test_broken_json_may_name_files_that_nobody_sees_here():
    assert not call_paths("any", '{"file\\u0050ath": "auth/a.py",}').whole
    assert call_paths("any", "").whole
    assert call_paths("any", '{"path": "a.py"}').whole


def test_no_detour_hides_a_path():
    assert edited_paths("any", json.dumps({"path": "./" * 3000 + "auth/a.py"})) == ("auth/a.py",)
