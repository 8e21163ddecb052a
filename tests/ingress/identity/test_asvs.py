"""Every requirement of OWASP ASVS 5.0, chapters V9 and V10: the tests that hold it, or why not.

V9 is about self-contained tokens: the issuers' access tokens, and the Copilot token that the
gateway mints itself. V10 is about OAuth and OIDC: the gateway is a resource server, `tailnumber
login` is a client, `POST /oauth/token` is the one grant (RFC 8693) of an authorization server that
gives out gateway keys. The words are ours; the numbers and levels are the standard's.
Source: OWASP Application Security Verification Standard 5.0.0, V9 and V10 (CC BY-SA 4.0).
"""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[3]

# Where a test is named by the short name of its file.
FILES = {
    "access": "tests/ingress/identity/test_access_by_token.py",
    "authenticate": "tests/ingress/identity/test_authenticate.py",
    "browser": "tests/tailnumber/login/test_browser.py",
    "copilot": "tests/ingress/identity/test_copilot_token.py",
    "device": "tests/tailnumber/login/test_device.py",
    "directories": "tests/ingress/identity/test_directories.py",
    "exchange": "tests/ingress/identity/test_token_exchange.py",
    "facts": "tests/tailnumber/login/test_facts.py",
    "gateway": "tests/ingress/test_gateway.py",
    "issuer": "tests/tailnumber/login/test_issuer.py",
    "issuers": "tests/ingress/identity/test_issuers.py",
    "jwks": "tests/ingress/identity/test_jwks.py",
    "keys": "tests/ingress/identity/test_keys.py",
    "keys_api": "tests/ingress/routes/test_keys.py",
    "oidc": "tests/ingress/identity/test_oidc.py",
    "public_keys": "tests/ingress/identity/test_public_keys.py",
    "session": "tests/tailnumber/login/test_session.py",
    "store": "tests/tailnumber/login/test_store.py",
    "tokens": "tests/ingress/identity/test_access_tokens.py",
    "wire": "tests/tailnumber/login/test_wire.py",
}
NO_CODE = "The gateway has no authorization endpoint and gives out no authorization code."
NO_PAGES = "The gateway shows no page to sign in or consent at: the issuer of the file does."
NO_REFRESH = "The gateway gives out no refresh token: a new key takes a fresh token of the issuer."
NO_CLIENTS = (
    "The gateway registers no clients: what a token is traded for is decided by the issuers file "
    "(issuer, audience, required claims), and the token itself is the proof."
)


class Requirement(NamedTuple):
    """One requirement; ``why_not`` says what of it does not apply here, or is not done."""

    number: str
    level: int
    says: str
    tests: tuple[str, ...] = ()
    why_not: str = ""


