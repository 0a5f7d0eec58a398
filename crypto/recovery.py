"""Recovery of a secret by any three of five officers, each of whom keeps a private key of his own.

Each officer gets a random share, encrypted to his key (HPKE, RFC 9180). For each of the ten sets of three, a key
derived from their three shares (HKDF, RFC 5869) wraps the key that seals the secret. Two shares derive none of the ten.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crypto.digests import canonical, sha256
from crypto.encryption import KEY_BYTES, new_key, unwrap_key, wrap_key
from crypto.errors import DecryptionError, KeyUnavailable
from crypto.passphrase_keys import new_pair, open_private
from crypto.recipients import unwrap_with, wrap_for

OFFICERS: Final = 5
NEEDED: Final = 3
SHORTEST_PASSPHRASE: Final = 12
_ID_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_FORM: Final = "diwan-recovery/1"
_PUBLIC_FORM: Final = "diwan-officer/1"
_PRIVATE_FORM: Final = "diwan-officer-key/1"
_LARGEST: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer's public half, as it is given to who makes the recovery file."""

    name: str
    public: bytes

    @property
    def fingerprint(self) -> str:
        """What the officer compares by voice: the first 16 octets of the SHA-256 of the public key, hex."""
        return sha256(self.public)[:16].hex()

    def text(self) -> str:
        """Return the public file."""
        return _written({"form": _PUBLIC_FORM, "name": self.name, "public": _b64(self.public)})


@dataclass(frozen=True, slots=True)
class OfficerKey:
    """An officer's private half, in memory for as long as a drill or a restore takes."""

    name: str
    fingerprint: str
    private: bytes = field(repr=False)


