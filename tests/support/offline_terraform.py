"""Runs terraform on a copy of terraform/ against the stand-in google providers, with no network.

What it needs beside terraform itself (the environment of the stand-in, the npm packages with the
schemas) is set up once in a cache outside the checkout, locked by hash.
"""

import dataclasses
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import google_schema

CHECKOUT = Path(__file__).resolve().parents[2]
HERE = CHECKOUT / "tests" / "terraform"
CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tailnumber-ci" / "terraform"
)
MODULES = CHECKOUT / "terraform" / "modules"
EXAMPLE = CHECKOUT / "terraform" / "environments" / "example"
# npm package and sha256 of its archive, by provider. 16.12.1 is made from provider 6.50.0.
PACKAGES = {
    "google": (
        "@cdktf/provider-google@16.12.1",
        "c13e11596542ffb7412d5f4caa9376525fbef88d18cdedac03c9b3c392a1fc80",
    ),
    "google-beta": (
        "@cdktf/provider-google-beta@16.12.1",
        "573cb241a3e378e79a3bd6a099caf3688d165b652b26fae260b65c9e3922acdf",
    ),
}
_BLOCK_TYPE = re.compile(r'\b(resource|data|mock_resource|mock_data)\s+"(google_\w+)"')


class CannotRun(Exception):
    """Something that the machine lacks, said in one sentence."""


class Refused(Exception):
    """Terraform ended with an error; the message is what it said."""


@functools.cache
def terraform() -> str:
    """Find a terraform that knows write-only arguments. Raises: CannotRun."""
    found = shutil.which("terraform")
    if found is None:
        message = "terraform is not installed on this machine (1.11 or later is needed)"
        raise CannotRun(message)
    told = subprocess.run([found, "version", "-json"], capture_output=True, text=True, check=False)
    version = json.loads(told.stdout)["terraform_version"]
    if tuple(int(number) for number in version.split("-")[0].split(".")[:2]) < (1, 11):
        message = f"terraform on this machine is {version}; 1.11 or later is needed"
        raise CannotRun(message)
    return found


def environment_of(name: str) -> Path:
    """Make the virtual environment of requirements/NAME.txt in the cache; return its folder.

    Raises: CannotRun.
    """
    lock = HERE / "requirements" / f"{name}.txt"
    folder = CACHE / f"{name}-{_digest(lock.read_bytes())}"
    with _locked():
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv = Path(sys.executable).with_name("uv")
            if uv.exists():
                made, install = [uv, "venv", "-q", "--python", sys.executable], [uv, "pip"]
            else:
                made, install = [sys.executable, "-m", "venv"], [folder / "bin" / "python", "-m"]
                install.append("pip")
            _set_up([*made, folder])
            python = ["--python", folder / "bin" / "python"] if uv.exists() else []
            _set_up([*install, "install", "-q", *python, "--require-hashes", "-r", lock])
            (folder / "ready").touch()
    return folder


def provider_schemas() -> dict[str, dict[str, Any]]:
    """Load the schemas of both providers: name -> `resources`, `data_sources` -> type -> schema.

    Raises: CannotRun.
    """
    source = Path(google_schema.__file__).read_bytes() + repr(PACKAGES).encode()
    path = CACHE / f"schemas-{_digest(source)}.json"
    with _locked():
        if not path.exists():
            made = {provider: _read_package(*PACKAGES[provider]) for provider in PACKAGES}
            path.with_suffix(".new").write_text(json.dumps(made))
            path.with_suffix(".new").rename(path)
    return json.loads(path.read_text())


def _read_package(package: str, sha256: str) -> dict[str, Any]:
    if shutil.which("npm") is None:
        message = "npm is not installed on this machine; it fetches the provider's schemas"
        raise CannotRun(message)
    _set_up(["npm", "pack", "--silent", "--pack-destination", CACHE, package])
    archive = CACHE / (package.removeprefix("@").replace("/", "-").replace("@", "-") + ".tgz")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != sha256:
        message = f"{package} is not the archive that was locked: its sha256 differs"
        raise CannotRun(message)
    schemas = google_schema.schemas_of(archive)
    archive.unlink()
    return schemas


def _set_up(command: list[Any]) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"`{' '.join(words)}` failed: {done.stderr.strip()[-500:]}"
        raise CannotRun(message)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content + sys.version.encode()).hexdigest()[:12]


@contextmanager
def _locked() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def used_types(root: Path) -> set[str]:
    """List the google resource and data source types that the files below a folder name."""
    texts = (p.read_text() for s in ("tf", "hcl", "md", "py") for p in root.rglob(f"*.{s}"))
    return {found[1] for text in texts for found in _BLOCK_TYPE.findall(text)}


