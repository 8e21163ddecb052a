import json
import stat
from pathlib import Path

from sign_in import FakeGateway, MemoryKeyring


def logins_file(account) -> Path:
    return account / ".config" / "tailnumber" / "logins.json"


def test_person_on_a_terminal_signs_in_by_a_code(sign_in, account, gateway):
    done = sign_in()

    assert done.code == 0, done.err
    assert "WDJB-MJHT" in done.out
    assert f"Signed in at {gateway.url} by corp." in done.out
    assert "Key key00000 is good until" in done.out
    assert f"kept in {logins_file(account)}, 0600" in done.out
    assert stat.S_IMODE(logins_file(account).stat().st_mode) == 0o600
    assert gateway.keys[0] not in done.out + done.err


def test_person_with_a_screen_signs_in_in_the_browser(sign_in, issuer, monkeypatch):
    import threading

    threads = []

    def open_page(url):
        threads.append(threading.Thread(target=issuer.browse, args=(url,)))
        threads[0].start()
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr("webbrowser.open", open_page)

    done = sign_in()
    threads[0].join()

    assert done.code == 0, done.err
    assert "/realm/authorize?client_id=tailnumber-cli" in done.out
    assert "code-0" not in done.out
    assert "Signed in at" in done.out


def test_keyring_is_said_where_it_has_the_key(sign_in, account, gateway, monkeypatch):
    keyring = MemoryKeyring()
    monkeypatch.setattr("tailnumber.login.keys.system_keyring", lambda: keyring)

    done = sign_in()

    assert "kept in the system's keyring" in done.out
    assert gateway.keys[0] not in logins_file(account).read_text()
    assert len(keyring.secrets) == 1


def test_key_is_printed_for_programs(sign_in, tailnumber, gateway):
    sign_in()

    assert tailnumber.on_data("key").out == f"{gateway.keys[0]}\n"
    assert tailnumber.on_data("key", "--gateway", f"{gateway.url}/").out == f"{gateway.keys[0]}\n"
    told = tailnumber.on_data("key", "--json").document
    assert (told["gateway"], told["key"]) == (gateway.url, gateway.keys[0])


def test_worn_key_is_renewed_when_a_program_asks(sign_in, tailnumber, gateway):
    gateway.lifetime_seconds = 30
    sign_in()

    assert tailnumber.on_data("key").out == f"{gateway.keys[1]}\n"


def test_program_gets_the_old_key_and_the_person_a_warning_while_the_issuer_is_down(
    sign_in, tailnumber, gateway, issuer
):
    gateway.lifetime_seconds = 30
    sign_in()
    issuer.down = True

    given = tailnumber.on_data("key")

    assert (given.code, given.out) == (0, f"{gateway.keys[0]}\n")
    assert given.err.startswith("tailnumber: the key could not be renewed yet: ")


def test_git_gets_the_key_as_its_credential(sign_in, tailnumber, gateway):
    sign_in()

    given = tailnumber.on_data("key", "--git", "get", stdin="protocol=http\nhost=x\n\n")

    lines = dict(line.split("=", 1) for line in given.out.splitlines())
    assert (lines["username"], lines["password"]) == ("tailnumber", gateway.keys[0])
    assert lines["password_expiry_utc"].isdigit()
    assert tailnumber.on_data("key", "--git", "store").out == ""
    assert tailnumber.on_data("key", "get").code == 2


def test_key_that_git_saw_refused_is_replaced_once(sign_in, tailnumber, gateway):
    sign_in()
    refused = f"protocol=http\nhost=x\nusername=tailnumber\npassword={gateway.keys[0]}\n\n"

    erased = [tailnumber.on_data("key", "--git", "erase", stdin=refused) for _ in range(2)]
    other = tailnumber.on_data("key", "--git", "erase", stdin="password=another\n\n")

    assert {each.code for each in (*erased, other)} == {0}
    assert tailnumber.on_data("key").out == f"{gateway.keys[1]}\n"
    tailnumber.on_data("key", "--git", "erase", stdin=refused)
    assert tailnumber.on_data("key").out == f"{gateway.keys[1]}\n"
    assert len(gateway.keys) == 2


def test_revoked_key_is_replaced_when_the_person_says_so(sign_in, tailnumber, gateway):
    sign_in()

    assert tailnumber.on_data("key", "--new").out == f"{gateway.keys[1]}\n"


def test_key_that_cannot_be_replaced_is_kept(sign_in, tailnumber, gateway, issuer):
    sign_in()
    issuer.down = True

    refused = tailnumber.on_data("key", "--new")

    assert (refused.code, refused.out) == (1, "")
    assert tailnumber.on_data("key").out == f"{gateway.keys[0]}\n"


