from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tailnumber.errors import CommandError, SignInFailed
from tailnumber.login.device import Clock, device_login
from tailnumber.login.session import fresh_key, renew, sign_in, sign_out
from tailnumber.login.store import Logins

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Time:
    """The time of day, as the test says."""

    def __init__(self):
        self.at = START

    def __call__(self):
        return self.at


@pytest.fixture
def now():
    return Time()


@pytest.fixture
def logins(tmp_path):
    return Logins(tmp_path / "config", lambda: None)


@pytest.fixture
def signed_in(wire, logins, gateway, registration, now):
    def flow(wire, issuer):
        return device_login(wire, issuer, lambda _: None, Clock(sleep=lambda _: None))

    def run():
        return sign_in(
            wire,
            logins,
            gateway=gateway.url,
            registration=registration,
            flow=flow,
            device="laptop",
            now=now,
        )

    return run


def fresh(logins, gateway, now):
    return fresh_key(logins, gateway.url, "laptop", now)


def test_sign_in_is_kept(signed_in, logins, gateway):
    login = signed_in()

    assert login.key == gateway.keys[0]
    assert logins.get(gateway.url) == login
    assert login.refresh_token == "refresh-1"


def test_failed_sign_in_keeps_the_one_of_before(signed_in, logins, gateway):
    before = signed_in()
    gateway.instead["/oauth/token"] = [(400, {"error": "invalid_request"})]

    with pytest.raises(SignInFailed):
        signed_in()

    assert logins.get(gateway.url) == before


def test_second_sign_in_remembers_the_key_of_the_first(signed_in, logins, gateway):
    first = signed_in()

    assert list(signed_in().older_keys) == [first.key_id]


def test_good_key_is_given_without_asking_anybody(signed_in, logins, gateway, issuer, now):
    signed_in()
    now.at += timedelta(minutes=44)
    gateway.down = issuer.down = True

    assert fresh(logins, gateway, now).login.key == gateway.keys[0]


def test_key_is_renewed_ahead_of_its_end(signed_in, logins, gateway, issuer, now):
    signed_in()
    now.at += timedelta(minutes=46)

    renewed = fresh(logins, gateway, now)

    assert renewed.warning is None
    assert renewed.login.key == gateway.keys[1]
    assert renewed.login.expires_at == now.at + timedelta(hours=1)
    assert logins.get(gateway.url) == renewed.login
    assert renewed.login.refresh_token == issuer.refresh_token == "refresh-2"


def test_several_helpers_that_find_a_worn_key_renew_it_once(
    signed_in, logins, gateway, issuer, now
):
    signed_in()
    now.at += timedelta(minutes=50)
    helpers = [Logins(logins.file.parent, lambda: None) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda each: fresh(each, gateway, now).login.key, helpers))

    assert set(keys) == {gateway.keys[1]}
    assert len(gateway.keys) == 2
    assert len(issuer.forms("/realm/token")) == 2


@pytest.mark.parametrize("which", ["issuer", "gateway"])
def test_key_that_is_still_good_is_given_while_nobody_renews_it(
    signed_in, logins, gateway, issuer, now, which
):
    login = signed_in()
    now.at += timedelta(minutes=50)
    (issuer if which == "issuer" else gateway).down = True

    given = fresh(logins, gateway, now)

    assert given.login.key == login.key
    assert "does not answer" in given.warning


def test_ended_key_is_not_given_while_nobody_renews_it_and_nothing_is_lost(
    signed_in, logins, gateway, issuer, now
):
    signed_in()
    now.at += timedelta(hours=2)
    issuer.down = True
    with pytest.raises(SignInFailed, match=r"does not answer .* try again"):
        fresh(logins, gateway, now)

    issuer.down = False

    assert fresh(logins, gateway, now).login.key == gateway.keys[1]


def test_rotated_refresh_token_is_kept_before_the_gateway_is_asked(
    signed_in, logins, gateway, issuer, now
):
    signed_in()
    now.at += timedelta(hours=2)
    gateway.instead["/oauth/token"] = [(503, {})]
    with pytest.raises(SignInFailed, match="cannot give a key now"):
        fresh(logins, gateway, now)

    assert logins.get(gateway.url).refresh_token == "refresh-2"
    assert fresh(logins, gateway, now).login.key == gateway.keys[1]


def test_sign_in_that_the_issuer_ended_must_be_made_again(signed_in, logins, gateway, issuer, now):
    signed_in()
    now.at += timedelta(hours=2)
    issuer.refresh_token = "refresh-99"

    with pytest.raises(SignInFailed, match=r"at corp has ended \(invalid_grant\); run: tailnumber"):
        fresh(logins, gateway, now)

    assert logins.get(gateway.url) is not None


def test_without_a_refresh_token_there_is_a_sign_in_to_make(
    signed_in, logins, gateway, issuer, now
):
    issuer.more_members["refresh_token"] = None
    signed_in()
    now.at += timedelta(hours=2)

    with pytest.raises(SignInFailed, match="gave no refresh token"):
        fresh(logins, gateway, now)


def test_where_nobody_is_signed_in_there_is_no_key(logins, gateway, now):
    with pytest.raises(CommandError, match=r"Nobody is signed in at .* run: tailnumber login"):
        fresh(logins, gateway, now)


def test_renewal_of_several_gateways_goes_on_past_a_failure(signed_in, logins, gateway, now):
    signed_in()
    now.at += timedelta(minutes=50)
    with logins:
        login = logins.get(gateway.url)

    renewed, failures = renew(logins, (gateway.url,), "laptop", now)

    assert [each.login.key for each in renewed] == [gateway.keys[1]]
    assert failures == []
    assert login.key == gateway.keys[0]


def test_sign_out_revokes_every_key_and_the_refresh_token(signed_in, logins, gateway, issuer, now):
    first = signed_in()
    now.at += timedelta(minutes=50)
    second = fresh(logins, gateway, now).login

    assert sign_out(logins, gateway.url, now) == []

    assert gateway.revoked == [first.key_id, second.key_id]
    assert issuer.revoked == ["refresh-2"]
    assert logins.get(gateway.url) is None


def test_sign_out_forgets_though_nobody_can_be_told_and_says_so(
    signed_in, logins, gateway, issuer, now
):
    login = signed_in()
    gateway.down = issuer.down = True

    left = sign_out(logins, gateway.url, now)

    assert logins.get(gateway.url) is None
    assert f"key {login.key_id} was not revoked" in left[0]
    assert "refresh token was not revoked" in left[1]
    assert login.key not in " ".join(left)
