"""Sign in by the device flow: the person opens a page on any device and types a short code.

Source: RFC 8628, sections 3.1 to 3.5.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tailnumber.errors import SignInFailed
from tailnumber.login.facts import Tokens, secure_url
from tailnumber.login.issuer import Issuer, OAuthError
from tailnumber.login.wire import Answer, Wire

_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
# RFC 8628 section 3.2: the interval of an answer that names none; 3.5: what slow_down adds.
_INTERVAL_SECONDS: Final = 5.0
_SLOW_DOWN_SECONDS: Final = 5.0
_INTERVAL_SECONDS_MAX: Final = 60.0
# However long the issuer would wait, a person has left by then.
_WAIT_SECONDS_MAX: Final = 1800.0


@dataclass(frozen=True, slots=True)
class DevicePrompt:
    """What the person is shown; ``complete_url`` has the code in it already."""

    url: str
    code: str
    complete_url: str | None
    lifetime_seconds: float


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, and how to let it pass."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def device_login(
    wire: Wire, issuer: Issuer, show: Callable[[DevicePrompt], None], clock: Clock | None = None
) -> Tokens:
    """Show the person where to go, and wait until they have been there.

    Raises:
        SignInFailed: they refused, took too long, or the issuer fails.
    """
    clock = clock or Clock()
    url = issuer.endpoint("device_authorization_endpoint")
    answer = wire.post(url, issuer.registration.request())
    device_code = answer.text("device_code")
    if not answer.ok or device_code is None:
        raise SignInFailed(
            f"The issuer {issuer.registration.name} starts no device flow ({answer.reason}); "
            "try --browser, or ask the gateway's operator."
        )
    prompt = _prompt(answer)
    show(prompt)
    ends_at = clock.monotonic() + prompt.lifetime_seconds
    interval = _seconds(answer.members.get("interval"), _INTERVAL_SECONDS, _INTERVAL_SECONDS_MAX)
    form = {"grant_type": _GRANT, "device_code": device_code}
    while clock.monotonic() + interval < ends_at:
        clock.sleep(interval)
        try:
            return issuer.tokens(wire, form)
        except OAuthError as refused:
            interval = _interval_after(refused, interval)
        except SignInFailed:
            # Section 3.5: a server that does not answer is asked less often, until the code ends.
            interval = min(interval * 2, _INTERVAL_SECONDS_MAX)
    raise SignInFailed(_TOO_LATE)


_TOO_LATE: Final = "The code has expired before it was confirmed; run tailnumber login again."


def _interval_after(refused: OAuthError, interval: float) -> float:
    match refused.code:
        case "authorization_pending":
            return interval
        case "slow_down":
            return interval + _SLOW_DOWN_SECONDS
        case "expired_token":
            raise SignInFailed(_TOO_LATE) from refused
        case "access_denied":
            raise SignInFailed(
                "The sign-in was refused on the issuer's page; nobody is signed in."
            ) from refused
        case _:
            raise refused


def _prompt(answer: Answer) -> DevicePrompt:
    # Google writes verification_url.
    url = answer.text("verification_uri") or answer.text("verification_url")
    code = answer.text("user_code")
    if url is None or code is None or not (url + code).isprintable():
        raise SignInFailed("The issuer's device flow names no page and code; try --browser.")
    complete = answer.text("verification_uri_complete")
    for each in filter(None, (url, complete)):
        secure_url(each.partition("?")[0], "the issuer's sign-in page")
    lifetime = _seconds(answer.members.get("expires_in"), _WAIT_SECONDS_MAX, _WAIT_SECONDS_MAX)
    return DevicePrompt(url, code, complete, lifetime)


def _seconds(value: Any, default: float, largest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return min(max(float(value), 0.0), largest)
