import base64
import hmac
import json
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis.strategies import (
    booleans,
    dictionaries,
    floats,
    integers,
    lists,
    none,
    recursive,
    text,
)
from joserfc.jwk import OctKey, OKPKey
from tokens import AUDIENCE, KEY_ID, ec_key, good_claims, published, rsa_key, segment, signed

from ingress.errors import (
    AccessTokenNotYetValid,
    AccessTokenRefused,
    BadSignature,
    ClaimsRefused,
    ExpiredAccessToken,
    GroupsMissing,
    GroupsTruncated,
    MalformedAccessToken,
    UnknownTokenKey,
    WrongAudience,
    WrongTokenAlgorithm,
    WrongTokenType,
)
from ingress.identity.issuers import load_issuers
from ingress.identity.oidc import (
    LEEWAY_SECONDS,
    TOKEN_BYTES_MAX,
    check_header,
    looks_like_access_token,
    split,
    take_apart,
    verify,
)
from ingress.identity.public_keys import read_key

NOW = 1_750_000_000.0
ISSUER = "https://id.example/realm"
HEADER = {"alg": "RS256", "typ": "at+jwt", "kid": KEY_ID}
KEY = read_key(published(rsa_key()))
SCALARS = none() | booleans() | integers() | floats(allow_nan=False, allow_infinity=False) | text()
VALUES = recursive(SCALARS, lambda inner: lists(inner) | dictionaries(text(), inner))


def issuer_of(profile="generic", issuer=ISSUER, **more):
    entry = {"issuer": issuer, "profile": profile, "audiences": [AUDIENCE], **more}
    return load_issuers(json.dumps({"version": 1, "issuers": [entry]}), "test")[0]


GENERIC = issuer_of(groups_claim="groups")


def accept(token, issuer=GENERIC, key=KEY, now=NOW):
    apart = take_apart(token)
    check_header(apart, issuer)
    return verify(apart, issuer, key, now)


def header(**changes):
    return {name: value for name, value in {**HEADER, **changes}.items() if value is not None}


def claims(**changes):
    every = {**good_claims(ISSUER, NOW), **changes}
    return {name: value for name, value in every.items() if value is not None}


def rs256(head=HEADER, body=None):
    return signed(head, claims() if body is None else body, rsa_key(), "RS256")


def test_good_token_proves_its_caller():
    caller = accept(rs256())

    assert (caller.issuer, caller.subject, caller.kind) == (ISSUER, "ada", "human")
    assert (caller.email, caller.groups) == ("ada@corp.example", ("engineering",))
    assert caller.expires_at == NOW + 300


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        *((rsa_key(), name) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        (ec_key(), "ES256"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_algorithm_that_the_file_may_name_works(key, algorithm):
    issuer = issuer_of(algorithms=[algorithm])
    token = signed(header(alg=algorithm), claims(), key, algorithm)

    assert accept(token, issuer, read_key(published(key))).subject == "ada"


def hmac_with_the_public_key():
    secret = rsa_key().as_pem(private=False)
    return signed(header(alg="HS256"), claims(), OctKey.import_key(secret.hex()), "HS256")


def unsigned(algorithm, signature=""):
    return f"{segment(header(alg=algorithm))}.{segment(claims())}.{signature}"


def hmac_with(secret):
    """Sign with a public text as if it were a shared secret; by hand, as libraries refuse."""
    signing_input = f"{segment(header(alg='HS256'))}.{segment(claims())}"
    raw = secret if isinstance(secret, bytes) else secret.encode()
    return lambda: f"{signing_input}.{segment(hmac.digest(raw, signing_input.encode(), 'sha256'))}"


def of_nothing(length):
    """Return a token of a curve with a signature of zeros (CVE-2022-21449)."""
    signing_input = f"{segment(header(alg='ES256'))}.{segment(claims())}"
    return lambda: f"{signing_input}.{segment(bytes(length))}"


def other_signature():
    return signed(HEADER, claims(), rsa_key("stranger"), "RS256")


def changed_claims():
    head, _, signature = rs256().split(".")
    return f"{head}.{segment(claims(sub='admin'))}.{signature}"


def with_embedded_key():
    stranger = rsa_key("stranger")
    return signed(header(jwk=published(stranger)), claims(), stranger, "RS256")


def written_otherwise():
    """Return a token whose last character differs in bits that say nothing."""
    token = signed(HEADER, claims(), rsa_key(), "RS256")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) + 1]


def double(name, value, document):
    return json.dumps(document)[:-1] + f', "{name}": {json.dumps(value)}}}'


