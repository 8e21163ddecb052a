"""Each way to show a credential, against servers on loopback."""

import asyncio
import base64
import json
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey
from token_server import Answer, TokenServer

from ingress.errors import (
    CredentialMissing,
    CredentialRefused,
    CredentialUnavailable,
    CredentialUnreadable,
)
from ingress.policy.load import load_policy
from ingress.upstream.client import UpstreamClient, UpstreamLimits
from ingress.upstream.credentials import Credential
from ingress.upstream.custody import Custody, Outgoing
from ingress.upstream.secret_reading import SecretReader
from ingress.upstream.tokens import TokenTrade

CANARY = "canary-credential-0123456789"
CHAT = Outgoing("POST", b"/chat/completions", [(b"x-a", b"1")], b"{}")


class Store:
    """Holds values in memory."""

    remote = False
    fresh_seconds = valid_seconds = 1.0

    def __init__(self, **values):
        self.values = values
        self.reads = 0

    def get(self, reference):
        self.reads += 1
        name = reference.removeprefix("secret/")
        if name not in self.values:
            raise CredentialMissing(f"credential {name!r} is not set")
        return Credential(name, self.values[name])


def connection(text):
    policy = f"version: 1\nconnections:\n  main: {text}\nrules: []\n"
    return load_policy(policy, "p").document.connections["main"]


def authorize(text, store, *requests, then=None):
    """Return what each request becomes, under one connection."""

    async def body():
        client = UpstreamClient(UpstreamLimits(first_byte_seconds=0.5, connect_seconds=0.5))
        custody = Custody(SecretReader(store), TokenTrade(client))
        try:
            access = custody.access(connection(text))
            found = [await access.authorize(request) for request in requests or (CHAT,)]
            if then is not None:
                await then(custody, access)
            return found
        finally:
            custody.close()
            await client.close()

    return asyncio.run(body())


@pytest.fixture
def server():
    with TokenServer() as running:
        yield running


@pytest.fixture(scope="module")
def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return pem.decode()


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("{kind: openai, upstream: https://a.example, credential: secret/x}", (b"authorization", b"Bearer " + CANARY.encode())),
        ("{kind: anthropic, upstream: https://a.example, credential: secret/x}", (b"x-api-key", CANARY.encode())),
        ("{kind: azure, upstream: https://a.example, credential: secret/x}", (b"api-key", CANARY.encode())),
        ("{kind: http, upstream: https://a.example, credential: secret/x, auth: {header: PRIVATE-TOKEN}}", (b"private-token", CANARY.encode())),
        ("{kind: git, upstream: https://a.example, credential: secret/x}", (b"authorization", b"Basic " + base64.b64encode(b"x-access-token:" + CANARY.encode()))),
        ("{kind: http, upstream: https://a.example, credential: secret/x, auth: {basic: me}}", (b"authorization", b"Basic " + base64.b64encode(b"me:" + CANARY.encode()))),
    ],
    ids=["bearer", "anthropic", "azure", "header", "git", "basic"],
)  # fmt: skip
def test_static_credential_is_shown_as_the_connection_says(text, header):
    (found,) = authorize(text, Store(x=CANARY))

    assert header in list(found.headers)
    assert (b"x-a", b"1") in list(found.headers)
    assert CANARY.encode() in found.shown.hidden
    assert CANARY not in repr(found)


def test_prefix_of_the_upstream_stands_before_the_path():
    (found,) = authorize("{kind: http, upstream: 'https://a.example:8443/v4/'}", Store())

    assert str(found.origin) == "https://a.example:8443"
    assert found.target == b"/v4/chat/completions"
    assert list(found.headers) == [(b"x-a", b"1")]


def test_clients_own_header_of_the_credentials_name_is_dropped():
    text = "{kind: http, upstream: https://a.example, credential: secret/x, auth: {header: X-Tool-Key}}"
    request = Outgoing("GET", b"/", [(b"x-tool-key", b"clients"), (b"x-a", b"1")])

    (found,) = authorize(text, Store(x=CANARY), request)

    assert list(found.headers) == [(b"x-a", b"1"), (b"x-tool-key", CANARY.encode())]


