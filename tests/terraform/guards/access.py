"""Rights: each role exactly its own, content one group, and nobody else anything."""

import re
from collections.abc import Iterator
from typing import Any

from guarding import Find, access, differences, guard
from rights import (
    OUTSIDE,
    READ_MASKED,
    READ_TAG,
    USE_KEY,
    VIEWER,
    agents,
    member_of,
    rights_of,
    wanted_of,
)
from terraform_plan import Break, Plan, add, change, drop

MEMBER = re.compile(
    r"(group|user|serviceAccount):[^@\s]+@[^@\s]+\.[a-z]+|dataset:[a-z_]+|"
    r"principal(Set)?://iam\.googleapis\.com/\S+"
)
# Predefined roles, as Google Cloud's "IAM basic and predefined roles reference" spells them.
KNOWN_ROLES = {
    VIEWER,
    READ_TAG,
    READ_MASKED,
    USE_KEY,
    "VIEWS",
    "roles/artifactregistry.reader",
    "roles/bigquery.dataEditor",
    "roles/bigquery.dataOwner",
    "roles/bigquery.jobUser",
    "roles/cloudkms.cryptoKeyDecrypterViaDelegation",
    "roles/dataflow.worker",
    "roles/logging.logWriter",
    "roles/monitoring.metricWriter",
    "roles/pubsub.publisher",
    "roles/pubsub.subscriber",
    "roles/pubsub.viewer",
    "roles/run.invoker",
    "roles/secretmanager.secretAccessor",
    "roles/storage.legacyBucketReader",
    "roles/storage.objectCreator",
    "roles/storage.objectUser",
    "roles/storage.objectViewer",
}
ON_PROJECT = "no right on the project is more than running queries, writing logs and figures"
# Demands on one right of a role, which a change of its rights may break too.
NARROWER = {
    "investigator": (
        "who may open sealed texts with the key is one group, and inside a query alone",
    ),
    "loader": (
        "the loader cannot read: it appends with a role of two permissions, and reads no tag",
    ),
    "looker": ("the dashboards' account reads views of public columns and nothing below them",),
}


def exactly(role: str) -> Find:
    """Make the finder that compares all rights of a role's member with the wanted ones."""

    def find(plan: Plan) -> Iterator[str]:
        found = {(grant.role, grant.on) for grant in rights_of(role, plan)}
        yield from differences(wanted_of(role, plan), found)

    return find


def grant_to(role: str, right: str = VIEWER, table: str = "events_ocsf") -> Break:
    """Break a plan: a role may read one more view."""

    def break_it(plan: Plan) -> None:
        plan.add(
            "google_bigquery_table_iam_member",
            dataset_id="audit",
            table_id=table,
            role=right,
            member=member_of(role, plan),
        )

    return break_it


def grant_also(kind: str, to: str, **values: Any) -> Break:
    """Break a plan: a role's member has one grant more."""
    return lambda plan: plan.add(kind, member=member_of(to, plan), **values)


def take_from(role: str) -> Break:
    """Break a plan: a role loses the first of its rights that stands in a resource of its own."""

    def break_it(plan: Plan) -> None:
        member = member_of(role, plan)
        kinds = plan.all("google_*_iam_member")
        plan.resources.remove(next(each for each in kinds if each["member"] == member))

    return break_it


for role in [
    "admin",
    "analyst",
    "auditor",
    "investigator",
    "keeper",
    "loader",
    "looker",
    "security",
]:
    guard(
        f"{role} has exactly the rights of the contract",
        *(grant_to(role), take_from(role)),
        also=NARROWER.get(role, ()),
    )(exactly(role))
for role in ["ingress", "scheduler"]:
    guard(f"{role} has exactly its rights", grant_to(role), take_from(role))(exactly(role))


@guard(
    "each of Google's service agents has the keys and places that it needs and no other",
    change(
        "google_kms_crypto_key_iam_member",
        "member",
        "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com",
        member="serviceAccount:service-123456789012@gcp-sa-cloud-sql.iam.gserviceaccount.com",
    ),
    drop("google_bigquery_table_iam_member", dataset_id="raw"),
)
def agents_have_their_rights(plan: Plan) -> Iterator[str]:
    for member, wanted in agents(plan).items():
        found = {(grant.role, grant.on) for grant in plan.grants() if grant.member == member}
        for difference in differences(wanted, found):
            yield f"{member}: {difference}"


@guard(
    "nobody has any right but the roles, the service agents and the reporting views",
    add(
        "google_bigquery_dataset_access",
        dataset_id="audit",
        role="READER",
        user_by_email="eve@acme.example",
    ),
    add(
        "google_storage_bucket_iam_member",
        bucket="b",
        role="roles/storage.objectViewer",
        member="group:other@acme.example",
    ),
)
def nobody_else_has_rights(plan: Plan) -> Iterator[str]:
    roles = {*access()["roles"], *OUTSIDE}
    known = {member_of(role, plan) for role in roles} | set(agents(plan)) | {"dataset:reporting"}
    public = {"allUsers", "allAuthenticatedUsers"}
    for grant in plan.grants():
        if grant.member not in known | public:
            yield f"{grant.member}: {grant.role} on {grant.on}"


