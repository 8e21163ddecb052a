"""One stand-in provider and one set of plans for all tests of a worker."""

from collections.abc import Iterator
from pathlib import Path

import module_examples
import offline_terraform as offline
import pytest
from terraform_plan import Plan


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder; `make terraform-test` runs it, `make test` does not."""
    for item in items:
        if offline.HERE in item.path.parents:
            item.add_marker(pytest.mark.terraform)


@pytest.fixture(scope="session")
def providers() -> Iterator[offline.Providers]:
    try:
        offline.terraform()
        types = offline.used_types(offline.CHECKOUT / "terraform") | offline.used_types(
            offline.HERE
        )
        with offline.running_providers(types) as providers:
            yield providers
    except offline.CannotRun as lacking:
        pytest.skip(f"COULD NOT RUN: {lacking}")


@pytest.fixture(scope="session")
def space(providers: offline.Providers, tmp_path_factory: pytest.TempPathFactory):
    """A copy of terraform/ that nobody changes: plan it, do not edit it."""
    return offline.copied(tmp_path_factory.mktemp("space"), providers)


@pytest.fixture(scope="session")
def plan(space: offline.Workspace) -> Plan:
    """The example's plan, with what Google would compute filled in."""
    return Plan(module_examples.plan_environment(space))


@pytest.fixture
def changed(providers: offline.Providers, tmp_path: Path):
    """A copy of terraform/ to edit."""
    return offline.copied(tmp_path, providers)
