"""Child process for one file that others made: marks a copy, or draws a page; it may do nothing but compute.

It is forked by a nursery and reads a line of JSON (``do``, ``size`` of the PDF, ``memory``, ``seconds``) and the PDF.
It answers a line of JSON with the ``size`` of what follows, or with what ``failed``.
"""

import base64
import json
import socket
from typing import Any, Final

import cv2

from crypto.digests import sha256
from crypto.errors import CannotMark
from crypto.marks.keys import MarkKey
from crypto.marks.marking import HiddenMark
from crypto.marks.samples import sample_pdf
from crypto.marks.tint import Profile
from edms.codes.page_images import page_count, page_png
from edms.codes.stamp import CopyMark, marked_pdf
from edms.core.confinement import confine
from edms.core.errors import EdmsError
from edms.core.nursery import attend

_LONGEST_LINE: Final = 1 << 12


def told(mark: CopyMark) -> dict[str, Any]:
    """Return a mark as JSON can say it."""
    hidden = mark.hidden
    return {
        "codes": [mark.copy_code, mark.entity_code, mark.employee_code],
        "number": hidden.number, "profile": hidden.profile.name, "key": hidden.key.id,
        **{name: base64.b64encode(octets).decode() for name, octets in (
            ("document", hidden.document), ("secret", hidden.key.secret), ("tile", hidden.tile),
        )},
    }  # fmt: skip


def serve(connection: socket.socket) -> None:
    """Do one thing with one file and end."""
    with connection, connection.makefile("rb") as source:
        request = json.loads(source.readline(_LONGEST_LINE))
        confine(memory=request["memory"], seconds=request["seconds"])
        pdf = source.read(request["size"])
        try:
            made = _made(pdf, request["do"])
        except (CannotMark, EdmsError) as error:
            connection.sendall(json.dumps({"failed": error.code}).encode() + b"\n")
        else:
            connection.sendall(json.dumps({"size": len(made)}).encode() + b"\n" + made)


def _made(pdf: bytes, wanted: dict[str, Any]) -> bytes:
    if "mark" in wanted:
        return marked_pdf(pdf, _mark(wanted["mark"]))
    if "page" in wanted:
        return page_png(pdf, wanted["page"], wanted["width"])
    return str(page_count(pdf)).encode()


def _mark(given: dict[str, Any]) -> CopyMark:
    document, secret, tile = (base64.b64decode(given[name]) for name in ("document", "secret", "tile"))
    copy, entity, employee = given["codes"]
    hidden = HiddenMark(given["number"], document, MarkKey(given["key"], secret), tile, Profile[given["profile"]])
    return CopyMark(copy, entity, employee, hidden)


def main() -> None:
    """Be the nursery: load everything, what is loaded on first use too, by marking a file."""
    cv2.setNumThreads(1)
    sample = sample_pdf()
    hidden = HiddenMark.of(0, MarkKey("", bytes(32)), sha256(sample), Profile.STANDARD)
    page_png(marked_pdf(sample, CopyMark("0" * 14, "0" * 8, "0" * 10, hidden)), 1, 64)
    attend(serve)


if __name__ == "__main__":
    main()