@pytest.mark.parametrize("own", [[], [(b"anthropic-version", b"2024-01-01")]])
def test_anthropic_gets_a_version_if_the_client_names_none(own):
    text = "{kind: anthropic, upstream: https://a.example, credential: secret/x}"

    (found,) = authorize(text, Store(x=CANARY), Outgoing("POST", b"/v1/messages", own, b"{}"))

    versions = [value for name, value in found.headers if name == b"anthropic-version"]
    assert versions == [own[0][1] if own else b"2023-06-01"]


def test_credential_is_read_once_a_second_and_not_once_a_request():
    store = Store(x=CANARY)

    authorize(
        "{kind: openai, upstream: https://a.example, credential: secret/x}", store, *[CHAT] * 50
    )

    assert store.reads == 1


def test_credential_that_cannot_stand_in_a_header_is_refused_without_being_told():
    with pytest.raises(CredentialUnreadable) as caught:
        authorize(
            "{kind: openai, upstream: https://a.example, credential: secret/x}",
            Store(x=f"a\r\nx: {CANARY}"),
        )

    assert CANARY not in str(caught.value)


def test_reloaded_policy_keeps_what_it_did_not_change():
    text = "{kind: openai, upstream: https://a.example, credential: secret/x}"

    async def then(custody, access):
        assert custody.access(connection(text)) is access
        assert custody.access(connection(text.replace("a.example", "b.example"))) is not access

    authorize(text, Store(x=CANARY), then=then)


# ---- OAuth client credentials ----


def oauth(server, more=""):
    return (
        f"{{kind: http, upstream: https://a.example, credential: secret/x, auth: "
        f"{{oauth: {{token_url: '{server.url}/token', client_id: acme, scopes: [a, b]{more}}}}}}}"
    )


def test_client_secret_is_traded_once_for_an_access_token(server):
    server.answers["/token"] = [Answer({"access_token": "at-1", "expires_in": 3600})]

    found = authorize(oauth(server, ", audience: z"), Store(x="s3cret+&="), CHAT, CHAT)

    assert all((b"authorization", b"Bearer at-1") in list(each.headers) for each in found)
    (asked,) = server.asked
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["acme"],
        "client_secret": ["s3cret+&="],
        "scope": ["a b"],
        "audience": ["z"],
    }


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer({"error": "invalid_client", "hint": CANARY}, 401), CredentialRefused),
        (Answer({"error": CANARY}, 400), CredentialRefused),
        (Answer(CANARY.encode(), 500), CredentialUnavailable),
        (Answer(b"", 302, {"Location": "http://127.0.0.1:1/"}), CredentialUnavailable),
        (Answer(CANARY.encode()), CredentialUnavailable),
        (Answer(b"[]"), CredentialUnavailable),
        (Answer({"access_token": 5}), CredentialUnavailable),
        (Answer({"access_token": ""}), CredentialUnavailable),
        (Answer({"access_token": "t", "expires_in": -5}), CredentialUnavailable),
        (Answer({"access_token": "t", "token_type": "mac"}), CredentialUnavailable),
        (Answer({"access_token": "a\nb"}), CredentialUnreadable),
        (Answer(b" " * 100_000 + b"{}"), CredentialUnavailable),
        (Answer({"access_token": "t"}, delay_seconds=0.8), CredentialUnavailable),
    ],
    ids=["401", "400", "500", "redirect", "text", "list", "number", "empty", "past", "mac", "break", "large", "slow"],
)  # fmt: skip
def test_broken_answer_of_a_trade_is_a_clear_failure_without_its_words(server, answer, error):
    server.answers["/token"] = [answer]

    with pytest.raises(error) as caught:
        authorize(oauth(server), Store(x=CANARY))

    assert CANARY not in str(caught.value)
    assert len(server.asked) == 1


def test_server_that_is_not_there_is_a_clear_failure():
    with TokenServer() as gone:
        text = oauth(gone)

    with pytest.raises(CredentialUnavailable, match="takes no connection"):
        authorize(text, Store(x=CANARY))


# ---- Copilot ----