ATTACKS = {
    "none": (lambda: unsigned("none"), MalformedAccessToken),
    "none-with-signature": (lambda: unsigned("none", "AAAA"), WrongTokenAlgorithm),
    "NoNe": (lambda: unsigned("NoNe", "AAAA"), WrongTokenAlgorithm),
    "no-signature": (lambda: unsigned("RS256"), MalformedAccessToken),
    "hmac-with-public-key": (hmac_with_the_public_key, WrongTokenAlgorithm),
    "hmac-with-pem": (hmac_with(rsa_key().as_pem(private=False)), WrongTokenAlgorithm),
    "hmac-with-modulus": (hmac_with(rsa_key().as_dict()["n"]), WrongTokenAlgorithm),
    "hmac-with-jwk": (hmac_with(json.dumps(published(rsa_key()))), WrongTokenAlgorithm),
    "hmac-with-key-id": (hmac_with(KEY_ID), WrongTokenAlgorithm),
    "algorithm-with-blank": (lambda: rs256(header(alg="RS256 ")), WrongTokenAlgorithm),
    "algorithm-small": (lambda: rs256(header(alg="rs256")), WrongTokenAlgorithm),
    "signature-of-zeros": (of_nothing(64), WrongTokenAlgorithm),
    "algorithm-missing": (lambda: rs256(header(alg=None)), WrongTokenAlgorithm),
    "algorithm-list": (lambda: rs256(header(alg=["RS256"])), WrongTokenAlgorithm),
    "algorithm-of-another-key": (lambda: rs256(header(alg="ES256")), WrongTokenAlgorithm),
    "algorithm-not-in-the-list": (lambda: rs256(header(alg="RS512")), WrongTokenAlgorithm),
    "stranger": (other_signature, BadSignature),
    "changed-claims": (changed_claims, BadSignature),
    "embedded-jwk": (with_embedded_key, WrongTokenType),
    "jku": (lambda: rs256(header(jku="https://evil.example/keys")), WrongTokenType),
    "x5u": (lambda: rs256(header(x5u="https://evil.example/cert")), WrongTokenType),
    "x5c": (lambda: rs256(header(x5c=["MIIB"])), WrongTokenType),
    "crit": (lambda: rs256(header(crit=["exp"])), WrongTokenType),
    "b64": (lambda: rs256(header(b64=False)), WrongTokenType),
    "zip": (lambda: rs256(header(zip="DEF")), WrongTokenType),
    "cty-nested": (lambda: rs256(header(cty="JWT")), WrongTokenType),
    "kid-missing": (lambda: rs256(header(kid=None)), UnknownTokenKey),
    "kid-number": (lambda: rs256(header(kid=1)), UnknownTokenKey),
    "kid-object": (lambda: rs256(header(kid={"a": 1})), UnknownTokenKey),
    "id-token": (lambda: rs256(header(typ="JWT")), WrongTokenType),
    "type-missing": (lambda: rs256(header(typ=None)), WrongTokenType),
    "type-number": (lambda: rs256(header(typ=1)), WrongTokenType),
    "logout-token": (lambda: rs256(header(typ="logout+jwt")), WrongTokenType),
    "security-event": (lambda: rs256(header(typ="secevent+jwt")), WrongTokenType),
    "issuer-missing": (lambda: rs256(body=claims(iss=None)), ClaimsRefused),
    "issuer-other": (lambda: rs256(body=claims(iss="https://evil.example")), ClaimsRefused),
    "issuer-longer": (lambda: rs256(body=claims(iss=ISSUER + "/")), ClaimsRefused),
    "issuer-prefix": (lambda: rs256(body=claims(iss=ISSUER[:-1])), ClaimsRefused),
    "issuer-list": (lambda: rs256(body=claims(iss=[ISSUER])), ClaimsRefused),
    "audience-missing": (lambda: rs256(body=claims(aud=None)), WrongAudience),
    "audience-other": (lambda: rs256(body=claims(aud="another-api")), WrongAudience),
    "audience-prefix": (lambda: rs256(body=claims(aud=AUDIENCE[:-1])), WrongAudience),
    "audience-empty": (lambda: rs256(body=claims(aud=[])), WrongAudience),
    "audience-object": (lambda: rs256(body=claims(aud={AUDIENCE: 1})), WrongAudience),
    "audience-mixed": (lambda: rs256(body=claims(aud=[AUDIENCE, 1])), WrongAudience),
    "expired": (lambda: rs256(body=claims(exp=NOW - LEEWAY_SECONDS)), ExpiredAccessToken),
    "expiry-missing": (lambda: rs256(body=claims(exp=None)), ClaimsRefused),
    "expiry-text": (lambda: rs256(body=claims(exp="9999999999")), ClaimsRefused),
    "expiry-true": (lambda: rs256(body=claims(exp=True)), ClaimsRefused),
    "expiry-huge": (lambda: rs256(body=claims(exp=10**400)), ClaimsRefused),
    "expiry-overflow": (
        lambda: rs256(body=json.dumps(claims(exp=1)).replace('"exp": 1', '"exp": 1e999')),
        ClaimsRefused,
    ),
    "expiry-infinite": (lambda: rs256(body=claims(exp=float("inf"))), MalformedAccessToken),
    "issued-missing": (lambda: rs256(body=claims(iat=None)), ClaimsRefused),
    "issued-tomorrow": (lambda: rs256(body=claims(iat=NOW + 86400)), AccessTokenNotYetValid),
    "not-before": (lambda: rs256(body=claims(nbf=NOW + 31)), AccessTokenNotYetValid),
    "not-before-text": (lambda: rs256(body=claims(nbf="0")), ClaimsRefused),
    "subject-missing": (lambda: rs256(body=claims(sub=None)), ClaimsRefused),
    "subject-empty": (lambda: rs256(body=claims(sub="")), ClaimsRefused),
    "subject-number": (lambda: rs256(body=claims(sub=1)), ClaimsRefused),
    "subject-nul": (lambda: rs256(body=claims(sub="a\0b")), ClaimsRefused),
    "subject-line-break": (lambda: rs256(body=claims(sub="a\nb")), ClaimsRefused),
    "subject-surrogate": (lambda: rs256(body=claims(sub="\ud800")), ClaimsRefused),
    "subject-long": (lambda: rs256(body=claims(sub="a" * 257)), ClaimsRefused),
    "double-subject": (lambda: rs256(body=double("sub", "admin", claims())), MalformedAccessToken),
    "double-algorithm": (lambda: rs256(double("alg", "RS256", HEADER)), MalformedAccessToken),
    "double-inside": (
        lambda: rs256(body=json.dumps(claims())[:-1] + ', "a": {"b": 1, "b": 2}}'),
        MalformedAccessToken,
    ),
    "claims-list": (lambda: rs256(body=[claims()]), MalformedAccessToken),
    "claims-not-json": (lambda: rs256(body="{"), MalformedAccessToken),
    "claims-not-utf8": (lambda: rs256(body=b'{"sub": "\xff"}'), MalformedAccessToken),
    "claims-deep": (lambda: rs256(body='{"a":' + "[" * 6000), MalformedAccessToken),
    "padding": (lambda: rs256() + "==", MalformedAccessToken),
    "line-break": (lambda: rs256() + "\n", MalformedAccessToken),
    "blank-inside": (lambda: rs256().replace(".", ". ", 1), MalformedAccessToken),
    "plain-base64": (lambda: rs256()[:-2] + "+/", MalformedAccessToken),
    "written-otherwise": (written_otherwise, MalformedAccessToken),
    "four-parts": (lambda: rs256() + ".AAAA", MalformedAccessToken),
    "encrypted": (lambda: ".".join(["AAAA"] * 5), MalformedAccessToken),
    "too-long": (lambda: rs256(body=claims(pad="a" * TOKEN_BYTES_MAX)), MalformedAccessToken),
    "groups-text": (lambda: rs256(body=claims(groups="engineering")), GroupsMissing),
    "groups-numbers": (lambda: rs256(body=claims(groups=[1])), GroupsMissing),
    "groups-missing": (lambda: rs256(body=claims(groups=None)), GroupsMissing),
    "groups-line-break": (lambda: rs256(body=claims(groups=["a\nb"])), GroupsMissing),
    "groups-elsewhere": (
        lambda: rs256(body=claims(groups=None, _claim_names={"groups": "src1"})),
        GroupsTruncated,
    ),
    "groups-elsewhere-and-here": (
        lambda: rs256(body=claims(_claim_names={"groups": "src1"})),
        GroupsTruncated,
    ),
    "groups-many": (
        lambda: rs256(body=claims(groups=[f"g{number}" for number in range(200)])),
        GroupsTruncated,
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_is_refused_for_its_own_reason(attack):
    make, reason = ATTACKS[attack]

    with pytest.raises(AccessTokenRefused) as refused:
        accept(make())

    assert type(refused.value) is reason
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "signature",
    [bytes(64), bytes(256), b"\0" * 63 + b"\1", b"\xff" * 64, bytes(72), bytes(1)],
    ids=["zeros", "long-zeros", "one", "order", "der-length", "short"],
)
def test_made_up_signature_of_a_curve_is_refused(signature):
    token = f"{segment(header(alg='ES256'))}.{segment(claims())}.{segment(signature)}"

    with pytest.raises(BadSignature):
        accept(token, key=read_key(published(ec_key())))


def test_signature_of_a_curve_in_its_other_form_is_refused():
    token = signed(header(alg="ES256"), claims(), ec_key(), "ES256")
    head, payload, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))

    assert accept(token, key=read_key(published(ec_key())))
    with pytest.raises(BadSignature):
        accept(f"{head}.{payload}.{segment(der)}", key=read_key(published(ec_key())))


