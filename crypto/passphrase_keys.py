"""A recipient's key pair whose private half is sealed under a passphrase (Argon2id, RFC 9106): for people."""

from typing import Final

from crypto.errors import KeyUnavailable
from crypto.keyfile import Header, Keys, Opener, read_keys, seal_keys
from crypto.recipients import new_recipient_key

_NAME: Final = "recovery"  # under which the private half has stood in the files of recovery officers from the first


def new_pair(passphrase: bytes, *, memory_kib: int) -> tuple[bytes, bytes]:
    """Make a key pair; returns the public half and the private half, sealed (``memory_kib`` is Argon2id's)."""
    pair = new_recipient_key()
    opener = Opener.of(Header.fresh("passphrase", memory_kib=memory_kib), passphrase)
    return pair.public, seal_keys(opener, Keys(roots={}, signing={_NAME: pair.private}))


def open_private(sealed: bytes, passphrase: bytes) -> bytes:
    """Return the private half; raises KeyUnavailable ``keystore.wrong-secret`` or ``keystore.damaged``."""
    held = read_keys(Opener.of(Header.read(sealed), passphrase), sealed)
    if _NAME not in held.signing:
        raise KeyUnavailable("keystore.damaged")
    return held.signing[_NAME]
