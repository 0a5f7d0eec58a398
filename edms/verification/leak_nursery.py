"""Nursery of the children of a look-up: they open hostile files or draw originals and know no secret, or know the keys.

All are forked from a process that has loaded what they need; what one is told neither the others nor that process see.
The first line of JSON says which of them a ``child`` is to be, and its limits: ``memory`` in octets, ``seconds``.
"""

import socket
from typing import Final

import cv2

from edms.core.confinement import confine
from edms.core.nursery import attend
from edms.verification import leak_drawing, leak_pictures, leak_reader
from edms.verification.leak_wire import Wire

_ANSWERS: Final = {
    "pictures": leak_pictures.answer, "originals": leak_drawing.answer, "marks": leak_reader.answer,
}  # fmt: skip


def serve(connection: socket.socket) -> None:
    """Answer one look-up and end."""
    with connection:
        wire = Wire(connection)
        told = wire.hear()
        if told:
            confine(memory=told["memory"], seconds=told["seconds"])
            _ANSWERS[told["child"]](wire)


def main() -> None:
    """Be the nursery: load everything, what is loaded on first use too."""
    cv2.setNumThreads(1)
    leak_pictures.warm_up()
    leak_drawing.warm_up()
    leak_reader.warm_up()
    attend(serve)


if __name__ == "__main__":
    main()
