"""Gateways and workers: reached from inside alone, as the right account, told what they know."""

import functools
import re
from collections.abc import Iterator

from guarding import guard
from terraform_plan import Plan, Resource, add, change, drop

from ingress.settings import Settings, SettingsError

TEMPLATE = "google_compute_region_instance_template"
GROUP = "google_compute_region_instance_group_manager"
RULE = "google_compute_forwarding_rule"
PROXY = "google_compute_region_target_https_proxy"
BACKEND = "google_compute_region_backend_service"
SQL = "google_sql_database_instance"
JOB = "google_dataflow_flex_template_job"
SECRET = "google_secret_manager_secret"
FIREWALL = "google_compute_firewall"
# Source: Google Cloud documentation, "Health checks overview: probe IP ranges".
HEALTH_CHECKS = {"35.191.0.0/16", "130.211.0.0/22"}
PRIVATE = re.compile(r"10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.")
IMAGE = re.compile(r"[a-z0-9-]+-docker\.pkg\.dev/[^\s\"';/]+/[^\s\"';]+")
DIGEST = re.compile(r"\S+@sha256:[0-9a-f]{64}")


def account(plan: Plan, role: str) -> str:
    """Name a role's service account in the example."""
    return f"tailnumber-{role}@{plan.variables['project_id']}.iam.gserviceaccount.com"


def gateway_settings(text: str) -> dict[str, str]:
    """Read the file of settings out of what a machine is told at its first start."""
    path = text.index("path: /etc/tailnumber/gateway.env")
    block = text[path : text.index("- path:", path)]
    return dict(re.findall(r"^\s+(TAILNUMBER_\w+)=(.*)$", block, re.MULTILINE))


def settings_of(plan: Plan) -> Iterator[tuple[Resource, dict[str, str]]]:
    """List what each program of ours that is no pipeline is told, by resource."""
    for template in plan.all(TEMPLATE):
        yield template, gateway_settings(template["metadata"]["user-data"])
    for service in plan.all("google_cloud_run_v2_service"):
        names = service.at("template.0.containers.0.env")
        yield service, {each["name"]: each["value"] for each in names}


@guard(
    "no machine has an address that the internet reaches",
    change(TEMPLATE, "network_interface.0.access_config", [{"network_tier": "PREMIUM"}]),
    change(TEMPLATE, "network_interface.0.ipv6_access_config", [{"network_tier": "PREMIUM"}]),
    add("google_compute_instance", network_interface=[{"access_config": [{"nat_ip": None}]}]),
)
def machines_are_inside(plan: Plan) -> Iterator[str]:
    for machine in [*plan.all(TEMPLATE), *plan.all("google_compute_instance*")]:
        for interface in machine.get("network_interface") or []:
            if interface.get("access_config") or interface.get("ipv6_access_config"):
                yield machine.address


@guard(
    "the load balancer is inside the network",
    change(RULE, "load_balancing_scheme", "EXTERNAL_MANAGED"),
    change("google_compute_address", "address_type", "EXTERNAL", name="tailnumber-gateway"),
    change(BACKEND, "load_balancing_scheme", "EXTERNAL_MANAGED"),
    add("google_compute_global_forwarding_rule", name="x", load_balancing_scheme="EXTERNAL"),
    also=("the gateway is spoken to by TLS 1.2 or later alone",),
)
def load_balancer_is_internal(plan: Plan) -> Iterator[str]:
    for each in [*plan.all("google_compute_*forwarding_rule"), *plan.all(BACKEND)]:
        if not str(each["load_balancing_scheme"]).startswith("INTERNAL"):
            yield each.address
    rule = plan.one(RULE)
    for address in plan.all("google_compute_address"):
        if address["id"] == rule["ip_address"] and address["address_type"] != "INTERNAL":
            yield address.address


@guard(
    "the gateway is spoken to by TLS 1.2 or later alone",
    change(RULE, "port_range", "80"),
    change("google_compute_region_ssl_policy", "min_tls_version", "TLS_1_0"),
    change("google_compute_region_ssl_policy", "profile", "COMPATIBLE"),
    change(PROXY, "ssl_policy", None),
    add("google_compute_region_target_http_proxy", name="plain"),
)
def tls_is_demanded(plan: Plan) -> Iterator[str]:
    for rule in plan.all("google_compute_*forwarding_rule"):
        if rule.get("port_range") != "443":
            yield rule.address
    for policy in plan.all("google_compute_*ssl_policy"):
        strong = policy["profile"] in {"RESTRICTED", "MODERN", "FIPS_202205"}
        if policy["min_tls_version"] not in {"TLS_1_2", "TLS_1_3"} or not strong:
            yield policy.address
    yield from (p.address for p in plan.all("google_compute_*https_proxy") if not p["ssl_policy"])
    yield from (p.address for p in plan.all("google_compute_*target_http_proxy"))


