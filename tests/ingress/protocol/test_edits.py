"""The edited files of a tool call are known where its arguments say them."""

import json

import pytest

from ingress.protocol.edits import edited_paths

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