@dataclasses.dataclass(frozen=True)
class Providers:
    """The running stand-ins of google and google-beta."""

    folder: Path
    process_id: int

    def environment(self, *, known: bool) -> dict[str, str]:
        """Tell terraform to attach to them; `known`: computed values are filled in, by rule."""
        attach = {
            f"registry.terraform.io/hashicorp/{name}": {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": self.process_id,
                "Test": True,
                "Addr": {
                    "Network": "unix",
                    "String": f"{self.folder}/{name}.{'known' if known else 'unknown'}",
                },
            }
            for name in PACKAGES
        }
        return {"TF_REATTACH_PROVIDERS": json.dumps(attach)}


@contextmanager
def running_providers(types: set[str]) -> Iterator[Providers]:
    """Serve the schemas of these types while the block runs. Raises: CannotRun."""
    python = environment_of("stand-in") / "bin" / "python"
    served = {
        provider: {
            kind: {name: schema for name, schema in schemas.items() if name in types}
            for kind, schemas in kinds.items()
        }
        for provider, kinds in provider_schemas().items()
    }
    with tempfile.TemporaryDirectory(prefix="tf") as folder:
        Path(folder, "schemas.json").write_text(json.dumps(served))
        command = [python, HERE / "stand_in" / "provider.py", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                if process.stdout is None or process.stdout.readline() != "ready\n":
                    message = "the stand-in provider did not start; it says why above"
                    raise CannotRun(message)
                yield Providers(Path(folder), process.pid)
            finally:
                process.terminate()


@dataclasses.dataclass(frozen=True)
class Workspace:
    """A copy of what terraform reads, to run in and to change."""

    root: Path
    providers: Providers

    def run(
        self,
        folder: str,
        *arguments: str,
        known: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run terraform in a folder below the root; return its output. Raises: Refused."""
        command = [terraform(), f"-chdir={self.root / folder}", *arguments]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=self.environment(known=known) | (env or {}),
        )
        if done.returncode:
            # A plan says a thousand lines before its error.
            said = done.stderr if arguments[0] == "plan" else done.stdout + done.stderr
            raise Refused(f"terraform {arguments[0]} in {folder}:\n{said}")
        return done.stdout

    def environment(self, *, known: bool) -> dict[str, str]:
        """Build the environment of a terraform that sees the stand-ins and nothing else."""
        configuration = self.root / "terraform.rc"
        mirror = self.root / "no-providers"
        configuration.write_text(
            "disable_checkpoint = true\n"
            f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n'
        )
        mirror.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "GOOGLE_"))}
        return (
            kept
            | {"TF_CLI_CONFIG_FILE": str(configuration), "TF_IN_AUTOMATION": "1"}
            | {"CHECKPOINT_DISABLE": "1", "TF_CLI_ARGS": "-no-color"}
            | {"TF_VAR_control_password": "not-a-password-" * 3}  # ephemeral: never in a file
            | self.providers.environment(known=known)
        )

    def init(self, folder: str) -> None:
        """Prepare a folder once; again costs nothing. Raises: Refused."""
        if not (self.root / folder / ".terraform").exists():
            self.run(folder, "init", "-backend=false", "-input=false")

    def plan(
        self, folder: str, variables: Mapping[str, Any] | None = None, *, known: bool = True
    ) -> dict[str, Any]:
        """Plan a folder from nothing; return the plan as terraform's JSON. Raises: Refused."""
        self.init(folder)
        with tempfile.TemporaryDirectory(dir=self.root) as scratch:
            given = Path(scratch, "given.tfvars.json")
            given.write_text(json.dumps(variables or {}))
            out = Path(scratch, "plan")
            self.run(
                folder,
                *("plan", "-input=false", "-lock=false", "-refresh=false"),
                *(f"-var-file={given}", f"-out={out}"),
                known=known,
            )
            return json.loads(self.run(folder, "show", "-json", str(out), known=known))


def copied(root: Path, providers: Providers, checkout: Path = CHECKOUT) -> Workspace:
    """Copy what terraform reads into an empty folder, to run it there."""
    return Workspace(copy_sources(root, checkout), providers)


def copy_sources(root: Path, checkout: Path = CHECKOUT) -> Path:
    """Copy what terraform reads of a checkout into an empty folder; return the folder."""
    ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars")
    for part in ("terraform", "schemas/generated", "pipeline/flex"):
        if (checkout / part).exists():
            shutil.copytree(checkout / part, root / part, ignore=ignored)
    return root


def readme_example(readme: Path) -> str:
    """Return the one HCL example of a module's README. Raises: ValueError if it is not one."""
    examples = re.findall(r"^```hcl\n(.*?)^```$", readme.read_text(), re.MULTILINE | re.DOTALL)
    if len(examples) != 1:
        message = f"{readme}: one ```hcl example is wanted, there are {len(examples)}"
        raise ValueError(message)
    return examples[0]