@guard(
    "the load balancer writes no addresses of requests down: a path can hold a key",
    change(BACKEND, "log_config.0.enable", True),
)
def paths_are_not_logged(plan: Plan) -> Iterator[str]:
    yield from (b.address for b in plan.all(BACKEND) if b.at("log_config.0.enable"))


@guard(
    "nothing from outside the network is let in",
    change(FIREWALL, "source_ranges", ["0.0.0.0/0"], name="tailnumber-gateway-load-balancer"),
    add(FIREWALL, direction="INGRESS", source_ranges=["203.0.113.0/24"], name="x"),
    add(FIREWALL, direction="INGRESS", source_ranges=None, name="x"),
)
def firewall_is_shut(plan: Plan) -> Iterator[str]:
    for rule in plan.all(FIREWALL):
        if rule["direction"] != "EGRESS" and not rule.get("deny"):
            ranges = set(rule.get("source_ranges") or []) - HEALTH_CHECKS
            named = rule.get("source_service_accounts") or rule.get("source_tags")
            # Without any source, everybody is one.
            if not (ranges or named) or not all(PRIVATE.match(each) for each in ranges):
                yield rule.address


@guard(
    "gateways go out by one address that upstreams can allow, and each connection is logged",
    change("google_compute_router_nat", "nat_ip_allocate_option", "AUTO_ONLY"),
    change("google_compute_router_nat", "log_config", []),
)
def one_way_out(plan: Plan) -> Iterator[str]:
    for nat in plan.all("google_compute_router_nat"):
        if nat["nat_ip_allocate_option"] != "MANUAL_ONLY" or not nat.at("log_config.0.enable"):
            yield nat.address


@guard(
    "a gateway reaches no other port than it needs",
    drop(FIREWALL, direction="EGRESS", priority=65000),
    change(FIREWALL, "allow.0.ports", [], name="tailnumber-gateway-upstreams"),
)
def way_out_is_narrow(plan: Plan) -> Iterator[str]:
    rules = plan.all(FIREWALL, direction="EGRESS")
    if not any(rule.get("deny") and rule["destination_ranges"] == ["0.0.0.0/0"] for rule in rules):
        yield "no rule denies the rest"
    for rule in rules:
        for allowed in rule.get("allow") or []:
            if rule["destination_ranges"] == ["0.0.0.0/0"] and not allowed["ports"]:
                yield rule.address


@guard(
    "subnetworks reach Google's services without the internet, and their flows are logged",
    change("google_compute_subnetwork", "private_ip_google_access", False, name="tailnumber-workers"),
    change("google_compute_subnetwork", "log_config", [], name="tailnumber-gateways"),
)  # fmt: skip
def subnetworks_are_private(plan: Plan) -> Iterator[str]:
    for subnetwork in plan.all("google_compute_subnetwork"):
        private = subnetwork["private_ip_google_access"] and subnetwork["log_config"]
        if subnetwork["purpose"] != "REGIONAL_MANAGED_PROXY" and not private:
            yield subnetwork.address


@guard(
    "machines start what was signed and let nobody in by a project's keys or a serial port",
    change(TEMPLATE, "shielded_instance_config.0.enable_secure_boot", False),
    change(TEMPLATE, "metadata.enable-oslogin", "false"),
    change(TEMPLATE, "metadata.block-project-ssh-keys", None),
    change(TEMPLATE, "metadata.serial-port-enable", "true"),
    change(TEMPLATE, "can_ip_forward", True),
)
def machines_are_shut(plan: Plan) -> Iterator[str]:
    wanted = {
        "metadata.block-project-ssh-keys": "true",
        "metadata.enable-oslogin": "true",
        "metadata.serial-port-enable": "false",
        "shielded_instance_config.0.enable_integrity_monitoring": True,
        "shielded_instance_config.0.enable_secure_boot": True,
        "shielded_instance_config.0.enable_vtpm": True,
    }
    for template in plan.all(TEMPLATE):
        yield from (
            f"{template.address}: {path}" for path, to in wanted.items() if template.at(path) != to
        )
        if template["can_ip_forward"]:
            yield f"{template.address}: it forwards packets"


