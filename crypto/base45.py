"""Base45 (RFC 9285): bytes in the 45 characters of the alphanumeric mode of QR symbols."""

from typing import Final

from crypto.errors import SealInvalid

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    """Return three characters for two bytes, two for a last single one.

    >>> encode(b"Hello!!"), encode(b"base-45"), encode(b"ietf!")
    ('%69 VD92EX0', 'UJCLQE7W581', 'QED8WEX0')
    """
    written = []
    for start in range(0, len(data), 2):
        pair = data[start : start + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, digit = divmod(value, 45)
            written.append(ALPHABET[digit])
    return "".join(written)


def decode(text: str) -> bytes:
    """Return the bytes of a base45 text; raises SealInvalid for what no bytes are written as.

    >>> decode("QED8WEX0")
    b'ietf!'
    """
    read = bytearray()
    for start in range(0, len(text), 3):
        digits = [_VALUES.get(character, -1) for character in text[start : start + 3]]
        value = sum(digit * 45**place for place, digit in enumerate(digits))
        if -1 in digits or len(digits) == 1 or value >= 256 ** (len(digits) - 1):
            raise SealInvalid("crypto.seal-broken")
        read += value.to_bytes(len(digits) - 1, "big")
    return bytes(read)