def new_officer(name: str, passphrase: bytes, *, memory_kib: int = 262_144) -> tuple[Officer, str]:
    """Make an officer's key; returns the public half and the private file, sealed under the passphrase (Argon2id).

    Raises KeyUnavailable ``recovery.short-passphrase``.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise KeyUnavailable("recovery.short-passphrase", limit=SHORTEST_PASSPHRASE)
    public, sealed = new_pair(passphrase, memory_kib=memory_kib)
    officer = Officer(name, public)
    told = {"form": _PRIVATE_FORM, "name": name, "fingerprint": officer.fingerprint, "sealed": _b64(sealed)}
    return officer, _written(told)


def read_officer(text: str) -> Officer:
    """Return the officer of a public file; raises KeyUnavailable ``recovery.not-an-officer``."""
    try:
        told = _read(text, _PUBLIC_FORM)
        return Officer(str(told["name"]), _octets(told["public"]))
    except (ValueError, KeyError, TypeError):
        raise KeyUnavailable("recovery.not-an-officer") from None


def open_officer(text: str, passphrase: bytes) -> OfficerKey:
    """Open a private file; KeyUnavailable ``recovery.not-an-officer``, ``keystore.wrong-secret`` or ``.damaged``."""
    try:
        told = _read(text, _PRIVATE_FORM)
        sealed, name, fingerprint = _octets(told["sealed"]), str(told["name"]), str(told["fingerprint"])
    except (ValueError, KeyError, TypeError):
        raise KeyUnavailable("recovery.not-an-officer") from None
    return OfficerKey(name, fingerprint, open_private(sealed, passphrase))


def make_recovery(officers: Sequence[Officer], secret: bytes, *, note: Mapping[str, str]) -> str:
    """Return the recovery file of a secret for five different officers; ``note`` is readable by everybody.

    Raises KeyUnavailable ``recovery.five-officers`` or ``crypto.bad-public-key``.
    """
    if len(officers) != OFFICERS or len({one.public for one in officers}) != OFFICERS:
        raise KeyUnavailable("recovery.five-officers", count=len({one.public for one in officers}))
    recovery_id, key, nonce = secrets.token_bytes(_ID_BYTES), new_key(), secrets.token_bytes(_NONCE_BYTES)
    shares = [new_key() for _ in officers]
    told: dict[str, Any] = {
        "form": _FORM,
        "id": recovery_id.hex(),
        "note": dict(note),
        "officers": [
            {
                "name": one.name,
                "fingerprint": one.fingerprint,
                "share": _b64(wrap_for(one.public, share, _share_context(recovery_id, place, one.fingerprint))),
            }
            for place, (one, share) in enumerate(zip(officers, shares, strict=True))
        ],
        "wraps": {
            _set_name(chosen): _b64(_wrapped(recovery_id, chosen, [shares[one] for one in chosen], key))
            for chosen in combinations(range(OFFICERS), NEEDED)
        },
    }
    sealed = nonce + AESGCMSIV(key).encrypt(nonce, secret, canonical(told))
    return _written({**told, "sealed": _b64(sealed)})


def recover(text: str, keys: Sequence[OfficerKey]) -> bytes:
    """Return the secret by three different officers of the recovery file.

    Raises KeyUnavailable ``recovery.not-a-file``, ``recovery.stranger`` for an officer whom it does not name,
    ``recovery.too-few``, ``recovery.altered`` when anything in the file was changed.
    """
    try:
        told = _read(text, _FORM)
        recovery_id, sealed = bytes.fromhex(told["id"]), _octets(told.pop("sealed"))
        places = {one["fingerprint"]: place for place, one in enumerate(told["officers"])}
        held = {place: _octets(one["share"]) for place, one in enumerate(told["officers"])}
        wraps = {name: _octets(wrap) for name, wrap in told["wraps"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyUnavailable("recovery.not-a-file") from None
    shares: dict[int, bytes] = {}
    for one in keys:
        place = places.get(one.fingerprint)
        if place is None:
            raise KeyUnavailable("recovery.stranger", name=one.name)
        try:
            shares[place] = unwrap_with(one.private, held[place], _share_context(recovery_id, place, one.fingerprint))
        except DecryptionError:
            raise KeyUnavailable("recovery.altered") from None
    if len(shares) < NEEDED:
        raise KeyUnavailable("recovery.too-few", count=len(shares), needed=NEEDED)
    chosen = tuple(sorted(shares)[:NEEDED])
    try:
        kek = _kek(recovery_id, chosen, [shares[one] for one in chosen])
        key = unwrap_key(kek, wraps.get(_set_name(chosen), b""), _wrap_context(recovery_id, chosen))
        return AESGCMSIV(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], canonical(told))
    except (DecryptionError, InvalidTag, ValueError):
        raise KeyUnavailable("recovery.altered") from None


def note_of(text: str) -> dict[str, Any]:
    """Return what a recovery file says to everybody: its note and its officers; KeyUnavailable ``.not-a-file``."""
    try:
        told = _read(text, _FORM)
        officers = [{"name": one["name"], "fingerprint": one["fingerprint"]} for one in told["officers"]]
        return {"id": told["id"], **told["note"], "officers": officers}
    except (ValueError, KeyError, TypeError):
        raise KeyUnavailable("recovery.not-a-file") from None


def same_secret(one: bytes, other: bytes) -> bool:
    """Compare two secrets without telling by the time it takes."""
    return hmac.compare_digest(one, other)


def _wrapped(recovery_id: bytes, chosen: tuple[int, ...], shares: Sequence[bytes], key: bytes) -> bytes:
    return wrap_key(_kek(recovery_id, chosen, shares), key, _wrap_context(recovery_id, chosen))


def _kek(recovery_id: bytes, chosen: tuple[int, ...], shares: Sequence[bytes]) -> bytes:
    info = b"edms/1/recovery|" + _set_name(chosen).encode()
    return HKDF(SHA256(), KEY_BYTES, recovery_id, info).derive(b"".join(shares))


def _set_name(chosen: tuple[int, ...]) -> str:
    return "-".join(str(one + 1) for one in chosen)


def _share_context(recovery_id: bytes, place: int, fingerprint: str) -> bytes:
    return b"edms/1/recovery-share|" + recovery_id + f"|{place}|{fingerprint}".encode()


def _wrap_context(recovery_id: bytes, chosen: tuple[int, ...]) -> bytes:
    return b"edms/1/recovery-wrap|" + recovery_id + b"|" + _set_name(chosen).encode()


def _written(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def _read(text: str, form: str) -> dict[str, Any]:
    told = json.loads(text) if len(text) <= _LARGEST else None
    if not isinstance(told, dict) or told.get("form") != form:
        raise ValueError(form)
    return told


def _b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _octets(told: str) -> bytes:
    return base64.b64decode(told, validate=True)