def test_key_of_one_issuer_proves_nothing_of_another():
    token = signed(HEADER, claims(), rsa_key("other-issuer"), "RS256")

    with pytest.raises(BadSignature):
        accept(token)


def test_no_single_character_of_a_token_can_be_changed():
    token = rs256()
    for place, letter in enumerate(token):
        for other in ("B" if letter == "A" else "A", ".", "=", "é"):
            if other != letter:
                with pytest.raises(AccessTokenRefused):
                    accept(token[:place] + other + token[place + 1 :])


@settings(deadline=None, max_examples=50)
@given(text())
def test_no_text_at_all_is_more_than_malformed(anything):
    with pytest.raises(MalformedAccessToken):
        take_apart(anything)


@pytest.mark.parametrize("name", [*good_claims(ISSUER, NOW), "nbf", "_claim_names"])
@settings(deadline=None, max_examples=30)
@given(value=VALUES)
def test_claim_of_whatever_value_is_judged_and_nothing_breaks(name, value):
    with suppress(AccessTokenRefused):
        caller = accept(rs256(body={**claims(), name: value}))
        assert caller.issuer == ISSUER
        assert caller.subject.isprintable()


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_type_of_an_access_token_may_be_written_in_its_ways(kind):
    assert accept(rs256(header(typ=kind))).subject == "ada"


