"""Keys by which a body's mail is signed (DKIM, RFC 6376; Ed25519, RFC 8463): made, read, and told as a DNS record."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from crypto.errors import SignatureInvalid

ALGORITHMS = ("ed25519", "rsa")
RSA_BITS = 2048
_MOST_RSA_BITS = 4096
_RECORD = re.compile(r"(?:^|;)\s*p\s*=([^;]*)")


@dataclass(frozen=True, slots=True)
class DkimSigningKey:
    """A key to sign with: the ``domain`` (A-labels) and ``selector`` it stands under, and PKCS#8 DER."""

    domain: str
    selector: str
    algorithm: str
    private: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DkimPublicKey:
    """A key to verify with: ``public`` is SubjectPublicKeyInfo in DER."""

    selector: str
    algorithm: str
    public: bytes = field(repr=False)


def new_dkim_key(algorithm: str) -> tuple[bytes, bytes]:
    """Return a fresh key of ``ed25519`` or ``rsa`` (2048 bits) as (PKCS#8 DER, SubjectPublicKeyInfo DER)."""
    key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    if algorithm == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), public


def read_dkim_public(told: bytes) -> tuple[str, bytes]:
    """Return (algorithm, SubjectPublicKeyInfo DER) of a public key as PEM, as DER or as a DNS record (``v=DKIM1; …``).

    Raises SignatureInvalid ``dkim.bad-key`` for what is neither Ed25519 nor RSA of 2048 to 4096 bits.
    """
    key: object
    try:
        if told.lstrip().startswith(b"-----"):
            key = load_pem_public_key(told.strip())
        elif told[:1] == b"\x30":
            key = load_der_public_key(told)
        else:
            octets = _record_key(told)
            key = (
                ed25519.Ed25519PublicKey.from_public_bytes(octets) if len(octets) == 32 else load_der_public_key(octets)
            )
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error) as error:
        raise SignatureInvalid("dkim.bad-key") from error
    if isinstance(key, ed25519.Ed25519PublicKey):
        algorithm = "ed25519"
    elif isinstance(key, rsa.RSAPublicKey) and RSA_BITS <= key.key_size <= _MOST_RSA_BITS:
        algorithm = "rsa"
    else:
        raise SignatureInvalid("dkim.bad-key")
    return algorithm, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def dkim_record(algorithm: str, public: bytes) -> str:
    """Return the TXT record of a public key (RFC 6376 §3.6.1, RFC 8463 §4: Ed25519 as its 32 bare octets)."""
    if algorithm == "ed25519":
        public = load_der_public_key(public).public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k={algorithm}; p={base64.b64encode(public).decode()}"


def _record_key(told: bytes) -> bytes:
    """Return the octets of ``p=`` of a record, whole or in the quoted pieces of a zone file."""
    text = told.decode("ascii")
    quoted = re.findall(r'"([^"]*)"', text)
    match = _RECORD.search("".join(quoted) if quoted else text)
    if match is None:
        raise ValueError(text)
    return base64.b64decode("".join(match[1].split()), validate=True)