def copilot(server, hosts):
    return (
        f"{{kind: copilot, upstream: '{server.url}', credential: secret/x, auth: {{copilot: "
        f"{{token_url: '{server.url}/copilot_internal/v2/token', hosts: [{hosts}]}}}}}}"
    )


def copilot_answer(token="tid=1;exp=2:mac", **endpoints):
    return Answer({"token": token, "refresh_in": 1500, "expires_at": 1, "endpoints": endpoints})


INLINE = Outgoing("POST", b"/v1/engines/gpt/completions", [], b"{}")


def test_github_token_is_traded_for_copilots_and_its_endpoints_are_followed(server):
    places = {"api": "http://127.0.0.1:7001", "proxy": "http://127.0.0.1:7002/p"}
    server.answers["/copilot_internal/v2/token"] = [copilot_answer(**places)]

    chat, inline = authorize(
        copilot(server, "'127.0.0.1:7001', '127.0.0.1:7002'"), Store(x=CANARY), CHAT, INLINE
    )

    assert (chat.origin.port, chat.target) == (7001, b"/chat/completions")
    assert (inline.origin.port, inline.target) == (7002, b"/p/v1/engines/gpt/completions")
    assert (b"authorization", b"Bearer tid=1;exp=2:mac") in list(chat.headers)
    assert {CANARY.encode(), b"tid=1;exp=2:mac"} <= set(chat.shown.hidden)
    (asked,) = server.asked
    assert (asked.method, asked.headers["authorization"]) == ("GET", f"token {CANARY}")


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example",
        "http://127.0.0.1:7003",
        "https://127.0.0.1:7001.evil.example",
        "https://127.0.0.1:7001@evil.example",
        "http://169.254.169.254",
        "file:///etc/passwd",
        "//evil.example",
        "",
        5,
        None,
    ],
)
def test_endpoint_on_another_host_is_not_followed(server, place):
    server.answers["/copilot_internal/v2/token"] = [copilot_answer(api=place, proxy=place)]

    found = authorize(copilot(server, "'127.0.0.1:7001'"), Store(x=CANARY), CHAT, INLINE)

    assert {each.origin.port for each in found} == {server.port}


def test_endpoints_of_another_form_are_not_followed(server):
    answer = copilot_answer()
    answer.body["endpoints"] = ["http://127.0.0.1:7001"]
    server.answers["/copilot_internal/v2/token"] = [answer]

    (found,) = authorize(copilot(server, "'127.0.0.1:7001'"), Store(x=CANARY))

    assert found.origin.port == server.port


# ---- GitHub App ----


def app(server, kind="github"):
    return (
        f"{{kind: {kind}, upstream: '{server.url}', credential: secret/x, auth: "
        f"{{github_app: {{app_id: 11, installation_id: 22, api: '{server.url}'}}}}}}"
    )


def installation(token="ghs_1", expires="2999-01-01T00:00:00Z", status=201):
    return Answer({"token": token, "expires_at": expires}, status)


def test_apps_private_key_becomes_an_installations_token(server, private_key):
    server.answers["/app/installations/22/access_tokens"] = [installation()]

    (found,) = authorize(app(server), Store(x=private_key))

    assert (b"authorization", b"Bearer ghs_1") in list(found.headers)
    (asked,) = server.asked
    public = RSAKey.import_key(private_key)
    token = jwt.decode(asked.headers["authorization"].removeprefix("Bearer "), public)
    assert token.header["alg"] == "RS256"
    assert token.claims["iss"] == "11"
    assert 0 < token.claims["exp"] - token.claims["iat"] <= 600


def test_git_gets_the_installations_token_as_password(server, private_key):
    server.answers["/app/installations/22/access_tokens"] = [installation("ghs_longer_token")]

    (found,) = authorize(app(server, "git"), Store(x=private_key))

    expected = base64.b64encode(b"x-access-token:ghs_longer_token")
    assert (b"authorization", b"Basic " + expected) in list(found.headers)
    assert {b"ghs_longer_token", expected} == set(found.shown.hidden)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (installation(status=404), CredentialRefused),
        (installation(expires="soon"), CredentialUnavailable),
        (installation(expires="2001-01-01T00:00:00Z"), CredentialUnavailable),
        (installation(token=None), CredentialUnavailable),
    ],
)
def test_broken_answer_to_an_app_is_a_clear_failure(server, private_key, answer, error):
    server.answers["/app/installations/22/access_tokens"] = [answer]

    with pytest.raises(error):
        authorize(app(server), Store(x=private_key))


