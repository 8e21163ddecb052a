"""Each directory is asked as its documentation says, within bounds, and nowhere else."""

import asyncio
import json
import ssl

import pytest
from fake_directory import (
    API_TOKEN,
    CLIENT,
    ENTRA_USER,
    GOOGLE_USER,
    OBJECT,
    OKTA_USER,
    TENANT,
    FakeDirectory,
)

from ingress.errors import (
    CredentialUnreadable,
    GroupsUnresolved,
    UpstreamProtocolError,
    UpstreamReset,
)
from ingress.identity import directories
from ingress.identity.directories import directory_of
from ingress.identity.issuers import GROUPS_LIMIT, load_issuers
from ingress.upstream.client import UpstreamClient

SUBJECTS = {"okta": OKTA_USER, "entra": ENTRA_USER, "google": GOOGLE_USER}
MEMBERS = {**SUBJECTS, "entra": OBJECT}
FIRST_PAGE = {
    "okta": f"/api/v1/users/{OKTA_USER}/groups",
    "entra": f"/v1.0/users/{OBJECT}/transitiveMemberOf/microsoft.graph.group",
    "google": "/admin/directory/v1/groups",
}
every_directory = pytest.mark.parametrize("profile", ["okta", "entra", "google"])


@pytest.fixture(scope="module")
def server():
    with FakeDirectory() as server:
        yield server


@pytest.fixture
def fake(server):
    server.forget()
    server.groups |= {member: ["a", "b", "c", "d", "e"] for member in MEMBERS.values()}
    return server


@pytest.fixture(scope="module", autouse=True)
def one_tls_context():
    """Load the system's authorities once; each client of a test would take 20 ms for it."""
    context = ssl.create_default_context()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", lambda **_: context)
        yield


def issuer_of(profile, url, **more):
    entry = {
        "issuer": f"{url}/{TENANT}/v2.0" if profile == "entra" else url,
        "profile": profile,
        "audiences": ["a"],
        "groups_from": {"credential": "secret/directory", "url": url, **more},
    }
    if profile == "google":
        entry["required"] = {"hd": "corp.example"}
    return load_issuers(json.dumps({"version": 1, "issuers": [entry]}), "test")[0]


def secret_of(profile, fake):
    return {"okta": API_TOKEN, "entra": json.dumps(CLIENT), "google": fake.google_key()}[profile]


def ask(profile, fake, *, times=1, kind="human", secret=None, subject=None, url=None, **more):
    """Ask for the profile's caller; return the last answer."""

    async def main():
        client = UpstreamClient()
        issuer = issuer_of(profile, url or fake.url, **more)
        value = secret_of(profile, fake) if secret is None else secret
        directory = directory_of(client, issuer, issuer.groups_from, lambda: value)
        try:
            for _ in range(times):
                found = await directory.groups(subject or SUBJECTS[profile], kind)
            return found
        finally:
            await client.close()

    return asyncio.run(main())


@every_directory
def test_every_page_of_groups_is_read(fake, profile):
    assert ask(profile, fake) == ("a", "b", "c", "d", "e")


@every_directory
def test_caller_in_no_group_has_none(fake, profile):
    fake.groups[MEMBERS[profile]] = []

    assert ask(profile, fake) == ()


@every_directory
def test_caller_that_the_directory_does_not_know_is_refused(fake, profile):
    del fake.groups[MEMBERS[profile]]

    with pytest.raises(GroupsUnresolved):
        ask(profile, fake)


@pytest.mark.parametrize(
    ("profile", "account"),
    [
        ("okta", {"status": "DEPROVISIONED"}),
        ("okta", {"status": "SUSPENDED"}),
        ("okta", {"status": "a new one"}),
        ("entra", {"accountEnabled": False}),
        ("entra", {"accountEnabled": None}),
        ("google", {"suspended": True}),
        ("google", {"archived": True}),
    ],
)
def test_closed_account_is_refused_though_it_is_still_in_its_groups(fake, profile, account):
    fake.accounts[MEMBERS[profile]] = account

    with pytest.raises(GroupsUnresolved):
        ask(profile, fake)


def test_groups_around_groups_are_found_in_google_and_circles_end(fake):
    fake.groups |= {
        GOOGLE_USER: ["team@corp.example"],
        "team@corp.example": ["unit@corp.example", "all@corp.example"],
        "unit@corp.example": ["all@corp.example", "team@corp.example"],
    }

    assert ask("google", fake) == ("team@corp.example", "unit@corp.example", "all@corp.example")


def test_application_of_entra_is_asked_for_as_one(fake):
    ask("entra", fake, kind="service")

    assert any(f"/servicePrincipals/{OBJECT}/" in path for path in fake.requests)


@pytest.mark.parametrize("profile", ["okta", "google"])
def test_program_that_the_directory_cannot_know_has_no_groups(fake, profile):
    assert ask(profile, fake, kind="service") == ()
    assert fake.requests == []