def test_leeway_is_given_and_no_more():
    assert accept(rs256(body=claims(exp=NOW - LEEWAY_SECONDS + 1)))
    assert accept(rs256(body=claims(nbf=NOW + LEEWAY_SECONDS)))


def test_audience_may_be_one_of_several():
    assert accept(rs256(body=claims(aud=["other", AUDIENCE]))).subject == "ada"


def test_last_count_of_groups_before_the_limit_is_whole():
    groups = [f"g{number}" for number in range(199)]

    assert accept(rs256(body=claims(groups=groups))).groups == tuple(groups)


def test_person_in_no_group_is_let_in_with_none():
    assert accept(rs256(body=claims(groups=[]))).groups == ()


def test_client_that_got_a_token_for_itself_is_a_service_and_needs_no_groups():
    caller = accept(rs256(body=claims(sub="cli", groups=None)))

    assert (caller.kind, caller.groups) == ("service", ())


def test_mail_address_that_was_not_verified_is_not_shown():
    assert accept(rs256(body=claims(email_verified=False))).email is None
    assert accept(rs256(body=claims(email="a\nb@c"))).email is None


def test_required_claim_must_be_or_hold_one_of_the_values():
    issuer = issuer_of(required={"scope": "copilot", "tenant": ["1", "2"]})

    assert accept(rs256(body=claims(scope="openid copilot", tenant=2)), issuer)
    assert accept(rs256(body=claims(scope=["copilot"], tenant="1")), issuer)
    for wrong in ({"scope": "copilots"}, {"tenant": "3"}, {"tenant": None}, {"tenant": {"1": 1}}):
        with pytest.raises(ClaimsRefused):
            accept(rs256(body=claims(**{"scope": "copilot", "tenant": "1", **wrong})), issuer)


PLAIN = header(typ="JWT")
ENTRA = {"ver": "2.0", "azp": "c", "oid": "o1", "tid": "t1", "scp": "use"}
GITHUB = {"repository_id": "42", "ref": "refs/heads/main", "groups": None}


def profile_claims(profile):
    return {
        "okta": claims(cid="client", scp=["use"], sub="ada@corp.example", uid="00u1"),
        "entra": claims(**ENTRA),
        "google": claims(hd="corp.example"),
        "keycloak": claims(typ="Bearer", groups=["/eng/platform", "staff"]),
        "github-actions": claims(**GITHUB),
    }[profile]


def profile_issuer(profile):
    pins = {"google": {"hd": "corp.example"}, "github-actions": {"repository_id": "42"}}
    groups = {} if profile in {"google", "github-actions"} else {"groups_claim": "groups"}
    return issuer_of(profile, required=pins.get(profile, {}), **groups)


