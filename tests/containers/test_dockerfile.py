"""The Dockerfile: what its lines promise, and the images that they make, without an engine."""

import json
import re
import shlex
import shutil
import signal
import subprocess

import pytest
from containers import ROOT, TARGETS, Played, arguments, effective, entrypoint, environment, stages

RUNTIME = ("ingress", "tools", "pipeline", "local")
LOCK = (ROOT / "constraints.txt").read_text()


@pytest.mark.parametrize("target", RUNTIME)
def test_image_runs_as_an_account_without_rights(target):
    users = [rest for word, rest in effective(target) if word == "USER"]

    assert users == ["10001:10001"]


@pytest.mark.parametrize("target", TARGETS)
def test_image_says_how_it_starts_stops_and_is_looked_at(target):
    said = dict(effective(target))

    assert json.loads(said["ENTRYPOINT"])
    assert said["STOPSIGNAL"] == "SIGTERM"
    assert said["HEALTHCHECK"] == "NONE" or "CMD [" in said["HEALTHCHECK"]
    assert f'org.opencontainers.image.title="Tailnumber {target}"' in said["LABEL"]


def test_base_image_is_pinned_by_digest():
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", arguments()["PYTHON"])


def test_beam_of_the_workers_is_the_beam_of_the_lock():
    locked = re.search(r"(?m)^apache-beam==(\S+)", LOCK)[1]

    assert arguments()["BEAM"] == f"apache/beam_python3.11_sdk:{locked}"


def test_installer_is_the_one_that_setup_uses():
    version = re.search(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text())[1]
    locked = (ROOT / "constraints.uv.txt").read_text()

    assert f"\nuv=={version} \\\n" in locked
    assert locked.count("--hash=sha256:") == 2


@pytest.mark.parametrize("name", [name for name in stages() if name.endswith("-packages")])
def test_every_package_is_installed_by_the_hash_of_the_lock(name):
    lines = [rest for word, rest in stages()[name].steps if word == "RUN"]

    assert len(lines) == 2
    assert lines[0].startswith("uv pip install --require-hashes -c constraints.txt -r ")
    assert lines[1] == "uv pip install --no-deps --no-index --find-links /dist tailnumber"


def test_builder_is_given_what_is_copied_and_nothing_else():
    admitted = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = {
        source
        for stage in stages().values()
        for word, rest in stage.steps
        if word == "COPY" and not rest.startswith("--from=")
        for source in rest.split()[:-1]
    }

    assert {source.split("/")[0] for source in copied} == admitted


def test_nothing_is_fetched_but_by_the_lock():
    runs = " ".join(rest for word, rest in effective("dataflow") if word == "RUN")

    assert not re.search(r"curl|wget|apt|git ", runs)
    assert not any(word == "ADD" for stage in stages().values() for word, _ in stage.steps)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    yield Played(folder)
    shutil.rmtree(folder)


def run(played, target, *command, **more):
    """Run a command as a container of a target would, in the folder that stands for its home."""
    root = played.root(target)
    home = root / "var/lib/tailnumber"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    environ = {**played.environ(target), "HOME": str(home), **more}
    return subprocess.run(
        command, cwd=home, env=environ, capture_output=True, text=True, check=False, timeout=90
    )


def installed(played, target):
    """Return the names of the packages in an image."""
    folder = next((played.root(target) / "opt/tailnumber/lib").glob("python3.*/site-packages"))
    return {path.name.split("-")[0].lower() for path in folder.glob("*.dist-info")}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("images")
