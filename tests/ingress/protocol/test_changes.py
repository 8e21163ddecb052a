"""What differs between two trees: every path, and never more work than the bounds allow."""

import pytest

from ingress.errors import BadPrompt
from ingress.protocol.changes import TooManyChanges, TreeDiff, parents_of, tagged, tree_of
from ingress.protocol.pack import COMMIT, TREE, Pack

ID = b"\x07" * 20


def tree(pack, **entries):
    """Add a tree of name -> blob's byte, or another tree's id; return its id."""
    data = b""
    for name, value in sorted(entries.items()):
        mode, identifier = (
            (b"40000", value) if isinstance(value, bytes) else (b"100644", bytes([value]) * 20)
        )
        data += mode + b" " + name.encode() + b"\0" + identifier
    pack.add(TREE, data)
    return pack.object_id(TREE, data)


def paths(old, new, pack):
    diff = TreeDiff(old, new)
    assert diff.advance(pack.objects) == set()
    return diff.paths


def test_added_changed_and_deleted_files_are_named_and_equal_trees_are_not_entered():
    pack = Pack("sha1")
    same = b"\x55" * 20  # not there, and not needed
    old = tree(pack, keep=same, gone=1, changed=2, sub=tree(pack, a=1, b=2))
    new = tree(pack, keep=same, added=1, changed=3, sub=tree(pack, a=1, b=3))

    assert paths(old, new, pack) == {"gone", "added", "changed", "sub/b"}


def test_a_file_that_becomes_a_folder_names_both():
    pack = Pack("sha1")

    assert paths(tree(pack, x=1), tree(pack, x=tree(pack, y=1)), pack) == {"x", "x/y"}


def test_missing_trees_are_asked_for_and_the_walk_goes_on():
    pack = Pack("sha1")
    inner = tree(pack, f=1)
    new = tree(pack, d=inner)
    hidden = pack.objects.pop(inner)
    diff = TreeDiff(None, new)

    assert diff.advance(pack.objects) == {inner}
    pack.objects[inner] = hidden
    assert diff.advance(pack.objects) == set()
    assert diff.paths == {"d/f"}


def test_trees_nested_to_name_a_billion_files_are_given_up():
    pack = Pack("sha1")
    level = tree(pack, **{f"f{i}": 1 for i in range(10)})
    for _ in range(9):
        level = tree(pack, **{f"d{i}": level for i in range(10)})

    with pytest.raises(TooManyChanges):
        TreeDiff(None, level).advance(pack.objects)


@pytest.mark.parametrize(
    "data",
    [
        b"100644 a",
        b"100644 a\0short",
        b"100644 \0" + ID,
        b"100644 a/b\0" + ID,
        b"nothing",
        2 * (b"100644 a\0" + ID),
    ],
)
def test_a_tree_that_git_would_not_take_is_refused(data):
    pack = Pack("sha1")
    pack.add(TREE, data)

    with pytest.raises(BadPrompt):
        TreeDiff(None, pack.object_id(TREE, data)).advance(pack.objects)


def test_a_commit_in_the_place_of_a_tree_is_refused():
    pack = Pack("sha1")
    pack.add(COMMIT, b"tree")

    with pytest.raises(BadPrompt):
        TreeDiff(None, pack.object_id(COMMIT, b"tree")).advance(pack.objects)


def test_a_message_that_names_parents_is_no_header():
    commit = b"tree %b\nparent %b\nauthor x\n\nparent %b\n" % (b"1" * 40, b"2" * 40, b"3" * 40)

    assert tree_of(commit) == bytes.fromhex("1" * 40)
    assert parents_of(commit) == [bytes.fromhex("2" * 40)]
    for read in (tree_of, tagged):
        with pytest.raises(BadPrompt):
            read(b"parent")