@pytest.mark.parametrize("key", ["", "x", f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----"])  # fmt: skip
def test_what_is_no_private_key_is_told_without_being_quoted(server, key):
    with pytest.raises(CredentialUnreadable) as caught:
        authorize(app(server), Store(x=key))

    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None or CANARY not in repr(caught.value.__cause__)
    assert server.asked == []


# ---- Google ----


def service_account(server, private_key):
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "gateway@acme.iam.gserviceaccount.com",
            "private_key": private_key,
            "private_key_id": "k1",
            "token_uri": f"{server.url}/google",
        }
    )


def google(auth):
    return f"{{kind: http, upstream: https://a.example, credential: secret/x, auth: {auth}}}"


def test_service_accounts_key_becomes_an_access_token(server, private_key):
    server.answers["/google"] = [Answer({"access_token": "ya29.token", "expires_in": 3600})]

    (found,) = authorize(google("google"), Store(x=service_account(server, private_key)))

    assert (b"authorization", b"Bearer ya29.token") in list(found.headers)
    assert b"cloud-platform" in base64.b64decode(
        parse_qs(server.asked[0].body.decode())["assertion"][0].split(".")[1] + "=="
    )


def test_service_accounts_key_becomes_an_id_token_for_an_audience(server, private_key):
    claims = base64.urlsafe_b64encode(b'{"exp": 32503680000, "aud": "z"}').decode().rstrip("=")
    server.answers["/google"] = [Answer({"id_token": f"e30.{claims}.sig"})]

    (found,) = authorize(
        google("{google: {audience: 'https://z.run.app'}}"),
        Store(x=service_account(server, private_key)),
    )

    assert (b"authorization", f"Bearer e30.{claims}.sig".encode()) in list(found.headers)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer({"error": "invalid_grant", "error_description": CANARY}, 400), CredentialRefused),
        (Answer(b"<html>", 404), CredentialRefused),
    ],
)
def test_refusal_of_google_is_a_clear_failure(server, private_key, answer, error):
    server.answers["/google"] = [answer]

    with pytest.raises(error) as caught:
        authorize(google("google"), Store(x=service_account(server, private_key)))

    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("key", ["not json", "{}", '{"type": "service_account"}'])
def test_what_is_no_service_account_is_told(key):
    with pytest.raises(CredentialUnreadable, match="no service account key"):
        authorize(google("google"), Store(x=key))


# ---- AWS ----


def test_each_request_to_aws_is_signed_and_the_key_never_sent():
    text = (
        "{kind: http, upstream: https://bedrock.eu-central-1.amazonaws.com, credential: secret/x, "
        "auth: {aws: {service: bedrock, region: eu-central-1, access_key_id: AKIAIOSFODNN7EXAMPLE}}}"
    )
    get = Outgoing("GET", b"/model/m?b=2&a=1", [(b"content-type", b"application/json")])

    signed, other = authorize(text, Store(x=CANARY), CHAT, get)

    for found in (signed, other):
        headers = dict(found.headers)
        assert headers[b"authorization"].startswith(
            b"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"
        )
        assert CANARY.encode() not in b"".join(headers.values())
    assert (
        b"content-type;host;x-amz-content-sha256;x-amz-date"
        in dict(other.headers)[b"authorization"]
    )


def test_token_that_is_refused_is_renewed_and_a_fresh_one_is_not(server):
    tokens = [Answer({"access_token": f"at-{number}"}) for number in (1, 2)]
    server.answers["/token"] = tokens

    async def then(custody, access):
        first = await access.authorize(CHAT)
        assert not access.refused(first)  # it is a moment old: the next would be refused too
        access._shown._fetched_at -= 60
        assert access.refused(first)
        second = await access.authorize(CHAT)
        assert (b"authorization", b"Bearer at-2") in list(second.headers)

    authorize(oauth(server), Store(x=CANARY), then=then)