REQUIREMENTS = (
    # ---- V9.1 where a token is from ----
    Requirement(
        "9.1.1",
        1,
        "Check signature or MAC before anything in a token counts.",
        (
            "oidc test_attack_is_refused_for_its_own_reason",
            "oidc test_no_single_character_of_a_token_can_be_changed",
            "public_keys test_no_wycheproof_vector_is_wrongly_accepted",
            "copilot test_every_changed_character_is_found",
        ),
    ),
    Requirement(
        "9.1.2",
        1,
        "A list of allowed algorithms, without `none`, symmetric and asymmetric ones never mixed.",
        (
            "issuers test_fault_is_told_with_line_and_column",
            "oidc test_every_algorithm_that_the_file_may_name_works",
            "oidc test_attack_is_refused_for_its_own_reason",
            "oidc test_key_that_names_its_algorithm_verifies_no_other",
        ),
    ),
    Requirement(
        "9.1.3",
        1,
        "Keys come from places set in advance for the issuer, never from the token's header.",
        (
            "oidc test_attack_is_refused_for_its_own_reason",
            "oidc test_key_of_one_issuer_proves_nothing_of_another",
            "jwks test_issuer_that_leads_astray_gives_no_keys",
            "tokens test_token_of_an_issuer_that_is_not_listed_is_refused_before_any_fetch",
        ),
    ),
    # ---- V9.2 what a token says ----
    Requirement(
        "9.2.1",
        1,
        "A token counts only within its time.",
        (
            "oidc test_leeway_is_given_and_no_more",
            "oidc test_attack_is_refused_for_its_own_reason",
            "tokens test_verified_token_is_held_no_longer_than_it_lives",
            "copilot test_token_is_over_at_its_time",
        ),
    ),
    Requirement(
        "9.2.2",
        2,
        "Only the kind of token that is meant for the purpose: an ID token opens no API.",
        (
            "oidc test_attack_is_refused_for_its_own_reason",
            "oidc test_token_that_its_profile_does_not_fit_is_refused",
            "exchange test_id_token_is_for_issuers_that_have_no_other",
        ),
        "Google and GitHub Actions have no other token for a program than an ID token: it is "
        "accepted with our audience and with a pinned subject, which a person's login never has.",
    ),
    Requirement(
        "9.2.3",
        2,
        "Only tokens whose audience is this service.",
        (
            "oidc test_attack_is_refused_for_its_own_reason",
            "oidc test_audience_may_be_one_of_several",
            "access test_refusal_tells_the_client_nothing_and_the_record_the_reason",
        ),
    ),
    Requirement(
        "9.2.4",
        2,
        "One signing key for several audiences: each token names its own.",
        ("copilot test_token_of_another_tenant_is_refused",),
        "The one self-contained token that the gateway mints is for itself alone, under a key of "
        "the tenant that signs nothing else.",
    ),
    # ---- V10.1 in general ----
    Requirement(
        "10.1.1",
        2,
        "A token goes only to those who need it.",
        (
            "access test_access_token_does_not_reach_the_upstream_or_the_record",
            "gateway test_the_upstream_gets_the_gateways_credential_and_never_the_clients",
            "store test_secrets_go_to_the_keyring_and_the_rest_to_a_private_file",
            "facts test_secret_is_sent_to_no_url_that_others_can_read",
            "wire test_redirect_is_not_followed",
        ),
    ),
    Requirement(
        "10.1.2",
        2,
        "A client takes only answers to what it asked itself: state, nonce and verifier are random, "
        "of one use, and bound to the sign-in.",
        (
            "browser test_secrets_are_new_each_time_and_the_verifier_stays_here",
            "browser test_answers_to_another_question_are_turned_away_and_waited_past",
            "browser test_id_token_of_another_sign_in_is_not_used",
        ),
    ),
    # ---- V10.2 the client ----
    Requirement(
        "10.2.1",
        2,
        "The code flow is safe from forged requests, by PKCE or state.",
        (
            "browser test_person_is_signed_in_by_code_with_pkce",
            "browser test_challenge_is_that_of_the_standard",
            "browser test_answers_to_another_question_are_turned_away_and_waited_past",
        ),
    ),
    Requirement(
        "10.2.2",
        2,
        "With several authorization servers, an answer of one is never taken for another's.",
        (
            "browser test_answer_of_another_issuer_is_not_used",
            "issuer test_issuer_that_speaks_for_another_is_not_used",
        ),
        "An issuer that does not announce RFC 9207 may leave `iss` out of its answer; its code is "
        "then good only at its own token endpoint, with the verifier of this sign-in.",
    ),
    Requirement(
        "10.2.3",
        3,
        "A client asks for no scope that it does not need.",
        (
            "exchange test_login_tells_a_command_line_where_people_sign_in",
            "facts test_resource_is_asked_for_only_where_the_audience_is_one",
        ),
        "The scopes are those that the issuers file names for the sign-in; no others are added.",
    ),
    # ---- V10.3 the resource server ----
    Requirement(
        "10.3.1",
        2,
        "The resource server accepts only access tokens made for it.",
        (
            "oidc test_attack_is_refused_for_its_own_reason",
            "exchange test_refused_token_gets_one_text_and_the_record_the_reason",
        ),
    ),
    Requirement(
        "10.3.2",
        2,
        "Claims that say what was delegated (sub, scope) are part of the decision.",
        (
            "oidc test_required_claim_must_be_or_hold_one_of_the_values",
            "access test_policy_sees_the_groups_of_the_token",
        ),
        "Scopes count where the issuers file requires them; `authorization_details` is not read.",
    ),
    Requirement(
        "10.3.3",
        2,
        "A user is known by claims that cannot pass to somebody else.",
        (
            "tokens test_token_becomes_a_principal_of_issuer_and_subject",
            "tokens test_mail_address_makes_nobody_another_caller",
            "oidc test_token_of_each_profile_proves_its_caller",
            "directories test_subject_that_is_no_id_is_refused_and_asks_nobody",
        ),
    ),
    Requirement(
        "10.3.4",
        2,
        "Where a strength, way or time of authentication is asked for, the token must show it.",
        ("oidc test_required_claim_must_be_or_hold_one_of_the_values",),
        "The gateway itself asks for none; an issuers file can require `acr` or `amr`. "
        "`auth_time` cannot be bounded: keys of people end after a day at most instead.",
    ),
    Requirement(
        "10.3.5",
        3,
        "Stolen access tokens are of no use: they are bound to their sender (mTLS, DPoP).",
        (
            "keys test_revocation_by_another_process_counts_from_the_next_check",
            "authenticate test_key_and_its_tokens_end_with_their_issuer",
            "exchange test_program_gets_a_key_for_a_quarter_of_an_hour_and_is_marked",
        ),
        "Not done (level 3): editors can hold one static key and cannot sign requests. Keys are "
        "short-lived, revocable at once, one for each device, and refused in any wrong place.",
    ),
    # ---- V10.4 the authorization server ----
    Requirement("10.4.1", 1, "Redirect URIs are compared with a list, exactly.", (), NO_CODE),
    Requirement("10.4.2", 1, "A code is good once; used again it revokes.", (), NO_CODE),
    Requirement("10.4.3", 1, "A code lives for minutes.", (), NO_CODE),
    Requirement(
        "10.4.4",
        1,
        "Only the grants that are needed; never implicit or password.",
        (
            "exchange test_form_that_is_no_exchange_is_refused",
            "exchange test_gateway_key_cannot_buy_another",
        ),
    ),
    Requirement(
        "10.4.5",
        1,
        "Refresh tokens of public clients cannot be replayed.",
        ("session test_rotated_refresh_token_is_kept_before_the_gateway_is_asked",),
        NO_REFRESH + " `tailnumber login` keeps the one that its issuer rotates.",
    ),
    Requirement(
        "10.4.6",
        2,
        "The code grant takes PKCE, and never `plain`.",
        ("browser test_person_is_signed_in_by_code_with_pkce",),
        NO_CODE + " `tailnumber login` uses S256 with every issuer.",
    ),
    Requirement("10.4.7", 2, "Open client registration is contained.", (), NO_CLIENTS),
    Requirement(
        "10.4.8",
        2,
        "Refresh tokens end at some time, whatever renews them.",
        ("keys test_expired_key_is_refused_even_from_the_cache",),
        NO_REFRESH + " A key has an end that nothing moves.",
    ),
    Requirement(
        "10.4.9",
        2,
        "Who is entitled can revoke refresh tokens and reference tokens.",
        (
            "keys_api test_owner_s_revocation_counts_from_the_next_request_and_is_recorded",
            "keys_api test_admin_revokes_anybody_s_key_and_is_named",
            "session test_sign_out_revokes_every_key_and_the_refresh_token",
        ),
    ),
    Requirement(
        "10.4.10",
        2,
        "Confidential clients prove who they are at the back channel.",
        ("exchange test_refused_token_gets_one_text_and_the_record_the_reason",),
        NO_CLIENTS,
    ),
    Requirement(
        "10.4.11",
        2,
        "A client is given only the scopes it needs.",
        ("access test_policy_sees_the_groups_of_the_token",),
        NO_CLIENTS + " A key has no scopes: policy decides each request by its holder.",
    ),
    Requirement("10.4.12", 3, "Only the response modes that are needed.", (), NO_CODE),
    Requirement("10.4.13", 3, "Codes only with pushed requests (PAR).", (), NO_CODE),
    Requirement(
        "10.4.14",
        3,
        "Access tokens are given out bound to their sender only.",
        ("keys test_every_worker_refuses_a_key_from_the_next_check_on",),
        "Not done (level 3), as 10.3.5: clients hold one static key. Short lives and revocation "
        "that counts on the next request stand in for it.",
    ),
    Requirement(
        "10.4.15",
        3,
        "`authorization_details` of a server's client cannot be changed by its user.",
        (),
        "No request of ours has or reads `authorization_details`.",
    ),
    Requirement(
        "10.4.16",
        3,
        "Clients are confidential and prove themselves by public-key methods.",
        ("exchange test_program_gets_a_key_for_a_quarter_of_an_hour_and_is_marked",),
        NO_CLIENTS + " A CI job's proof is a token signed by its issuer; a person's command line "
        "is a public client by nature (RFC 8252).",
    ),
    # ---- V10.5 the OIDC client ----
    Requirement(
        "10.5.1",
        2,
        "An ID token cannot be replayed: its nonce is that of this sign-in.",
        ("browser test_id_token_of_another_sign_in_is_not_used",),
    ),
    Requirement(
        "10.5.2",
        2,
        "The user is known by `sub` within the issuer.",
        (
            "tokens test_token_becomes_a_principal_of_issuer_and_subject",
            "exchange test_person_gets_a_key_that_works_and_its_issue_is_recorded",
        ),
        "`tailnumber login` decides nothing by an ID token; the gateway names who signed in.",
    ),
    Requirement(
        "10.5.3",
        2,
        "Metadata counts only if it names exactly the issuer that was set.",
        (
            "jwks test_issuer_that_leads_astray_gives_no_keys",
            "issuer test_issuer_that_speaks_for_another_is_not_used",
        ),
    ),
    Requirement(
        "10.5.4",
        2,
        "The audience of an ID token is this client.",
        ("browser test_id_token_of_another_sign_in_is_not_used",),
    ),
    Requirement(
        "10.5.5",
        2,
        "Back-channel logout cannot be forced or confused with other tokens.",
        ("oidc test_attack_is_refused_for_its_own_reason",),
        "There is no back-channel logout; a logout token is refused wherever a token is taken.",
    ),
    # ---- V10.6 the OpenID provider ----
    Requirement("10.6.1", 2, "Only safe response types.", (), NO_CODE),
    Requirement("10.6.2", 2, "Nobody can be logged out by force.", (), NO_PAGES),
    # ---- V10.7 consent ----
    Requirement("10.7.1", 2, "The user consents to each request.", (), NO_PAGES),
    Requirement(
        "10.7.2",
        2,
        "A consent says clearly to what, for whom and for how long.",
        ("device test_person_is_shown_page_and_code_and_then_signed_in",),
        NO_PAGES,
    ),
    Requirement(
        "10.7.3",
        2,
        "The user can look at, change and take back what was consented to.",
        ("keys_api test_owner_sees_own_keys_alone_and_which_one_is_in_use",),
        NO_PAGES + " The keys that came of it are listed and revoked by their owner.",
    ),
)

SECTIONS = {"9.1": 3, "9.2": 4, "10.1": 2, "10.2": 3, "10.3": 5, "10.4": 16}
SECTIONS |= {"10.5": 5, "10.6": 2, "10.7": 3}


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_requirement_of_both_chapters_is_listed_once_and_in_order():
    expected = [
        f"{section}.{place}" for section, count in SECTIONS.items() for place in range(1, count + 1)
    ]

    assert [requirement.number for requirement in REQUIREMENTS] == expected
    assert len(expected) == 7 + 36


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda each: each.number)
def test_requirement_is_held_by_tests_that_exist_or_says_why_not(requirement):
    assert requirement.tests or requirement.why_not
    for test in requirement.tests:
        file, name = test.split(" ")
        assert name in names_in(FILES[file]), f"{name} is not in {FILES[file]}"


def test_level_one_has_no_requirement_that_applies_and_is_not_held():
    for requirement in REQUIREMENTS:
        if requirement.level == 1 and not requirement.tests:
            assert requirement.why_not == NO_CODE


def test_no_file_is_named_that_no_requirement_uses():
    used = {test.split(" ")[0] for requirement in REQUIREMENTS for test in requirement.tests}

    assert used == FILES.keys()
