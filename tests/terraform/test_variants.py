"""The example's other choice: gateways on Cloud Run, with a wall around the project."""

import module_examples
import offline_terraform as offline
import pytest
import yaml
from all_guards import GUARDS, Guard
from terraform_plan import Plan

SERVICE = "google_cloud_run_v2_service"
PERIMETER = "google_access_context_manager_service_perimeter"


@pytest.fixture(scope="module")
def other(providers: offline.Providers, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    space = offline.copied(tmp_path_factory.mktemp("other"), providers)
    policy = space.root / module_examples.EXAMPLE / "policy.yaml"
    given = yaml.safe_load(policy.read_text())
    for rule in given["rules"]:
        rule["assurance"] = "bracket"
    policy.write_text(yaml.safe_dump(given))
    return Plan(
        module_examples.plan_environment(
            space,
            variant="cloud_run",
            perimeter={
                "access_policy": "123456",
                "company_ranges": ["203.0.113.0/24"],
                "deployers": ["group:tailnumber-admins@acme.example"],
            },
        )
    )


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.demand)
def test_every_demand_holds_on_cloud_run_too(guard: Guard, other: Plan):
    assert guard.complaints(other) == []


def test_cloud_run_is_reached_through_the_load_balancer_alone(other: Plan):
    assert other.one(SERVICE)["ingress"] == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"


def test_cloud_run_keeps_some_instances_with_their_processor_always_on(other: Plan):
    service = other.one(SERVICE)

    assert service.at("template.0.scaling.0.min_instance_count") >= 2
    assert service.at("template.0.containers.0.resources.0.cpu_idle") is False


def test_on_cloud_run_a_record_is_durable_when_pubsub_has_it(other: Plan):
    told = {e["name"]: e["value"] for e in other.one(SERVICE).at("template.0.containers.0.env")}

    assert told["TAILNUMBER_DURABLE"] == "pubsub"


def test_cloud_run_is_encrypted_and_protected(other: Plan):
    service = other.one(SERVICE)

    assert service.at("template.0.encryption_key").endswith("/cryptoKeys/control")
    assert service["deletion_protection"] is True


def test_no_machine_is_made_for_cloud_run(other: Plan):
    assert not other.all("google_compute_*instance*")


def test_the_wall_only_logs_what_it_would_refuse_until_somebody_says_otherwise(other: Plan):
    wall = other.one(PERIMETER)

    assert wall["use_explicit_dry_run_spec"] is True
    assert wall["spec"]
    assert not wall["status"]


@pytest.mark.parametrize(
    "service", ["bigquery", "cloudkms", "pubsub", "secretmanager", "storage", "dataflow"]
)
def test_the_wall_stands_around_what_holds_the_trail(service: str, other: Plan):
    assert f"{service}.googleapis.com" in other.one(PERIMETER).at("spec.0.restricted_services")
