import json
import os
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tailnumber.clients.catalogue import CLIENTS

WITH_FILES = [name for name in CLIENTS if name != "cursor"]


@pytest.fixture
def configure(sign_in, tailnumber):
    assert sign_in().code == 0

    def run(*arguments):
        return tailnumber.on_data("configure", *arguments)

    return run


def files_of(home: Path) -> dict[str, bytes]:
    """Return every file of a home but our own notes."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.parent.name != "tailnumber"
    }


def sourced(file: Path, *names: str) -> dict[str, str]:
    """Return variables as a shell has them that read the file."""
    script = f". {shlex.quote(str(file))}; env -0"
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
    }
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True, env=environment)
    found = dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if line)
    return {name: found.get(name, "") for name in names}


def shell_file(home: Path, client: str) -> Path:
    return home / ".config" / "tailnumber" / "env" / f"{client}.sh"


def test_clients_are_listed(configure, gateway):
    configure("codex")

    listed = configure()

    assert all(name in listed.out for name in CLIENTS)
    assert listed.out.count(gateway.url) == 1


def test_unknown_client_is_refused(configure):
    refused = configure("emcas")

    assert refused.code == 2
    assert "there are: vscode, copilot-cli" in refused.err


@pytest.mark.parametrize("client", WITH_FILES)
def test_configured_twice_is_configured_once_and_undone_whole(configure, account, client):
    before = files_of(account)

    first = configure(client)
    once = files_of(account)
    second = configure(client)

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert once != before
    assert files_of(account) == once
    assert "Written" in first.out
    assert "Already so" in second.out
    assert configure(client, "--undo").code == 0
    assert files_of(account) == before
    assert configure(client, "--undo").code == 2


@pytest.mark.parametrize("client", CLIENTS)
def test_print_writes_nothing_and_shows_no_key(configure, account, gateway, client):
    before = files_of(account)

    shown = configure(client, "--print")

    assert shown.code == 0, shown.err
    assert gateway.keys[0] not in shown.out
    assert gateway.url in shown.out
    assert files_of(account) == before


@pytest.mark.parametrize("client", ["vscode", "continue"])
def test_file_that_holds_a_key_is_private_and_its_print_shows_the_id(
    configure, account, gateway, client
):
    configure(client)

    holding = [name for name, data in files_of(account).items() if gateway.keys[0].encode() in data]
    assert len(holding) == 1
    assert (account / holding[0]).stat().st_mode & 0o777 == 0o600
    assert "tnk_key00000_…" in configure(client, "--print").out


@pytest.mark.parametrize("client", [name for name in CLIENTS if not CLIENTS[name].holds_key])
def test_no_other_client_has_the_key_in_a_file(configure, account, gateway, client):
    configure(client)

    assert not any(gateway.keys[0].encode() in data for data in files_of(account).values())


def test_claude_code_asks_for_its_key(configure, account, gateway):
    settings = account / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{\n  "model": "opus", // mine\n  "env": {"A": "1"}\n}\n')

    configure("claude-code")

    text = settings.read_text()
    assert '"model": "opus", // mine' in text
    document = json.loads(text.replace(" // mine", ""))
    assert document["env"]["A"] == "1"
    assert document["env"]["ANTHROPIC_BASE_URL"] == gateway.url
    helper = subprocess.run(
        ["sh", "-c", document["apiKeyHelper"]], capture_output=True, check=True, text=True
    )
    assert helper.stdout == f"{gateway.keys[0]}\n"


def test_codex_gets_a_provider_that_asks_for_its_key(configure, account, gateway):
    config = account / ".codex" / "config.toml"
    config.parent.mkdir()
    config.write_text('# mine\nmodel = "gpt-5.4"\n\n[tui]\ntheme = "x"\n')

    configure("codex")

    document = tomllib.loads(config.read_text())
    assert config.read_text().startswith('# mine\nmodel = "gpt-5.4"\n')
    assert document["model_provider"] == "tailnumber"
    provider = document["model_providers"]["tailnumber"]
    assert (provider["base_url"], provider["wire_api"]) == (f"{gateway.url}/v1", "responses")
    assert Path(provider["auth"]["command"]).is_absolute()
    assert provider["auth"]["args"][-4:-2] == ["--gateway", gateway.url]


def test_codex_file_that_is_broken_is_named_with_its_line(configure, account):
    config = account / ".codex" / "config.toml"
    config.parent.mkdir()
    config.write_text("a = 1\nb = \n")

    refused = configure("codex")

    assert refused.code == 2
    assert f"{config}, line 2: it is not TOML. Nothing was changed" in refused.err
    assert config.read_text() == "a = 1\nb = \n"


def test_vs_code_offers_the_gateways_models_by_the_protocol_of_each(configure, account, gateway):
    gateway.models.append({"id": "gpt-5.4", "supported_endpoints": ["/responses"]})
    gateway.models.append({"id": "sonnet", "supported_endpoints": ["/v1/messages"]})
    file = account / ".config" / "Code" / "User" / "chatLanguageModels.json"
    file.parent.mkdir(parents=True)
    file.write_text('[{"vendor": "copilot", "name": "mine"}]')

    configure("vscode")

    mine, ours = json.loads(file.read_text())
    assert mine == {"vendor": "copilot", "name": "mine"}
    assert (ours["vendor"], ours["apiKey"]) == ("customendpoint", gateway.keys[0])
    assert [(model["id"], model["apiType"], model["url"]) for model in ours["models"]] == [
        ("gpt-4.1", "chat-completions", f"{gateway.url}/v1/chat/completions"),
        ("gpt-5.4", "responses", f"{gateway.url}/v1/responses"),
        ("sonnet", "messages", f"{gateway.url}/v1/messages"),
    ]


def test_continue_reads_the_key_from_its_env_file(configure, account, gateway):
    configure("continue", "--model", "mine")

    block = yaml.safe_load((account / ".continue" / "models" / "tailnumber.yaml").read_text())
    [model] = block["models"]
    assert (model["model"], model["apiBase"]) == ("mine", f"{gateway.url}/v1")
    assert model["apiKey"] == "${{ secrets.TAILNUMBER_KEY }}"
    assert (account / ".continue" / ".env").read_text() == f"TAILNUMBER_KEY={gateway.keys[0]}\n"


def test_copilot_cli_asks_for_a_key_with_every_request(configure, account, gateway):
    gateway.models = [{"id": "gpt-5.4", "supported_endpoints": ["/responses"]}]

    configure("copilot-cli")

    names = [f"COPILOT_PROVIDER_{name}" for name in ("BASE_URL", "WIRE_API", "API_KEY_COMMAND")]
    base_url, wire_api, command = sourced(shell_file(account, "copilot-cli"), *names).values()
    assert (base_url, wire_api) == (f"{gateway.url}/v1", "responses")
    assert command.endswith(f" key --gateway {gateway.url} --data-dir {account.parent / 'data'}")


@pytest.mark.parametrize(
    ("client", "variables"),
    [
        (
            "jetbrains",
            {"GH_COPILOT_API_URL": "", "GH_COPILOT_SERVER_URL": "", "GH_COPILOT_TOKEN": "key"},
        ),
        ("openai", {"OPENAI_BASE_URL": "/v1", "OPENAI_API_KEY": "key"}),
    ],
)
def test_shell_that_reads_the_file_has_address_and_key(
    configure, account, gateway, client, variables
):
    done = configure(client)

    file = shell_file(account, client)
    assert f". {file}" in done.out
    assert sourced(file, *variables) == {
        name: gateway.keys[0] if end == "key" else gateway.url + end
        for name, end in variables.items()
    }


def test_aider_is_told_its_model(configure, account, gateway):
    assert "aider --model openai/NAME" in configure("aider").out

    configure("aider", "--model", "gpt-4.1")

    names = ("AIDER_MODEL", "OPENAI_API_BASE", "OPENAI_API_KEY")
    model, base, key = sourced(shell_file(account, "aider"), *names).values()
    assert (model, base, key) == ("openai/gpt-4.1", f"{gateway.url}/v1", gateway.keys[0])


def test_what_cursor_needs_is_said_as_no_program_can_write_it(configure, account, gateway):
    before = files_of(account)

    told = configure("cursor")

    assert "Override OpenAI Base URL" in told.out
    assert f"{gateway.url}/v1" in told.out
    assert gateway.keys[0] not in told.out
    assert files_of(account) == before


def test_git_goes_through_the_gateway_with_our_key_and_no_other_helper(configure, account, gateway):
    (account / ".gitconfig").write_text("[user]\n\tname = Ada\n[credential]\n\thelper = store\n")

    configure("git", "--connection", "forge", "--git-host", "git.example")

    def git(*arguments, stdin=""):
        environment = {"HOME": str(account), "PATH": os.environ["PATH"], "GIT_TERMINAL_PROMPT": "0"}
        environment |= {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(
            ["git", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
            env=environment,
            cwd=account,
        ).stdout

    scheme, _, host = gateway.url.partition("://")
    filled = git("credential", "fill", stdin=f"protocol={scheme}\nhost={host}\n\n")
    assert f"password={gateway.keys[0]}\n" in filled
    git("credential", "approve", stdin=filled)
    assert not (account / ".git-credentials").exists()
    for url in ("https://git.example/a/b.git", "git@git.example:a/b.git"):
        assert git("ls-remote", "--get-url", url) == f"{gateway.url}/git/forge/a/b.git\n"
    assert git("config", "user.name") == "Ada\n"


def test_git_is_helped_at_a_gateway_below_a_path_too(tailnumber, account):
    gateway = "https://intranet.example/ai"

    tailnumber.on_data("configure", "git", "--gateway", gateway)

    text = (account / ".gitconfig").read_text()
    assert '[credential "https://intranet.example"]' in text
    assert f'[url "{gateway}/git/github/"]' in text


def test_undo_keeps_what_the_person_added_since(configure, account):
    config = account / ".codex" / "config.toml"
    config.parent.mkdir()
    config.write_text('model = "gpt-5.4"\n')
    configure("codex")
    config.write_text(config.read_text() + '\n[tui]\ntheme = "x"\n')

    done = configure("codex", "--undo")

    assert "Taken out what was ours of" in done.out
    assert tomllib.loads(config.read_text()) == {"model": "gpt-5.4", "tui": {"theme": "x"}}


def test_without_a_sign_in_a_client_that_asks_for_its_key_can_be_configured(tailnumber, account):
    done = tailnumber.on_data("configure", "codex", "--gateway", "https://gateway.example")

    assert done.code == 0
    refused = tailnumber.on_data("configure", "continue", "--gateway", "https://gateway.example")
    assert refused.code == 2
    assert "run: tailnumber login --gateway https://gateway.example" in refused.err
