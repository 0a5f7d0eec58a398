"""The seal on paper: what was signed, in a QR symbol that verifies with no network.

``AT1:`` and, in base45 (RFC 9285), a COSE_Sign1 (RFC 9052 §4.2) with ES256 whose protected header names the key; the
payload is a canonical CBOR map with integer keys (docs/formats/paper-seal.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from crypto.base45 import decode, encode
from crypto.errors import SealInvalid
from crypto.paper_text import pack, unpack

PREFIX: Final = "AT1:"
PROFILE: Final = 1
"""The meaning of the integer keys: an official letter."""
ROOM: Final = ((34.0, 419), (41.0, 656), (48.0, 970))
"""Side of the room on paper in millimetres, quiet zone included, and how many characters a symbol in it holds: QR
versions 12, 16 and 20 at level M, which are then 30, 37 and 44 mm wide with modules of 0.46 mm."""
MOST_SUBJECT: Final = 60
MOST_RECIPIENTS: Final = 3

_LONGEST: Final = ROOM[-1][1]
_EPOCH: Final = date(2000, 1, 1)
_SIGN1_TAG: Final = b"\xd2"
_ALGORITHM, _KEY_ID, _ES256 = 1, 4, -7
_MOST_LETTERS: Final = 4_000
_USUAL_NUMBER: Final = 32  # bytes of UTF-8
_HASH, _KEY_ID_LENGTH, _HALF, _DAYS = 16, 8, 32, 365_000
_BROKEN: Final = "crypto.seal-broken"


@dataclass(frozen=True, slots=True)
class SealClaims:
    """What a paper seal says of a letter.

    ``document_code`` has 18 digits, ``sender`` and ``recipients`` (the first three of ``recipient_count``) 8 each;
    ``content_hash`` is the first 16 bytes of SHA-256 over what the person signed; ``subject`` is cut at 60 letters
    where there is no text; ``status_index`` is the place in the status list of the sender and year; ``text`` holds
    the letter's words, if they fit.
    """

    document_code: str
    day: date
    content_hash: bytes
    subject: str
    sender: str
    recipients: tuple[str, ...]
    pages: int
    sensitivity: int
    status_index: int
    number: str
    text: str | None = None
    recipient_count: int = 0
    profile: int = PROFILE


@dataclass(frozen=True, slots=True)
class UnverifiedSeal:
    """What a symbol claims, and the key that it says it was made with; proves nothing."""

    claims: SealClaims
    key_id: bytes


def fitted(claims: SealClaims) -> tuple[SealClaims, float]:
    """Return the claims as they are sealed, and the side of their room in millimetres: 34, 41 or 48.

    The text goes when there is no room for it; the subject of a seal without text is shortened until it fits the least.
    """
    told, count = claims.recipients[:MOST_RECIPIENTS], max(claims.recipient_count, len(claims.recipients))
    subject = " ".join(claims.subject.split())
    claims = replace(claims, subject=subject, recipients=told, recipient_count=count)
    if claims.text is not None and len(claims.text) <= _MOST_LETTERS:
        side = _side(claims)
        if side is not None:
            return claims, side
    short = subject if len(subject) <= MOST_SUBJECT else subject[: MOST_SUBJECT - 1].rstrip() + "…"
    claims = replace(claims, subject=short, text=None)
    while (side := _side(claims)) is None or side > ROOM[0][0]:
        if len(claims.subject) < 2:
            raise SealInvalid("crypto.seal-too-long")
        claims = replace(claims, subject=claims.subject.rstrip("…")[:-1].rstrip() + "…")
    return claims, side


def plan_seal(claims: SealClaims) -> float:
    """Return the side in millimetres of the room that the symbol of these claims needs, quiet zone included.

    ``pages``, ``status_index`` and ``number`` (up to 32 bytes) may still be any.
    """
    return fitted(claims)[1]


def make_seal(claims: SealClaims, *, sign: Callable[[bytes], bytes], key_id: bytes) -> str:
    """Return the text of the symbol.

    ``sign`` takes the bytes to be signed and gives a DER signature (ECDSA P-256, SHA-256), so that the private key
    stays in its store; ``key_id`` is the first 8 bytes of SHA-256 of the seal's certificate. Raises SealInvalid
    ``crypto.seal-too-long``.
    """
    claims, _ = fitted(claims)
    protected, payload = _protected(key_id), _payload(claims)
    return _written(protected, payload, raw_signature(sign(to_be_signed(protected, payload))))


def read_seal(text: str) -> UnverifiedSeal:
    """Return what a symbol claims, unproven; raises SealInvalid for all that :func:`make_seal` would not write."""
    protected, payload, _ = _parts(text)
    return UnverifiedSeal(_claims(payload), _key_id_of(protected))


def verify_seal(text: str, public_keys: Mapping[bytes, bytes]) -> SealClaims:
    """Return what a symbol proves; ``public_keys`` are SPKI DER by key id.

    Raises SealInvalid ``crypto.seal-unknown-key``, ``crypto.seal-forged`` or ``crypto.seal-broken``.
    """
    protected, payload, signature = _parts(text)
    claims = _claims(payload)
    spki = public_keys.get(_key_id_of(protected))
    if spki is None:
        raise SealInvalid("crypto.seal-unknown-key")
    key = load_der_public_key(spki)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SealInvalid("crypto.seal-unknown-key")
    numbers = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    try:
        key.verify(encode_dss_signature(*numbers), to_be_signed(protected, payload), ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise SealInvalid("crypto.seal-forged") from error
    return claims


def to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure of a COSE_Sign1 without external data (RFC 9052 §4.4)."""
    return cbor2.dumps(["Signature1", protected, b"", payload])