@guard(
    "a gateway's data disk outlives its machine",
    change(GROUP, "stateful_disk", []),
    change(GROUP, "stateful_disk.0.delete_rule", "ON_PERMANENT_INSTANCE_DELETION"),
    change(TEMPLATE, "disk.1.auto_delete", True),
    change(GROUP, "update_policy.0.replacement_method", "SUBSTITUTE"),
    # Google refuses these two for machines with disks of their own.
    change(GROUP, "update_policy.0.max_surge_fixed", 2),
    change(GROUP, "update_policy.0.instance_redistribution_type", "PROACTIVE"),
)
def disks_stay(plan: Plan) -> Iterator[str]:
    for group in plan.all(GROUP):
        rules = {disk["device_name"]: disk["delete_rule"] for disk in group["stateful_disk"]}
        # A substitute would have another name, and so another disk.
        if (
            rules != {"data": "NEVER"}
            or group.at("update_policy.0.replacement_method") != "RECREATE"
            or group.at("update_policy.0.max_surge_fixed") != 0
            or group.at("update_policy.0.instance_redistribution_type") != "NONE"
        ):
            yield group.address
    for template in plan.all(TEMPLATE):
        for disk in template["disk"]:
            if not disk["boot"] and disk["auto_delete"] is not False:
                yield template.address


@guard(
    "gateways stand in two zones, and an update leaves half of them serving",
    change(GROUP, "distribution_policy_zones", ["europe-west1-b"]),
    change(GROUP, "target_size", 2),
    change(GROUP, "auto_healing_policies", []),
)
def two_zones(plan: Plan) -> Iterator[str]:
    for group in plan.all(GROUP):
        away = group.at("update_policy.0.max_unavailable_fixed") or 0
        zones = set(group["distribution_policy_zones"])
        if len(zones) < 2 or group["target_size"] < 2 * away or not group["auto_healing_policies"]:
            yield group.address


@guard(
    "each program runs as the account of its role",
    change(TEMPLATE, "service_account.0.email", "tailnumber-keeper@acme-tailnumber.iam.gserviceaccount.com"),
    change(JOB, "service_account_email", "123456789012-compute@developer.gserviceaccount.com"),
    change("google_cloud_run_v2_job", "template.0.template.0.service_account", None),
)  # fmt: skip
def programs_run_as_their_role(plan: Plan) -> Iterator[str]:
    for kind, path, role in (
        (TEMPLATE, "service_account.0.email", "ingress"),
        ("google_cloud_run_v2_service", "template.0.service_account", "ingress"),
        ("google_cloud_run_v2_job", "template.0.template.0.service_account", "keeper"),
        (JOB, "service_account_email", "loader"),
        ("google_cloud_scheduler_job", "http_target.0.oauth_token.0.service_account_email", "scheduler"),
    ):  # fmt: skip
        for resource in plan.all(kind):
            if resource.at(path) != account(plan, role):
                yield f"{resource.address}: {resource.at(path)}"


def start_with_tag(plan: Plan) -> None:
    """Break a plan: a machine starts whatever a tag points to."""
    metadata = plan.one(TEMPLATE)["metadata"]
    metadata["user-data"] = re.sub(r"/ingress@sha256:\w+", "/ingress:1", metadata["user-data"])


@guard(
    "every image is named by its digest",
    change(JOB, "sdk_container_image", "europe-west1-docker.pkg.dev/p/r/dataflow:latest"),
    change("google_cloud_run_v2_job", "template.0.template.0.containers.0.image", "eu.pkg.dev/t:1"),
    start_with_tag,
)
def images_are_pinned(plan: Plan) -> Iterator[str]:
    for kind, path in (
        (JOB, "sdk_container_image"),
        ("google_cloud_run_v2_job", "template.0.template.0.containers.0.image"),
        ("google_cloud_run_v2_service", "template.0.containers.0.image"),
    ):
        for resource in plan.all(kind):
            if not DIGEST.fullmatch(resource.at(path) or ""):
                yield f"{resource.address}: {resource.at(path)}"
    for template in plan.all(TEMPLATE):
        for image in IMAGE.findall(template["metadata"]["user-data"]):
            if not DIGEST.fullmatch(image):
                yield f"{template.address}: {image}"


