"""Check which changes of who may read what are refused, one row a change."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas import access_matrix
from schemas.access_changes import access_breaks
from schemas.compatibility import breaks
from schemas.pages import access_page
from schemas.render import documents
from schemas.retention import retention_document

Change = Callable[[dict[str, Any]], object]

PLAN = access_matrix.document()
OUT = "take it back, or say why in WIDENED of schemas/access_matrix.py"


def role(plan: dict[str, Any], name: str) -> dict[str, Any]:
    return plan["roles"][name]


def policy(plan: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in plan["row_policies"] if each["name"] == name)


REFUSED: dict[str, tuple[Change, str]] = {
    "class in clear": (
        lambda p: p["fine_grained_readers"]["content"].append("security"),
        "role security reads class content in clear",
    ),
    "class in clear after its mask": (
        lambda p: p["fine_grained_readers"]["identity"].append("auditor"),
        "role auditor reads class identity in clear",
    ),
    "masked reader added": (
        lambda p: p["data_policies"]["content_masked"]["masked_readers"].append("manager"),
        "role manager reads class content masked by ALWAYS_NULL",
    ),
    "mask that shows a part": (
        lambda p: p["data_policies"]["content_masked"].update(
            predefined_expression="FIRST_FOUR_CHARACTERS", masked_readers=["auditor"]
        ),
        "role auditor reads class content masked by FIRST_FOUR_CHARACTERS",
    ),
    "policy tag gone": (
        lambda p: p["taxonomy"]["policy_tags"].pop("network"),
        "class network lost its policy tag",
    ),
    "tags no longer enforced": (
        lambda p: p["taxonomy"].update(activated_policy_types=[]),
        "the taxonomy no longer enforces FINE_GRAINED_ACCESS_CONTROL",
    ),
    "dataset added": (
        lambda p: role(p, "analyst")["dataset_roles"].update(content="roles/bigquery.dataViewer"),
        "role analyst gained roles/bigquery.dataViewer on content",
    ),
    "stronger role on a dataset": (
        lambda p: role(p, "loader")["dataset_roles"].update(audit="roles/bigquery.dataEditor"),
        "role loader gained roles/bigquery.dataEditor on audit",
    ),
    "view of a published table added": (
        lambda p: role(p, "manager")["table_roles"].update({"audit.events": "viewer"}),
        "role manager gained viewer on audit.events",
    ),
    "project role added": (
        lambda p: role(p, "loader")["project_roles"].append("roles/bigquery.jobUser"),
        "role loader gained roles/bigquery.jobUser on the project",
    ),
    "key of contents": (
        lambda p: role(p, "security")["kms_roles"].append("decrypter"),
        "role security gained decrypter on the key of contents",
    ),
    "permission of a custom role": (
        lambda p: p["custom_roles"]["tailnumberLoader"].append("bigquery.tables.getData"),
        "custom role tailnumberLoader gained bigquery.tables.getData",
    ),
    "account becomes a group": (
        lambda p: role(p, "looker").update(member="group"),
        "role looker is a group, no longer a serviceAccount",
    ),
    "role added": (
        lambda p: p["roles"].update(engineer=role(p, "manager")),
        "role engineer was added",
    ),
    "every row": (
        lambda p: policy(p, "untenanted").update(roles=["manager"]),
        "role manager sees rows of audit.dead_letters_v1 where TRUE",
    ),
    "filter loosened": (
        lambda p: policy(p, "department").update(
            filter_predicate="tenant_id = '${tenant}'", tables=["audit.findings_v1"]
        ),
        "role manager sees rows of audit.findings_v1 where tenant_id = '${tenant}'",
    ),
    "row policies gone": (
        lambda p: (
            policy(p, "untenanted").update(tables=[])
            or policy(p, "everything")["tables"].remove("audit.dead_letters_v1")
        ),
        ("audit.dead_letters_v1 lost its row policies, so everyone with the dataset sees each row"),
    ),
    "authorized view added": (
        lambda p: p["authorized_views"].append({"view": "reporting.all", "source_dataset": "keys"}),
        "reporting.all may read keys for whoever reads it",
    ),
}

TAKEN: dict[str, Change] = {
    "nothing": lambda p: p,
    "clear reader taken away": lambda p: p["fine_grained_readers"]["identity"].remove("manager"),
    "mask hides more": lambda p: p["data_policies"]["identity_masked"].update(
        predefined_expression="ALWAYS_NULL"
    ),
    "masked instead of clear": lambda p: (
        p["fine_grained_readers"]["identity"].remove("analyst"),
        p["data_policies"]["identity_masked"]["masked_readers"].append("analyst"),
    ),
    "role taken away": lambda p: p["roles"].pop("manager"),
    "permission taken away": lambda p: p["custom_roles"]["tailnumberLoader"].pop(),
    "new class with its tag": lambda p: (
        p["taxonomy"]["policy_tags"].update(health={"description": "of a person"}),
        p["fine_grained_readers"].update(health=["investigator"]),
    ),
    "new table with its policies": lambda p: (
        p["column_tags"].update({"audit.reviews_v1": {}}),
        policy(p, "tenant")["tables"].append("audit.reviews_v1"),
        role(p, "manager")["table_roles"].update({"audit.reviews": "viewer"}),
    ),
    "purpose reworded": lambda p: role(p, "auditor").update(purpose="checks"),
}


def changed(change: Change) -> dict[str, Any]:
    result = copy.deepcopy(PLAN)
    change(result)
    return result


@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_shows_more_to_somebody_is_refused(change: Change, sentence: str) -> None:
    assert list(access_breaks(PLAN, changed(change))) == [f"{sentence}; {OUT}"]


@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_was_said_with_its_reason_is_taken(change: Change, sentence: str) -> None:
    new = {**changed(change), "widened": {sentence: "a reason"}}

    assert list(access_breaks(PLAN, new)) == []


@pytest.mark.parametrize("change", TAKEN.values(), ids=TAKEN)
def test_what_shows_nothing_more_is_taken(change: Change) -> None:
    assert list(access_breaks(PLAN, changed(change))) == []


def test_check_compares_access_and_floors_with_what_was_published() -> None:
    wider = changed(lambda p: p["fine_grained_readers"]["key"].append("admin"))
    lower = retention_document()
    lower["content"]["floor_days"] = 30
    texts = {"access.json": json.dumps(wider), "retention.json": json.dumps(lower)}

    assert breaks(documents(), {**documents(), **texts}) == [
        f"access: role admin reads class key in clear; {OUT}.",
        (
            "retention: the floor of class content sank from 183 to 30 days;"
            " keep 183: environments may have relied on it."
        ),
    ]


def test_each_widening_that_was_taken_is_shown_to_whoever_signs() -> None:
    assert access_matrix.WIDENED
    assert all(
        f"| {said} | {why} |" in access_page() for said, why in access_matrix.WIDENED.items()
    )
