"""The stream: in order, nothing lost, nothing that brings an erased key back."""

from collections.abc import Iterator

from guarding import differences, guard
from guards.keys import DAY, seconds
from terraform_plan import Plan, Resource, add, change, drop

TOPIC = "google_pubsub_topic"
SUBSCRIPTION = "google_pubsub_subscription"
BUCKET = "google_storage_bucket"
EVENTS = "tailnumber-audit-events"
DEAD_LETTERS = "tailnumber-audit-dead-letters"
WITHOUT_KEYS = 'attributes.kind != "key"'


def archive(plan: Plan) -> list[Resource]:
    """List the buckets that a subscription archives to."""
    names = {each.at("cloud_storage_config.0.bucket") for each in plan.all(SUBSCRIPTION)}
    return [bucket for bucket in plan.all(BUCKET) if bucket["name"] in names - {None}]


def of_kind(plan: Plan, config: str) -> list[Resource]:
    """List the subscriptions that deliver in this way."""
    return [each for each in plan.all(SUBSCRIPTION) if each.get(config)]


def pulled(plan: Plan) -> list[Resource]:
    """List the subscriptions that the pipeline reads."""
    job = plan.one("google_dataflow_flex_template_job")
    return [s for s in plan.all(SUBSCRIPTION) if s["id"] == job["parameters"].get("subscription")]


@guard("there are two topics: events, and what was refused", drop(TOPIC, name=DEAD_LETTERS),
       also=("the topic of dead letters has a reader's subscription",))  # fmt: skip
def topics_are_there(plan: Plan) -> Iterator[str]:
    yield from differences([EVENTS, DEAD_LETTERS], [topic["name"] for topic in plan.all(TOPIC)])


@guard(
    "what Pub/Sub holds stays in the region",
    change(TOPIC, "message_storage_policy", [], name=EVENTS),
    change(TOPIC, "message_storage_policy.0.allowed_persistence_regions", ["europe-west1", "us-east1"], name=EVENTS),
    change(TOPIC, "message_storage_policy.0.enforce_in_transit", False, name=DEAD_LETTERS),
)  # fmt: skip
def messages_stay_in_the_region(plan: Plan) -> Iterator[str]:
    for topic in plan.all(TOPIC):
        regions = topic.at("message_storage_policy.0.allowed_persistence_regions")
        in_transit = topic.at("message_storage_policy.0.enforce_in_transit")
        if regions != [plan.variables["region"]] or in_transit is not True:
            yield topic.address


@guard(
    "a message can be replayed for seven days, and a content key in it no longer",
    change(TOPIC, "message_retention_duration", "86400s", name=EVENTS),
    change(TOPIC, "message_retention_duration", "2678400s", name=EVENTS),
    change(SUBSCRIPTION, "message_retention_duration", "600s", name=f"{EVENTS}-pipeline"),
)
def messages_are_kept_seven_days(plan: Plan) -> Iterator[str]:
    for each in [*plan.all(TOPIC), *plan.all(SUBSCRIPTION)]:
        if seconds(each["message_retention_duration"]) != 7 * DAY:
            yield each.address


@guard("the form of a message is written down as a schema", drop("google_pubsub_schema"))
def there_is_a_schema(plan: Plan) -> Iterator[str]:
    if not plan.all("google_pubsub_schema"):
        yield "no google_pubsub_schema"


@guard(
    "the pipeline gets each writer's events in order",
    change(SUBSCRIPTION, "enable_message_ordering", False, name=f"{EVENTS}-pipeline"),
    change(SUBSCRIPTION, "enable_message_ordering", None, name=f"{EVENTS}-pipeline"),
)
def events_are_in_order(plan: Plan) -> Iterator[str]:
    subscriptions = pulled(plan) or ["no subscription that the pipeline reads"]
    for each in subscriptions:
        if isinstance(each, str) or each["enable_message_ordering"] is not True:
            yield str(getattr(each, "address", each))


@guard(
    "a message that the pipeline cannot take goes to the dead letters after some attempts",
    change(SUBSCRIPTION, "dead_letter_policy", [], name=f"{EVENTS}-pipeline"),
    change(SUBSCRIPTION, "dead_letter_policy.0.max_delivery_attempts", 101, name=f"{EVENTS}-pipeline"),
    change(SUBSCRIPTION, "dead_letter_policy.0.dead_letter_topic", f"projects/p/topics/{EVENTS}", name=f"{EVENTS}-pipeline"),
)  # fmt: skip
def there_is_a_way_for_dead_letters(plan: Plan) -> Iterator[str]:
    for each in pulled(plan):
        attempts = each.at("dead_letter_policy.0.max_delivery_attempts") or 0
        topic = each.at("dead_letter_policy.0.dead_letter_topic") or ""
        if not 5 <= attempts <= 100 or not topic.endswith(f"/{DEAD_LETTERS}"):
            yield each.address