def tell(name: str, value: str | None):
    """Break a plan: a gateway is told something else."""

    def break_it(plan: Plan) -> None:
        metadata = plan.one(TEMPLATE)["metadata"]
        before = metadata["user-data"]
        line = "" if value is None else rf"\g<1>{name}={value}"
        pattern = rf"(?m)^(\s+)(?:{name}|TAILNUMBER_TOPIC)=.*$" if value else rf"(?m)^\s+{name}=.*$"
        metadata["user-data"] = re.sub(pattern, line, before)
        assert metadata["user-data"] != before

    return break_it


@guard(
    "a gateway is told only what it knows, and all that it needs",
    tell("TAILNUMBER_TOPICS", "audit-events"),
    tell("TAILNUMBER_POLICY_FILE", None),
    tell("TAILNUMBER_DURABLE", "perhaps"),
    also=("a gateway publishes to the topic that is made",),
)
def settings_are_known(plan: Plan) -> Iterator[str]:
    for resource, told in settings_of(plan):
        try:
            Settings.from_env(told)
        except SettingsError as refused:
            yield f"{resource.address}: {refused}"
    if not list(settings_of(plan)):
        yield "nobody is told anything"


@guard(
    "a gateway publishes to the topic that is made",
    change("google_pubsub_topic", "name", "other", name="tailnumber-audit-events"),
    also=(
        "there are two topics: events, and what was refused",
        "each thing encrypts with the key of its class",
    ),
)
def gateways_publish_to_the_topic(plan: Plan) -> Iterator[str]:
    topics = [topic["name"] for topic in plan.all("google_pubsub_topic")]
    for resource, told in settings_of(plan):
        if told.get("TAILNUMBER_TOPIC") not in topics:
            yield resource.address


@guard(
    "no secret stands in what a machine or a job is told",
    tell("TAILNUMBER_CONTROL_DATABASE", "postgresql://tailnumber:secret@10.2.0.10/tailnumber"),
    also=("a gateway is told only what it knows, and all that it needs", "a gateway publishes to the topic that is made"),
)  # fmt: skip
def no_secret_is_told(plan: Plan) -> Iterator[str]:
    for resource, told in settings_of(plan):
        for name, value in told.items():
            if re.search(r"://[^/@\s]*:[^/@\s]+@", value) or re.search(r"PASSWORD$|SECRET$", name):
                yield f"{resource.address}: {name}"


@guard(
    "the control database has no public address and takes TLS alone",
    change(SQL, "settings.0.ip_configuration.0.ipv4_enabled", True),
    change(SQL, "settings.0.ip_configuration.0.ssl_mode", "ALLOW_UNENCRYPTED_AND_ENCRYPTED"),
    change(SQL, "settings.0.ip_configuration.0.authorized_networks", [{"value": "0.0.0.0/0"}]),
)
def database_is_private(plan: Plan) -> Iterator[str]:
    for database in plan.all(SQL):
        address = database.at("settings.0.ip_configuration.0")
        encrypted = address["ssl_mode"] in {"ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"}
        public = address["ipv4_enabled"] is not False or address["authorized_networks"]
        if public or not encrypted or not address["private_network"]:
            yield database.address


@guard(
    "the control database stands in two zones and can be brought back to any minute of a week",
    change(SQL, "settings.0.backup_configuration", []),
    change(SQL, "settings.0.backup_configuration.0.point_in_time_recovery_enabled", False),
    change(SQL, "settings.0.availability_type", "ZONAL"),
    # Longer would keep an erased key: docs/retention.md.
    change(SQL, "settings.0.backup_configuration.0.transaction_log_retention_days", 35),
    change(SQL, "settings.0.backup_configuration.0.location", "us"),
)
def database_comes_back(plan: Plan) -> Iterator[str]:
    for database in plan.all(SQL):
        backup = database.at("settings.0.backup_configuration.0") or {}
        wanted = {
            "enabled": True,
            "location": plan.variables["region"],
            "point_in_time_recovery_enabled": True,
            "transaction_log_retention_days": 7,
        }
        if any(backup.get(name) != to for name, to in wanted.items()):
            yield f"{database.address}: backup"
        if database.at("settings.0.availability_type") != "REGIONAL":
            yield f"{database.address}: one zone"