@guard(
    "one group alone reads content in clear, and it is the investigators",
    grant_also(
        "google_data_catalog_policy_tag_iam_member",
        "analyst",
        policy_tag="t/policyTags/content",
        role=READ_TAG,
    ),
    add(
        "google_data_catalog_policy_tag_iam_member",
        policy_tag="t/policyTags/content",
        role=READ_TAG,
        member="user:eve@acme.example",
    ),
    also=(
        "analyst has exactly the rights of the contract",
        "nobody has any right but the roles, the service agents and the reporting views",
    ),
)
def content_has_one_group_of_readers(plan: Plan) -> Iterator[str]:
    people = {
        grant.member
        for grant in plan.grants()
        if grant.on == "tag content" and not grant.member.startswith("serviceAccount:")
    }
    yield from differences({member_of("investigator", plan)}, people)


@guard(
    "who may open sealed texts with the key is one group, and inside a query alone",
    grant_also(
        "google_kms_crypto_key_iam_member",
        "security",
        crypto_key_id="r/cryptoKeys/content-kek",
        role="roles/cloudkms.cryptoKeyDecrypterViaDelegation",
    ),
    grant_also(
        "google_kms_crypto_key_iam_member",
        "investigator",
        crypto_key_id="r/cryptoKeys/content-kek",
        role=USE_KEY,
    ),
    also=(
        "security has exactly the rights of the contract",
        "investigator has exactly the rights of the contract",
    ),
)
def sealed_texts_have_one_group_of_readers(plan: Plan) -> Iterator[str]:
    opens = [grant for grant in plan.grants() if grant.on == "key content-kek"]
    people = {(g.member, g.role) for g in opens if not g.member.startswith("serviceAccount:")}
    wanted = {(member_of("investigator", plan), "roles/cloudkms.cryptoKeyDecrypterViaDelegation")}
    yield from differences(wanted, people)


@guard(
    "no program but the gateway can unwrap a content key",
    grant_also(
        "google_kms_crypto_key_iam_member",
        "keeper",
        crypto_key_id="r/cryptoKeys/content-kek",
        role=USE_KEY,
    ),
    also=("keeper has exactly the rights of the contract",),
)
def the_gateway_alone_unwraps(plan: Plan) -> Iterator[str]:
    programs = {
        grant.member
        for grant in plan.grants()
        if grant.on == "key content-kek" and grant.member.startswith("serviceAccount:")
    }
    yield from differences({member_of("ingress", plan)}, programs)


@guard(
    "the loader cannot read: it appends with a role of two permissions, and reads no tag",
    change(
        "google_project_iam_custom_role",
        "permissions",
        ["bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData"],
        role_id="tailnumberLoader",
    ),
    grant_to("loader"),
    also=(
        "loader has exactly the rights of the contract",
        "the roles of our own are those of the contract",
    ),
)
def loader_cannot_read(plan: Plan) -> Iterator[str]:
    permissions = plan.one("google_project_iam_custom_role", role_id="tailnumberLoader")[
        "permissions"
    ]
    yield from set(permissions) - {"bigquery.tables.get", "bigquery.tables.updateData"}
    for grant in rights_of("loader", plan):
        in_warehouse = re.match(r"dataset|table|tag|mask|rows", grant.on)
        if in_warehouse and grant.role != "tailnumberLoader":
            yield f"{grant.role} on {grant.on}"


@guard(
    "the roles of our own are those of the contract",
    change(
        "google_project_iam_custom_role",
        "permissions",
        ["bigquery.tables.get", "bigquery.tables.delete"],
        role_id="tailnumberKeeperReads",
    ),
    add(
        "google_project_iam_custom_role",
        role_id="tailnumberHelper",
        permissions=["bigquery.tables.list"],
    ),
)
def custom_roles_are_the_contracts(plan: Plan) -> Iterator[str]:
    found = {
        (role["role_id"], *sorted(role["permissions"]))
        for role in plan.all("google_project_iam_custom_role")
    }
    wanted = {(name, *sorted(rights)) for name, rights in access()["custom_roles"].items()}
    yield from differences(wanted, found)


@guard(
    "the dashboards' account reads views of public columns and nothing below them",
    grant_to("looker", table="interactions_v1"),
    also=("looker has exactly the rights of the contract",),
)
def looker_reads_reporting(plan: Plan) -> Iterator[str]:
    for grant in rights_of("looker", plan):
        in_warehouse = grant.on.startswith(("dataset", "table", "tag", "mask"))
        if in_warehouse and grant.on != "dataset reporting":
            yield f"{grant.role} on {grant.on}"


