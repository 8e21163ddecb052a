"""Refuse git in git's own words, so that a person reads why in the output of ``git push``. Pure.

A push is answered with a report that rejects each ref, a fetch with git's ``ERR``; both with status
200, because git shows no body of another status on a POST. What git shows of an error on the first
GET is plain text. A caller who is not known gets the challenge that makes git send its credential.
"""

from typing import Final

from ingress.exchange import Exchange
from ingress.protocol.git import Push, refused_fetch, refused_push
from ingress.refusals import Refusal

_REALM: Final = b'Basic realm="Tailnumber: any user name, gateway key as password"'
# Behind a ref that was refused only because another one of the same push was.
ALONG: Final = "another ref of this push was refused"


def told_status(exchange: Exchange, status: int) -> int:
    """Return the HTTP status that a refusal of this exchange has in the end."""
    git = exchange.route.git
    if git is None or status == 401 or (git.advertised and status >= 500):
        return status
    push = exchange.push
    readable = push is None or refused_push(push, [""] * len(push.commands), "") is not None
    return 200 if readable else status


def git_refusal(exchange: Exchange, status: int, message: str) -> Refusal | None:
    """Return a refusal of a git exchange, None if it is none.

    Args:
        exchange: what is refused; its ``refs`` say which refs are, if a decision was made.
        status: HTTP status, as ``told_status`` gave it.
        message: for the person at the terminal; no content of the exchange.
    """
    git = exchange.route.git
    if git is None:
        return None
    message = f"{message} (record {exchange.interaction_id})"
    if status != 200:
        headers = _headers(exchange, b"text/plain; charset=utf-8")
        if status == 401:
            headers.append((b"www-authenticate", _REALM))
        return Refusal(status, headers, f"tailnumber: {message}\n".encode())
    push = exchange.push
    told = refused_push(push, _reasons(exchange, push), f"tailnumber: {message}") if push else None
    kind, body = told or refused_fetch(
        f"tailnumber: {message}", git.service, advertised=git.advertised
    )
    return Refusal(status, _headers(exchange, kind), body)


def _reasons(exchange: Exchange, push: Push) -> list[str]:
    """Return for each command why it is refused, in one line."""
    refused = {update.ref for update in exchange.refs if update.result == "refused"}
    decision = exchange.decision
    if decision is None or not refused:
        return ["refused by the gateway"] * len(push.commands)
    needs = "needs a review" if "review_unavailable" in decision.reasons else "denied by policy"
    return [
        f"{needs}: {decision.rule_id}" if command.ref in refused else ALONG
        for command in push.commands
    ]


def _headers(exchange: Exchange, content_type: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", content_type),
        (b"cache-control", b"no-cache"),
        (b"x-request-id", exchange.interaction_id.encode()),
    ]