def raw_signature(der: bytes) -> bytes:
    """Return a DER ECDSA signature over P-256 as COSE writes it: r and s of 32 bytes each (RFC 9053 §2.1)."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def _written(protected: bytes, payload: bytes, signature: bytes) -> str:
    return PREFIX + encode(_SIGN1_TAG + cbor2.dumps([protected, {}, payload, signature]))


def _side(claims: SealClaims) -> float | None:
    """Return the side of the room in millimetres, None where there is no room for it.

    Pages, number and place in the list count as long ones, so that a letter keeps the room planned before it had them.
    """
    number = claims.number + "0" * (_USUAL_NUMBER - len(claims.number.encode()))
    most = replace(claims, pages=max(claims.pages, 1000), status_index=max(claims.status_index, 10**8), number=number)
    length = len(_written(_protected(bytes(_KEY_ID_LENGTH)), _payload(most), bytes(2 * _HALF)))
    return next((side for side, room in ROOM if length <= room), None)


def _protected(key_id: bytes) -> bytes:
    return cbor2.dumps({_ALGORITHM: _ES256, _KEY_ID: key_id}, canonical=True)


def _payload(claims: SealClaims) -> bytes:
    value: dict[int, Any] = {
        1: int(claims.document_code), 3: (claims.day - _EPOCH).days, 4: claims.content_hash, 6: int(claims.sender),
        7: [claims.recipient_count, *map(int, claims.recipients)], 8: claims.pages, 9: claims.sensitivity,
        10: claims.profile, 11: claims.status_index, 13: claims.number,
    }  # fmt: skip
    if claims.text is None:
        value[5] = claims.subject
    else:
        value[12] = pack(f"{claims.subject}\n{claims.text}")
    return cbor2.dumps(value, canonical=True)


def _parts(text: str) -> tuple[bytes, bytes, bytes]:
    """Return protected header, payload and signature of a well-formed symbol."""
    if not text.startswith(PREFIX) or len(text) > _LONGEST:
        raise SealInvalid("crypto.not-a-seal")
    data = decode(text.removeprefix(PREFIX))
    if data[:1] != _SIGN1_TAG:
        raise SealInvalid(_BROKEN)
    match _strict(data[1:]):
        case [bytes() as protected, dict() as unprotected, bytes() as payload, bytes() as signature] if (
            not unprotected and len(signature) == 2 * _HALF
        ):
            return protected, payload, signature
    raise SealInvalid(_BROKEN)


def _strict(data: bytes) -> Any:
    """Return the one value that these bytes are the canonical form of (RFC 8949 §4.2)."""
    try:
        value = cbor2.loads(data, max_depth=4, allow_indefinite=False, allow_duplicate_keys=False)
        canonical = cbor2.dumps(value, canonical=True)
    except Exception as error:  # decoders of hostile tags raise anything
        raise SealInvalid(_BROKEN) from error
    if canonical != data:
        raise SealInvalid(_BROKEN)
    return value


def _key_id_of(protected: bytes) -> bytes:
    match _strict(protected):
        case {1: -7, 4: bytes() as key_id, **others} if not others and len(key_id) == _KEY_ID_LENGTH:
            return key_id
    raise SealInvalid(_BROKEN)


def _claims(payload: bytes) -> SealClaims:
    """Return the claims of a payload, of which every one has been looked at."""
    match _strict(payload):
        case {
            1: code, 3: days, 4: bytes() as digest, 6: sender, 7: [count, *told], 8: pages, 9: sensitivity, 10: 1,
            11: index, 13: str() as number, **others,
        }:  # fmt: skip
            numbers = (code, days, sender, count, *told, pages, sensitivity, index)
        case _:
            raise SealInvalid(_BROKEN)
    match others:
        case {5: str() as subject, **rest} if not rest:
            text = None
        case {12: bytes() as packed, **rest} if not rest:
            subject, _, text = unpack(packed).partition("\n")
        case _:
            raise SealInvalid(_BROKEN)
    if not all(type(each) is int and 0 <= each < 10**18 for each in numbers):
        raise SealInvalid(_BROKEN)
    if len(digest) != _HASH or days > _DAYS or len(told) > min(count, MOST_RECIPIENTS) or code < 10**17:
        raise SealInvalid(_BROKEN)
    return SealClaims(
        f"{code:018d}", _EPOCH + timedelta(days=days), digest, subject, f"{sender:08d}",
        tuple(f"{each:08d}" for each in told), pages, sensitivity, index, number,
        text=text, recipient_count=count,
    )  # fmt: skip