@pytest.mark.parametrize("profile", ["entra", "google"])
def test_access_token_is_fetched_once_and_anew_when_refused(fake, profile):
    ask(profile, fake, times=3)
    assert len(fake.requests) - len(fake.questions()) == 1

    async def main():
        client = UpstreamClient()
        issuer = issuer_of(profile, fake.url)
        secret = secret_of(profile, fake)
        directory = directory_of(client, issuer, issuer.groups_from, lambda: secret)
        await directory.groups(SUBJECTS[profile], "human")
        fake.token = "directory-token-2"
        with pytest.raises(UpstreamProtocolError):
            await directory.groups(SUBJECTS[profile], "human")
        found = await directory.groups(SUBJECTS[profile], "human")
        await client.close()
        return found

    assert asyncio.run(main())


def test_signed_assertion_does_not_leave_over_an_open_wire(fake):
    key = json.loads(fake.google_key()) | {"token_uri": "http://oauth2.example/token"}

    with pytest.raises(CredentialUnreadable, match="without TLS"):
        ask("google", fake, secret=json.dumps(key))


def test_google_is_asked_for_reading_alone_on_behalf_of_the_administrator(fake):
    ask("google", fake, act_as="admin@corp.example")

    claims = fake.accounts["token"]
    assert claims["sub"] == "admin@corp.example"
    assert all(scope.endswith(".readonly") for scope in claims["scope"].split(" "))


@pytest.mark.parametrize("profile", ["okta"])
@pytest.mark.parametrize("subject", ["me", "..", "ada@corp.example", "a/../../b/c/d/e", "x" * 300])
def test_subject_that_is_no_id_is_refused_and_asks_nobody(fake, profile, subject):
    with pytest.raises(GroupsUnresolved):
        ask(profile, fake, subject=subject)

    assert fake.requests == []


@pytest.mark.parametrize("profile", ["okta", "entra"])
@pytest.mark.parametrize("link", ["http://127.0.0.1:1/x", "https://evil.example/x", "//x", "\\"])
def test_next_page_at_another_place_is_not_followed(fake, profile, link):
    fake.next_link = link

    with pytest.raises(UpstreamProtocolError):
        ask(profile, fake)


@every_directory
@pytest.mark.parametrize(
    "answer",
    [b"<html>", b"[1]", b'{"value": [{"id": 1}], "groups": [{"email": 1}]}', b"[", b'{"value": 1}'],
)
def test_answer_of_another_form_gives_no_groups(fake, profile, answer):
    fake.put(FIRST_PAGE[profile], answer)

    if profile == "google" and answer == b'{"value": 1}':
        assert ask(profile, fake) == ()  # as the API writes an empty list
        return
    with pytest.raises(UpstreamProtocolError):
        ask(profile, fake)


@every_directory
@pytest.mark.parametrize("status", [302, 403, 429, 500])
def test_refusal_of_the_directory_gives_no_groups(fake, profile, status):
    fake.put(FIRST_PAGE[profile], b"{}", status, Location=fake.url)

    with pytest.raises(UpstreamProtocolError):
        ask(profile, fake)


@every_directory
def test_name_that_no_record_could_hold_is_refused(fake, profile):
    for name in ("", "x" * 300, "a\nb"):
        fake.groups[MEMBERS[profile]] = [name]
        with pytest.raises(UpstreamProtocolError):
            ask(profile, fake)


@every_directory
def test_more_groups_than_an_event_carries_are_refused(fake, profile, monkeypatch):
    monkeypatch.setattr(directories, "REQUESTS_MAX", 10 * GROUPS_LIMIT)
    monkeypatch.setattr("fake_directory.PAGE", GROUPS_LIMIT)
    monkeypatch.setattr(directories, "GROUPS_LIMIT", 5)
    fake.groups[MEMBERS[profile]] = [f"group-{number}" for number in range(6)]

    with pytest.raises(GroupsUnresolved):
        ask(profile, fake)


@every_directory
def test_pages_without_end_are_given_up(fake, profile, monkeypatch):
    monkeypatch.setattr(directories, "REQUESTS_MAX", 3)

    with pytest.raises(GroupsUnresolved):
        ask(profile, fake)

    assert len(fake.questions()) == 3


def test_directory_that_hangs_up_is_told_as_such(fake):
    fake.down = True

    with pytest.raises(UpstreamReset):
        ask("okta", fake)


@pytest.mark.parametrize(
    ("profile", "secret"),
    [
        ("okta", "two words"),
        ("okta", "line\r\nX-Evil: 1"),
        ("okta", ""),
        ("entra", "text"),
        ("entra", "[]"),
        ("entra", '{"client_id": "a"}'),
        ("google", '{"client_email": "a", "private_key": "k", "token_uri": "https://x.example"}'),
    ],
)
def test_credential_of_another_form_is_told_without_it(fake, profile, secret):
    with pytest.raises(CredentialUnreadable) as refused:
        ask(profile, fake, secret=secret)

    assert not secret or secret not in str(refused.value)
