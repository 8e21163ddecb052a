"""Careless changes of the modules' sources, planned: each is found by the guard that it offends.

All are made in one copy and planned once; what each does is seen by its own guard.
"""

from pathlib import Path

import module_examples
import offline_terraform as offline
import pytest
from all_guards import GUARDS
from terraform_plan import Plan

GUARD = {guard.demand: guard for guard in GUARDS}
# Module file, what stands there, what somebody makes of it ("": appended), the demand it offends.
CHANGES = [
    ("keys/main.tf", '  rotation_period = "${var.rotation_days * 24 * 60 * 60}s"\n', "", "every key rotates by itself, at least every 90 days"),
    ("keys/main.tf", "protection_level = var.protection_level", 'protection_level = "SOFTWARE"', "every key is in hardware"),
    ("keys/main.tf", "${30 * 24 * 60 * 60}s", "86400s", "a key that somebody destroys can be taken back for 30 days"),
    ("warehouse/tables.tf", "local.expiration_ms[each.value] : null", "local.expiration_ms[each.value] / 2 : 86400000", "every table's rows expire when the contract says, not earlier and not later"),
    ("warehouse/tables.tf", "local.expiration_ms[each.value] / 2 : 86400000", "null : 86400000", "what a legal hold keeps does not expire"),
    ("warehouse/tables.tf", "require_partition_filter = local.tables[each.value].require_partition_filter", "require_partition_filter = false", "no table can be read without a filter on its partition"),
    ("warehouse/tables.tf", "deletion_protection = var.deletion_protection", "deletion_protection = false", "every table and view is protected from deletion"),
    ("warehouse/main.tf", 'keys    = { key = "subject_keys", time_travel_hours = 48 }', 'keys    = { key = "subject_keys", time_travel_hours = 168 }', "texts and keys can be brought back by time travel for 48 hours at most"),
    ("warehouse/safety_net.tf", 'policyTags  = { names = [google_data_catalog_policy_tag.classes["content"].name] }', "", "every column of a class has the policy tag of that class"),
    ("warehouse/taxonomy.tf", "", 'resource "google_data_catalog_policy_tag_iam_member" "slip" {\n  policy_tag = google_data_catalog_policy_tag.classes["content"].name\n  role       = "roles/datacatalog.categoryFineGrainedReader"\n  member     = var.readers["analyst"]\n}\n', "one group alone reads content in clear, and it is the investigators"),
    ("stream/archive.tf", "filter                     = local.without_keys", "", "no lasting copy of a key exists: archive and safety net take none"),
    ("stream/archive.tf", 'public_access_prevention    = "enforced"', 'public_access_prevention    = "inherited"', "no bucket can be made public, and none has rights on single objects"),
    ("stream/archive.tf", "", 'resource "google_storage_bucket_iam_member" "slip" {\n  bucket = google_storage_bucket.archive.name\n  role   = "roles/storage.objectViewer"\n  member = "allUsers"\n}\n', "nothing is granted to everybody"),
    ("stream/main.tf", "enable_message_ordering = true", "enable_message_ordering = false", "the pipeline gets each writer's events in order"),
    ("stream/main.tf", "kms_key_name               = var.kms_key_id", "", "whatever holds data encrypts it with a key of ours"),
    ("pipeline/main.tf", "WORKER_IP_PRIVATE", "WORKER_IP_PUBLIC", "the pipeline's workers have no public address"),
    ("pipeline/main.tf", "dead_letter_topic = var", "dead_letters = var", "the pipeline is told only what it knows, and where to read and refuse"),
    ("ingress/database.tf", "ipv4_enabled    = false", "ipv4_enabled    = true", "the control database has no public address and takes TLS alone"),
    ("ingress/load_balancer.tf", 'load_balancing_scheme = "INTERNAL_MANAGED"', 'load_balancing_scheme = "EXTERNAL_MANAGED"', "the load balancer is inside the network"),
    ("ingress/settings.tf", "TAILNUMBER_TENANT_ID ", "TAILNUMBER_TENANT ", "a gateway is told only what it knows, and all that it needs"),
    ("identity/main.tf", "", 'resource "google_service_account_key" "slip" {\n  service_account_id = google_service_account.role["loader"].name\n}\n', "no service account has a key"),
    ("observability/alerts.tf", "\n    dead-letters = {", "\n    letters = {", "somebody is called: dead letters"),
]  # fmt: skip


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path}: {old!r} is not there any more; change this test with the module"
    path.write_text(text.replace(old, new) if old else f"{text}\n{new}")


@pytest.fixture(scope="module")
def careless(providers: offline.Providers, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    space = offline.copied(tmp_path_factory.mktemp("careless"), providers)
    for name, old, new, _ in CHANGES:
        edit(space.root / "terraform" / "modules" / name, old, new)
    return Plan(module_examples.plan_environment(space))


@pytest.mark.parametrize("demand", [change[-1] for change in CHANGES])
def test_a_careless_change_of_a_module_is_found(demand: str, careless: Plan):
    assert GUARD[demand].complaints(careless)


KEPT = {
    "keys": ["google_kms_crypto_key", "google_kms_key_ring"],
    "stream": ["google_pubsub_subscription", "google_pubsub_topic"],
    "warehouse": ["google_data_catalog_policy_tag", "google_data_catalog_taxonomy"],
}


@pytest.mark.parametrize(("module", "kinds"), KEPT.items(), ids=KEPT)
def test_what_cannot_be_made_again_is_never_destroyed(module: str, kinds: list[str]):
    text = "\n".join(path.read_text() for path in (offline.MODULES / module).glob("*.tf"))

    for kind in kinds:
        blocks = [part.split("\n}\n")[0] for part in text.split(f'resource "{kind}" ')[1:]]
        assert blocks, f"{module} makes no {kind}"
        assert all("prevent_destroy = true" in block for block in blocks), kind
