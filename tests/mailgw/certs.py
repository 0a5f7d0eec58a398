"""Certificates for tests: an authority per installation, each with one server and client certificate."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class Installation:
    """PEM of an installation's authority, and of the certificate and key that it issued to its gateway."""

    ca: bytes
    certificate: bytes
    key: bytes


@cache
def installation(name: str) -> Installation:
    """Return the (memoised) certificates of an installation, whose gateway is ``mail.<name>.test``."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])
    ca = _builder(ca_name, ca_name, ca_key.public_key())
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"mail.{name}.test")])
    leaf = _builder(subject, ca_name, key.public_key())
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    leaf = leaf.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName(f"mail.{name}.test")]), critical=False)
    return Installation(
        ca=ca.sign(ca_key, SHA256()).public_bytes(Encoding.PEM),
        certificate=leaf.sign(ca_key, SHA256()).public_bytes(Encoding.PEM),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


@cache
def self_signed(name: str) -> Installation:
    """Return the (memoised) certificate that the server ``mail.<name>.test`` made itself: it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"mail.{name}.test")])
    made = _builder(subject, subject, key.public_key()).sign(key, SHA256()).public_bytes(Encoding.PEM)
    return Installation(
        ca=made, certificate=made, key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
    )
