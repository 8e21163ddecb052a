import dataclasses
import re

import pytest

from ingress.identity.principal import make_principal, principal_id

KEY = bytes(range(32))


def test_pseudonym_is_26_characters_of_lower_case_base32():
    assert re.fullmatch("[a-z2-7]{26}", principal_id(KEY, "urn:tailnumber:local", "ada"))


def test_pseudonym_is_the_hmac_of_issuer_and_subject():
    # Computed apart from the product, by OpenSSL, so that a change of the scheme is noticed.
    assert principal_id(KEY, "iss", "sub") == "o5kkxa5ydqvugjqetkaggvyhqh"


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [("urn:a", "grace"), ("urn:b", "ada"), ("urn:aa", "da")],
    ids=["other subject", "other issuer", "shifted boundary"],
)
def test_other_callers_have_other_pseudonyms(issuer, subject):
    assert principal_id(KEY, issuer, subject) != principal_id(KEY, "urn:a", "ada")


def test_other_tenant_has_another_pseudonym():
    assert principal_id(KEY, "urn:a", "ada") != principal_id(bytes(32), "urn:a", "ada")


def test_principal_cannot_be_changed():
    principal = make_principal(KEY, issuer="urn:a", subject="ada", key_id="k", groups=["x"])

    with pytest.raises(dataclasses.FrozenInstanceError):
        principal.groups = ("admins",)  # type: ignore[misc]  # the point of the test
    assert principal.groups == ("x",)
