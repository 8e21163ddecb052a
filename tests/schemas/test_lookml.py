"""Check what is rendered for Looker; tests/schemas/looker/ holds it to the hand-written rest."""

import lkml
import pytest

from schemas.lookml import lookml
from schemas.render import LOOKER, stale


def view(table):
    (first, *_) = lkml.load(lookml()[f"{table}.view.lkml"])["views"]
    return first


def test_committed_views_equal_a_fresh_render() -> None:
    assert stale(LOOKER, lookml()) == []


def test_a_changed_view_is_named(tmp_path) -> None:
    (tmp_path / "old.view.lkml").write_text("view: old {}\n")

    sentences = stale(tmp_path, {"new.view.lkml": "view: new {}\n"})

    assert sentences == [
        "new.view.lkml is missing",
        "old.view.lkml belongs to nothing in the contract",
    ]


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("interactions", "${TABLE}.interaction_id"),
        ("findings", "CONCAT(CAST(${TABLE}.event_id AS STRING), '/', CAST(${TABLE}.finding_index AS STRING))"),
    ],
)  # fmt: skip
def test_a_row_is_known_by_its_identity(table, key):
    (found,) = [each for each in view(table)["dimensions"] if each.get("primary_key")]

    assert found["sql"] == key


def test_a_day_is_a_day_of_the_partitions():
    for text in lookml().values():
        for each in lkml.load(text).get("views", ()):
            for group in each.get("dimension_groups", ()):
                assert group["convert_tz"] == "no"


def test_a_list_is_a_view_and_its_join():
    read = lkml.load(lookml()["interactions.view.lkml"])

    (refs,) = [each for each in read["views"] if each["name"] == "interactions__refs"]
    (explore,) = read["explores"]
    assert [each["name"] for each in refs["dimensions"]] == [
        "ref", "change", "old_id", "new_id", "result",
    ]  # fmt: skip
    assert explore["extension"] == "required"
    assert "interactions__refs" in [join["name"] for join in explore["joins"]]


def test_technical_columns_are_hidden():
    hidden = {each["name"] for each in view("findings")["dimensions"] if each.get("hidden")}

    assert {"event_id", "writer_id", "sequence", "start_offset"} <= hidden
    assert not {"rule_id", "session_id", "interaction_id", "principal_id"} & hidden
