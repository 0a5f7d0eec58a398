"""Encrypted blobs: "EDC1" | suite u16 | header_len u16 | CBOR header | C2SP chunked encryption (Cobblestone-256).

The context of the encryption is ``edms/1/blob`` | u32 length | header, so that header and identity are authenticated.
Format of the body: https://c2sp.org/chunked-encryption, salt 24 | commitment 32 | chunks of 16 KiB with 16-byte tags.
"""

import hmac
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import BinaryIO
from uuid import UUID

import cbor2
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from crypto.encryption import KEY_BYTES
from crypto.errors import CryptoError, DecryptionError, KeyUnavailable

_MAGIC = b"EDC1"
_SUITE_COBBLESTONE_256 = 1
_FRONT_BYTES = 8
_CONTEXT = b"edms/1/blob"
_READ_BYTES = 1 << 20
_CHUNK, _TAG, _SALT, _COMMITMENT, _NONCE = 16_384, 16, 24, 32, 12
_INFO = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"


@dataclass(frozen=True, slots=True)
class BlobHeader:
    """The clear, authenticated front of a blob: no names, no text, only what a sweep or a scrub must know.

    ``length`` is the plaintext size in bytes when it is known before encryption, ``created_day`` the days since
    1970-01-01, ``part`` such as ``letter`` or ``attachment``, ``bucket`` the disposal bucket whose key also wraps.
    """

    blob_id: UUID
    length: int | None
    media_class: str
    created_day: int
    document_id: UUID | None = None
    version: int | None = None
    part: str | None = None
    sensitivity: int | None = None
    bucket: str | None = None


class BlobEncryptor:
    """Encrypts a blob piece by piece as its plaintext arrives, under a single-use 32-byte key; ``size`` counts it.

    Raises KeyUnavailable for a key of another size.
    """

    def __init__(self, key: bytes, header: BlobHeader) -> None:
        encoded = _encode(header)
        self._encryptor = Cobblestone256Encryptor(_checked(key), _context(encoded))
        self._length = header.length
        self._front = _MAGIC + _SUITE_COBBLESTONE_256.to_bytes(2) + len(encoded).to_bytes(2) + encoded
        self.size = 0

    def update(self, chunk: bytes | bytearray) -> bytes:
        """Return what can be written of the blob after these bytes of plaintext, which may be nothing."""
        front, self._front = self._front, b""
        self.size += len(chunk)
        return front + self._encryptor.update(chunk)

    def finish(self) -> bytes:
        """Return the end of the blob.

        Raises CryptoError ``crypto.length-differs`` when the header's length is given and is not what came.
        """
        if self._length not in (None, self.size):
            raise CryptoError("crypto.length-differs", expected=self._length, length=self.size)
        return self._front + self._encryptor.finalize()


def encrypt_chunks(chunks: Iterable[bytes], key: bytes, header: BlobHeader) -> Iterator[bytes]:
    """Yield the blob of the plaintext ``chunks`` (any sizes); raises what BlobEncryptor raises."""
    encryptor = BlobEncryptor(key, header)
    for chunk in chunks:
        if sealed := encryptor.update(chunk):
            yield sealed
    yield encryptor.finish()


def decrypt_chunks(source: BinaryIO, key: bytes, *, blob_id: UUID) -> Iterator[bytes]:
    """Yield the plaintext of the blob in ``source`` from its beginning; each piece given out is authentic.

    Only the end of the iteration proves that nothing is missing: a caller that must not give out a cut file reads all
    of it first. Raises DecryptionError for another blob's bytes, another key, altered, cut or lengthened bytes.
    """
    header, encoded = _read_front(source, blob_id)
    decryptor = Cobblestone256Decryptor(_checked(key), _context(encoded))
    length = 0
    try:
        while sealed := source.read(_READ_BYTES):
            if plain := decryptor.update(sealed):
                length += len(plain)
                yield plain
        last = decryptor.finalize()
    except InvalidTag:
        raise DecryptionError("crypto.altered") from None
    if header.length not in (None, length + len(last)):
        raise DecryptionError("crypto.altered")
    if last:
        yield last


def encrypt_all(data: bytes, key: bytes, header: BlobHeader) -> bytes:
    """Return the whole blob of ``data`` at once (see :func:`encrypt_chunks`)."""
    return b"".join(encrypt_chunks((data,), key, header))


def decrypt_all(data: bytes, key: bytes, *, blob_id: UUID) -> bytes:
    """Return the whole plaintext of a blob, verified to its end; raises DecryptionError."""
    return b"".join(decrypt_chunks(io.BytesIO(data), key, blob_id=blob_id))


