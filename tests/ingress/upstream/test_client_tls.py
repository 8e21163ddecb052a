"""The upstream client over TLS, with an authority made for the test."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from scripted_server import Read, Reset, ScriptedServer, Send, Wait, answer, chunked

from ingress.errors import UpstreamReset, UpstreamTimeout, UpstreamUnreachable
from ingress.upstream.client import Origin, UpstreamClient, UpstreamLimits


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a self-signed certificate for 127.0.0.1, key and certificate in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test upstream")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "upstream.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> asyncio.Runner:
    factory = asyncio.new_event_loop if request.param == "asyncio" else uvloop.new_event_loop
    return asyncio.Runner(loop_factory=factory)


def test_trusted_certificate_carries_requests_on_one_connection(
    runner: asyncio.Runner, certificate: Path
) -> None:
    script = [Read(), Send(chunked(b"one")), Read(), Send(answer(b"two"))]

    async def main() -> None:
        async with ScriptedServer([script], tls=server_context(certificate)) as server:
            client = UpstreamClient(ca_file=certificate)
            origin = Origin("https", "127.0.0.1", server.port)

            first = await (await client.send(origin, "POST", "/", [], b"{}")).read(10)
            second = await (await client.send(origin, "POST", "/", [], b"{}")).read(10)

            assert (first, second) == (b"one", b"two")
            assert server.events == ["opened", "request", "request"]
            await client.close()

    with runner:
        runner.run(main())


def test_unknown_certificate_is_unreachable(runner: asyncio.Runner, certificate: Path) -> None:
    async def main() -> None:
        async with ScriptedServer([[Read()]], tls=server_context(certificate)) as server:
            client = UpstreamClient()

            with pytest.raises(UpstreamUnreachable, match="certificate"):
                await client.send(Origin("https", "127.0.0.1", server.port), "GET", "/", [])

            await client.close()

    with runner:
        runner.run(main())


def test_connection_cut_under_tls_is_a_reset(runner: asyncio.Runner, certificate: Path) -> None:
    script = [Read(), Send(chunked(b"one", end=False)), Wait(0.02), Reset()]

    async def main() -> None:
        async with ScriptedServer([script], tls=server_context(certificate)) as server:
            client = UpstreamClient(ca_file=certificate)
            response = await client.send(Origin("https", "127.0.0.1", server.port), "GET", "/", [])

            with pytest.raises(UpstreamReset):
                await response.read(10)

            await client.close()

    with runner:
        runner.run(main())


def test_handshake_that_stalls_times_out(runner: asyncio.Runner) -> None:
    async def main() -> None:
        async with ScriptedServer([[Wait(5)]]) as server:
            client = UpstreamClient(UpstreamLimits(connect_seconds=0.1))

            with pytest.raises(UpstreamTimeout):
                await client.send(Origin("https", "127.0.0.1", server.port), "GET", "/", [])

            await client.close()

    with runner:
        runner.run(main())
