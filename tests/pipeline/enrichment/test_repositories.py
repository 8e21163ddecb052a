"""Repositories: owner and criticality by pattern, the first that matches."""

import pytest

from pipeline.enrichment.repositories import Care, read_repositories
from pipeline.errors import SourceError


def test_first_pattern_that_matches_answers_whatever_the_case() -> None:
    found = read_repositories(
        b"repository,owner,criticality\nacme/payments,Payments,critical\nAcme/*,Platform,\n",
        "r.csv",
    )

    assert found.find("ACME/Payments") == Care("Payments", "critical")
    assert found.find("acme/web") == Care("Platform", None)
    assert found.find("other/web") is None


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("a/b,X,low\nA/B,Y,low\n", "r.csv, line 3: this repository stands on line 2 already"),
        ("a/b,X,vital\n", "line 2: criticality is none of low, medium, high, critical"),
        ("a/b,,low\n", "line 2: owner is empty"),
        (",X,low\n", "line 2: repository is empty"),
    ],
)
def test_bad_row_is_refused(rows: str, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        read_repositories(f"repository,owner,criticality\n{rows}".encode(), "r.csv")
