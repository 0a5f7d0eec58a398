"""The blob format: agreement with the reference implementation, and every kind of damage refused."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import CryptoError, DecryptionError, KeyUnavailable
from crypto.stream import BlobHeader, decrypt_all, decrypt_chunks, encrypt_all, encrypt_chunks, read_header, read_range

KEY = bytes(range(32))
BLOB = UUID("01936f00-0000-7000-8000-000000000001")
OTHER = UUID("01936f00-0000-7000-8000-000000000002")
VECTORS = Path(__file__).parents[1] / "vectors" / "blobs.json"
SIZES = (0, 1, 16_383, 16_384, 16_385, 40_000, 3 * 16_384)


def header(length: int | None, blob_id: UUID = BLOB) -> BlobHeader:
    return BlobHeader(blob_id, length, "application/pdf", 20_778, document_id=OTHER, version=2, part="letter")


def plain(length: int) -> bytes:
    return bytes(i * 7 % 251 for i in range(length))


def front_length(blob: bytes) -> int:
    return 8 + int.from_bytes(blob[6:8])


@pytest.mark.parametrize("size", SIZES)
def test_a_blob_decrypts_to_what_went_in(size: int) -> None:
    blob = encrypt_all(plain(size), KEY, header(size))
    assert decrypt_all(blob, KEY, blob_id=BLOB) == plain(size)
    assert read_header(io.BytesIO(blob)) == header(size)


@pytest.mark.parametrize("size", SIZES)
def test_the_body_is_what_the_reference_reads_and_writes(size: int) -> None:
    blob = encrypt_all(plain(size), KEY, header(size))
    cut = front_length(blob)
    context = b"edms/1/blob" + (cut - 8).to_bytes(4) + blob[8:cut]
    reference = Cobblestone256Decryptor(KEY, context)
    assert reference.update(blob[cut:]) + reference.finalize() == plain(size)
    writer = Cobblestone256Encryptor(KEY, context)
    made = blob[:cut] + writer.update(plain(size)) + writer.finalize()
    assert decrypt_all(made, KEY, blob_id=BLOB) == plain(size)
    assert read_range(io.BytesIO(made), KEY, blob_id=BLOB, start=0, length=size + 1) == plain(size)


@settings(max_examples=40, deadline=None)
@given(size=st.sampled_from(SIZES), start=st.integers(0, 60_000), length=st.integers(0, 40_000))
def test_a_range_is_the_slice(size: int, start: int, length: int) -> None:
    blob = io.BytesIO(encrypt_all(plain(size), KEY, header(size)))
    found = read_range(blob, KEY, blob_id=BLOB, start=start, length=length)
    assert found == plain(size)[start : start + length]


@given(st.lists(st.binary(max_size=9_000), max_size=8))
def test_pieces_of_any_size_make_one_file(pieces: list[bytes]) -> None:
    blob = b"".join(encrypt_chunks(pieces, KEY, header(None)))
    assert decrypt_all(blob, KEY, blob_id=BLOB) == b"".join(pieces)


def test_a_promised_length_must_come_true() -> None:
    with pytest.raises(CryptoError, match=r"crypto\.length-differs"):
        encrypt_all(b"abc", KEY, header(4))


@pytest.fixture(scope="module")
def blob() -> bytes:
    return encrypt_all(plain(40_000), KEY, header(40_000))


def readings(blob: bytes, key: bytes = KEY, blob_id: UUID = BLOB) -> Iterator[object]:
    """Both ways of reading, each as a call to be made."""
    yield lambda: decrypt_all(blob, key, blob_id=blob_id)
    yield lambda: read_range(io.BytesIO(blob), key, blob_id=blob_id, start=0, length=40_000)


def refused(blob: bytes, key: bytes = KEY, blob_id: UUID = BLOB) -> None:
    for reading in readings(blob, key, blob_id):
        with pytest.raises(DecryptionError):
            reading()  # type: ignore[operator]


def test_a_flip_anywhere_is_refused(blob: bytes) -> None:
    for position in [*range(front_length(blob) + 60), *range(front_length(blob) + 60, len(blob), 499), len(blob) - 1]:
        altered = bytearray(blob)
        altered[position] ^= 1 << position % 8
        refused(bytes(altered))


def test_a_cut_anywhere_is_refused(blob: bytes) -> None:
    body = front_length(blob) + 56
    for length in (0, 7, 8, 20, body - 1, body, body + 15, body + 16_400, body + 2 * 16_400, len(blob) - 1):
        refused(blob[:length])


def test_a_range_that_needs_no_tail_still_notices_the_cut(blob: bytes) -> None:
    cut = blob[: front_length(blob) + 56 + 16_400 + 100]
    bare = encrypt_all(plain(40_000), KEY, header(None))
    bare_cut = bare[: front_length(bare) + 56 + 16_400 + 100]
    for damaged in (cut, bare_cut):
        with pytest.raises(DecryptionError):
            read_range(io.BytesIO(damaged), KEY, blob_id=BLOB, start=0, length=10)


def test_an_appended_byte_and_swapped_chunks_are_refused(blob: bytes) -> None:
    body = front_length(blob) + 56
    first, second, rest = blob[body : body + 16_400], blob[body + 16_400 : body + 32_800], blob[body + 32_800 :]
    refused(blob + b"\0")
    refused(blob[:body] + second + first + rest)
    refused(blob[:body] + first + rest)


def test_another_blobs_bytes_or_header_are_refused(blob: bytes) -> None:
    refused(blob, blob_id=OTHER)
    other = encrypt_all(plain(40_000), KEY, header(40_000, OTHER))
    refused(blob[: front_length(blob)] + other[front_length(other) :])
    refused(other[: front_length(other)] + blob[front_length(blob) :], blob_id=OTHER)


def test_another_key_is_refused_and_a_short_one_named(blob: bytes) -> None:
    refused(blob, key=bytes(32))
    for reading in readings(blob, key=b"short"):
        with pytest.raises(KeyUnavailable):
            reading()  # type: ignore[operator]


def test_a_length_that_the_header_does_not_state_is_refused() -> None:
    lying = b"".join(encrypt_chunks([b"abc"], KEY, header(3)))
    cut = front_length(lying)
    encoded = lying[8:cut].replace(b"flength\x03", b"flength\x04")
    assert encoded != lying[8:cut]
    writer = Cobblestone256Encryptor(KEY, b"edms/1/blob" + len(encoded).to_bytes(4) + encoded)
    refused(lying[:8] + encoded + writer.update(b"abc") + writer.finalize())


def test_pieces_given_out_before_a_flip_are_authentic() -> None:
    data = plain((3 << 20) + 5)
    altered = bytearray(encrypt_all(data, KEY, header(len(data))))
    altered[-1] ^= 1
    pieces: list[bytes] = []
    with pytest.raises(DecryptionError):
        pieces.extend(decrypt_chunks(io.BytesIO(altered), KEY, blob_id=BLOB))
    out = b"".join(pieces)
    assert 0 < len(out) < len(data)
    assert out == data[: len(out)]


@pytest.mark.parametrize("data", [b"", b"EDC1", b"PK\x03\x04....", b"EDC1\0\x02\0\x01\xa0", b"EDC1\0\x01\0\x01\xff"])
def test_what_is_not_a_blob_is_refused(data: bytes) -> None:
    with pytest.raises(DecryptionError):
        read_header(io.BytesIO(data))


def test_blobs_of_the_first_version_still_open() -> None:
    for vector in json.loads(VECTORS.read_text()):
        stored, key, blob_id = bytes.fromhex(vector["blob"]), bytes.fromhex(vector["key"]), UUID(vector["blob_id"])
        assert decrypt_all(stored, key, blob_id=blob_id) == vector["text"].encode()
        assert read_header(io.BytesIO(stored)).media_class == vector["media_class"]
