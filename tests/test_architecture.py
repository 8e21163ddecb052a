"""Check who may import whom: the packages, the pure parts, and what a process loads.

Walks what exists with ``ast``; a part that is not written yet is walked once it is.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "ingress", "pipeline", "tailnumber")

# Package -> packages of ours that it may import.
ALLOWED = {
    "schemas": {"schemas"},
    "ingress": {"ingress", "schemas"},
    "pipeline": {"pipeline", "schemas"},
    "tailnumber": set(PACKAGES),
}

# Parts that compute and nothing else: time, randomness, keys and settings come in as arguments.
PURE = (
    "schemas",
    "ingress.masking",
    "ingress.protocol",
    "ingress.policy.decide",
    "ingress.policy.rules",
    "pipeline.decode",
    "pipeline.verify",
    "pipeline.enrich",
    "pipeline.rows",
)

# The tools of the contract for people and CI, and only they, meet files and git.
NOT_PURE = {"schemas.__main__", "schemas.render", "schemas.published"}

BANNED_IN_PURE = {
    "apache_beam",
    "asyncio",
    "fastapi",
    "google",
    "grpc",
    "httpx",
    "os",
    "random",
    "requests",
    "secrets",
    "socket",
    "starlette",
    "subprocess",
    "threading",
    "time",
    "uuid",
    "uvicorn",
}

# Ways to a clock or to randomness through a module that is harmless otherwise.
BANNED_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4"}

# (importer, imported) that close a cycle by a late import, each with its reason.
KNOWN_LATE = {
    # `Masker.stream` opens the masker of a stream, which is made of the masker's parts.
    ("ingress.masking.mask", "ingress.masking.stream"),
}


def modules() -> dict[str, Path]:
    """Return every module of ours by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(tree: ast.AST, name: str, path: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a module imports, at its top or later."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in MODULES else base


IMPORTS = {
    name: sorted(set(imports_of(ast.parse(path.read_bytes()), name, path)))
    for name, path in MODULES.items()
}


def top(dotted: str) -> str:
    return dotted.partition(".")[0]


def is_pure(name: str) -> bool:
    return name not in NOT_PURE and any(name == p or name.startswith(f"{p}.") for p in PURE)


def path_to_banned(name: str) -> list[str]:
    """Return how a module reaches a banned one through modules of ours; nothing if it does not."""
    queue, seen = [[name]], {name}
    while queue:
        path = queue.pop(0)
        for imported in IMPORTS[path[-1]]:
            if top(imported) in BANNED_IN_PURE:
                return [*path, imported]
            if imported in MODULES and imported not in seen:
                seen.add(imported)
                queue.append([*path, imported])
    return []


@pytest.mark.parametrize("name", MODULES)
def test_package_imports_only_the_packages_of_ours_that_it_may(name: str) -> None:
    ours = {top(imported) for imported in IMPORTS[name]} & set(PACKAGES)

    assert ours <= ALLOWED[top(name)]


@pytest.mark.parametrize("name", [name for name in MODULES if top(name) == "schemas"])
def test_schemas_imports_only_the_standard_library_and_pydantic(name: str) -> None:
    allowed = sys.stdlib_module_names | {"schemas", "pydantic", "pydantic_core"}

    assert {top(imported) for imported in IMPORTS[name]} <= allowed


@pytest.mark.parametrize("name", [name for name in MODULES if is_pure(name)])
def test_pure_part_reaches_no_network_clock_randomness_or_environment(name: str) -> None:
    assert path_to_banned(name) == []


@pytest.mark.parametrize("name", [name for name in MODULES if is_pure(name)])
def test_pure_part_asks_no_clock(name: str) -> None:
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(MODULES[name].read_bytes()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    assert not calls & BANNED_CALLS


@pytest.mark.parametrize(
    ("module", "never"),
    [
        (
            "ingress.app",
            (
                "apache_beam",
                "pipeline",
                "tailnumber",
                # Secret Manager and Cloud KMS: 37 MB, for those who set them.
                "google.cloud.kms_v1",
                "google.cloud.secretmanager_v1",
            ),
        ),
        ("pipeline.graph", ("fastapi", "ingress", "tailnumber")),
        (
            "schemas.__main__",
            ("fastapi", "apache_beam", "google.cloud.bigquery", "ingress", "pipeline"),
        ),
    ],
)
def test_process_does_not_load_what_belongs_to_another(module: str, never: tuple[str, ...]) -> None:
    if module not in MODULES:
        pytest.skip(f"{module} is not written yet")
    program = f"import sys, {module}; print(*sorted({never!r} & sys.modules.keys()))"
    program = program.replace(repr(never), repr(set(never)))

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


def test_no_module_of_ours_hides_behind_type_checking() -> None:
    hiding = []
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                hidden = imports_of(ast.Module(node.body, []), name, path)
                hiding += [(name, ours) for ours in hidden if ours in MODULES]

    assert set(hiding) <= KNOWN_LATE


def test_modules_form_no_cycle() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for imported in IMPORTS[name]:
            if imported not in MODULES or (name, imported) in KNOWN_LATE:
                continue
            if cycle := visit(imported, (*path, name)):
                return cycle
        done.add(name)
        return []

    assert [cycle for name in MODULES if (cycle := visit(name, ()))] == []


def test_no_tests_directory_is_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []
