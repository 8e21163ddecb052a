"""Make a certificate authority and a server's certificate, for a test of TLS."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def issue_certificate(host: str) -> tuple[bytes, bytes, bytes]:
    """Return an authority's certificate, one that it issued to ``host``, and its key, as PEM."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = f"Test authority {x509.random_serial_number()}"[:64]
    authority = _certificate(name, authority_key.public_key(), name)
    authority = authority.add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    issued = _certificate(host, key.public_key(), name).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
    )
    return (
        authority.sign(authority_key, hashes.SHA256()).public_bytes(Encoding.PEM),
        issued.sign(authority_key, hashes.SHA256()).public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _certificate(name: str, key: ec.EllipticCurvePublicKey, issuer: str) -> x509.CertificateBuilder:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
