"""Plain signatures and keys for other installations."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from crypto.errors import KeyUnavailable
from crypto.signatures import new_signing_key, public_of, sign, verify

PRIVATE = new_signing_key()
PUBLIC = public_of(PRIVATE)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_is_over_exactly_its_bytes(data: bytes, other: bytes) -> None:
    signature = sign(PRIVATE, data)
    assert verify(PUBLIC, data, signature)
    assert verify(PUBLIC, other, signature) == (data == other)


def test_another_key_and_altered_signatures_are_refused() -> None:
    signature = sign(PRIVATE, b"x")
    assert not verify(public_of(new_signing_key()), b"x", signature)
    for position in range(len(signature)):
        altered = bytearray(signature)
        altered[position] ^= 1
        assert not verify(PUBLIC, b"x", bytes(altered))
    assert not verify(PUBLIC, b"x", b"")


def test_only_p256_keys_are_taken() -> None:
    wrong = generate_private_key(SECP384R1())
    for private in (b"", b"x", wrong.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())):
        with pytest.raises(KeyUnavailable, match=r"crypto\.bad-private-key"):
            sign(private, b"x")
    for public in (b"", b"x", wrong.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)):
        with pytest.raises(KeyUnavailable, match=r"crypto\.bad-public-key"):
            verify(public, b"x", b"y")
