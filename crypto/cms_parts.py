"""What seals in files, detached signatures and time-stamp tokens share: certificates read, plain messages, refusals."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from asn1crypto import cms, x509

from crypto.errors import SignatureInvalid

Value = TypeVar("Value")

_CONSTRUCTED, _LONG_TAG, _CONTEXT = 0x20, 0x1F, 0x80
_BOOLEAN, _INTEGER, _NULL, _SEQUENCE, _SET = 0x01, 0x02, 0x05, 0x30, 0x31
_PRIMITIVES = frozenset({0x03, 0x04, _NULL, 0x06, 0x0A, 0x0C, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1A, 0x1C, 0x1E})

# What these packages would log is text of hostile files; what we need to know of it comes back as codes.
for _package in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_package).setLevel(logging.CRITICAL)


def loaded(der: bytes) -> x509.Certificate:
    """Return a certificate; raises SignatureInvalid ``certificates.bad-signer`` when it is not one.

    Parsed anew each time: such a value reads its parts when they are asked for, and is not for several threads.
    """
    try:
        certificate = x509.Certificate.load(der)
        assert certificate.public_key.algorithm
    except (ValueError, TypeError):
        raise SignatureInvalid("certificates.bad-signer") from None
    return certificate


def is_der(data: bytes) -> bool:
    """Say that bytes are whole DER values: shortest lengths and numbers, known tags, sorted sets (X.690 §10, §11)."""
    return _values(data) is not None


def _values(data: bytes) -> list[bytes] | None:
    found, at = [], 0
    while at < len(data):
        head = _head(data, at)
        if head is None:
            return None
        start, end = head
        tag, content = data[at], data[start:end]
        inner = _values(content) if tag & _CONSTRUCTED else []
        if inner is None or not _is_minimal(tag, content) or (tag == _SET and inner != sorted(inner)):
            return None
        found.append(data[at:end])
        at = end
    return found


def _head(data: bytes, at: int) -> tuple[int, int] | None:
    """Return where the content of the value at ``at`` begins and ends; None unless its length is written shortest."""
    if data[at] & _LONG_TAG == _LONG_TAG or at + 2 > len(data):
        return None
    start, length = at + 2, data[at + 1]
    if length & 0x80:
        start, count = at + 2 + (length & 0x7F), length & 0x7F
        length = int.from_bytes(data[at + 2 : start])
        if not count or length < 0x80 or length >> 8 * (count - 1) == 0:
            return None
    return (start, start + length) if start + length <= len(data) else None


def _is_minimal(tag: int, content: bytes) -> bool:
    """Say that a value's tag is one that may stand so, and a number or a truth written the shortest way."""
    if tag & _CONSTRUCTED:
        return tag & _CONTEXT == _CONTEXT or tag in (_SEQUENCE, _SET)
    if tag == _BOOLEAN:
        return content in (b"\0", b"\xff")
    if tag == _INTEGER:
        return bool(content) and (len(content) == 1 or content[0] not in (0, 0xFF) or (content[0] ^ content[1]) >= 0x80)
    return tag & _CONTEXT == _CONTEXT or (tag in _PRIMITIVES and (tag != _NULL or not content))


def is_plain(data: cms.SignedData, versions: tuple[str, str] = ("v1", "v1")) -> bool:
    """Say that a message has one signer, named exactly, his digest algorithm alone, and no revocation lists beside."""
    if len(data["signer_infos"]) != 1:
        return False
    signer = data["signer_infos"][0]
    return bool(
        (data["version"].native, signer["version"].native) == versions
        and [each["algorithm"].native for each in data["digest_algorithms"]]
        == [signer["digest_algorithm"]["algorithm"].native]
        and not data["crls"].native
        and _is_named_exactly(signer["sid"], data)
    )


def _is_named_exactly(sid: cms.SignerIdentifier, data: cms.SignedData) -> bool:
    """Say that a signer is named as his certificate says: no signature protects that, and readers fold its case."""
    if sid.name != "issuer_and_serial_number":
        return True
    named = sid.chosen["issuer"].dump(), sid.chosen["serial_number"].native
    certificates = [each.chosen for each in data["certificates"] or () if each.name == "certificate"]
    return any((each.issuer.dump(), each.serial_number) == named for each in certificates)


def finished(work: Coroutine[Any, Any, Value]) -> Value:
    """Run a coroutine of pyHanko to its end; from inside a running event loop, in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def refused_as(code: str, *let_through: type[Exception]) -> Iterator[None]:
    """Turn whatever a hostile file makes the readers raise into one refusal."""
    try:
        yield
    except Exception as error:
        if isinstance(error, (SignatureInvalid, *let_through)):
            raise
        raise SignatureInvalid(code, found=type(error).__name__) from error
