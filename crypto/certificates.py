"""Certificates of the internal authority: root, issuing authority, seals, persons, services and servers (RFC 5280)."""

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from crypto.certificate_names import subject_name
from crypto.errors import KeyUnavailable, SignatureInvalid
from crypto.keystore import KeyStore
from crypto.signatures import load_private
from crypto.stored_key import StoredKey

CA_ROOT, CA_ISSUING = "ca-root", "ca-issuing"
_DAYS_OF_YEAR = 365.25
_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # id-kp-documentSigning, RFC 9336
_ANY_POLICY = x509.ObjectIdentifier("2.5.29.32.0")
_POLICIES = "2.25.156949225804071429817343857002424796120"  # an arc of our own: a UUID, ITU-T X.667

Usage = Literal["seal", "person", "server", "tsa", "ocsp"]

POLICY: dict[Usage, x509.ObjectIdentifier] = {
    "server": x509.ObjectIdentifier(f"{_POLICIES}.1"),
    "ocsp": x509.ObjectIdentifier(f"{_POLICIES}.1"),
    "tsa": x509.ObjectIdentifier(f"{_POLICIES}.2"),
    "seal": x509.ObjectIdentifier(f"{_POLICIES}.3"),
    "person": x509.ObjectIdentifier(f"{_POLICIES}.4"),
}
"""Levels of assurance: 1 a machine, 2 the clock, 3 a body (key in the key store), 4 a person (key under a password)."""


@dataclass(frozen=True, slots=True)
class Pointers:
    """Where a relying party asks about revocation: addresses below ``base`` (RFC 5280 §4.2.1.13, §4.2.2.1)."""

    base: str

    @property
    def crl(self) -> str:
        """The list of the issuing authority."""
        return f"{self.base}/crl"

    @property
    def root_crl(self) -> str:
        """The list of the root, which names issuing authorities."""
        return f"{self.base}/root-crl"

    @property
    def ocsp(self) -> str:
        """The responder."""
        return f"{self.base}/ocsp"

    @property
    def certificates(self) -> str:
        """Root and issuing authority."""
        return f"{self.base}/certificates"


def root_certificate(
    keys: KeyStore | EllipticCurvePrivateKey, *, name: str, not_before: datetime, years: int = 20
) -> bytes:
    """Return the DER of a root certificate signed by its own key: a given one, or ``ca-root`` of a key store.

    ``not_before`` is aware. It may sign one authority below it, which signs ends (path length 1, RFC 5280 §4.2.1.9).
    """
    if isinstance(keys, EllipticCurvePrivateKey):
        signer = keys
    else:
        keys.create(CA_ROOT)
        signer = StoredKey(keys, CA_ROOT)
    subject = subject_name(common_name=name, organization=name, serial_number=None)
    builder = _builder(subject, subject, signer.public_key(), not_before, not_before + _years(years))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    builder = builder.add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    return _signed(builder, signer)


