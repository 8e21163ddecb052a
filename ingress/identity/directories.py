"""Ask the directories of Okta, Entra ID and Google whether a caller is active, and in which groups.

Every URL is built here, from the issuers file and the caller's subject, never from a token; a link
to the next page counts only on the directory's own origin. Requests, bytes and groups are bounded.
Nothing is kept but the gateway's own access token: ``ingress.identity.groups`` holds the answers.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import Any, ClassVar, Final
from urllib.parse import urlencode, urlsplit

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from ingress.errors import CredentialUnreadable, GroupsUnresolved, UpstreamProtocolError
from ingress.identity.issuers import (
    GROUPS_LIMIT,
    GroupsFrom,
    Issuer,
    is_confidential,
)
from ingress.identity.principal import PrincipalKind
from ingress.identity.profiles import ProfileName
from ingress.upstream.client import UpstreamClient, UpstreamResponse
from ingress.upstream.origin import Origin

# Of one question. Google's directory takes one for each group, to find the groups around it.
REQUESTS_MAX: Final = 250
# The largest page that is asked for, 999 groups, has some 100 KiB.
PAGE_BYTES_MAX: Final = 2 * 1024 * 1024
# The directory's access token is renewed this long before it ends.
_AHEAD_SECONDS: Final = 60.0
# Ids as the three products make them, of ten characters at least: "me" is the gateway itself.
_ID: Final = re.compile(r"[A-Za-z0-9_-]{10,128}(?::[A-Za-z0-9_-]{10,128})?")
# An event's group is a short text.
_GROUP_MAX: Final = 256
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404
# Source: developer.okta.com, "User status": those of people who can still work, or log in again.
_OKTA_OPEN: Final = frozenset({"ACTIVE", "LOCKED_OUT", "PASSWORD_EXPIRED", "RECOVERY"})
_GOOGLE_SCOPES: Final = (
    "https://www.googleapis.com/auth/admin.directory.group.readonly",
    "https://www.googleapis.com/auth/admin.directory.user.readonly",
)
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_ACCEPT: Final = ((b"accept", b"application/json"), (b"accept-encoding", b"identity"))
# RFC 8288 section 3, as Okta writes it.
_NEXT: Final = re.compile(rb'<([^<>]+)>\s*;\s*rel="?next"?')

Page = tuple[Any, Sequence[tuple[bytes, bytes]]]


class Directory:
    """A directory of groups; each subclass speaks the protocol of one product."""

    def __init__(
        self, client: UpstreamClient, issuer: Issuer, source: GroupsFrom, secret: Callable[[], str]
    ) -> None:
        """Ask nothing yet.

        Args:
            client: carries the requests; its limits bound each wait.
            issuer: whose callers are asked for.
            source: the issuer's ``groups_from``.
            secret: returns the credential's value; called anew when it is needed.
        """
        self._client = client
        self._issuer = issuer
        self._source = source
        self._secret = secret
        self._origin, self._prefix = Origin.split(source.url)

    async def groups(self, subject: str, kind: PrincipalKind) -> tuple[str, ...]:
        """Return every group that the caller is in, also by way of other groups.

        Raises:
            GroupsUnresolved: the directory does not know the caller, has closed the account, or
                knows more groups than an event can carry.
            UpstreamError: it does not answer, or not as its documentation says.
            CredentialError: there is no credential to ask with, or not of the right form.
        """
        if not _ID.fullmatch(subject):
            raise GroupsUnresolved
        try:
            found = await self._groups(_Question(self), subject, kind)
        except (KeyError, TypeError, AttributeError, ValueError):
            raise UpstreamProtocolError("a directory's answer has another form") from None
        unique = tuple(dict.fromkeys(found))
        if len(unique) > GROUPS_LIMIT:
            raise GroupsUnresolved
        return unique

    async def page(self, target: str) -> Page:
        """Return the JSON document at a target of this directory, and its headers.

        Raises:
            GroupsUnresolved: there is none: what the target names is not known.
            UpstreamError: the directory does not answer, or refuses.
        """
        headers = [*_ACCEPT, (b"authorization", await self._authorization())]
        response = await self._client.send(self._origin, "GET", self._prefix + target, headers)
        async with response:
            if response.status == _NOT_FOUND:
                raise GroupsUnresolved
            if response.status == _UNAUTHORIZED:
                self._forget_authorization()
            return await _document(response), response.headers

    def next_target(self, link: str) -> str:
        """Return the target of a link to the next page.

        Raises:
            UpstreamProtocolError: it leads to another origin.
        """
        parts = urlsplit(link)
        try:
            origin, path = Origin.split(f"{parts.scheme}://{parts.netloc}{parts.path}")
        except ValueError:
            origin, path = None, ""
        if origin != self._origin or not path.startswith(self._prefix):
            raise UpstreamProtocolError("a directory's next page is at another place")
        return f"{path.removeprefix(self._prefix)}?{parts.query}"

    async def _groups(self, question: "_Question", subject: str, kind: PrincipalKind) -> list[str]:
        raise NotImplementedError

    async def _authorization(self) -> bytes:
        raise NotImplementedError

    def _forget_authorization(self) -> None:
        """Fetch an access token anew the next time."""


class _Question:
    """The requests of one question, counted."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._left = REQUESTS_MAX

    async def page(self, target: str) -> Page:
        if self._left == 0:
            raise GroupsUnresolved
        self._left -= 1
        return await self._directory.page(target)


