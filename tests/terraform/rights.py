"""Who has what in the example: the contract's rights, and those outside the warehouse in full.

A right that a module grants is added here, with the reason there.
"""

from collections.abc import Iterator
from typing import Any

from guarding import access, tables
from terraform_plan import Grant, Plan

READ_TAG = "roles/datacatalog.categoryFineGrainedReader"
READ_MASKED = "roles/bigquerydatapolicy.maskedReader"
VIEWER = "roles/bigquery.dataViewer"
USE_KEY = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
# What terraform grants in datasets of its own, which the contract does not know: the auditors
# count the safety net against the tables and read who read; their owners are the admins.
OWN_DATASETS = {
    "admin": {"raw": "roles/bigquery.dataOwner", "access_log": "roles/bigquery.dataOwner"},
    "auditor": {"raw": VIEWER, "access_log": VIEWER},
}
# Rights outside the warehouse, in full. `{…}` is filled in from the plan.
OUTSIDE = {
    "ingress": {
        ("roles/artifactregistry.reader", "images tailnumber"),
        (USE_KEY, "key content-kek"),
        ("roles/logging.logWriter", "project"),
        ("roles/monitoring.metricWriter", "project"),
        ("roles/pubsub.publisher", "topic tailnumber-audit-events"),
        *(
            ("roles/secretmanager.secretAccessor", f"secret tailnumber-{name}")
            for name in ("control-ca", "control-password", "issuers", "policy")
        ),
    },
    "keeper": {
        ("roles/secretmanager.secretAccessor", "secret tailnumber-control-ca"),
        ("roles/secretmanager.secretAccessor", "secret tailnumber-control-password"),
    },
    "loader": {
        ("roles/artifactregistry.reader", "images tailnumber"),
        ("roles/dataflow.worker", "project"),
        ("roles/monitoring.metricWriter", "project"),
        ("roles/pubsub.publisher", "topic tailnumber-audit-dead-letters"),
        # To load them anew, once their cause is gone.
        ("roles/pubsub.subscriber", "subscription tailnumber-audit-dead-letters"),
        ("roles/pubsub.subscriber", "subscription tailnumber-audit-events-pipeline"),
        ("roles/pubsub.viewer", "subscription tailnumber-audit-events-pipeline"),
        ("roles/storage.legacyBucketReader", "bucket {project}-tailnumber-pipeline"),
        ("roles/storage.objectUser", "bucket {project}-tailnumber-pipeline"),
    },
    "scheduler": {("roles/run.invoker", "job tailnumber-keeper")},
}
# Google's own accounts, through which its services reach what they keep.
AGENTS = {
    "bq-{number}@bigquery-encryption": {
        (USE_KEY, f"key {key}") for key in ("audit", "content", "subject-keys")
    },
    "service-{number}@compute-system": {(USE_KEY, "key control"), (USE_KEY, "key stream")},
    "service-{number}@dataflow-service-producer-prod": {(USE_KEY, "key stream")},
    "service-{number}@gcp-sa-cloud-sql": {(USE_KEY, "key control")},
    "service-{number}@gcp-sa-logging": {("roles/bigquery.dataEditor", "dataset access_log")},
    "service-{number}@gcp-sa-pubsub": {
        (USE_KEY, "key stream"),
        ("roles/pubsub.publisher", "topic tailnumber-audit-dead-letters"),
        ("roles/pubsub.subscriber", "subscription tailnumber-audit-events-pipeline"),
        ("roles/storage.legacyBucketReader", "bucket {project}-tailnumber-archive"),
        ("roles/storage.objectCreator", "bucket {project}-tailnumber-archive"),
        ("tailnumberLoader", "table raw.messages_v1"),
    },
    "service-{number}@gcp-sa-secretmanager": {(USE_KEY, "key control")},
    "service-{number}@gs-project-accounts": {(USE_KEY, "key archive"), (USE_KEY, "key stream")},
    "service-{number}@serverless-robot-prod": {(USE_KEY, "key control")},
}
NUMBER = "123456789012"


def member_of(role: str, plan: Plan) -> str:
    """Name the one group or service account that has a role in the example."""
    group = plan.variables["groups"].get(role)
    project = plan.variables["project_id"]
    return (
        f"group:{group}"
        if group
        else f"serviceAccount:tailnumber-{role}@{project}.iam.gserviceaccount.com"
    )


def rights_of(role: str, plan: Plan) -> list[Grant]:
    """List what the plan grants to the member of a role."""
    member = member_of(role, plan)
    return [grant for grant in plan.grants() if grant.member == member]


def wanted_of(role: str, plan: Plan) -> set[tuple[str, str]]:
    """List the rights of a role: those of the contract and those outside the warehouse."""
    project = plan.variables["project_id"]
    wanted = {(right, on.format(project=project)) for right, on in OUTSIDE.get(role, ())}
    if role == "ingress":
        wanted |= {
            ("roles/secretmanager.secretAccessor", f"secret {secret['secret_id']}")
            for secret in plan.all("google_secret_manager_secret")
            if not secret["secret_id"].startswith("tailnumber-")
        }
    if role in access()["roles"]:
        wanted |= set(_of_contract(role, plan))
    return wanted


def _of_contract(role: str, plan: Plan) -> Iterator[tuple[str, str]]:
    rendered, rights = access(), access()["roles"][role]
    yield from ((right, "project") for right in rights["project_roles"])
    yield from ((right, "key content-kek") for right in rights["kms_roles"])
    datasets = rights["dataset_roles"] | OWN_DATASETS.get(role, {})
    yield from ((right, f"dataset {dataset}") for dataset, right in datasets.items())
    yield from ((right, f"table {table}") for table, right in rights["table_roles"].items())
    for tag, readers in rendered["fine_grained_readers"].items():
        if role in readers:
            yield READ_TAG, f"tag {tag}"
    for mask, policy in rendered["data_policies"].items():
        if role in policy["masked_readers"]:
            yield READ_MASKED, f"mask {mask}"
    for source, table in tables().items():
        held = table.get("held_in")
        right = rights["table_roles"].get(source, rights["dataset_roles"].get(table["dataset"]))
        if held and right == VIEWER:
            yield VIEWER, f"table {held}"
        for policy in rendered["row_policies"]:
            if role in policy["roles"] and source in policy["tables"]:
                name = _policy_name(policy, plan)
                yield name, f"rows {source}"
                if held:
                    yield name, f"rows {held}"


def _policy_name(policy: dict[str, Any], plan: Plan) -> str:
    """Name a row policy of the example, which has one tenant and no departments."""
    return "_".join([policy["name"], *([plan.variables["tenant"]] * bool(policy["for_each"]))])


def agents(plan: Plan) -> dict[str, set[tuple[str, str]]]:
    """Map Google's own accounts to the rights that they need."""
    project = plan.variables["project_id"]
    return {
        f"serviceAccount:{name.format(number=NUMBER)}.iam.gserviceaccount.com": {
            (right, on.format(project=project)) for right, on in rights
        }
        for name, rights in AGENTS.items()
    }
