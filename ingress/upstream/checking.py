"""Try a connection's credential where nothing changes, and say what happened without showing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingress.errors import CredentialError, UpstreamError
from ingress.policy.connections import AwsSigV4, Basic, Bearer, Connection, HeaderAuth
from ingress.upstream.client import UpstreamClient, UpstreamLimits
from ingress.upstream.custody import Access, Custody, Outgoing
from ingress.upstream.secret_reading import SecretReader, SecretStore
from ingress.upstream.tokens import TokenTrade

# What lists or counts and changes nothing, by kind of connection.
_HARMLESS: Final = {
    "copilot": b"/models",
    "openai": b"/v1/models",
    "azure": b"/openai/models?api-version=2024-10-21",
    "anthropic": b"/v1/models",
    "github": b"/rate_limit",
}
_LIMITS: Final = UpstreamLimits(first_byte_seconds=15.0)


@dataclass(frozen=True, slots=True)
class Checked:
    """What trying one connection showed; ``passed`` None: nothing harmless is known to ask."""

    connection: str
    passed: bool | None
    said: str


async def check_connections(
    connections: Iterable[Connection], store: SecretStore, ca_file: Path | None
) -> list[Checked]:
    """Try each connection's credential at its upstream or at who trades it."""
    client = UpstreamClient(_LIMITS, ca_file=ca_file)
    custody = Custody(SecretReader(store), TokenTrade(client, ca_file))
    try:
        return [await _check(client, custody.access(each)) for each in connections]
    finally:
        custody.close()
        await client.close()


async def _check(client: UpstreamClient, access: Access) -> Checked:
    connection = access.connection
    target = _HARMLESS.get(connection.kind, b"")
    traded = not isinstance(connection.auth, Bearer | HeaderAuth | Basic | AwsSigV4)
    request = Outgoing("GET", target or b"/", [(b"user-agent", b"tailnumber"), _IDENTITY])
    try:
        authorized = await access.authorize(request)
        if not target:
            said = "traded for a token" if traded else "readable"
            return Checked(
                connection.name,
                True if traded else None,
                f"{said}; no harmless request is known for kind {connection.kind}",
            )
        response = await client.send(
            authorized.origin, "GET", authorized.target, authorized.headers
        )
        async with response:
            status = response.status
    except (CredentialError, UpstreamError) as error:
        return Checked(connection.name, False, str(error))
    where = f"{authorized.origin}{target.decode('ascii').partition('?')[0]}"
    verdict = "taken" if status < 400 else "refused" if status in {401, 403} else "in doubt"
    return Checked(connection.name, status < 400, f"{verdict}: HTTP {status} from {where}")


_IDENTITY: Final = (b"accept-encoding", b"identity")
