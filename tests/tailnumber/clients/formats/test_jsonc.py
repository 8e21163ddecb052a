import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailnumber.clients.formats import MISSING, BrokenFile, Item
from tailnumber.clients.formats.jsonc import Jsonc

JSONC = Jsonc()
SETTINGS = """\
// mine
{
  "theme": "dark", // at night
  /* the rest */
  "env": {
    "A": "1" // one
  },
  "list": [1, 2,], "last": true // end
}
"""


def test_value_is_read_past_comments_and_trailing_commas():
    assert JSONC.get(SETTINGS, ("env", "A")) == "1"
    assert JSONC.get(SETTINGS, ("list",)) == [1, 2]
    assert JSONC.get(SETTINGS, ("env", "B")) is MISSING
    assert JSONC.get(SETTINGS, ("theme", "x")) is MISSING
    assert JSONC.get("// nothing\n", ("a",)) is MISSING


def test_replaced_value_changes_nothing_else():
    assert JSONC.put(SETTINGS, ("theme",), "light") == SETTINGS.replace('"dark"', '"light"')


def test_value_that_stands_already_changes_nothing():
    assert JSONC.put(SETTINGS, ("list",), [1, 2]) == SETTINGS


def test_added_member_stands_last_and_comments_stay_with_what_they_are_about():
    text = JSONC.put(SETTINGS, ("env", "B"), "2")

    assert '"A": "1", // one\n    "B": "2"\n  },' in text
    assert JSONC.drop(text, ("env", "B")).replace('"1", // one', '"1" // one') == SETTINGS


def test_added_object_is_written_in_the_files_own_indentation():
    text = JSONC.put(SETTINGS, ("new", "inner"), {"x": [1]})

    added = text.removeprefix(SETTINGS.replace("true // end\n}\n", "true, // end\n"))
    assert added == (
        '  "new": {\n    "inner": {\n      "x": [\n        1\n      ]\n    }\n  }\n}\n'
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '{\n    "a": 1\n}\n'),
        ("{}", '{\n    "a": 1\n}'),
        ("{ }\n", '{\n    "a": 1\n}\n'),
        ('{"b": 2}', '{"b": 2,\n    "a": 1\n}'),
        ('{"b": 2,}', '{"b": 2,\n    "a": 1\n}'),
        ('{\n\t"b": 2\n}', '{\n\t"b": 2,\n\t"a": 1\n}'),
        ('{\n  "b": 2, // c\n}', '{\n  "b": 2, // c\n  "a": 1\n}'),
        ("{ // c\n}", '{ // c\n    "a": 1\n}'),
    ],
    ids=["nothing", "empty", "blank", "one line", "comma", "tab", "comma and comment", "comment"],
)
def test_member_is_added_to_every_shape_of_object(before, after):
    assert JSONC.put(before, ("a",), 1) == after


def test_item_of_a_list_is_found_by_its_name_replaced_and_dropped():
    place = (Item(("name", "Tailnumber")),)
    others = '[\n  // first\n  {"name": "Other"}\n]\n'

    added = JSONC.put(others, place, {"name": "Tailnumber", "x": 1})
    changed = JSONC.put(added, place, {"name": "Tailnumber", "x": 2})

    assert JSONC.get(changed, place) == {"name": "Tailnumber", "x": 2}
    assert JSONC.get(changed, (Item(("name", "Other")),)) == {"name": "Other"}
    assert JSONC.drop(changed, place) == others
    assert (
        JSONC.put("", place, {"name": "Tailnumber"})
        == '[\n    {\n        "name": "Tailnumber"\n    }\n]\n'
    )


def test_what_is_empty_without_the_value_goes_with_it():
    text = JSONC.put('{"b": 2}', ("env", "A"), "1")

    assert JSONC.get(JSONC.drop(text, ("env", "A")), ()) == {"b": 2}
    assert JSONC.drop('{"b": 2}', ("c",)) == '{"b": 2}'


def test_of_a_member_that_stands_twice_the_last_counts():
    text = JSONC.put('{"a": 1, "a": 2}', ("a",), 3)

    assert text == '{"a": 1, "a": 3}'


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('{\n  "a":\n}', 3, "a value is expected"),
        ('{\n  "a" 1}', 2, "a colon is expected"),
        ('{\n  "a": 1\n  "b": 2}', 3, "a comma or } is expected"),
        ("[1, 2", 1, "a comma or ] is expected"),
        ("{a: 1}", 1, "a name in double quotes is expected"),
        ('{"a": 1}\n{', 2, "something stands after its end"),
        ('{"a": 01}', 1, "this value is not JSON"),
        ('{"a": "\n"}', 1, "a value is expected"),
        ("[" * 200, 1, "it is nested too deep"),
        ("/* never closed", 1, "a value is expected"),
    ],
)
def test_broken_file_is_refused_with_its_line(text, line, what):
    with pytest.raises(BrokenFile) as broken:
        JSONC.put(text, ("x",), 1)

    assert (broken.value.line, broken.value.what) == (line, what)


def test_file_of_another_shape_is_refused():
    with pytest.raises(BrokenFile, match="an object is expected here"):
        JSONC.put('{"env": 1}', ("env", "A"), 1)
    with pytest.raises(BrokenFile, match="a list is expected here"):
        JSONC.put("{}", (Item(("name", "T")),), {})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)


@given(OBJECTS, st.text(max_size=3), VALUES, st.sampled_from([None, 2, "\t"]))
def test_any_member_can_be_put_and_dropped(document, name, value, indent):
    text = json.dumps(document, indent=indent)

    put = JSONC.put(text, (name,), value)
    dropped = JSONC.drop(put, (name,))

    assert json.loads(put) == {**document, name: value}
    without = {key: each for key, each in document.items() if key != name}
    assert json.loads(dropped) == without