@guard(
    "the topic of dead letters has a reader's subscription",
    drop(SUBSCRIPTION, name=DEAD_LETTERS),
)
def dead_letters_are_kept(plan: Plan) -> Iterator[str]:
    topics = [topic["id"] for topic in plan.all(TOPIC, name=DEAD_LETTERS)]
    if not any(each["topic"] in topics for each in plan.all(SUBSCRIPTION)):
        yield "a topic without a subscription keeps nothing for a reader"


@guard(
    "no subscription is deleted because nobody read it",
    change(SUBSCRIPTION, "expiration_policy", [], name=DEAD_LETTERS),
    change(SUBSCRIPTION, "expiration_policy.0.ttl", "2678400s", name=f"{EVENTS}-archive"),
)
def subscriptions_stay(plan: Plan) -> Iterator[str]:
    yield from (s.address for s in plan.all(SUBSCRIPTION) if s.at("expiration_policy.0.ttl") != "")


@guard(
    "a delivery that fails is tried again with growing pauses",
    change(SUBSCRIPTION, "retry_policy", [], name=f"{EVENTS}-pipeline"),
    change(SUBSCRIPTION, "retry_policy.0.maximum_backoff", "601s", name=f"{EVENTS}-archive"),
)
def deliveries_are_tried_again(plan: Plan) -> Iterator[str]:
    for each in plan.all(SUBSCRIPTION):
        if not each["name"].endswith("dead-letters"):
            first, last = (
                seconds(each.at(f"retry_policy.0.{name}"))
                for name in ("minimum_backoff", "maximum_backoff")
            )
            if not 0 < first < last <= 600:
                yield each.address


@guard(
    "Pub/Sub's exactly-once delivery is off: Dataflow has its own, and both cost twice",
    change(SUBSCRIPTION, "enable_exactly_once_delivery", True, name=f"{EVENTS}-pipeline"),
)
def exactly_once_is_dataflows(plan: Plan) -> Iterator[str]:
    yield from (s.address for s in plan.all(SUBSCRIPTION) if s["enable_exactly_once_delivery"])


@guard(
    "every message but keys is archived",
    drop(SUBSCRIPTION, name=f"{EVENTS}-archive"),
    change(SUBSCRIPTION, "topic", f"projects/p/topics/{DEAD_LETTERS}", name=f"{EVENTS}-archive"),
    also=("the archive is locked-able: its objects cannot be changed before their time",
          "the archive keeps what it needs to prove: exact bytes with their attributes",
          "the archive keeps each object as long as events are kept, then deletes it",
          "an object of the archive that somebody deletes can be taken back for a week"),
)  # fmt: skip
def events_are_archived(plan: Plan) -> Iterator[str]:
    found = of_kind(plan, "cloud_storage_config")
    if not found:
        yield "no subscription to a bucket"
    for each in found:
        if not each["topic"].endswith(f"/{EVENTS}"):
            yield each.address


@guard(
    "no lasting copy of a key exists: archive and safety net take none",
    change(SUBSCRIPTION, "filter", None, name=f"{EVENTS}-archive"),
    change(SUBSCRIPTION, "filter", 'attributes.kind = "key"', name=f"{EVENTS}-safety-net"),
)
def copies_have_no_keys(plan: Plan) -> Iterator[str]:
    for each in [*of_kind(plan, "cloud_storage_config"), *of_kind(plan, "bigquery_config")]:
        if each["filter"] != WITHOUT_KEYS:
            yield f"{each.address}: {each['filter']}"


@guard(
    "the archive keeps what it needs to prove: exact bytes with their attributes",
    change(SUBSCRIPTION, "cloud_storage_config.0.avro_config.0.write_metadata", False, name=f"{EVENTS}-archive"),
    change(SUBSCRIPTION, "cloud_storage_config.0.avro_config", [], name=f"{EVENTS}-archive"),
)  # fmt: skip
def archive_has_attributes(plan: Plan) -> Iterator[str]:
    for each in of_kind(plan, "cloud_storage_config"):
        if each.at("cloud_storage_config.0.avro_config.0.write_metadata") is not True:
            yield each.address