@guard(
    "the control database is protected from deletion, and its backups outlive it",
    change(SQL, "deletion_protection", False),
    change(SQL, "settings.0.deletion_protection_enabled", False),
    change(SQL, "settings.0.retain_backups_on_delete", False),
)
def database_is_protected(plan: Plan) -> Iterator[str]:
    for database in plan.all(SQL):
        paths = (
            "deletion_protection",
            "settings.0.deletion_protection_enabled",
            "settings.0.retain_backups_on_delete",
        )
        yield from (f"{database.address}: {p}" for p in paths if database.at(p) is not True)


@guard(
    "no password stands in the plan: they are written and not kept",
    change("google_sql_user", "password", "hunter2"),
    change("google_secret_manager_secret_version", "secret_data", "hunter2",
           secret="projects/acme-tailnumber/secrets/tailnumber-control-password"),
)  # fmt: skip
def no_password_is_kept(plan: Plan) -> Iterator[str]:
    yield from (user.address for user in plan.all("google_sql_user") if user["password"])
    for version in plan.all("google_secret_manager_secret_version"):
        if "password" in version["secret"] and version["secret_data"]:
            yield version.address


@guard(
    "every secret is in the region, protected, and a version destroyed by mistake comes back",
    change(SECRET, "deletion_protection", False),
    change(SECRET, "version_destroy_ttl", None),
    change(SECRET, "replication.0.user_managed.0.replicas.0.location", "us-east1"),
)
def secrets_are_kept(plan: Plan) -> Iterator[str]:
    for secret in plan.all(SECRET):
        place = secret.at("replication.0.user_managed.0.replicas.0.location")
        if place != plan.variables["region"]:
            yield f"{secret.address}: {place}"
        if secret["deletion_protection"] is not True or not secret["version_destroy_ttl"]:
            yield secret.address


@guard(
    "the pipeline's workers have no public address",
    change(JOB, "ip_configuration", "WORKER_IP_PUBLIC"),
    change(JOB, "ip_configuration", None),
)
def workers_are_inside(plan: Plan) -> Iterator[str]:
    yield from (
        j.address for j in plan.all(JOB) if j["ip_configuration"] != "WORKER_IP_PRIVATE"
    )  # fmt: skip


@guard(
    "the pipeline's job is in the region, keeps its state at Google, and is drained, not cancelled",
    change(JOB, "on_delete", "cancel"),
    change(JOB, "enable_streaming_engine", False),
    change(JOB, "region", "us-central1"),
)
def job_is_drained(plan: Plan) -> Iterator[str]:
    for job in plan.all(JOB):
        if job["on_delete"] != "drain" or job["enable_streaming_engine"] is not True:
            yield job.address
        if job["region"] != plan.variables["region"]:
            yield f"{job.address}: {job['region']}"


@functools.cache
def pipeline_options() -> set[str]:
    """List what `python -m pipeline stream` can be told."""
    from argparse import ArgumentParser

    from pipeline.options import AuditOptions

    parser = ArgumentParser()
    AuditOptions._add_argparse_args(parser)
    return {action.dest for action in parser._actions}


@guard(
    "the pipeline is told only what it knows, and where to read and refuse",
    change(JOB, "parameters", {"subscription": "s", "dead_letter_topik": "t"}),
    change(JOB, "parameters", {"dead_letter_topic": "t"}),
    also=(
        "the pipeline gets each writer's events in order",
        "a message that the pipeline cannot take goes to the dead letters after some attempts",
    ),
)
def parameters_are_known(plan: Plan) -> Iterator[str]:
    for job in plan.all(JOB):
        given = set(job["parameters"])
        yield from (f"{job.address}: {name}" for name in given - pipeline_options())
        yield from (
            f"{job.address}: no {name}" for name in {"subscription", "dead_letter_topic"} - given
        )


@guard(
    "the keeper runs every day",
    change("google_cloud_scheduler_job", "schedule", "17 3 * * 1"),
    drop("google_cloud_scheduler_job"),
    change("google_cloud_scheduler_job", "paused", True),
)
def keeper_runs_daily(plan: Plan) -> Iterator[str]:
    jobs = plan.all("google_cloud_scheduler_job")
    daily = re.compile(r"\d+ \d+ \* \* \*")
    if not any(daily.fullmatch(job["schedule"]) and not job["paused"] for job in jobs):
        yield "tailnumber retain is not run every day"
