"""The internal certificate authority: its root in the key store, end certificates for seals, persons and servers."""

import ipaddress
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from stringprep import in_table_d1, in_table_d2
from typing import Literal, Never
from unicodedata import normalize

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurve,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from crypto.errors import SignatureInvalid
from crypto.keystore import KeyStore
from crypto.signatures import load_private

CA_ROOT = "ca-root"
_DAYS_OF_YEAR = 365.25
_LONGEST_NAME = 64  # ub-common-name and ub-organization-name, RFC 5280 Appendix A.1; cryptography counts bytes
_MOST_WHOLE = 32_768
_KASHIDA = "\u0640"
_WHOLE_NAME = x509.ObjectIdentifier("2.5.4.41")  # id-at-name, up to 32768 letters
_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # id-kp-documentSigning, RFC 9336

Usage = Literal["seal", "person", "server"]


def root_certificate(keys: KeyStore, *, name: str, not_before: datetime, years: int = 20) -> bytes:
    """Return the DER of a root certificate signed by its own key ``ca-root`` of the key store, made when missing.

    ``not_before`` is aware. It may sign end certificates only (path length 0, RFC 5280 §4.2.1.9).
    """
    keys.create(CA_ROOT)
    signer = _StoredKey(keys, CA_ROOT)
    subject = _name(common_name=name, organization=name, serial_number=None)
    builder = _builder(subject, subject, signer.public_key(), not_before, timedelta(days=years * _DAYS_OF_YEAR))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    return builder.sign(signer, SHA256()).public_bytes(Encoding.DER)


def issue_certificate(
    keys: KeyStore,
    root_der: bytes,
    *,
    public_key: bytes,
    common_name: str,
    organization: str,
    serial_number_attr: str | None,
    usage: Usage,
    dns_names: Sequence[str] = (),
    ips: Sequence[str] = (),
    not_before: datetime,
    days: int,
) -> bytes:
    """Return the DER of an end certificate for ``public_key`` (DER SubjectPublicKeyInfo) signed by the root.

    A ``seal`` (an entity) and a ``person`` sign documents (digitalSignature, contentCommitment); a ``server`` takes
    part in TLS on both sides under ``dns_names`` and ``ips``. ``serial_number_attr`` is the entity or employee code.
    A name over 64 bytes is cut in CN and O and stands whole in the attribute ``name``.
    Raises SignatureInvalid ``certificates.bad-root`` or ``.bad-public-key``.
    """
    root = load_certificate(root_der)
    try:
        public = load_der_public_key(public_key)
    except ValueError:
        public = None
    if not isinstance(public, EllipticCurvePublicKey):
        raise SignatureInvalid("certificates.bad-public-key")
    subject = _name(common_name=common_name, organization=organization, serial_number=serial_number_attr)
    builder = _builder(subject, root.subject, public, not_before, timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(_StoredKey(keys, CA_ROOT).public_key())
    builder = builder.add_extension(issuer_key, critical=False)
    if usage == "server":
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
        names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
        builder = builder.add_extension(_key_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False) if names else builder
    else:
        purposes = [_DOCUMENT_SIGNING]
        builder = builder.add_extension(_key_usage(digital_signature=True, content_commitment=True), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(_StoredKey(keys, CA_ROOT), SHA256()).public_bytes(Encoding.DER)


def load_certificate(der: bytes) -> x509.Certificate:
    """Return the parsed certificate; raises SignatureInvalid ``certificates.bad-root`` when it is not one."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise SignatureInvalid("certificates.bad-root") from None


def public_key_of(certificate_der: bytes) -> bytes:
    """Return the certified public key as DER SubjectPublicKeyInfo."""
    public = load_certificate(certificate_der).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def chain_pem(*certificates: bytes) -> bytes:
    """Return DER certificates as one PEM text, the form that ``ssl`` reads (RFC 7468)."""
    return b"".join(load_certificate(der).public_bytes(Encoding.PEM) for der in certificates)


def private_key_pem(private_der: bytes, password: bytes | None = None) -> bytes:
    """Return a P-256 private key as PKCS#8 PEM for ``ssl``, encrypted when a password is given."""
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return load_private(private_der).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)


class _StoredKey(EllipticCurvePrivateKey):
    """A key of the key store in the shape that the certificate builder takes; the secret never leaves the store."""

    def __init__(self, keys: KeyStore, name: str) -> None:
        self._keys = keys
        self._name = name

    def sign(self, data: object, signature_algorithm: object) -> bytes:
        """Sign in the store: always ECDSA with SHA-256, which the builders above ask for."""
        return self._keys.sign(self._name, bytes(data))  # type: ignore[call-overload]

    def public_key(self) -> EllipticCurvePublicKey:
        """Return the public half."""
        public = load_der_public_key(self._keys.public_key(self._name))
        assert isinstance(public, EllipticCurvePublicKey)
        return public

    @property
    def curve(self) -> EllipticCurve:
        """P-256."""
        return SECP256R1()

    @property
    def key_size(self) -> int:
        """256 bits."""
        return self.curve.key_size

    def exchange(self, algorithm: object, peer_public_key: object) -> Never:
        """Not for key exchange."""
        raise NotImplementedError

    def private_numbers(self) -> Never:
        """Never leaves the store."""
        raise NotImplementedError

    def private_bytes(self, encoding: object, format: object, encryption_algorithm: object) -> Never:
        """Never leaves the store."""
        raise NotImplementedError

    def __copy__(self) -> "_StoredKey":
        return self

    def __deepcopy__(self, memo: object) -> "_StoredKey":
        return self


def _name(*, common_name: str, organization: str, serial_number: str | None) -> x509.Name:
    """Return the subject; a name that the bounds of RFC 5280 cut stands whole in the attribute ``name``."""
    whole = _one_direction(common_name, _MOST_WHOLE)
    short = _one_direction(common_name, _LONGEST_NAME)
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, _one_direction(organization, _LONGEST_NAME)),
        x509.NameAttribute(NameOID.COMMON_NAME, short),
    ]
    if short != whole:
        attributes.append(x509.NameAttribute(_WHOLE_NAME, whole))
    if serial_number is not None:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial_number))
    return x509.Name(attributes)