@guard(
    "the reporting views alone read a dataset for whoever asks, and only the one of the contract",
    change(
        "google_bigquery_dataset",
        "access",
        [{"dataset": [{"dataset": [{"dataset_id": "reporting"}], "target_types": ["VIEWS"]}]}],
        dataset_id="content",
    ),
    also=(
        "admin has exactly the rights of the contract",
        "investigator has exactly the rights of the contract",
        "loader has exactly the rights of the contract",
        "keeper has exactly the rights of the contract",
    ),
)
def authorized_views_are_the_contracts(plan: Plan) -> Iterator[str]:
    wanted = {
        (f"dataset:{each['view'].split('.')[0]}", f"dataset {each['source_dataset']}")
        for each in access()["authorized_views"]
    }
    found = {(g.member, g.on) for g in plan.grants() if g.member.startswith("dataset:")}
    yield from differences(wanted, found)


@guard(
    "nothing is granted to everybody",
    add(
        "google_storage_bucket_iam_member",
        bucket="b",
        role="roles/storage.objectViewer",
        member="allUsers",
    ),
    add(
        "google_pubsub_topic_iam_binding",
        topic="t",
        role="roles/pubsub.publisher",
        members=["allAuthenticatedUsers"],
    ),
    add(
        "google_bigquery_dataset_access",
        dataset_id="audit",
        role="READER",
        special_group="allAuthenticatedUsers",
    ),
    also=("every member is written as IAM wants it",),
)
def nothing_is_public(plan: Plan) -> Iterator[str]:
    for grant in plan.grants():
        if grant.member in {"allUsers", "allAuthenticatedUsers"}:
            yield f"{grant.role} on {grant.on}"


@guard(
    "every member is written as IAM wants it",
    add(
        "google_storage_bucket_iam_member",
        bucket="b",
        role="roles/storage.objectViewer",
        member="tailnumber-loader@acme-tailnumber.iam.gserviceaccount.com",
    ),
    also=("nobody has any right but the roles, the service agents and the reporting views",),
)
def members_are_well_formed(plan: Plan) -> Iterator[str]:
    yield from (g.member for g in plan.grants() if not MEMBER.fullmatch(g.member))


@guard(
    "every role exists and was looked at",
    change(
        "google_project_iam_member",
        "role",
        "roles/bigquery.jobsUser",
        role="roles/bigquery.jobUser",
    ),
    change("google_project_iam_member", "role", "roles/owner", role="roles/bigquery.jobUser"),
    also=(
        *(f"{role} has exactly the rights of the contract" for role in access()["roles"]),
        ON_PROJECT,
    ),
)
def roles_exist(plan: Plan) -> Iterator[str]:
    own = {role["role_id"] for role in plan.all("google_project_iam_custom_role")}
    for grant in plan.grants():
        if not grant.on.startswith("rows") and grant.role not in KNOWN_ROLES | own:
            yield f"{grant.member}: {grant.role}"


@guard(
    "no service account has a key",
    add("google_service_account_key", service_account_id="a"),
)
def no_service_account_keys(plan: Plan) -> Iterator[str]:
    yield from (each.address for each in plan.all("google_service_account_key"))


@guard(
    "nobody may act as a service account of this system",
    grant_also(
        "google_service_account_iam_member",
        "security",
        service_account_id="projects/p/serviceAccounts/a",
        role="roles/iam.serviceAccountTokenCreator",
    ),
    also=("security has exactly the rights of the contract", "every role exists and was looked at"),
)
def nobody_impersonates(plan: Plan) -> Iterator[str]:
    for grant in plan.grants():
        if grant.role.startswith(("roles/iam.serviceAccount", "roles/iam.workloadIdentity")):
            yield f"{grant.member}: {grant.role} on {grant.on}"


@guard(
    "there is one service account per role and no other",
    add("google_service_account", account_id="tailnumber-helper"),
    drop("google_service_account", account_id="tailnumber-looker"),
)
def accounts_are_the_roles(plan: Plan) -> Iterator[str]:
    wanted = {
        f"tailnumber-{role}" for role in ("ingress", "keeper", "loader", "looker", "scheduler")
    }
    yield from differences(wanted, [a["account_id"] for a in plan.all("google_service_account")])


@guard(
    "terraform never takes rights of others away on the project or a key",
    add(
        "google_project_iam_binding",
        project="p",
        role="roles/bigquery.jobUser",
        members=[],
    ),
    add("google_kms_crypto_key_iam_policy", crypto_key_id="k", policy_data="{}"),
)
def grants_are_additive(plan: Plan) -> Iterator[str]:
    for each in plan.all("google_*_iam_policy"):
        yield each.address
    for each in plan.all("google_(project|kms_crypto_key|kms_key_ring)_iam_binding"):
        yield each.address


@guard(
    ON_PROJECT,
    grant_also(
        "google_project_iam_member",
        "security",
        project="p",
        role="roles/bigquery.dataViewer",
    ),
    also=("security has exactly the rights of the contract",),
)
def project_rights_are_small(plan: Plan) -> Iterator[str]:
    small = {
        "roles/bigquery.jobUser",
        "roles/dataflow.worker",
        "roles/logging.logWriter",
        "roles/monitoring.metricWriter",
    }
    for grant in plan.grants():
        if grant.on == "project" and grant.role not in small:
            yield f"{grant.member}: {grant.role}"