@guard(
    "a second way into BigQuery writes messages as they are, attributes too",
    drop(SUBSCRIPTION, name=f"{EVENTS}-safety-net"),
    change(SUBSCRIPTION, "bigquery_config.0.write_metadata", False, name=f"{EVENTS}-safety-net"),
    change(SUBSCRIPTION, "bigquery_config.0.table", "p.audit.events_v1", name=f"{EVENTS}-safety-net"),
)  # fmt: skip
def there_is_a_safety_net(plan: Plan) -> Iterator[str]:
    found = of_kind(plan, "bigquery_config")
    if not found:
        yield "no subscription to BigQuery"
    for each in found:
        table = each.at("bigquery_config.0.table").split(".", 1)[1]
        if each.at("bigquery_config.0.write_metadata") is not True or table != "raw.messages_v1":
            yield each.address


@guard(
    "the archive is locked-able: its objects cannot be changed before their time",
    change(BUCKET, "retention_policy", [], name="acme-tailnumber-tailnumber-archive"),
    also=("the archive keeps each object as long as events are kept, then deletes it",),
)
def archive_has_a_retention_policy(plan: Plan) -> Iterator[str]:
    found = archive(plan)
    if not found:
        yield "no bucket to archive to"
    for bucket in found:
        if bucket.at("retention_policy.0.is_locked") is None:
            yield bucket.address


@guard(
    "the archive keeps each object as long as events are kept, then deletes it",
    change(BUCKET, "retention_policy.0.retention_period", str(183 * DAY), name="acme-tailnumber-tailnumber-archive"),
    change(BUCKET, "lifecycle_rule", [], name="acme-tailnumber-tailnumber-archive"),
)  # fmt: skip
def archive_keeps_events(plan: Plan) -> Iterator[str]:
    for bucket in archive(plan):
        period = int(bucket.at("retention_policy.0.retention_period") or 0)
        ages = [
            rule["condition"][0]["age"]
            for rule in bucket["lifecycle_rule"]
            if rule["action"][0]["type"] == "Delete"
        ]
        if period < 2192 * DAY or ages != [period // DAY]:
            yield bucket.address


@guard(
    "an object of the archive that somebody deletes can be taken back for a week",
    change(BUCKET, "soft_delete_policy", [], name="acme-tailnumber-tailnumber-archive"),
)
def archive_comes_back(plan: Plan) -> Iterator[str]:
    for bucket in archive(plan):
        if (bucket.at("soft_delete_policy.0.retention_duration_seconds") or 0) < 7 * DAY:
            yield bucket.address


@guard(
    "no bucket can be made public, and none has rights on single objects",
    change(BUCKET, "public_access_prevention", "inherited", name="acme-tailnumber-tailnumber-archive"),
    change(BUCKET, "uniform_bucket_level_access", False, name="acme-tailnumber-tailnumber-pipeline"),
    add("google_storage_bucket_acl", bucket="b", predefined_acl="publicRead"),
)  # fmt: skip
def buckets_are_private(plan: Plan) -> Iterator[str]:
    for bucket in plan.all(BUCKET):
        enforced = bucket["public_access_prevention"] == "enforced"
        if not enforced or bucket["uniform_bucket_level_access"] is not True:
            yield bucket.address
    yield from (each.address for each in plan.all("google_storage_*acl*"))


@guard(
    "no bucket is emptied to be destroyed, and all are in the region",
    change(BUCKET, "force_destroy", True, name="acme-tailnumber-tailnumber-archive"),
    change(BUCKET, "location", "EU", name="acme-tailnumber-tailnumber-pipeline"),
)
def buckets_stay(plan: Plan) -> Iterator[str]:
    for bucket in plan.all(BUCKET):
        if bucket["force_destroy"] is not False:
            yield bucket.address
        if bucket["location"].lower() != plan.variables["region"]:
            yield bucket.address


# Source: hashicorp/terraform-provider-google issue 17570: the provider hands the value on, and
# Google answers 400 to the name that the pipeline's own option has for it.
@guard(
    "Dataflow is told how to scale in its API's words, or not at all",
    change("google_dataflow_flex_template_job", "autoscaling_algorithm", "THROUGHPUT_BASED"),
)
def scaling_is_said_as_the_api_does(plan: Plan) -> Iterator[str]:
    for job in plan.all("google_dataflow_flex_template_job"):
        told = job.get("autoscaling_algorithm")
        if told and not told.startswith("AUTOSCALING_ALGORITHM_"):
            yield f"{job.address}: {told}"
