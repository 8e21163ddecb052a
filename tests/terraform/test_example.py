"""The example environment: what it refuses, and that the files beside it are good ones."""

from pathlib import Path

import module_examples
import offline_terraform as offline
import pytest

from ingress.identity.issuers import read_issuers
from ingress.policy.load import load_policy

FOLDER = Path(__file__).resolve().parents[2] / module_examples.EXAMPLE


@pytest.mark.xdist_group("terraform")
def test_the_examples_own_tests_pass(space: offline.Workspace):
    space.init(module_examples.EXAMPLE)

    space.run(module_examples.EXAMPLE, "test")


def test_the_policy_beside_it_is_one_that_a_gateway_takes():
    policy = load_policy((FOLDER / "policy.yaml").read_text(), "policy.yaml")

    assert {rule.effect for rule in policy.document.rules} == {"allow"}


def test_the_issuers_beside_it_are_ones_that_a_gateway_takes():
    assert len(read_issuers(FOLDER / "issuers.yaml")) == 1


def test_no_secret_stands_beside_it():
    given = (FOLDER / "terraform.tfvars.example").read_text()

    assert "password" not in given
    assert "PRIVATE KEY" not in given
