"""Asking witnesses over HTTP (C2SP tlog-witness) to cosign a checkpoint, and for the last one that they know."""

import base64
import http.client
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote, urlsplit

import structlog

from crypto.checkpoints import KeyChain, TreeHead, opened
from crypto.cosignatures import cosigned_at
from crypto.errors import SignatureInvalid
from edms.audit.rules import WitnessPlace
from edms.audit.witness_server import ADD, LATEST
from edms.core.errors import Conflict, Unavailable

log = structlog.get_logger(__name__)

SECONDS: Final = 10.0
_LARGEST: Final = 64 * 1024
Prove = Callable[[int], Sequence[bytes]]


def cosignatures(places: Sequence[WitnessPlace], note: str, head: TreeHead, *, known: int, prove: Prove) -> str:
    """Return the lines of the witnesses that cosign a signed note; one that does not answer is logged and left out.

    ``known`` is the size that they are taken to know, ``prove`` gives the consistency proof from a size to the note's.
    Raises Conflict ``audit.behind-witness`` when one knows more entries than the log has, ``audit.unlike-witness`` when
    it knows others, ``audit.witness-refused`` when it does not take the log for one that it knows.
    """
    lines = []
    for place in places:
        try:
            lines.append(_cosignature(place, note, head, known, prove))
        except Unavailable as error:
            log.warning("witness does not answer", witness=place.key.name, code=error.code)
    return "".join(lines)


def last_known(place: WitnessPlace, origin: str, public_der: bytes | KeyChain) -> TreeHead | None:
    """Return the last checkpoint that a witness knows of a log, None where it knows none.

    Raises Unavailable ``audit.no-answer``, Conflict ``audit.bad-cosignature`` when log or witness did not sign it.
    """
    status, body = _call(place, "GET", f"{LATEST}?origin={quote(origin, safe='')}")
    if status == 404:
        return None
    if status != 200:
        raise Unavailable("audit.no-answer", witness=place.key.name)
    try:
        head = opened(body, public_der)
        if head.origin == origin and cosigned_at(body, place.key) is not None:
            return head
    except SignatureInvalid as error:
        raise Conflict("audit.bad-cosignature", witness=place.key.name) from error
    raise Conflict("audit.bad-cosignature", witness=place.key.name)


def _cosignature(place: WitnessPlace, note: str, head: TreeHead, known: int, prove: Prove) -> str:
    status, body = _ask(place, note, known, prove)
    if status == 409 and _size(body) <= head.size and _size(body) != known:
        known = _size(body)
        status, body = _ask(place, note, known, prove)
    if status == 200:
        try:
            if body.count("\n") == 1 and cosigned_at(note + body, place.key) is not None:
                return body
        except SignatureInvalid:
            pass
        raise Conflict("audit.bad-cosignature", witness=place.key.name)
    if status == 409 and _size(body) > head.size:
        raise Conflict("audit.behind-witness", size=_size(body), last=head.size)
    if status in {409, 422}:
        raise Conflict("audit.unlike-witness", size=known)
    if status in {400, 403, 404}:
        raise Conflict("audit.witness-refused", witness=place.key.name, status=status)
    raise Unavailable("audit.no-answer", witness=place.key.name)


def _ask(place: WitnessPlace, note: str, known: int, prove: Prove) -> tuple[int, str]:
    hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in (prove(known) if known else ()))
    return _call(place, "POST", ADD, f"old {known}\n{hashes}\n{note}".encode())


def _size(body: str) -> int:
    text = body.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _call(place: WitnessPlace, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    asked = urlsplit(place.url)
    kind = http.client.HTTPSConnection if asked.scheme == "https" else http.client.HTTPConnection
    connection = kind(asked.hostname or "", asked.port, timeout=SECONDS)
    try:
        connection.request(method, asked.path.rstrip("/") + path, body, {"Content-Type": "text/plain; charset=utf-8"})
        answer = connection.getresponse()
        return answer.status, answer.read(_LARGEST).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable("audit.no-answer", witness=place.key.name) from error
    finally:
        connection.close()
