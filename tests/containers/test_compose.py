"""The compose files: closed by default, every name in them known, and their wiring, played."""

import re
from pathlib import Path

import pytest
from containers import ROOT, TARGETS, environment, merged

from ingress.settings import PREFIX, Settings

KINDS = ("google", "local")
SERVICES = [(kind, name) for kind in KINDS for name in merged(kind)["services"]]
SETTINGS = {PREFIX + name.upper() for name in Settings.__dataclass_fields__}
# What the command line alone reads.
COMMANDS = SETTINGS | {"TAILNUMBER_BIGQUERY_PROJECT", "BIGQUERY_EMULATOR_HOST"}
GOOGLE = {"GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"}
KNOWN = {
    "gateway": SETTINGS | GOOGLE,
    "pipeline": GOOGLE,
    "migrate": COMMANDS,
    "tools": COMMANDS | GOOGLE,
    "postgres": {
        "POSTGRES_USER",
        "POSTGRES_DB",
        "POSTGRES_PASSWORD_FILE",
        "POSTGRES_INITDB_ARGS",
    },
    "pubsub": set(),
    "warehouse": set(),
}
PAGE = ROOT / "docs/on-prem.md"


@pytest.fixture(params=SERVICES, ids="-".join)
def service(request):
    kind, name = request.param
    return name, merged(kind)["services"][name]


def test_service_can_change_nothing_but_its_volumes(service):
    _, said = service

    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert said["user"] in ("10001:10001", "999:999")
    assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & said.keys()
    assert not any("docker.sock" in volume for volume in said.get("volumes", ()))


def test_service_is_bounded_and_logs_no_disk_full(service):
    _, said = service

    assert said["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert said["logging"]["options"].keys() == {"max-size", "max-file"}


def test_environment_names_what_the_program_reads_and_no_secret(service):
    name, said = service

    given = said.get("environment", {})
    assert given.keys() <= KNOWN[name]
    assert not [key for key in given if re.search(r"PASSWORD$|SECRET$|TOKEN$", key)]


def test_image_is_one_that_the_dockerfile_makes_or_pinned(service):
    name, said = service

    if name == "postgres":
        assert re.fullmatch(r"postgres:\d+\.\d+-\w+(@sha256:[0-9a-f]{64})?", said["image"])
    else:
        assert said["build"]["target"] in TARGETS
        assert said["image"] == f"tailnumber/{said['build']['target']}:0.1.0"


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_gateway_is_published_and_on_loopback(kind):
    published = {
        name: said["ports"] for name, said in merged(kind)["services"].items() if "ports" in said
    }

    assert published == {"gateway": ["127.0.0.1:8080:8080"]}


def test_servers_that_ask_nobody_who_they_are_have_no_way_out_and_in():
    document = merged("local")
    services = document["services"]

    assert document["networks"]["inside"] == {"internal": True}
    assert {name: services[name]["networks"] for name in ("pubsub", "warehouse", "pipeline")} == {
        name: ["inside"] for name in ("pubsub", "warehouse", "pipeline")
    }
    assert services["postgres"]["network_mode"] == "none"
    assert "listen_addresses=" in services["postgres"]["command"]


@pytest.mark.parametrize("kind", KINDS)
def test_volumes_and_secrets_are_declared_and_what_is_mounted_is_told(kind):
    document = merged(kind)
    services = document["services"].values()
    sources = {v.split(":")[0] for said in services for v in said.get("volumes", ())}
    secrets = {name for said in services for name in said.get("secrets", ())}
    page = PAGE.read_text()

    assert {each for each in sources if not each.startswith(".")} == document["volumes"].keys()
    assert secrets == document["secrets"].keys()
    files = [each["file"] for each in document["secrets"].values()]
    for path in [*files, *(each for each in sources if each.startswith("."))]:
        assert path.removeprefix("./") in page


@pytest.mark.parametrize("kind", KINDS)
def test_services_wait_for_what_they_need_by_a_condition_that_can_come_true(kind):
    services = merged(kind)["services"]
    for said in services.values():
        for name, how in said.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[name]
            else:
                assert services[name]["restart"] == "no"


def test_example_of_env_names_every_variable_and_no_other():
    texts = "".join(path.read_text() for path in ROOT.glob("compose*.yaml"))
    used = set(re.findall(r"\$\{(\w+)", texts))
    example = (ROOT / ".env.example").read_text()

    assert set(re.findall(r"(?m)^(\w+)=", example)) == used | {"COMPOSE_FILE"}


def test_places_of_the_gateway_are_those_of_its_image():
    said = merged("local")["services"]["gateway"]
    mounted = {volume.split(":")[1] for volume in said["volumes"]}
    inside = environment("ingress")

    assert inside["TAILNUMBER_DATA_DIR"] in mounted
    assert str(Path(inside["TAILNUMBER_POLICY_FILE"]).parent) in mounted
