"""Cosignatures of witnesses on checkpoints: C2SP tlog-cosignature (cosignature/v1), Ed25519, and their keys as text."""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crypto.checkpoints import is_name
from crypto.digests import sha256
from crypto.errors import SignatureInvalid

_TYPE: Final = b"\x04"
_ID_BYTES, _TIME_BYTES, _KEY_BYTES = 4, 8, 32
_DASH: Final = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's name and Ed25519 public key (32 bytes)."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The 4 bytes that name the key in notes (C2SP signed-note: SHA-256 of name, newline, type and key)."""
        return sha256(self.name.encode() + b"\n" + _TYPE + self.public)[:_ID_BYTES]

    def text(self) -> str:
        """Return the key as a verifier key of C2SP signed-note: ``name+id+base64``."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_TYPE + self.public).decode()}"


def witness_key(text: str) -> WitnessKey:
    """Read a verifier key; raises SignatureInvalid ``crypto.bad-witness-key``."""
    try:
        name, digits, encoded = text.strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        key = WitnessKey(name, raw[1:])
        good = is_name(name) and raw[:1] == _TYPE and len(raw) == 1 + _KEY_BYTES and key.id.hex() == digits
    except (ValueError, binascii.Error):
        good = False
    if not good:
        raise SignatureInvalid("crypto.bad-witness-key")
    return key


def public_key(name: str, private: Ed25519PrivateKey) -> WitnessKey:
    """Return the public half of a witness's key."""
    return WitnessKey(name, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def cosign(text: str, name: str, private: Ed25519PrivateKey, when: int) -> str:
    """Return the line (with its newline) by which a witness states that it saw a checkpoint's ``text`` at ``when``.

    ``when`` is in seconds since 1970; the signature is over ``cosignature/v1``, the time and the text.
    """
    key = public_key(name, private)
    stamp = when.to_bytes(_TIME_BYTES, "big")
    raw = key.id + stamp + private.sign(_message(text, when))
    return f"{_DASH}{name} {base64.b64encode(raw).decode()}\n"


def cosigned_at(note: str, key: WitnessKey) -> int | None:
    """Return when (seconds since 1970) a witness cosigned a note, None when no line is named as its own.

    Raises SignatureInvalid ``crypto.bad-cosignature`` when a line is and does not verify.
    """
    text, _, lines = note.partition("\n\n")
    found: int | None = None
    for line in lines.split("\n"):
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            continue
        if name != key.name or raw[:_ID_BYTES] != key.id:
            continue
        stamp, signature = raw[_ID_BYTES : _ID_BYTES + _TIME_BYTES], raw[_ID_BYTES + _TIME_BYTES :]
        when = int.from_bytes(stamp, "big")
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, _message(f"{text}\n", when))
        except (InvalidSignature, ValueError) as error:
            raise SignatureInvalid("crypto.bad-cosignature") from error
        found = max(found or 0, when)
    return found


def _message(text: str, when: int) -> bytes:
    return f"cosignature/v1\ntime {when}\n{text}".encode()
