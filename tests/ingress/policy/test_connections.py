import pytest

from ingress.errors import PolicyError
from ingress.policy.connections import (
    AwsSigV4,
    Basic,
    Bearer,
    CopilotToken,
    GitHubApp,
    Google,
    HeaderAuth,
    OAuth,
)
from ingress.policy.load import load_policy


def policy(connection):
    return f"version: 1\nconnections:\n  main: {connection}\nrules: []\n"


def read(connection):
    return load_policy(policy(connection), "p").document.connections["main"]


def problem(connection):
    with pytest.raises(PolicyError) as caught:
        load_policy(policy(connection), "p")
    (found,) = caught.value.problems
    return str(found)


def with_auth(auth, kind="http", upstream="https://api.acme.example"):
    return f"{{kind: {kind}, upstream: {upstream}, credential: secret/x, auth: {auth}}}"


@pytest.mark.parametrize(
    ("kind", "upstream", "auth"),
    [
        ("openai", "https://api.openai.com", Bearer()),
        ("github", "https://api.github.com", Bearer()),
        ("http", "https://a.example", Bearer()),
        ("anthropic", "https://api.anthropic.com", HeaderAuth("x-api-key")),
        ("azure", "https://acme.openai.azure.com", HeaderAuth("api-key")),
        ("git", "https://github.com", Basic("x-access-token")),
        (
            "copilot",
            "https://api.business.githubcopilot.com",
            CopilotToken(
                "https://api.github.com/copilot_internal/v2/token",
                ("*.githubcopilot.com", "copilot-proxy.githubusercontent.com"),
            ),
        ),
        (
            "copilot",
            "https://copilot-api.acme.ghe.com",
            CopilotToken("https://api.acme.ghe.com/copilot_internal/v2/token", ("*.acme.ghe.com",)),
        ),
        ("copilot", "http://127.0.0.1:9", Bearer()),
        ("copilot", "https://evilgithubcopilot.com", Bearer()),
    ],
)
def test_each_kind_has_its_own_way_to_show_a_credential(kind, upstream, auth):
    assert read(f"{{kind: {kind}, upstream: '{upstream}', credential: secret/x}}").auth == auth


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ("bearer", Bearer()),
        ("{header: PRIVATE-TOKEN}", HeaderAuth("private-token")),
        ("{basic: bot@acme.example}", Basic("bot@acme.example")),
        ("google", Google()),
        ("{google: {audience: 'https://a.run.app'}}", Google(audience="https://a.run.app")),
        ("{google: {scopes: [a, b]}}", Google(("a", "b"))),
        (
            "{oauth: {token_url: 'https://l.example/t', client_id: me, scopes: [a]}}",
            OAuth("https://l.example/t", "me", ("a",)),
        ),
        (
            "{aws: {service: s3, region: eu-central-1, access_key_id: AKIAIOSFODNN7EXAMPLE}}",
            AwsSigV4("s3", "eu-central-1", "AKIAIOSFODNN7EXAMPLE"),
        ),
        (
            "{github_app: {app_id: 1, installation_id: 2, api: 'https://ghes.example/api/v3'}}",
            GitHubApp(1, 2, "https://ghes.example/api/v3"),
        ),
    ],
)
def test_way_that_the_policy_names_is_read(auth, expected):
    assert read(with_auth(auth)).auth == expected


@pytest.mark.parametrize(
    ("auth", "place", "expected"),
    [
        ("barer", "3:86", "did you mean 'bearer'?"),
        ("[bearer]", "3:86", "a mapping"),
        ("{}", "3:86", "one of header, basic, oauth"),
        ("{heder: x}", "3:87", "did you mean 'header'?"),
        ("{header: a, basic: b}", "3:86", "one way to show a credential, not 2: header, basic"),
        ("{header: 'a b'}", "3:95", "is not the name of a header"),
        ("{header: Host}", "3:95", "is not the name of a header"),
        ("{header: transfer-encoding}", "3:95", "is not the name of a header"),
        ("{basic: 'a:b'}", "3:94", "is not a user name"),
        ("{oauth: {client_id: a}}", "3:94", "key 'token_url' is missing"),
        ("{oauth: {token_url: 'http://l.example/t', client_id: a}}", "", "token_url must be https"),
        ("{oauth: {token_url: 'https://u:p@l.example', client_id: a}}", "", "must not hold a user"),
        ("{oauth: {token_url: 'https://l.example', client_id: 'a b'}}", "", "is not printable"),
        ("{google: {audience: a, scopes: [b]}}", "3:95", "one of them"),
        ("{aws: {service: s3, region: eu}}", "3:92", "key 'access_key_id' is missing"),
        (
            "{aws: {service: S3, region: eu, access_key_id: AKIAIOSFODNN7EXAMPLE}}",
            "",
            "AWS service",
        ),
        ("copilot", "3:86", "no GitHub API is known"),
        ("{copilot: {}}", "3:96", "give token_url"),
        ("{copilot: {token_url: 'https://a.example', hosts: ['*']}}", "", "is not a host"),
        (
            "{github_app: {app_id: x, installation_id: 2, api: 'https://a.example'}}",
            "",
            "whole number",
        ),
        ("{github_app: {app_id: 1, installation_id: 2}}", "3:99", "key 'api' is missing"),
    ],
)
def test_faulty_way_is_refused_with_its_place(auth, place, expected):
    found = problem(with_auth(auth))

    assert found.startswith(f"p:{place}" if place else "p:3:")
    assert expected in found


def test_auth_without_a_credential_is_refused_unless_the_machine_has_one():
    assert "auth needs the key 'credential'" in problem(
        "{kind: http, upstream: https://a.example, auth: bearer}"
    )
    assert read("{kind: http, upstream: https://a.example, auth: google}").credential is None


def test_credential_may_be_a_secret_of_secret_manager():
    reference = "projects/acme/secrets/copilot/versions/latest"

    connection = f"{{kind: http, upstream: https://a.example, credential: {reference}}}"
    assert read(connection).credential == reference


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "'[fd00:ec2::254]'", "0.0.0.0"])
def test_upstream_that_is_no_public_address_is_refused(host):
    connection = f"{{kind: http, upstream: 'https://{host.strip(chr(39))}'}}"

    assert "not a public one" in problem(connection)


def test_private_address_is_read_where_the_policy_says_private():
    assert read("{kind: http, upstream: 'https://10.0.0.1', network: private}").network == "private"
    assert "not a public one" in problem(
        "{kind: http, upstream: 'https://169.254.169.254', network: private}"
    )