@pytest.mark.parametrize(
    ("profile", "subject", "kind", "groups"),
    [
        ("okta", "00u1", "human", ("engineering",)),
        ("entra", "t1:o1", "human", ("engineering",)),
        ("google", "ada", "human", ()),
        ("keycloak", "ada", "human", ("eng/platform", "staff")),
        ("github-actions", "repository_id:42:ref:refs/heads/main", "service", ()),
    ],
)
def test_token_of_each_profile_proves_its_caller(profile, subject, kind, groups):
    caller = accept(rs256(PLAIN, profile_claims(profile)), profile_issuer(profile))

    assert (caller.subject, caller.kind, caller.groups) == (subject, kind, groups)


@pytest.mark.parametrize(
    ("profile", "change"),
    [
        ("okta", {"scp": None}),  # an ID token
        ("okta", {"cid": None}),
        ("okta", {"uid": None}),
        ("entra", {"azp": None}),  # an ID token
        ("entra", {"ver": "1.0"}),
        ("entra", {"oid": None}),
        ("entra", {"tid": None}),
        ("google", {"hd": "evil.example"}),
        ("google", {"hd": None}),
        ("keycloak", {"typ": "ID"}),
        ("keycloak", {"typ": "Refresh"}),
        ("keycloak", {"typ": None}),
        ("github-actions", {"repository_id": "43"}),
        ("github-actions", {"ref": None}),
    ],
)
def test_token_that_its_profile_does_not_fit_is_refused(profile, change):
    body = {**profile_claims(profile), **change}
    body = {name: value for name, value in body.items() if value is not None}

    with pytest.raises(ClaimsRefused):
        accept(rs256(PLAIN, body), profile_issuer(profile))


def test_google_address_counts_only_when_google_verified_it():
    issuer = issuer_of("google", required={"email": "ci@p.iam.gserviceaccount.com"})
    body = claims(email="ci@p.iam.gserviceaccount.com")

    assert accept(rs256(PLAIN, {**body, "email_verified": True}), issuer)
    with pytest.raises(ClaimsRefused):
        accept(rs256(PLAIN, body), issuer)


def test_job_of_an_environment_is_a_caller_of_its_own():
    body = {**profile_claims("github-actions"), "environment": "production"}

    caller = accept(rs256(PLAIN, body), profile_issuer("github-actions"))

    assert caller.subject == "repository_id:42:ref:refs/heads/main:environment:production"


def test_service_account_of_google_is_a_service_whatever_the_file_says():
    issuer = issuer_of("google", required={"sub": "ada"})
    body = claims(email="ci@p.iam.gserviceaccount.com", email_verified=True)

    assert accept(rs256(PLAIN, body), issuer).kind == "service"
    assert accept(rs256(PLAIN, claims(email="a@x.example", email_verified=True)), issuer).kind == (
        "human"
    )


def test_okta_list_of_a_hundred_groups_may_be_cut():
    body = {**profile_claims("okta"), "groups": [f"g{number}" for number in range(100)]}

    with pytest.raises(GroupsTruncated):
        accept(rs256(PLAIN, body), profile_issuer("okta"))


def test_okta_client_that_acts_for_itself_is_named_by_its_id():
    body = {**profile_claims("okta"), "sub": "client"}
    del body["uid"], body["groups"]

    caller = accept(rs256(PLAIN, body), profile_issuer("okta"))

    assert (caller.subject, caller.kind, caller.groups) == ("client", "service", ())


def test_keycloak_account_of_a_client_is_a_service():
    body = {**profile_claims("keycloak"), "azp": "ci", "preferred_username": "service-account-ci"}

    assert accept(rs256(PLAIN, body), profile_issuer("keycloak")).kind == "service"


def test_entra_token_without_a_scope_belongs_to_a_program():
    body = {**profile_claims("entra"), "roles": ["use"]}
    del body["scp"]

    assert accept(rs256(PLAIN, body), profile_issuer("entra")).kind == "service"


def test_key_that_names_its_algorithm_verifies_no_other():
    key = read_key(published(rsa_key(), alg="RS512"))

    with pytest.raises(WrongTokenAlgorithm):
        accept(rs256(), key=key)


def test_gateway_key_does_not_look_like_an_access_token():
    assert looks_like_access_token(rs256())
    assert not looks_like_access_token("tnk_abcdefgh_x_y")
    assert not looks_like_access_token("eyJhbGciOiJSUzI1NiJ9")


def test_token_by_hand_is_what_the_library_reads():
    head, payload = split(rs256())

    assert head == HEADER
    assert json.loads(payload) == claims()
    assert base64.urlsafe_b64decode(segment(b"\xff\xfe") + "=") == b"\xff\xfe"
    assert hmac.compare_digest(segment({}), "e30")