def _one_direction(name: str, longest: int) -> str:
    """Return the name so that every reader of certificates compares it, in at most ``longest`` bytes of UTF-8.

    Some readers hold names to RFC 3454 §6, though RFC 4518 §2.5 frees them of it: beside right-to-left letters no Latin
    one, and such a letter at both ends. Latin letters are left out of an Arabic name then, and a kashida closes a name
    that ends with a digit or a bracket; the body is known by its code (serialNumber), the name is for people.
    """
    if not any(map(in_table_d1, name)):
        return _cut(name, longest)
    kept = "".join(letter for letter in normalize("NFKC", name) if not in_table_d2(letter))
    kept = _cut(" ".join(kept.split()), longest - 2 * len(_KASHIDA.encode()))
    before = "" if in_table_d1(kept[:1] or " ") else _KASHIDA
    after = "" if in_table_d1(kept[-1:] or " ") else _KASHIDA
    return f"{before}{kept}{after}"


def _cut(name: str, longest: int) -> str:
    """Return the name up to the last whole word within ``longest`` bytes of UTF-8."""
    raw = name.encode()
    if len(raw) <= longest:
        return name
    start = raw[: longest + 1].decode(errors="ignore")
    return start.rpartition(" ")[0].strip() or raw[:longest].decode(errors="ignore")


def _builder(
    subject: x509.Name, issuer: x509.Name, public: EllipticCurvePublicKey, not_before: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    """Return what all certificates share: names, a random 127-bit serial (RFC 5280 §4.1.2.2), time, key identifier."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(secrets.randbits(127) | 1 << 126)
        .not_valid_before(not_before)
        .not_valid_after(not_before + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
