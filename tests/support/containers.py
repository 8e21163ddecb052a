"""Read the Dockerfile and the compose files, and do without an engine what they say."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("ingress", "tools", "pipeline", "dataflow", "local")
# Where images keep things; a stage that is played has them below a folder of its own.
PLACES = ("/src", "/dist", "/opt", "/var/lib/tailnumber", "/template", "/etc/tailnumber")


@dataclass
class Stage:
    """One ``FROM … AS name`` and what follows."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)


def instructions() -> Iterator[tuple[str, str]]:
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text())
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield word, rest.strip()


def stages() -> dict[str, Stage]:
    found: dict[str, Stage] = {}
    for word, rest in instructions():
        if word == "FROM":
            base, _, name = rest.split()
            found[name] = Stage(name, base)
        elif found:
            list(found.values())[-1].steps.append((word, rest))
    return found


def arguments() -> dict[str, str]:
    """Return the defaults of the build arguments before the first stage."""
    pairs = (rest.partition("=") for word, rest in instructions() if word == "ARG")
    return {name: value for name, _, value in pairs if value}


def effective(target: str) -> list[tuple[str, str]]:
    """Return the steps of a target and of the stages that it stands on."""
    stage = stages()[target]
    before = effective(stage.base) if stage.base in stages() else []
    return [*before, *stage.steps]


def environment(target: str) -> dict[str, str]:
    pairs = [shlex.split(rest) for word, rest in effective(target) if word == "ENV"]
    return dict(pair.split("=", 1) for group in pairs for pair in group)


def entrypoint(target: str) -> list[str]:
    return json.loads(dict(effective(target))["ENTRYPOINT"])


class Played:
    """Stages whose RUN and COPY lines are carried out in folders; base images are left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def root(self, name: str) -> Path:
        """Return the folder of a stage, after playing it if that was not done yet."""
        root = self.folder / name
        if not root.exists():
            stage = stages()[name]
            if stage.base in stages():
                shutil.copytree(self.root(stage.base), root, symlinks=True)
            else:
                # What the base image brings: a Python with pip.
                root.mkdir(parents=True)
                subprocess.run([sys.executable, "-m", "venv", root / "usr"], check=True)
            for word, rest in stage.steps:
                self._step(name, root, word, rest)
        return root

    def _step(self, name: str, root: Path, word: str, rest: str) -> None:
        if word == "COPY":
            self._copy(root, rest)
        elif word == "RUN" and "useradd" not in rest:
            command = json.loads(rest) if rest.startswith("[") else ["/bin/sh", "-c", rest]
            done = subprocess.run(
                [self.inside(root, each) for each in command],
                cwd=root / "src" if (root / "src").exists() else root,
                env=self.environ(name),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{rest}\n{done.stderr}"

    def _copy(self, root: Path, rest: str) -> None:
        *sources, target = rest.split()
        origin = ROOT
        if sources[0].startswith("--from="):
            stage = sources.pop(0).removeprefix("--from=")
            if stages()[stage].base.startswith("$") and not stages()[stage].steps:
                return  # out of an image of others
            origin = self.root(stage)
        for source in sources:
            found = origin / source.lstrip("/")
            place = Path(self.inside(root, target)) if target != "./" else root / "src" / source
            if not target.startswith(("/", "./")):
                place = root / "src" / target
            place.parent.mkdir(parents=True, exist_ok=True)
            if found.is_dir():
                # Links: an environment has half a gigabyte. What is of the tree is copied.
                copy = os.link if origin != ROOT else shutil.copy2
                ignore = shutil.ignore_patterns("__pycache__") if origin == ROOT else None
                shutil.copytree(found, place, True, ignore, copy, dirs_exist_ok=True)
            else:
                shutil.copy2(found, place)

    def inside(self, root: Path, text: str) -> str:
        """Return a text of an image with its paths moved below the stage's folder."""
        places = "|".join(map(re.escape, PLACES))
        return re.sub(rf"(?<![\w./-])({places})(?=[/:\s;\"']|$)", rf"{root}\1", text)

    def environ(self, name: str) -> dict[str, str]:
        """Return the environment of a process of a stage; a shared cache spares the network."""
        root = self.folder / name
        inside = {key: self.inside(root, value) for key, value in environment(name).items()}
        inside.pop("UV_NO_CACHE", None)
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("TAILNUMBER_", "PYTHON"))}
        path = f"{root}/opt/tailnumber/bin:{root}/usr/bin:{os.environ['PATH']}"
        return {**ours, **inside, "PATH": path}


def merged(kind: str, values: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return compose.yaml with compose.KIND.yaml over it, variables filled in."""
    values = {"TENANT": "acme", "GOOGLE_PROJECT": "acme-audit", **(values or {})}
    document: dict[str, Any] = {}
    for name in ("compose.yaml", f"compose.{kind}.yaml"):
        above = yaml.safe_load((ROOT / name).read_text())
        document = _merge(document, _filled(above, values))
    return document


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """Fill in variables as compose does: in what was parsed, so that nothing becomes null."""
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]

    def fill(found: re.Match[str]) -> str:
        default = found[3] if found[2] == ":-" else None
        chosen = values.get(found[1]) or default
        if chosen is None:
            raise LookupError(f"{found[1]} has neither a value nor a default")
        return chosen

    return re.sub(r"\$\{(\w+)(:-|:\?)([^}]*)\}", fill, value) if isinstance(value, str) else value


def _merge(below: Any, above: Any) -> Any:
    """Merge as compose does: maps by key, lists one behind the other, a command whole."""
    if isinstance(below, dict) and isinstance(above, dict):
        both = {**below, **above}
        return {
            key: value if key == "command" else _merge(below.get(key), value)
            for key, value in both.items()
        }
    if isinstance(below, list) and isinstance(above, list) and below != above:
        return [*below, *above]
    return above
