"""Who watches: alerts that reach somebody, a log of reads that outlives its 30 days."""

import re
from collections.abc import Iterator

from guarding import Find, guard
from terraform_plan import Plan, Resource, add, change, drop

ALERT = "google_monitoring_alert_policy"
CHANNEL = "google_monitoring_notification_channel"
SINK = "google_logging_project_sink"
DAY_MS = 24 * 60 * 60 * 1000

# Alert -> what must stand in one of its conditions, to be about the right thing.
ALERTS = {
    "gateway refuses": r"unrecorded_count",
    "gateway not ready": r"response_code=\"503\"",
    "journal behind": r"oldest_unpublished_age_seconds",
    "journal damaged": r"journal segment damaged",
    "pipeline lag": r"oldest_unacked_message_age\{.*\"tailnumber-audit-events-pipeline\"",
    "pipeline stopped": r"job_is_failed\{.*\"tailnumber-pipeline\"",
    "dead letters": r"num_undelivered_messages\{.*\"tailnumber-audit-dead-letters\"",
    "copies behind": r"oldest_unacked_message_age\{.*\"tailnumber-audit-events-archive\"",
    "keeper failed": r"job_completed_execution_count\{.*\"tailnumber-keeper\".*failed",
    "enrichment refused": r"source_refused",
    "retention shortened": r"\"audit\".*tableChange.*-archive\".*storage\.buckets\.update",
    "policy changed": r"datacatalog\.googleapis\.com.*rowAccessPolicyDeletion.*auditConfigDeltas",
    "rows changed": r"tableDataChange",
    "stream changed": r"pubsub_subscription.*Delete",
    "content read": r"dataset_id=\"content\".*tableDataRead",
    "keys erased": r"dataset_id=\"keys\".*deletedRowsCount",
    "keys destroyed": r"DestroyCryptoKeyVersion",
    "public binding": r"allUsers.*allAuthenticatedUsers",
}


def alert(name: str) -> dict[str, str]:
    return {"display_name": f"tailnumber: {name}"}


def asks(policy: Resource) -> str:
    """Join all that an alert's conditions ask."""
    paths = ("condition_prometheus_query_language.0.query", "condition_matched_log.0.filter")
    numbers = range(len(policy["conditions"]))
    return "\n".join(policy.at(f"conditions.{n}.{path}") or "" for n in numbers for path in paths)


def ask_something_else(name: str):
    """Break a plan: an alert of this name that watches for something else."""

    def break_it(plan: Plan) -> None:
        for condition in plan.one(ALERT, **alert(name))["conditions"]:
            for kind, path in (
                ("condition_prometheus_query_language", "query"),
                ("condition_matched_log", "filter"),
            ):
                for each in condition.get(kind) or []:
                    each[path] = "vector(0) > 1"

    return break_it


def tells_of(name: str, wanted: str) -> Find:
    """Make the finder of an alert."""

    def find(plan: Plan) -> Iterator[str]:
        found = plan.all(ALERT, **alert(name))
        if not any(re.search(wanted, asks(policy), re.DOTALL) for policy in found):
            yield f"no alert {name!r} asks for {wanted}"

    return find


for name, wanted in ALERTS.items():
    guard(f"somebody is called: {name}", drop(ALERT, **alert(name)), ask_something_else(name))(
        tells_of(name, wanted)
    )


@guard(
    "every alert reaches somebody and is on",
    change(ALERT, "notification_channels", [], **alert("dead letters")),
    change(ALERT, "enabled", False, **alert("content read")),
    add(CHANNEL, type="email", labels={}),
)
def alerts_reach_somebody(plan: Plan) -> Iterator[str]:
    for policy in plan.all(ALERT):
        if not policy["notification_channels"] or policy.get("enabled") is False:
            yield policy.address
    for channel in plan.all(CHANNEL, type="email"):
        if "@" not in (channel["labels"] or {}).get("email_address", ""):
            yield channel.address


@guard(
    "every alert says how bad it is, what it means and which section of the runbook helps",
    change(ALERT, "severity", None, **alert("dead letters")),
    change(ALERT, "documentation.0.content", "Something is wrong.", **alert("dead letters")),
    change(ALERT, "documentation.0.content", "Look: docs/runbook.md#nowhere", **alert("pipeline lag")),
)  # fmt: skip
def alerts_have_a_runbook(plan: Plan) -> Iterator[str]:
    for policy in plan.all(ALERT):
        link = re.search(r"runbook\.md#([\w-]+)", policy.at("documentation.0.content") or "")
        section = policy["display_name"].removeprefix("tailnumber: ").replace(" ", "-")
        if not policy["severity"] or link is None or link.group(1) != section:
            yield policy.address


@guard("there is a dashboard", drop("google_monitoring_dashboard"))
def there_is_a_dashboard(plan: Plan) -> Iterator[str]:
    if not plan.all("google_monitoring_dashboard"):
        yield "no google_monitoring_dashboard"


@guard(
    "who read or changed the trail is kept where auditors can ask, by an account of its own",
    drop(SINK),
    change(SINK, "unique_writer_identity", False),
    change(SINK, "filter", 'logName="projects/p/logs/cloudaudit.googleapis.com%2Factivity"'),
    change(SINK, "disabled", True),
)
def reads_are_logged(plan: Plan) -> Iterator[str]:
    sinks = [sink for sink in plan.all(SINK) if "data_access" in sink["filter"]]
    for dataset in ("audit", "content", "keys", "hold"):
        if not any(f'"{dataset}"' in sink["filter"] for sink in sinks):
            yield f"reads of {dataset} are not kept"
    for sink in sinks:
        if sink["unique_writer_identity"] is not True or sink.get("disabled"):
            yield sink.address


@guard(
    "the log of reads expires with the events, partition by partition",
    change("google_bigquery_dataset", "default_partition_expiration_ms", None, dataset_id="access_log"),
    change(SINK, "bigquery_options.0.use_partitioned_tables", False),
)  # fmt: skip
def log_of_reads_expires(plan: Plan) -> Iterator[str]:
    for dataset in plan.all("google_bigquery_dataset", dataset_id="access_log"):
        if dataset["default_partition_expiration_ms"] != 2192 * DAY_MS:
            yield dataset.address
    for sink in plan.all(SINK):
        if sink.at("bigquery_options.0.use_partitioned_tables") is not True:
            yield sink.address


@guard(
    "reads of keys, secrets, messages and the archive are logged, which Google leaves off",
    drop("google_project_iam_audit_config", service="cloudkms.googleapis.com"),
    change("google_project_iam_audit_config", "audit_log_config", [], service="storage.googleapis.com"),
)  # fmt: skip
def data_access_is_logged(plan: Plan) -> Iterator[str]:
    for name in ("cloudkms", "pubsub", "secretmanager", "storage"):
        found = plan.all("google_project_iam_audit_config", service=f"{name}.googleapis.com")
        types = {log["log_type"] for each in found for log in each["audit_log_config"]}
        exempted = any(
            log.get("exempted_members") for each in found for log in each["audit_log_config"]
        )
        if "DATA_READ" not in types or exempted:
            yield name


@guard(
    "no dataset's default would delete a table as a whole",
    change("google_bigquery_dataset", "default_table_expiration_ms", 30 * DAY_MS, dataset_id="audit"),
)  # fmt: skip
def tables_do_not_expire(plan: Plan) -> Iterator[str]:
    for dataset in plan.all("google_bigquery_dataset"):
        if dataset["default_table_expiration_ms"]:
            yield dataset.address
