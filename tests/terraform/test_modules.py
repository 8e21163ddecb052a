"""Every module: formatted, valid, tested, and its README true."""

import re
from pathlib import Path

import module_examples
import offline_terraform as offline
import pytest
import readme_tables

FOLDERS = sorted(p for p in offline.MODULES.glob("*") if p.is_dir())
MODULES = [p.name for p in FOLDERS]
WITH_VARIABLES = [readme.parent for readme in readme_tables.readmes()]


def ids(folder: Path) -> str:
    return folder.name


def test_everything_is_formatted(space: offline.Workspace):
    space.run("terraform", "fmt", "-check", "-diff", "-recursive")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_valid(space: offline.Workspace, module: str):
    folder = f"terraform/modules/{module}"
    space.init(folder)

    space.run(folder, "validate")


@pytest.mark.parametrize("module", MODULES)
def test_a_modules_own_tests_pass(space: offline.Workspace, module: str):
    folder = f"terraform/modules/{module}"
    assert list((offline.MODULES / module / "tests").glob("*.tftest.hcl")), "it has no tests"
    space.init(folder)

    space.run(folder, "test")


@pytest.mark.parametrize("module", MODULES)
def test_the_example_in_a_modules_readme_plans_on_an_empty_project(
    space: offline.Workspace, module: str
):
    plan = module_examples.plan(space, module, known=False)

    assert plan["planned_values"]


@pytest.mark.parametrize("folder", WITH_VARIABLES, ids=ids)
def test_the_tables_of_a_readme_are_up_to_date(folder: Path):
    readme = folder / "README.md"

    assert readme.read_text() == readme_tables.filled(readme), (
        "run `python tests/terraform/readme_tables.py`"
    )


@pytest.mark.parametrize("folder", WITH_VARIABLES, ids=ids)
def test_every_variable_says_its_type_and_what_it_is(folder: Path):
    for name, given in readme_tables.blocks(folder / "variables.tf").items():
        assert given.get("type"), f"{name} has no type"
        assert "any" not in given["type"].replace("(", " ").replace(")", " ").split(), name
        assert len(given.get("description", "")) > 10, f"{name} is not described"


@pytest.mark.parametrize("folder", WITH_VARIABLES, ids=ids)
def test_every_variable_that_can_be_wrong_is_refused_with_an_example(folder: Path):
    for name, body in readme_tables.BLOCK.findall((folder / "variables.tf").read_text()):
        messages = re.findall(r"^    error_message = (.*)$", body, re.MULTILINE)
        if name != "labels" and not re.search(r"^  type += bool$", body, re.MULTILINE):
            assert messages, f"{name} takes anything"
            assert any(re.search(r'example|`|\\"', each) for each in messages), (
                f"{name}: no example"
            )


@pytest.mark.parametrize("folder", WITH_VARIABLES, ids=ids)
def test_every_output_says_what_it_is(folder: Path):
    for name, given in readme_tables.blocks(folder / "outputs.tf").items():
        assert len(given.get("description", "")) > 10, f"{name} is not described"


@pytest.mark.parametrize("folder", FOLDERS, ids=ids)
def test_a_module_pins_terraform_and_its_providers(folder: Path):
    versions = (folder / "versions.tf").read_text()

    assert re.search(r'required_version = ">= 1\.(9|11)"', versions)
    assert '">= 6.50, < 7"' in versions


def test_a_misspelt_argument_is_refused(changed: offline.Workspace, tmp_path: Path):
    folder = tmp_path / "terraform" / "probe"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(
        'resource "google_pubsub_topic" "t" {\n  name = "t"\n  kms_key = "k"\n}\n'
    )
    changed.init("terraform/probe")

    with pytest.raises(offline.Refused, match='argument named "kms_key" is not expected'):
        changed.run("terraform/probe", "validate")


def test_a_value_that_google_does_not_know_is_refused(changed: offline.Workspace, tmp_path: Path):
    folder = tmp_path / "terraform" / "probe"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(
        'resource "google_bigquery_datapolicy_data_policy" "p" {\n'
        '  location = "eu"\n  data_policy_id = "p"\n  policy_tag = "t"\n'
        '  data_policy_type = "DATA_MASKING_POLICY"\n'
        '  data_masking_policy { predefined_expression = "ALWAYS_NIL" }\n}\n'
    )
    changed.init("terraform/probe")

    with pytest.raises(offline.Refused, match="'ALWAYS_NIL'; the documented values are SHA256"):
        changed.run("terraform/probe", "validate")
