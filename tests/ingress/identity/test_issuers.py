import re
from pathlib import Path

import pytest

from ingress.errors import PolicyError
from ingress.identity.issuers import (
    GroupsFrom,
    TrustedIssuers,
    load_issuers,
    read_issuers,
)
from ingress.identity.profiles import PROFILES

MINIMAL = """\
version: 1
issuers:
  - issuer: https://id.example/
    profile: generic
    audiences: [api]
"""


def load(text):
    return load_issuers(text, "issuers.yaml")


def one(lines):
    return load("version: 1\nissuers:\n  - " + "\n    ".join(lines.strip().splitlines()) + "\n")[0]


def test_issuer_is_taken_character_by_character_with_the_defaults_of_its_profile():
    (issuer,) = load(MINIMAL)

    assert issuer.issuer == "https://id.example/"
    assert issuer.audiences == {"api"}
    assert issuer.algorithms == ("RS256", "ES256")
    assert (issuer.kind, issuer.groups_claim, issuer.groups_max) == ("human", None, 200)
    assert issuer.jwks_uri is None


def test_everything_can_be_said():
    issuer = one(
        """
issuer: https://corp.okta.com/oauth2/aus1
profile: okta
audiences: [a, b]
algorithms: [ES256, RS256]
groups_claim: groups
groups_max: 50
jwks_uri: https://keys.example/jwks
kind: service
required: {scp: copilot.use, repository_id: [1, "2"]}"""
    )

    assert issuer.algorithms == ("ES256", "RS256")
    assert (issuer.kind, issuer.groups_claim, issuer.groups_max) == ("service", "groups", 50)
    assert issuer.jwks_uri == "https://keys.example/jwks"
    assert issuer.required == {"scp": {"copilot.use"}, "repository_id": {"1", "2"}}


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        (("generic", "generik"), "4:14", "did you mean 'generic'"),
        (("[api]", "[]"), "5:16", "at least one value"),
        (("https://id.example/", "http://id.example/"), "3:13", "https is expected"),
        (("https://id.example/", "https://u:p@id.example/"), "3:13", "without user"),
        (("https://id.example/", "https://id.example/?a=b"), "3:13", "without user"),
        (("[api]", "[api]\n    algorithms: [HS256]"), "6:18", "'HS256' is not one of"),
        (("[api]", "[api]\n    algorithms: [none]"), "6:18", "'none' is not one of"),
        (("[api]", "[api]\n    algorithms: []"), "6:17", "at least one algorithm"),
        (("[api]", "[api]\n    groups_max: 0"), "6:17", "whole number"),
        (("[api]", "[api]\n    group_claim: x"), "6:5", "did you mean 'groups_claim'"),
        (("[api]", "[api]\n    required: {scp: }"), "6:20", "text is expected"),
        (("[api]", "[api]\n    required: {scp: []}"), "6:21", "at least one value"),
        (("version: 1", "version: 2"), "1:10", "'2' is not one of 1"),
        (("    audiences: [api]\n", ""), "3:5", "'audiences' is missing"),
        (("generic", "google"), "3:5", "pin hd or sub or email"),
        (("generic", "github-actions"), "3:5", "pin repository_id or"),
    ],
)
def test_fault_is_told_with_line_and_column(change, place, problem):
    with pytest.raises(PolicyError) as refused:
        load(MINIMAL.replace(*change))

    assert re.match(rf"issuers\.yaml:{place}: .*{re.escape(problem)}", str(refused.value))


OKTA = """\
version: 1
issuers:
  - issuer: https://corp.okta.com/oauth2/aus1
    profile: okta
    audiences: [api]
    groups_from:
      credential: secret/okta-groups
"""


def test_directory_of_groups_is_where_the_profile_has_it():
    (issuer,) = load(OKTA)

    assert issuer.groups_from == GroupsFrom("secret/okta-groups", "needed", "https://corp.okta.com")
    (issuer,) = load(OKTA.replace("okta\n", "entra\n"))
    assert issuer.groups_from.url == "https://graph.microsoft.com"


def test_directory_of_groups_can_be_another_and_be_asked_always():
    (issuer,) = load(OKTA + "      ask: always\n      url: https://graph.microsoft.us\n")

    assert (issuer.groups_from.ask, issuer.groups_from.url) == (
        "always",
        "https://graph.microsoft.us",
    )


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        (("profile: okta", "profile: generic"), "7:7", "generic has no directory"),
        (("okta\n    aud", "entra\n    groups_claim: roles\n    aud"), "5:19", "must be groups"),
        (("credential: ", "credentials: "), "7:7", "did you mean 'credential'"),
        (("secret/okta-groups", "00api-token"), "7:19", "reference to a credential"),
        (("okta-groups\n", "okta\n      ask: often\n"), "8:12", "'often' is not one of"),
        (("okta-groups\n", "okta\n      url: http://okta.example\n"), "8:12", "https is expected"),
        (("okta-groups\n", "okta\n      act_as: a@b.example\n"), "8:15", "only Google's"),
    ],
)
def test_fault_of_a_directory_is_told_with_line_and_column(change, place, problem):
    with pytest.raises(PolicyError) as refused:
        load(OKTA.replace(*change))

    assert re.search(rf"issuers\.yaml:{place}: .*{re.escape(problem)}", str(refused.value))


def test_replaced_issuers_are_trusted_no_longer():
    trusted = TrustedIssuers(load(OKTA))
    assert trusted
    assert trusted.get("https://corp.okta.com/oauth2/aus1")

    trusted.replace(())

    assert not trusted
    assert trusted.get("https://corp.okta.com/oauth2/aus1") is None


def test_issuer_listed_twice_is_refused():
    with pytest.raises(PolicyError, match=r"6:5: issuer 'https://id.example/' is listed twice"):
        load(MINIMAL + MINIMAL.split("issuers:\n")[1])


def test_http_is_for_this_machine_only():
    assert load(MINIMAL.replace("https://id.example/", "http://127.0.0.1:9400"))


def test_github_is_accepted_once_it_is_pinned():
    issuer = one(
        """
issuer: https://token.actions.githubusercontent.com
profile: github-actions
audiences: tailnumber
required: {repository_id: 42}"""
    )

    assert issuer.kind == "service"


def test_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read: FileNotFoundError"):
        read_issuers(tmp_path / "issuers.yaml")


def test_example_of_the_documentation_is_accepted():
    page = (Path(__file__).parents[3] / "docs" / "identity.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]

    assert {issuer.profile_name for issuer in load(example)} == {*PROFILES} - {"generic"}
