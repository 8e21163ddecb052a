import re

import pytest

from ingress import errors
from ingress.errors import (
    IngressError,
    MisplacedKey,
    PolicyError,
    PolicyProblem,
    Unauthenticated,
)

GENERAL_TEXT = Unauthenticated.CLIENT_TEXT


def tree(root):
    return [root, *(found for child in root.__subclasses__() for found in tree(child))]


@pytest.mark.parametrize("error", tree(IngressError), ids=lambda error: error.__name__)
def test_every_error_has_a_code_and_a_refusing_status(error):
    assert re.fullmatch("[a-z][a-z0-9_]*", error.code)
    assert 400 <= error.status <= 599


def test_no_two_errors_share_a_code():
    codes = [error.code for error in tree(IngressError)]

    assert len(codes) == len(set(codes))


def test_tree_in_the_docstring_names_every_error():
    for error in tree(IngressError):
        assert re.search(rf"\b{error.__name__}\b", errors.__doc__)


@pytest.mark.parametrize("error", tree(Unauthenticated), ids=lambda error: error.__name__)
def test_client_learns_nothing_from_a_refusal(error):
    refused = error("abcd1234")

    # Where a key stood is told to whoever sent it, not whether it is one.
    text = MisplacedKey.CLIENT_TEXT if isinstance(refused, MisplacedKey) else GENERAL_TEXT
    assert (refused.status, refused.CLIENT_TEXT) == (401, text)
    assert "abcd1234" not in refused.CLIENT_TEXT
    assert refused.unverified_key_id == "abcd1234"
    assert str(refused) == error.code


def test_policy_error_prints_every_problem_with_its_place():
    error = PolicyError((PolicyProblem("p.yaml", 3, 5, "no"), PolicyProblem("p.yaml", 9, 1, "oh")))

    assert str(error) == "p.yaml:3:5: no\np.yaml:9:1: oh"