def read_header(source: BinaryIO) -> BlobHeader:
    """Read the front of a blob, *not* authenticated yet; raises DecryptionError ``crypto.not-a-blob``."""
    return _read_front(source, None)[0]


def read_range(source: BinaryIO, key: bytes, *, blob_id: UUID, start: int, length: int) -> bytes:
    """Return up to ``length`` plaintext bytes from ``start`` of a seekable blob, decrypting only the chunks touched.

    The last chunk is always opened as well, so that a cut blob is refused wherever the range lies. Raises
    DecryptionError like :func:`decrypt_chunks`.
    """
    header, encoded = _read_front(source, blob_id)
    body = source.tell()
    aead, base_nonce = _chunk_cipher(source.read(_SALT + _COMMITMENT), key, _context(encoded))
    size = source.seek(0, io.SEEK_END) - body - _SALT - _COMMITMENT
    last, last_size = divmod(size, _CHUNK + _TAG)
    total = last * _CHUNK + last_size - _TAG
    if last_size < _TAG or header.length not in (None, total):
        raise DecryptionError("crypto.altered")
    end = min(total, start + length)
    wanted = range(start // _CHUNK, -(-end // _CHUNK)) if 0 <= start < end else range(0)
    plain = {}
    for index in sorted({*wanted, last}):
        source.seek(body + _SALT + _COMMITMENT + index * (_CHUNK + _TAG))
        nonce = (base_nonce ^ index).to_bytes(_NONCE)
        try:
            plain[index] = aead.decrypt(nonce, source.read(_CHUNK + _TAG), None)
        except InvalidTag:
            raise DecryptionError("crypto.altered") from None
    offset = start - wanted.start * _CHUNK
    return b"".join(plain[index] for index in wanted)[offset : offset + end - start] if wanted else b""


def _chunk_cipher(front: bytes, key: bytes, context: bytes) -> tuple[AESGCM, int]:
    """Derive the chunk cipher and the base nonce, checking the key commitment (C2SP chunked-encryption)."""
    salt, commitment = front[:_SALT], front[_SALT:]
    expand = HKDFExpand(SHA512(), KEY_BYTES + _NONCE + _COMMITMENT, _INFO + salt + context)
    derived = expand.derive(_checked(key))
    if not hmac.compare_digest(derived[KEY_BYTES + _NONCE :], commitment):
        raise DecryptionError("crypto.altered")
    return AESGCM(derived[:KEY_BYTES]), int.from_bytes(derived[KEY_BYTES : KEY_BYTES + _NONCE])


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise KeyUnavailable("crypto.key-length", length=len(key))
    return key


def _context(encoded: bytes) -> bytes:
    return _CONTEXT + len(encoded).to_bytes(4) + encoded


def _encode(header: BlobHeader) -> bytes:
    """Return the canonical CBOR of the header, UUIDs as 16 bytes, fields that are None left out."""
    values = {field.name: getattr(header, field.name) for field in fields(header)}
    plain = {name: value.bytes if isinstance(value, UUID) else value for name, value in values.items()}
    return cbor2.dumps({name: value for name, value in plain.items() if value is not None}, canonical=True)


def _read_front(source: BinaryIO, blob_id: UUID | None) -> tuple[BlobHeader, bytes]:
    """Read magic, suite and header; with ``blob_id`` refuse another blob's. Unknown header fields are skipped."""
    front = source.read(_FRONT_BYTES)
    if len(front) != _FRONT_BYTES or front[:4] != _MAGIC:
        raise DecryptionError("crypto.not-a-blob")
    if (suite := int.from_bytes(front[4:6])) != _SUITE_COBBLESTONE_256:
        raise DecryptionError("crypto.unknown-suite", suite=suite)
    encoded = source.read(int.from_bytes(front[6:8]))
    header = _decode(encoded)
    if blob_id is not None and header.blob_id != blob_id:
        raise DecryptionError("crypto.another-blob")
    return header, encoded


def _decode(encoded: bytes) -> BlobHeader:
    try:
        values = cbor2.loads(encoded)
        known = {field.name: values.get(field.name) for field in fields(BlobHeader)}
        known["blob_id"] = UUID(bytes=known["blob_id"])
        known["document_id"] = UUID(bytes=known["document_id"]) if known["document_id"] else None
        return BlobHeader(**known)
    except (cbor2.CBORDecodeError, AttributeError, TypeError, ValueError):
        raise DecryptionError("crypto.not-a-blob") from None
