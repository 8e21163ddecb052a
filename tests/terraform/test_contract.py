"""A change of the contract that would lose or open data is refused before any plan is applied."""

import json
import shutil
from pathlib import Path

import module_examples
import offline_terraform as offline
import pytest

from schemas import compatibility, render

TABLE = "tables/audit.interactions_v1.json"


def rendered() -> dict[str, str]:
    """Read schemas/generated as `python -m schemas check` compares it."""
    root = offline.CHECKOUT / "schemas" / "generated"
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def edited(text: str, change) -> str:
    table = json.loads(text)
    change(table)
    return json.dumps(table, indent=2) + "\n"


def column(table: dict, name: str) -> dict:
    return next(each for each in table["schema"] if each["name"] == name)


def drop_a_column(table: dict) -> None:
    table["schema"].remove(column(table, "principal_email"))


def open_a_column(table: dict) -> None:
    del column(table, "principal_email")["policyTags"]
    column(table, "principal_email")["classification"] = "public"


def keep_less(table: dict) -> None:
    table["retention_days"] = 30
    table["time_partitioning"]["expiration_ms"] = 30 * 24 * 60 * 60 * 1000


def retype_a_column(table: dict) -> None:
    column(table, "principal_email")["type"] = "BYTES"


@pytest.mark.parametrize("change", [drop_a_column, open_a_column, keep_less, retype_a_column])
def test_breaking_a_published_table_is_refused_by_schemas_check(change):
    before = rendered()
    after = before | {TABLE: edited(before[TABLE], change)}

    assert compatibility.breaks(before, before) == []
    assert compatibility.breaks(before, after)


def test_a_table_that_is_gone_is_refused_by_schemas_check():
    before = rendered()
    after = {path: text for path, text in before.items() if path != TABLE}

    assert compatibility.breaks(before, after)


def test_a_generated_file_that_somebody_edited_is_found_by_schemas_render_check(tmp_path: Path):
    shutil.copytree(offline.CHECKOUT / "schemas" / "generated", tmp_path, dirs_exist_ok=True)
    assert render.stale(tmp_path) == []

    (tmp_path / TABLE).write_text(edited((tmp_path / TABLE).read_text(), drop_a_column))

    assert any(TABLE in line for line in render.stale(tmp_path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (open_a_column, "classes are not those of access.json"),
        (lambda table: column(table, "principal_email").pop("policyTags"), "lacks the policy tag"),
        (
            lambda table: table["schema"].remove(column(table, "requested_at")),
            "partitioned or clustered by a column that is gone",
        ),
    ],
    ids=["a class changed", "a tag is gone", "the partition's column is gone"],
)
def test_generated_files_that_do_not_belong_together_are_refused_by_terraform(
    changed: offline.Workspace, change, said: str
):
    path = changed.root / "schemas" / "generated" / TABLE
    path.write_text(edited(path.read_text(), change))

    with pytest.raises(offline.Refused) as refused:
        module_examples.plan(changed, "warehouse", known=False)

    assert said in " ".join(str(refused.value).split())
