"""Keyed index terms: what an index may store instead of a word."""

import base64
import hashlib
from collections.abc import Callable
from functools import lru_cache

_TERM_CHARACTERS = 12
_DIGEST_BYTES = 8


def keyed_terms(key: bytes, *, cache: int = 65_536) -> Callable[[str], str]:
    """Return the function that turns an analysed token into its term under ``key`` (16 to 64 bytes).

    A term is 60 bits of keyed BLAKE2b (RFC 7693) as 12 characters of base32 ``[a-z2-7]``: no engine folds or splits
    it. The function remembers ``cache`` tokens, as most words of a text are the same few.
    """
    keyed = hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES)

    @lru_cache(maxsize=cache)
    def term(token: str) -> str:
        state = keyed.copy()
        state.update(token.encode("utf-8", "surrogatepass"))
        return base64.b32encode(state.digest())[:_TERM_CHARACTERS].decode().lower()

    return term