class OktaDirectory(Directory):
    """Okta's Users API; the credential is an API token.

    Source: developer.okta.com, "List all user groups" and "Pagination".
    """

    async def _groups(self, question: _Question, subject: str, kind: PrincipalKind) -> list[str]:
        if kind == "service":
            return []  # a client is in no group of Okta
        user = f"/api/v1/users/{subject}"
        account, _ = await question.page(user)
        if account["status"] not in _OKTA_OPEN:
            raise GroupsUnresolved
        found: list[str] = []
        target: str | None = f"{user}/groups?limit=200"
        while target is not None:
            members, headers = await question.page(target)
            found += [_name(member["profile"]["name"]) for member in members]
            links = [value for name, value in headers if name.lower() == b"link"]
            link = next((match for value in links if (match := _NEXT.search(value))), None)
            target = None if link is None else self.next_target(link[1].decode("ascii", "replace"))
        return found

    async def _authorization(self) -> bytes:
        return b"SSWS " + _header_value(self._secret())


class _TokenDirectory(Directory):
    """A directory that wants an OAuth access token of its own; the credential is a JSON object."""

    _members: ClassVar[tuple[str, ...]]
    _token: bytes = b""
    _token_until: float = 0.0

    async def _authorization(self) -> bytes:
        if not self._token or time() >= self._token_until:
            url, form = self._grant(self._credential())
            origin, target = Origin.split(url)
            if not is_confidential(origin):
                raise CredentialUnreadable(f"{self._source.credential} names a place without TLS")
            headers = [*_ACCEPT, (b"content-type", b"application/x-www-form-urlencoded")]
            body = urlencode(form).encode("ascii")
            response = await self._client.send(origin, "POST", target or "/", headers, body)
            async with response:
                answer = await _document(response)
            self._token = b"Bearer " + _header_value(answer["access_token"])
            self._token_until = time() + float(answer["expires_in"]) - _AHEAD_SECONDS
        return self._token

    def _forget_authorization(self) -> None:
        self._token = b""

    def _credential(self) -> Mapping[str, str]:
        try:
            found = orjson.loads(self._secret())
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict) or not all(
            isinstance(found.get(name), str) for name in self._members
        ):
            listed = ", ".join(self._members)
            raise CredentialUnreadable(
                f"{self._source.credential} must be a JSON object with {listed}"
            )
        return found

    def _grant(self, credential: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        raise NotImplementedError


class EntraDirectory(_TokenDirectory):
    """Microsoft Graph; the credential is an application's ``client_id`` and ``client_secret``.

    A group is named by its object id, as in a token. The address that a token gives for its
    groups is not used: it is of a service that ended. Source: learn.microsoft.com, "List a user's
    direct and transitive memberships" and "OAuth 2.0 client credentials flow".
    """

    _members = ("client_id", "client_secret")

    async def _groups(self, question: _Question, subject: str, kind: PrincipalKind) -> list[str]:
        owner = "users" if kind == "human" else "servicePrincipals"
        member = f"/v1.0/{owner}/{subject.rpartition(':')[2]}"
        account, _ = await question.page(f"{member}?$select=accountEnabled")
        if account["accountEnabled"] is not True:
            raise GroupsUnresolved
        found: list[str] = []
        target: str | None = (
            f"{member}/transitiveMemberOf/microsoft.graph.group?$select=id&$top=999"
        )
        while target is not None:
            document, _ = await question.page(target)
            found += [_name(group["id"]) for group in document["value"]]
            link = document.get("@odata.nextLink")
            target = None if link is None else self.next_target(link)
        return found

    def _grant(self, credential: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        tenant = self._issuer.issuer.removesuffix("/v2.0")
        return f"{tenant}/oauth2/v2.0/token", {
            "grant_type": "client_credentials",
            "client_id": credential["client_id"],
            "client_secret": credential["client_secret"],
            "scope": f"{self._origin}/.default",
        }


class GoogleDirectory(_TokenDirectory):
    """Google's Directory API; the credential is the JSON key of a service account.

    A group is named by its address. The API knows direct members only, so that each group found
    is asked for in turn. Source: developers.google.com, "Directory API: groups.list" and
    "Using OAuth 2.0 for server to server applications".
    """

    _members = ("client_email", "private_key", "token_uri")

    async def _groups(self, question: _Question, subject: str, kind: PrincipalKind) -> list[str]:
        if kind == "service":
            return []  # the directory knows people; a service account is of a project
        user = f"/admin/directory/v1/users/{subject}"
        account, _ = await question.page(f"{user}?fields=suspended,archived")
        if account.get("suspended") or account.get("archived"):
            raise GroupsUnresolved
        found: dict[str, None] = {}
        around = [subject]
        while around:
            lists = await asyncio.gather(*(self._direct(question, member) for member in around))
            named = dict.fromkeys(group for groups in lists for group in groups)
            around = [group for group in named if group not in found]
            found |= named
        return list(found)

    async def _direct(self, question: _Question, member: str) -> list[str]:
        found: list[str] = []
        query = {"userKey": member, "maxResults": "200", "fields": "groups/email,nextPageToken"}
        while True:
            document, _ = await question.page(f"/admin/directory/v1/groups?{urlencode(query)}")
            found += [_name(group["email"]) for group in document.get("groups", ())]
            if not document.get("nextPageToken"):
                return found
            query["pageToken"] = document["nextPageToken"]

    def _grant(self, credential: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        now = int(time())
        claims = {
            "iss": credential["client_email"],
            "scope": " ".join(_GOOGLE_SCOPES),
            "aud": credential["token_uri"],
            "iat": now,
            "exp": now + 600,
        }
        if self._source.act_as is not None:
            claims["sub"] = self._source.act_as
        try:
            key = RSAKey.import_key(credential["private_key"])
            assertion = jwt.encode({"alg": "RS256", "typ": "JWT"}, claims, key)
        except (JoseError, ValueError, TypeError):
            # The cause may quote the key.
            raise CredentialUnreadable(f"{self._source.credential} has no usable key") from None
        return credential["token_uri"], {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": assertion,
        }


_DIRECTORIES: Final[Mapping[ProfileName, type[Directory]]] = {
    "okta": OktaDirectory,
    "entra": EntraDirectory,
    "google": GoogleDirectory,
}


def directory_of(
    client: UpstreamClient, issuer: Issuer, source: GroupsFrom, secret: Callable[[], str]
) -> Directory:
    """Return the directory of an issuer, by its profile; see `Directory`."""
    return _DIRECTORIES[issuer.profile_name](client, issuer, source, secret)


async def _document(response: UpstreamResponse) -> Any:
    if response.status != _OK:
        raise UpstreamProtocolError(f"a directory answered with status {response.status}")
    try:
        return orjson.loads(await response.read(PAGE_BYTES_MAX))
    except orjson.JSONDecodeError:
        raise UpstreamProtocolError("a directory's answer is not JSON") from None


def _name(value: str) -> str:
    """Return a group's name, if an event can carry it."""
    if not 0 < len(value) <= _GROUP_MAX or not value.isprintable():
        raise UpstreamProtocolError("a directory's group has a name that cannot be recorded")
    return value


def _header_value(text: str) -> bytes:
    """Return a token as part of a header.

    Raises:
        CredentialUnreadable: it is none.
    """
    if not _TOKEN.fullmatch(text):
        raise CredentialUnreadable("a directory's credential is not a token")
    return text.encode("ascii")
