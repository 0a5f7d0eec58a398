"""DKIM (RFC 6376, RFC 8463) by dkimpy: what we sign, and whether what arrives is signed by the body of its From.

Keys come from the register of bodies and never from DNS. Only the arithmetic of RSA is handed to ``cryptography``
(dkimpy does it in Python, 12 ms a signature); canonical forms, hashes and header fields are dkimpy's.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import dkim
import nacl.exceptions
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_der_public_key,
)
from dkim.util import InvalidTagValueList, parse_tag_value

from crypto.dkim_keys import DkimPublicKey, DkimSigningKey, dkim_record
from mailgw.headers import Headers

SIGNED = (
    b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"in-reply-to", b"references",
    b"mime-version", b"content-type", b"content-transfer-encoding", b"disposition-notification-to",
)  # fmt: skip
OVERSIGNED = (
    b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"mime-version", b"content-type",
    b"content-transfer-encoding",
)  # fmt: skip
MOST_SIGNATURES = 8
MOST_SIGNATURE_OCTETS = 8000
_NAMES = {"rsa": b"rsa-sha256", "ed25519": b"ed25519-sha256"}
_BARE = b"ed25519-sha256"


class Verdict(StrEnum):
    """What the signatures of a message say of the body of its From."""

    NONE = "none"
    """Nothing is signed in the body's name."""
    UNKNOWN = "unknown"
    """Signed in its name, but by no key that the register has."""
    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class _Signature:
    """A DKIM-Signature field: its place among its like, and its tags."""

    index: int
    tags: Mapping[bytes, bytes]


def sign(raw: bytes, keys: Sequence[DkimSigningKey]) -> bytes:
    """Return the DKIM-Signature fields to put before a message of CRLF lines, one for each key (relaxed/relaxed).

    The fields that tell what a message is are signed once more than they are there, so that none can be added.
    """
    signer = _Dkim(raw, linesep=b"\r\n")
    present = [name.lower() for name, _ in signer.headers]
    fields = [name for name in SIGNED for _ in range(present.count(name) + (name in OVERSIGNED))]
    return b"".join(_signed(signer, key, fields) for key in keys)


def is_signed(headers: Headers, domain: str) -> bool:
    """Tell whether a message claims a signature of ``domain`` (lower-case A-labels), without verifying anything."""
    return bool(_signatures(headers, domain))


def verify(raw: bytes, headers: Headers, domain: str, keys: Mapping[str, DkimPublicKey]) -> Verdict:
    """Return what a message's signatures in the name of ``domain`` (lower-case A-labels) prove by ``keys`` (selector).

    One sound signature suffices (RFC 6376 §6.1); with none sound, one that should be is a failure. A signature that
    leaves out From, or counts only a part of the body (``l=``), is never sound. ``headers`` are those of ``raw``.
    """
    claimed = _signatures(headers, domain)
    if not claimed:
        return Verdict.NONE
    known = [one for one in claimed if _selector(one) in keys]
    if not known:
        return Verdict.UNKNOWN
    known.sort(key=lambda one: keys[_selector(one)].algorithm != "ed25519")
    sound = any(_holds(raw, one, keys[_selector(one)]) for one in known)
    return Verdict.PASS if sound else Verdict.FAIL


def _signatures(headers: Headers, domain: str) -> list[_Signature]:
    """Return the signatures in the name of a domain, of the first few fields; what cannot be read counts for nobody."""
    found = []
    for index, value in enumerate(headers.all("dkim-signature")[:MOST_SIGNATURES]):
        if len(value) > MOST_SIGNATURE_OCTETS:
            continue
        try:
            tags = parse_tag_value(value)
        except InvalidTagValueList:
            continue
        if tags.get(b"d", b"").decode("ascii", "replace").lower() == domain:
            found.append(_Signature(index, tags))
    return found


def _selector(signature: _Signature) -> str:
    return signature.tags.get(b"s", b"").decode("ascii", "replace").lower()


def _holds(raw: bytes, signature: _Signature, key: DkimPublicKey) -> bool:
    tags = signature.tags
    fields = [name.strip().lower() for name in tags.get(b"h", b"").split(b":")]
    if b"l" in tags or b"from" not in fields or tags.get(b"a", b"").lower() != _NAMES[key.algorithm]:
        return False
    record = dkim_record(key.algorithm, key.public).encode("ascii")
    try:
        verifier = _Dkim(raw, minkey=2048, key=key)
        return bool(verifier.verify(signature.index, dnsfunc=lambda _name, timeout=0: record))
    except (dkim.DKIMException, ValueError):  # ValueError: base64 or numbers that are none
        return False


def _signed(signer: "_Dkim", key: DkimSigningKey, fields: Iterable[bytes]) -> bytes:
    private = load_der_private_key(key.private, None, unsafe_skip_rsa_key_validation=True)  # our own sealed column
    signer.private = private
    if isinstance(private, ed25519.Ed25519PrivateKey):
        told = base64.b64encode(private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    else:
        told = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    field: bytes = signer.sign(
        key.selector.encode("ascii"), key.domain.encode("ascii"), told, signature_algorithm=_NAMES[key.algorithm],
        canonicalize=(b"relaxed", b"relaxed"), include_headers=list(fields),
    )  # fmt: skip
    return field


class _Dkim(dkim.DKIM):  # type: ignore[misc]  # dkimpy has no types
    """dkimpy's signer and verifier with the arithmetic of RSA done by ``cryptography``.

    dkimpy asks an Ed25519 key for a signature over a finished SHA-256 and for its check; an RSA key in that shape is
    put in its place after the field ``a=`` is written, or before the check.
    """

    def __init__(self, raw: bytes, *, key: DkimPublicKey | None = None, **options: Any) -> None:
        super().__init__(raw, **options)
        self.private: object = None
        self._public = key
        self.ktag: Any = None

    def gen_header(self, *arguments: Any, **named: Any) -> Any:
        """Write the field; an RSA signature comes from ``cryptography``."""
        if not isinstance(self.private, rsa.RSAPrivateKey):
            return super().gen_header(*arguments, **named)
        self.signature_algorithm = _BARE
        *others, _pk = arguments
        return super().gen_header(*others, _RsaSigner(self.private), **named)

    def verify_sig_process(self, *arguments: Any) -> bool:
        """Check the signature; an RSA key is asked through ``cryptography``."""
        if self._public is not None and self.ktag == b"rsa" and self.keysize >= self.minkey:
            self.ktag, self.pk = b"ed25519", _RsaVerifier(self._public.public)
        return bool(super().verify_sig_process(*arguments))


@dataclass(frozen=True, slots=True)
class _Signed:
    signature: bytes


class _RsaSigner:
    """An RSA key that signs a SHA-256 as dkimpy asks of an Ed25519 key."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def sign(self, digest: bytes) -> _Signed:
        """Return RSASSA-PKCS1-v1_5 over a digest (RFC 6376 §3.3.2)."""
        return _Signed(self._key.sign(digest, padding.PKCS1v15(), Prehashed(SHA256())))


class _RsaVerifier:
    """An RSA key that checks a signature over a SHA-256 as dkimpy asks of an Ed25519 key."""

    def __init__(self, public: bytes) -> None:
        self._key = load_der_public_key(public)

    def verify(self, digest: bytes, signature: bytes) -> None:
        """Raise BadSignatureError, which dkimpy waits for, when the signature is not of this key."""
        assert isinstance(self._key, rsa.RSAPublicKey)
        try:
            self._key.verify(signature, digest, padding.PKCS1v15(), Prehashed(SHA256()))
        except InvalidSignature as error:
            raise nacl.exceptions.BadSignatureError from error