def test_where_nobody_is_signed_in_the_way_out_is_named(tailnumber, account):
    given = tailnumber.on_data("key")

    assert (given.code, given.out) == (2, "")
    assert "name yours: --gateway" in given.err
    there = tailnumber.on_data("key", "--gateway", "https://gateway.example")
    assert there.code == 2
    assert "run: tailnumber login --gateway https://gateway.example" in there.err


def test_of_several_gateways_one_is_chosen(sign_in, tailnumber, issuer, gateway):
    sign_in()
    with FakeGateway() as other:
        other.issuers = gateway.issuers
        tailnumber.on_data("login", "--gateway", other.url)

        unclear = tailnumber.on_data("key")

        assert unclear.code == 2
        assert gateway.url in unclear.err
        assert other.url in unclear.err
        assert tailnumber.on_data("key", "--gateway", other.url).out == f"{other.keys[0]}\n"


def test_of_several_issuers_one_is_chosen(sign_in, gateway, issuer):
    gateway.issuers.append(issuer.registration(name="partners"))

    unclear = sign_in()
    wrong = sign_in("--issuer", "nobody")
    right = sign_in("--issuer", "partners")

    assert unclear.code == wrong.code == 2
    assert "choose by --issuer: corp, partners" in unclear.err
    assert "no issuer 'nobody'; it knows: corp, partners" in wrong.err
    assert "by partners" in right.out


def test_flow_that_is_not_offered_is_refused(sign_in, gateway, issuer):
    gateway.issuers = [issuer.registration(flows=["device"])]

    refused = sign_in("--browser")

    assert refused.code == 2
    assert "not set up for --browser; use --device" in refused.err
    assert sign_in("--browser", "--device").code == 2


def test_refusal_and_failure_are_code_1_in_one_sentence(sign_in, issuer, gateway, account):
    issuer.instead["/realm/token"] = [(400, {"error": "access_denied"})]
    denied = sign_in()
    issuer.down = True
    down = sign_in()
    gateway.down = True
    gone = sign_in()

    assert (denied.code, down.code, gone.code) == (1, 1, 1)
    assert "refused on the issuer's page" in denied.err
    assert issuer.url in down.err
    assert gateway.url in gone.err
    assert not logins_file(account).exists()


def test_sign_out_revokes_and_forgets(sign_in, tailnumber, gateway, issuer, account):
    sign_in()

    done = tailnumber.on_data("logout")

    assert done.code == 0, done.err
    assert gateway.revoked == ["key00000"]
    assert issuer.revoked == ["refresh-1"]
    assert json.loads(logins_file(account).read_text())["logins"] == {}
    assert tailnumber.on_data("logout", "--gateway", gateway.url).code == 2


def test_sign_out_that_could_not_revoke_says_what_still_works(
    sign_in, tailnumber, gateway, account
):
    sign_in()
    gateway.down = True

    done = tailnumber.on_data("logout")

    assert done.code == 1
    assert "Signed out here, but key key00000 was not revoked" in done.err
    assert gateway.keys[0] not in logins_file(account).read_text()


def test_client_is_configured_in_the_same_step(sign_in, account, gateway):
    done = sign_in("--client", "claude-code")

    assert done.code == 0, done.err
    settings = json.loads((account / ".claude" / "settings.json").read_text())
    assert settings["env"]["ANTHROPIC_BASE_URL"] == gateway.url
    assert gateway.keys[0] not in json.dumps(settings)


def test_misspelt_client_is_refused_before_anybody_signs_in(sign_in, gateway):
    refused = sign_in("--client", "emcas")

    assert refused.code == 2
    assert gateway.asked == []


def test_renewal_writes_the_key_of_clients_that_hold_one(sign_in, tailnumber, account, gateway):
    gateway.lifetime_seconds = 30
    sign_in("--client", "continue")
    secrets = account / ".continue" / ".env"
    before = secrets.read_text()

    done = tailnumber.on_data("login", "--renew")

    assert done.code == 0, done.err
    assert before == f"TAILNUMBER_KEY={gateway.keys[-2]}\n"
    assert secrets.read_text() == f"TAILNUMBER_KEY={gateway.keys[-1]}\n"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600


def test_renewal_that_fails_is_code_1_for_cron(sign_in, tailnumber, gateway, issuer):
    gateway.lifetime_seconds = 30
    sign_in()
    issuer.down = True

    done = tailnumber.on_data("login", "--renew")

    assert done.code == 1
    assert issuer.url in done.err


def test_renewal_without_a_sign_in_is_a_mistake(tailnumber, account):
    assert tailnumber.on_data("login", "--renew").code == 2