def issuing_certificate(
    root_key: EllipticCurvePrivateKey,
    root_der: bytes,
    *,
    public_key: bytes,
    name: str,
    not_before: datetime,
    years: int = 5,
    pointers: Pointers | None = None,
) -> bytes:
    """Return the DER of an issuing authority's certificate for ``public_key``, which signs ends only (path length 0).

    Raises SignatureInvalid ``certificates.bad-root``, ``.bad-public-key`` or ``.not-the-issuer``.
    """
    root, public = load_certificate(root_der), load_public(public_key)
    if _spki(root_key.public_key()) != public_key_of(root_der):
        raise SignatureInvalid("certificates.not-the-issuer")
    end = min(not_before + _years(years), root.not_valid_after_utc)
    subject = subject_name(common_name=name, organization=name, serial_number=None, unit="Issuing")
    builder = _builder(subject, root.subject, public, not_before, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(
        _key_usage(key_cert_sign=True, crl_sign=True, digital_signature=True), critical=True
    )
    builder = builder.add_extension(_issuer_key(root), critical=False)
    builder = builder.add_extension(_policies(_ANY_POLICY), critical=False)
    if pointers:
        builder = builder.add_extension(_list_at(pointers.root_crl), critical=False)
    return _signed(builder, root_key)


def issue_certificate(
    keys: KeyStore,
    issuer_der: bytes,
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
    signer: str | None = None,
    pointers: Pointers | None = None,
) -> bytes:
    """Return the DER of an end certificate for ``public_key`` (DER SubjectPublicKeyInfo) signed by an authority's key.

    ``issuer_der`` is the issuing authority (or a root) whose key is in the store as ``signer``, else under one of the
    usual names. A ``seal`` (an entity) and a ``person`` sign documents (digitalSignature, contentCommitment), ``tsa``
    time-stamps alone (RFC 3161 §2.3), ``ocsp`` answers for the authority and is not asked about itself (RFC 6960
    §4.2.2.2), a ``server`` takes part in TLS on both sides under ``dns_names`` and ``ips``. ``serial_number_attr`` is
    the entity or employee code. It never outlives its issuer. A name over 64 bytes is cut in CN and O and stands whole
    in the attribute ``name``. Raises SignatureInvalid ``certificates.bad-root``, ``.bad-public-key`` or
    ``.not-the-issuer``.
    """
    issuer, public = load_certificate(issuer_der), load_public(public_key)
    end = min(not_before + timedelta(days=days), issuer.not_valid_after_utc)
    subject = subject_name(common_name=common_name, organization=organization, serial_number=serial_number_attr)
    builder = _builder(subject, issuer.subject, public, not_before, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_issuer_key(issuer), critical=False)
    builder = builder.add_extension(_policies(POLICY[usage]), critical=False)
    builder = _for_use(builder, usage)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
    if usage == "server" and names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if pointers and usage != "ocsp":
        builder = builder.add_extension(_list_at(pointers.crl), critical=False)
        builder = builder.add_extension(_asked_at(pointers), critical=False)
    return _signed(builder, StoredKey(keys, signer or _signer_of(keys, issuer_der)))


def _for_use(builder: x509.CertificateBuilder, usage: Usage) -> x509.CertificateBuilder:
    """Add key usage and purposes."""
    if usage in ("seal", "person"):
        builder = builder.add_extension(_key_usage(digital_signature=True, content_commitment=True), critical=True)
        return builder.add_extension(x509.ExtendedKeyUsage([_DOCUMENT_SIGNING]), critical=False)
    builder = builder.add_extension(_key_usage(digital_signature=True), critical=True)
    if usage == "tsa":
        return builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    if usage == "ocsp":
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
        return builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
    both_sides = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return builder.add_extension(x509.ExtendedKeyUsage(both_sides), critical=False)


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


def load_public(public_key: bytes) -> EllipticCurvePublicKey:
    """Return an elliptic-curve public key from DER; raises SignatureInvalid ``certificates.bad-public-key``."""
    try:
        public = load_der_public_key(public_key)
    except ValueError:
        public = None
    if not isinstance(public, EllipticCurvePublicKey):
        raise SignatureInvalid("certificates.bad-public-key")
    return public


def serial_of(certificate_der: bytes) -> str:
    """Return the serial number as people write it: upper-case hexadecimal in whole bytes."""
    return format_serial(load_certificate(certificate_der).serial_number)


def format_serial(number: int) -> str:
    """Return a serial number as people write it: upper-case hexadecimal in whole bytes."""
    return number.to_bytes((number.bit_length() + 7) // 8 or 1).hex().upper()


def is_issued_by(certificate_der: bytes, issuer_der: bytes) -> bool:
    """Say whether a certificate is signed by that issuer's key and names it; dates and uses are not looked at."""
    try:
        load_certificate(certificate_der).verify_directly_issued_by(load_certificate(issuer_der))
    except (ValueError, TypeError, InvalidSignature, SignatureInvalid):
        return False
    return True


def chain_pem(*certificates: bytes) -> bytes:
    """Return DER certificates as one PEM text, the form that ``ssl`` reads (RFC 7468)."""
    return b"".join(load_certificate(der).public_bytes(Encoding.PEM) for der in certificates)


def read_pem(text: bytes) -> list[bytes]:
    """Return the certificates (DER) of a PEM text; raises SignatureInvalid ``certificates.bad-pem`` without any."""
    try:
        found = x509.load_pem_x509_certificates(text)
    except ValueError:
        raise SignatureInvalid("certificates.bad-pem") from None
    return [each.public_bytes(Encoding.DER) for each in found]


def private_key_pem(private_der: bytes, password: bytes | None = None) -> bytes:
    """Return a P-256 private key as PKCS#8 PEM for ``ssl``, encrypted when a password is given."""
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return load_private(private_der).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: EllipticCurvePublicKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    """Return what all certificates share: names, a random 127-bit serial (RFC 5280 §4.1.2.2), time, key identifier."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(secrets.randbits(127) | 1 << 126)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, signer: EllipticCurvePrivateKey) -> bytes:
    algorithm = SHA384() if isinstance(signer.curve, SECP384R1) else SHA256()
    return builder.sign(signer, algorithm).public_bytes(Encoding.DER)


def _signer_of(keys: KeyStore, issuer_der: bytes) -> str:
    """Return the usual name under which the store has the issuer's key."""
    public = public_key_of(issuer_der)
    for name in (CA_ISSUING, CA_ROOT):
        try:
            if keys.public_key(name) == public:
                return name
        except KeyUnavailable:
            continue
    raise SignatureInvalid("certificates.not-the-issuer")


def _spki(public: EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _years(years: int) -> timedelta:
    return timedelta(days=years * _DAYS_OF_YEAR)


def _issuer_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    known = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)


def _policies(policy: x509.ObjectIdentifier) -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(policy, None)])


def _list_at(url: str) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)])


def _asked_at(pointers: Pointers) -> x509.AuthorityInformationAccess:
    return x509.AuthorityInformationAccess([
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(pointers.ocsp)),
    ])  # fmt: skip


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