class TestImages:
    """What each image holds and does; slow, for it installs five environments from the lock."""

    def test_gateway_serves_and_drains(self, played, tmp_path):
        root = played.root("ingress")
        policy = tmp_path / "policy.yaml"
        policy.write_text("version: 1\nconnections: {}\nrules: [{id: everyone, effect: allow}]\n")
        port = str(free_port())
        mine = {
            **played.environ("ingress"),
            "TAILNUMBER_DATA_DIR": str(tmp_path / "data"),
            "TAILNUMBER_POLICY_FILE": str(policy),
            "TAILNUMBER_HOST": "127.0.0.1",
            "TAILNUMBER_PORT": port,
            "TAILNUMBER_PUBSUB_ADDRESS": "127.0.0.1:9",
            "TAILNUMBER_JOURNAL_FREE_BYTES_MIN": "0",
        }
        (tmp_path / "data").mkdir(mode=0o700)
        with subprocess.Popen(
            entrypoint("ingress"), env=mine, cwd=root, stdout=subprocess.PIPE, text=True
        ) as gateway:
            assert json.loads(gateway.stdout.readline())["ready"] is True
            check = json.loads(dict(effective("ingress"))["HEALTHCHECK"].partition("CMD ")[2])

            assert subprocess.run(check, env=mine, cwd=root, check=False).returncode == 0

            gateway.send_signal(signal.SIGTERM)
            # uvicorn ends itself by the signal once all is done; as process 1 it would return 0.
            assert gateway.wait(20) in (0, -signal.SIGTERM)
        assert subprocess.run(check, env=mine, cwd=root, check=False).returncode == 1

    def test_gateway_carries_neither_the_pipeline_nor_the_stand_ins(self, played):
        names = installed(played, "ingress")

        assert {"tailnumber", "uvloop", "hyperscan", "google_cloud_kms"} <= names
        assert not names & {"apache_beam", "duckdb", "bqemulator", "typer", "keyring"}

    @pytest.mark.parametrize(
        "command", ["", "keys", "retain", "hold", "erase", "query", "policy check", "login"]
    )
    def test_tools_run_each_command(self, played, command):
        done = run(played, "tools", *entrypoint("tools"), *command.split(), "--help")

        assert done.returncode == 0, done.stderr
        assert "Usage: tailnumber" in done.stdout

    def test_tools_keep_keys_and_find_the_machine_well(self, played, tmp_path):
        data = {"TAILNUMBER_DATA_DIR": str(tmp_path / "data")}
        made = run(
            played, "tools", "tailnumber", "keys", "create", "--user", "ada", "--json", **data
        )
        listed = run(played, "tools", "tailnumber", "keys", "list", "--json", **data)
        doctor = run(played, "tools", "tailnumber", "doctor", "--port", str(free_port()), **data)

        assert json.loads(made.stdout)["id"] in listed.stdout
        assert doctor.returncode == 0, doctor.stdout
        assert "pip install 'tailnumber[local]'" in doctor.stdout

    def test_tools_carry_no_stack(self, played):
        names = installed(played, "tools")

        assert {"tailnumber", "typer", "google_cloud_bigquery"} <= names
        assert not names & {"apache_beam", "duckdb", "bqemulator", "vl_convert_python"}

    def test_pipeline_says_what_it_needs(self, played):
        done = run(played, "pipeline", *entrypoint("pipeline"))

        assert done.returncode == 2
        assert "--project" in done.stderr

    def test_pipeline_is_alive_while_its_file_is_fresh(self, played, tmp_path):
        file = tmp_path / "alive"
        check = ("python", "-m", "pipeline.alive", str(file))

        assert run(played, "pipeline", *check).returncode == 1
        file.touch()
        assert run(played, "pipeline", *check).returncode == 0

    def test_pipeline_carries_no_gateway(self, played):
        names = installed(played, "pipeline")

        assert {"tailnumber", "apache_beam", "maxminddb"} <= names
        assert not names & {"fastapi", "uvicorn", "duckdb", "bqemulator", "typer"}

    def test_launcher_of_the_template_starts_the_streaming_pipeline(self, played):
        mine = played.environ("dataflow")
        file = played.inside(played.root("dataflow"), mine["FLEX_TEMPLATE_PYTHON_PY_FILE"])

        done = run(played, "dataflow", "python", file, "--project=acme-audit")

        assert done.returncode == 2
        assert "--project, --subscription and --dead_letter_topic are needed" in done.stderr

    def test_workers_find_beam_by_pip_as_the_boot_program_asks(self, played):
        done = run(played, "dataflow", "python", "-m", "pip", "show", "apache-beam")

        assert done.returncode == 0, done.stderr
        assert environment("dataflow")["RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT"] == "1"

    def test_graph_of_the_template_is_built_from_its_parameters(self, played):
        code = (
            "import apache_beam as beam\n"
            "from pipeline.options import AuditOptions\n"
            "from pipeline.streaming import compose\n"
            "given = ['--subscription=projects/acme-audit/subscriptions/s',\n"
            "         '--dead_letter_topic=projects/acme-audit/topics/d', '--streaming']\n"
            "options = AuditOptions(given)\n"
            "pipeline = beam.Pipeline(options=options)\n"
            "compose(pipeline, options, 'acme-audit')\n"
            "print(len(pipeline.to_runner_api().components.transforms))\n"
        )

        done = run(played, "dataflow", "python", "-c", code)

        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 10

    @pytest.mark.parametrize("module", ["tailnumber.stack.pubsub", "tailnumber.stack.warehouse"])
    def test_stand_ins_start_by_their_module(self, played, module):
        done = run(played, "local", *entrypoint("local"), module, "--help")

        assert done.returncode == 0, done.stderr
        assert "--host" in done.stdout

    def test_package_that_is_not_as_locked_is_refused(self, played):
        root = played.root("build")
        lock = root / "src/changed.txt"
        lock.write_text(re.sub(r"sha256:[0-9a-f]{4}", "sha256:0000", LOCK))
        line = stages()["ingress-packages"].steps[0][1].replace("constraints.txt", "changed.txt")

        done = subprocess.run(
            shlex.split(line),
            cwd=root / "src",
            env={**played.environ("build"), "UV_NO_CACHE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode != 0
        assert "Hash mismatch" in done.stderr


def free_port():
    from tailnumber.stack.layout import free_ports

    return free_ports(1)[0]
