"""Keys: one per class of data, in hardware, rotated, not lost by a slip."""

import re
from collections.abc import Iterator

from guarding import differences, guard
from terraform_plan import Plan, add, change, drop

KEY = "google_kms_crypto_key"
RING = "google_kms_key_ring"
CLASSES = ["archive", "audit", "content", "content-kek", "control", "stream", "subject-keys"]
DAY = 24 * 60 * 60
# What may be encrypted with a customer's key, and where the key is named.
ENCRYPTED = {
    "google_cloud_run_v2_job": "template.0.template.0.encryption_key",
    "google_dataflow_flex_template_job": "kms_key_name",
    "google_pubsub_topic": "kms_key_name",
    "google_secret_manager_secret": (
        "replication.0.user_managed.0.replicas.0.customer_managed_encryption.0.kms_key_name"
    ),
    "google_sql_database_instance": "encryption_key_name",
    "google_storage_bucket": "encryption.0.default_kms_key_name",
}
# Which key: a right on one opens no other class of data.
KEY_FOR = {
    "google_cloud_run_v2_job": "control",
    "google_dataflow_flex_template_job": "stream",
    "google_pubsub_topic": "stream",
    "google_secret_manager_secret": "control",
    "google_sql_database_instance": "control",
}


def seconds(duration: str | None) -> float:
    """Read `7776000s`; what is not written so is no duration and counts as none."""
    found = re.fullmatch(r"(\d+(?:\.\d{1,9})?)s", duration or "")
    return float(found.group(1)) if found else 0.0


@guard(
    "each class of data has a key of its own",
    drop(KEY, name="content"),
    add(
        KEY,
        name="other",
        purpose="ENCRYPT_DECRYPT",
        rotation_period="7776000s",
        destroy_scheduled_duration="2592000s",
        key_ring="r",
        version_template=[{"algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION", "protection_level": "HSM"}],
    ),
)
def keys_are_the_contracts(plan: Plan) -> Iterator[str]:
    yield from differences(CLASSES, [key["name"] for key in plan.all(KEY)])


@guard(
    "every key rotates by itself, at least every 90 days",
    change(KEY, "rotation_period", None, name="content"),
    change(KEY, "rotation_period", f"{91 * DAY}s", name="audit"),
    change(KEY, "rotation_period", "90d", name="audit"),
)
def keys_rotate(plan: Plan) -> Iterator[str]:
    for key in plan.all(KEY):
        # Google refuses less than a day.
        if not DAY < seconds(key["rotation_period"]) <= 90 * DAY:
            yield f"{key.address}: {key['rotation_period']}"


@guard(
    "every key is in hardware",
    change(KEY, "version_template.0.protection_level", "SOFTWARE", name="content-kek"),
    change(KEY, "version_template", [], name="content-kek"),
)
def keys_are_in_hardware(plan: Plan) -> Iterator[str]:
    for key in plan.all(KEY):
        if key.at("version_template.0.protection_level") != "HSM":
            yield key.address


@guard(
    "every key encrypts and decrypts symmetrically: what wraps and what Google's services take",
    change(KEY, "purpose", "ASYMMETRIC_DECRYPT", name="content-kek"),
    change(KEY, "version_template.0.algorithm", "RSA_DECRYPT_OAEP_2048_SHA256", name="audit"),
)
def keys_are_symmetric(plan: Plan) -> Iterator[str]:
    for key in plan.all(KEY):
        algorithm = key.at("version_template.0.algorithm") or "GOOGLE_SYMMETRIC_ENCRYPTION"
        if (key["purpose"], algorithm) != ("ENCRYPT_DECRYPT", "GOOGLE_SYMMETRIC_ENCRYPTION"):
            yield key.address


@guard(
    "a key that somebody destroys can be taken back for 30 days",
    change(KEY, "destroy_scheduled_duration", f"{DAY}s", name="content"),
    change(KEY, "destroy_scheduled_duration", None, name="content"),
)
def destroyed_keys_come_back(plan: Plan) -> Iterator[str]:
    for key in plan.all(KEY):
        if seconds(key["destroy_scheduled_duration"]) < 30 * DAY:
            yield key.address


@guard("keys are in the one region", change(RING, "location", "global"))
def keys_are_in_the_region(plan: Plan) -> Iterator[str]:
    for ring in plan.all(RING):
        if ring["location"] != plan.variables["region"]:
            yield ring.address


@guard(
    "whatever holds data encrypts it with a key of ours",
    change("google_pubsub_topic", "kms_key_name", None, name="tailnumber-audit-dead-letters"),
    change("google_storage_bucket", "encryption", []),
    change("google_sql_database_instance", "encryption_key_name", None),
    change("google_dataflow_flex_template_job", "kms_key_name", None),
    add("google_pubsub_topic", name="t", message_retention_duration="604800s",
        message_storage_policy=[{"allowed_persistence_regions": ["europe-west1"]}]),
    also=("there are two topics: events, and what was refused", "what Pub/Sub holds stays in the region", "each thing encrypts with the key of its class"),
)  # fmt: skip
def data_is_encrypted(plan: Plan) -> Iterator[str]:
    for kind, path in ENCRYPTED.items():
        for resource in plan.all(kind):
            if "/cryptoKeys/" not in (resource.at(path) or ""):
                yield f"{resource.address}: {path}"


@guard(
    "each thing encrypts with the key of its class",
    change("google_pubsub_topic", "kms_key_name", "r/cryptoKeys/audit", name="tailnumber-audit-events"),
    change("google_sql_database_instance", "encryption_key_name", "r/cryptoKeys/stream"),
)  # fmt: skip
def keys_are_used_for_their_class(plan: Plan) -> Iterator[str]:
    for kind, wanted in KEY_FOR.items():
        for resource in plan.all(kind):
            if not (resource.at(ENCRYPTED[kind]) or "").endswith(f"/cryptoKeys/{wanted}"):
                yield f"{resource.address}: {resource.at(ENCRYPTED[kind])}"


@guard(
    "every disk of a gateway encrypts with a key of ours",
    change("google_compute_region_instance_template", "disk.1.disk_encryption_key", []),
)
def disks_are_encrypted(plan: Plan) -> Iterator[str]:
    for template in plan.all("google_compute_*instance_template"):
        for number, disk in enumerate(template["disk"]):
            key = ((disk["disk_encryption_key"] or [{}])[0]).get("kms_key_self_link") or ""
            if not key.endswith("/cryptoKeys/control"):
                yield f"{template.address}: disk {number}"
