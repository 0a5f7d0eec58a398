"""Signed statements of how a log stands: C2SP tlog-checkpoint in a signed note, by a P-256 key."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crypto.digests import sha256
from crypto.errors import SignatureInvalid
from crypto.merkle import HASH_BYTES
from crypto.signatures import verify

MOST_SIGNATURES = 16
_DASH = "\N{EM DASH} "
_ID_BYTES = 4


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a checkpoint states: the log's name, how many entries it has, and its 32-byte tree hash (RFC 6962 §2.1)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text that is signed: three lines (C2SP tlog-checkpoint, without extensions)."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def key_id(public_der: bytes) -> bytes:
    """Return the 4 bytes that name a P-256 key in a note: of SHA-256 over its DER (C2SP signed-note, type 0x02)."""
    return sha256(public_der)[:_ID_BYTES]


def signed(checkpoint: TreeHead, public_der: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return the signed note; ``sign`` makes the DER signature (ECDSA P-256 with SHA-256) of bytes.

    The key is named as the log is. Raises SignatureInvalid ``crypto.bad-checkpoint`` for an origin that a note cannot
    carry: empty, or with a space, a plus sign or a control character.
    """
    text = checkpoint.text()
    line = base64.b64encode(key_id(public_der) + sign(text.encode())).decode()
    note = f"{text}\n{_DASH}{checkpoint.origin} {line}\n"
    if parsed(note) != checkpoint:
        raise SignatureInvalid("crypto.bad-checkpoint")
    return note


def signed_text(text: str, name: str, public_der: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return a signed note of any lines (C2SP signed-note) under the key's ``name``; ``sign`` as for ``signed``.

    Its first line must not be a log's name, so that nobody takes it for a checkpoint. Raises SignatureInvalid
    ``crypto.bad-checkpoint`` for a text without a line end, with an empty line, or that begins as a checkpoint does.
    """
    if not text.endswith("\n") or "\n\n" in text or text.startswith(f"{name}\n") or not is_name(name):
        raise SignatureInvalid("crypto.bad-checkpoint")
    line = base64.b64encode(key_id(public_der) + sign(text.encode())).decode()
    return f"{text}\n{_DASH}{name} {line}\n"


def own_note(note: str) -> str:
    """Return a note with the signatures that are named as the log is, without those of witnesses."""
    origin = parsed(note).origin
    text, _, lines = note.partition("\n\n")
    own = [line for line in lines.split("\n") if line.startswith(f"{_DASH}{origin} ")]
    return "\n".join([text, "", *own, ""])


def parsed(note: str) -> TreeHead:
    """Return what a note states, its signatures not looked at; raises SignatureInvalid ``crypto.bad-checkpoint``.

    Strict: exactly three lines of text, a size without leading zeros, base64 without slack, 16 signatures at most.
    """
    return _split(note)[0]


@dataclass(frozen=True, slots=True)
class KeyChain:
    """The keys of a log (DER) one after another, each with the size after which it signs, 0 for the first.

    Of a size there is one key: an old one signs nothing after its successor was introduced.
    """

    keys: tuple[tuple[int, bytes], ...]

    @property
    def newest(self) -> bytes:
        """The key that signs now."""
        return self.keys[-1][1]

    def key(self, size: int) -> bytes:
        """Return the key that signs a checkpoint of ``size`` entries."""
        return next((key for after, key in reversed(self.keys) if size > after), self.keys[0][1])


def introduced(
    origin: str, number: int, after: int, new_der: bytes, *, old_der: bytes, by_old: Callable[[bytes], bytes],
    by_new: Callable[[bytes], bytes],
) -> str:  # fmt: skip
    """Return the signed note by which a log's key introduces its ``number``-th (from 2), which signs it as well.

    Lines: ``origin/key``, the number, the size after which the new key signs, its DER in base64.
    """
    text = f"{origin}/key\n{number}\n{after}\n{base64.b64encode(new_der).decode()}\n"
    own = signed_text(text, origin, new_der, by_new).rsplit("\n", 2)[1]
    return f"{signed_text(text, origin, old_der, by_old)}{own}\n"


def chained(origin: str, first_der: bytes, notes: Sequence[str]) -> KeyChain:
    """Return the keys that notes introduce, each signed by the key before it and by its own.

    Raises SignatureInvalid ``crypto.bad-key-chain``.
    """
    keys = [(0, first_der)]
    for number, note in enumerate(notes, start=2):
        text, _, lines = note.partition("\n\n")
        try:
            name, told, after, encoded = text.split("\n")
            new = base64.b64decode(encoded, validate=True)
            raws = [_signature(line) for line in lines.removesuffix("\n").split("\n")]
            by = {raw[:_ID_BYTES]: raw[_ID_BYTES:] for owner, raw in raws if owner == origin}
            good = (name, told) == (f"{origin}/key", str(number)) and int(after) > keys[-1][0] and all(
                verify(key, f"{text}\n".encode(), by[key_id(key)]) for key in (keys[-1][1], new)
            )  # fmt: skip
        except (ValueError, KeyError, binascii.Error):
            good = False
        if not good:
            raise SignatureInvalid("crypto.bad-key-chain")
        keys.append((int(after), new))
    return KeyChain(tuple(keys))


def opened(note: str, public_der: bytes | KeyChain) -> TreeHead:
    """Return what a note states when the key signed it; raises SignatureInvalid ``crypto.bad-checkpoint`` otherwise.

    Signatures of others (witnesses) are passed over; every one that is named as the key's must verify.
    """
    checkpoint, lines = _split(note)
    if isinstance(public_der, KeyChain):
        public_der = public_der.key(checkpoint.size)
    ours = [
        raw[_ID_BYTES:] for name, raw in lines if (name, raw[:_ID_BYTES]) == (checkpoint.origin, key_id(public_der))
    ]
    if not ours or not all(verify(public_der, checkpoint.text().encode(), raw) for raw in ours):
        raise SignatureInvalid("crypto.bad-checkpoint")
    return checkpoint


def _split(note: str) -> tuple[TreeHead, list[tuple[str, bytes]]]:
    try:
        origin, size, root, empty, *lines, end = note.split("\n")
        checkpoint = TreeHead(origin, int(size), base64.b64decode(root, validate=True))
        signatures = [_signature(line) for line in lines]
    except (ValueError, binascii.Error):
        raise SignatureInvalid("crypto.bad-checkpoint") from None
    # written again it must be the same: no other spelling of a number or of base64 is taken
    if (
        not 0 < len(lines) <= MOST_SIGNATURES
        or empty or end
        or not is_name(origin)
        or len(checkpoint.root) != HASH_BYTES
        or not note.startswith(checkpoint.text())
        or checkpoint.size < 0
    ):  # fmt: skip
        raise SignatureInvalid("crypto.bad-checkpoint")
    return checkpoint, signatures


def _signature(line: str) -> tuple[str, bytes]:
    if not line.startswith(_DASH):
        raise ValueError(line)
    name, encoded = line.removeprefix(_DASH).split(" ")
    raw = base64.b64decode(encoded, validate=True)
    if not is_name(name) or len(raw) <= _ID_BYTES or base64.b64encode(raw).decode() != encoded:
        raise ValueError(line)
    return name, raw


def is_name(text: str) -> bool:
    """Say whether a text may name a key in a note: not empty, no space, plus sign or control character."""
    return bool(text) and text.isprintable() and not any(letter.isspace() or letter == "+" for letter in text)
