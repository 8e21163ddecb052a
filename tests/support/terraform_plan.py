"""A plan of terraform, as tests read it and break it."""

import dataclasses
import json
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

LEGACY_ROLES = {
    "READER": "roles/bigquery.dataViewer",
    "WRITER": "roles/bigquery.dataEditor",
    "OWNER": "roles/bigquery.dataOwner",
}


class Resource(dict[str, Any]):
    """What one resource will be: its arguments by name."""

    def __init__(self, address: str, kind: str, values: dict[str, Any]) -> None:
        """Take the values as `terraform show -json` has them."""
        super().__init__(values)
        self.address = address
        self.kind = kind

    def __reduce__(self) -> tuple[Any, ...]:
        return Resource, (self.address, self.kind, dict(self))

    def at(self, path: str) -> Any:
        """Follow `time_partitioning.0.field`; None where it does not lead anywhere."""
        value: Any = self
        for step in path.split("."):
            try:
                value = value[int(step)] if isinstance(value, list) else (value or {}).get(step)
            except IndexError:
                return None
        return value


@dataclasses.dataclass(frozen=True, order=True)
class Grant:
    """One member's role on one thing, from whichever resource says it."""

    member: str
    role: str
    on: str


class Plan:
    """The managed resources of a plan and the variables it was made with."""

    def __init__(self, plan: dict[str, Any]) -> None:
        """Take the JSON of `terraform show -json`."""
        self.variables = {k: v.get("value") for k, v in plan.get("variables", {}).items()}
        self.resources = [
            Resource(found["address"], found["type"], found["values"])
            for found in _walk(plan["planned_values"]["root_module"])
            if found["mode"] == "managed"
        ]

        self._grants: list[Grant] | None = None

    def copy(self) -> "Plan":
        """Copy it, to be broken."""
        self._grants = None
        copied: Plan = pickle.loads(pickle.dumps(self))
        return copied

    def all(self, kind: str, **where: Any) -> list[Resource]:
        """List the resources of a kind with these arguments; `kind` may be a pattern with `*`."""
        pattern = re.compile(kind.replace("*", r"\w*") + r"\Z")
        exact = kind.isidentifier()
        return [
            resource
            for resource in self.resources
            if (resource.kind == kind if exact else pattern.match(resource.kind))
            and all(resource.get(name) == value for name, value in where.items())
        ]

    def one(self, kind: str, **where: Any) -> Resource:
        """Return the first of them; there is one, or the test's mutation means nothing."""
        found = self.all(kind, **where)
        assert found, f"the plan has no {kind} with {where}"
        return found[0]

    def add(self, kind: str, **values: Any) -> None:
        """Add a resource, as a change of the modules would."""
        self.resources.append(Resource(f"{kind}.added", kind, values))

    def remove(self, kind: str, **where: Any) -> None:
        """Take the first of them out."""
        self.resources.remove(self.one(kind, **where))

    def grants(self) -> list[Grant]:
        """List every right that the plan gives; a copy that was asked is not to be broken again."""
        if self._grants is None:
            self._grants = [grant for resource in self.resources for grant in _grants_of(resource)]
        return self._grants


def _walk(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _walk(child)


def _grants_of(resource: Resource) -> Iterator[Grant]:
    if resource.kind.endswith(("_iam_member", "_iam_binding")):
        members = resource["members"] if "members" in resource else [resource["member"]]
        for member in members:
            yield Grant(str(member), short_role(resource["role"]), _target(resource))
    elif resource.kind == "google_bigquery_row_access_policy":
        rows = f"rows {resource['dataset_id']}.{resource['table_id']}"
        for member in resource["grantees"]:
            yield Grant(member, resource["policy_id"], rows)
    elif resource.kind == "google_bigquery_dataset":
        for access in resource.get("access") or []:
            yield from _dataset_grant(access, resource["dataset_id"])
    elif resource.kind == "google_bigquery_dataset_access":
        yield from _dataset_grant(resource, resource["dataset_id"])


def _dataset_grant(access: dict[str, Any], dataset: str) -> Iterator[Grant]:
    members = {
        "group_by_email": "group:{}",
        "user_by_email": "serviceAccount:{}",
        "domain": "domain:{}",
        "special_group": "{}",
        "iam_member": "{}",
    }
    for argument, form in members.items():
        if access.get(argument):
            yield Grant(
                form.format(access[argument]), short_role(access["role"]), f"dataset {dataset}"
            )
    for block in access.get("dataset") or []:
        source = block["dataset"][0]["dataset_id"]
        yield Grant(f"dataset:{source}", ",".join(block["target_types"]), f"dataset {dataset}")


def short_role(role: str) -> str:
    """Name a role one way: BigQuery's old names by the new, own ones without their project."""
    return LEGACY_ROLES.get(role, re.sub(r"^projects/[^/]+/roles/", "", role))


def _target(resource: Resource) -> str:
    """Say what a grant is on: `topic tailnumber-audit-events`."""
    for argument, word in (
        ("table_id", "table"),
        ("policy_tag", "tag"),
        ("data_policy_id", "mask"),
        ("crypto_key_id", "key"),
        ("topic", "topic"),
        ("subscription", "subscription"),
        ("bucket", "bucket"),
        ("secret_id", "secret"),
        ("service_account_id", "account"),
        ("repository", "images"),
        ("name", "job"),
    ):
        if resource.get(argument):
            name = str(resource[argument]).rsplit("/", 1)[-1]
            return (
                f"{word} {resource['dataset_id']}.{name}" if word == "table" else f"{word} {name}"
            )
    return "project" if resource.kind.startswith("google_project_iam") else resource.kind


Break = Callable[[Plan], None]


def change(kind: str, path: str, to: Any, **where: Any) -> Break:
    """Break a plan: set one argument of one resource; a path leads into blocks."""

    def break_it(plan: Plan) -> None:
        *steps, last = path.split(".")
        target: Any = plan.one(kind, **where)
        for step in steps:
            target = target[int(step)] if isinstance(target, list) else target[step]
        was = target[int(last)] if isinstance(target, list) else target.get(last)
        assert was != to, f"{kind} {path} is {to!r} already"
        target[int(last) if isinstance(target, list) else last] = to

    return break_it


def drop(kind: str, **where: Any) -> Break:
    """Break a plan: leave one resource out."""
    return lambda plan: plan.remove(kind, **where)


def add(kind: str, **values: Any) -> Break:
    """Break a plan: one resource more."""
    return lambda plan: plan.add(kind, **values)


def change_column(table: str, column: str, **to: Any) -> Break:
    """Break a plan: change a column of a table (`dataset.table`); None takes an argument away."""

    def break_it(plan: Plan) -> None:
        dataset, name = table.split(".")
        resource = plan.one("google_bigquery_table", dataset_id=dataset, table_id=name)
        columns = json.loads(resource["schema"])
        found = next(each for each in columns if each["name"] == column)
        for key, value in to.items():
            if value is None:
                found.pop(key)
            else:
                found[key] = value
        resource["schema"] = json.dumps(columns)

    return break_it


def drop_column(table: str, column: str) -> Break:
    """Break a plan: leave a column of a table out."""

    def break_it(plan: Plan) -> None:
        dataset, name = table.split(".")
        resource = plan.one("google_bigquery_table", dataset_id=dataset, table_id=name)
        columns = json.loads(resource["schema"])
        resource["schema"] = json.dumps([each for each in columns if each["name"] != column])

    return break_it
