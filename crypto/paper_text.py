"""The words of a letter in the few bytes that a paper seal has for them: zstd with a trained dictionary (RFC 8878)."""

from functools import cache, lru_cache
from importlib import resources
from typing import Final

import zstandard

from crypto.errors import SealInvalid

DICTIONARY: Final = 1
"""Number of the dictionary that new texts are written with; a published number never changes its meaning."""
MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""What a zstd frame begins with; four bytes that a seal does not spend."""
MOST_BYTES: Final = 16_000
"""Octets of UTF-8 of a text at most, written or read."""

_LEVEL: Final = 19
_WINDOW: Final = 1 << 20


def parameters() -> zstandard.ZstdCompressionParameters:
    """Return how texts are compressed: as small as can be, with their length, without check sum and dictionary id.

    The window of 128 KiB reaches over the text to the first byte of the dictionary.
    """
    return zstandard.ZstdCompressionParameters.from_level(
        _LEVEL, window_log=17, write_content_size=True, write_checksum=False, write_dict_id=False
    )


@lru_cache(maxsize=64)  # a letter is packed to find its room, and again to be sealed
def pack(text: str) -> bytes:
    """Return a text as the number of its dictionary and a zstd frame without its magic number.

    Raises SealInvalid ``crypto.seal-too-long``.
    """
    data = text.encode()
    if len(data) > MOST_BYTES:
        raise SealInvalid("crypto.seal-too-long")
    compressor = zstandard.ZstdCompressor(dict_data=_dictionary(DICTIONARY), compression_params=parameters())
    return bytes([DICTIONARY]) + compressor.compress(data)[len(MAGIC) :]


def unpack(packed: bytes) -> str:
    """Return the text of what :func:`pack` gave; raises SealInvalid, and never makes more than 16,000 bytes."""
    if not packed or packed[0] != DICTIONARY:
        raise SealInvalid("crypto.seal-unknown-dictionary")
    frame = MAGIC + packed[1:]
    try:
        if not 0 <= zstandard.frame_content_size(frame) <= MOST_BYTES:
            raise SealInvalid("crypto.seal-broken")
        reader = zstandard.ZstdDecompressor(dict_data=_dictionary(packed[0]), max_window_size=_WINDOW)
        return reader.decompress(frame, max_output_size=MOST_BYTES, allow_extra_data=False).decode()
    except (zstandard.ZstdError, UnicodeDecodeError) as error:
        raise SealInvalid("crypto.seal-broken") from error


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    data = resources.files("crypto").joinpath(f"paper_text-{number}.dict").read_bytes()
    return zstandard.ZstdCompressionDict(data, dict_type=zstandard.DICT_TYPE_FULLDICT)
