"""Child process that marks one copy of a file that others made; forked by a nursery, it may do nothing but compute.

It reads a line of JSON (``size`` of the PDF, ``mark``, ``memory``, ``seconds``) and the PDF, and answers the length of
the marked copy in eight octets and the copy: a length of 0 says that the file cannot be marked.
"""

import base64
import json
import socket
from typing import Any, Final

import cv2

from crypto.errors import CannotMark
from crypto.marks.keys import MarkKey
from crypto.marks.marking import HiddenMark
from crypto.marks.samples import sample_pdf
from crypto.marks.tint import Profile
from edms.codes.stamp import CopyMark, marked_pdf
from edms.core.confinement import confine
from edms.core.nursery import attend

LENGTH: Final = 8
_LONGEST_LINE: Final = 1 << 12


def told(mark: CopyMark) -> dict[str, Any]:
    """Return a mark as JSON can say it."""
    hidden = mark.hidden
    return {
        "codes": [mark.copy_code, mark.entity_code, mark.employee_code],
        "number": hidden.number, "profile": hidden.profile.name,
        "key": [hidden.key.id, base64.b64encode(hidden.key.secret).decode()],
    }  # fmt: skip


def serve(connection: socket.socket) -> None:
    """Mark one file and end."""
    with connection, connection.makefile("rb") as source:
        request = json.loads(source.readline(_LONGEST_LINE))
        confine(memory=request["memory"], seconds=request["seconds"])
        pdf = source.read(request["size"])
        try:
            marked = marked_pdf(pdf, _mark(request["mark"]))
        except CannotMark:
            marked = b""
        connection.sendall(len(marked).to_bytes(LENGTH) + marked)


def _mark(given: dict[str, Any]) -> CopyMark:
    key = MarkKey(given["key"][0], base64.b64decode(given["key"][1]))
    copy, entity, employee = given["codes"]
    return CopyMark(copy, entity, employee, HiddenMark(given["number"], key, Profile[given["profile"]]))


def main() -> None:
    """Be the nursery: load everything, what is loaded on first use too, by marking a file."""
    cv2.setNumThreads(1)
    hidden = HiddenMark(0, MarkKey("", bytes(32)), Profile.STANDARD)
    marked_pdf(sample_pdf(), CopyMark("0" * 14, "0" * 8, "0" * 10, hidden))
    attend(serve)


if __name__ == "__main__":
    main()
