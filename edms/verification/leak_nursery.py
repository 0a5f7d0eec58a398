"""Nursery of the two children of a look-up: one opens hostile files and knows no secret, one reads marks by their keys.

Both are forked from a process that has loaded what they need; what one is told neither the other nor that process sees.
The first line of JSON says which of them a ``child`` is to be, and its limits: ``memory`` in octets, ``seconds``.
"""

import socket

import cv2

from edms.core.confinement import confine
from edms.core.nursery import attend
from edms.verification import leak_pictures, leak_reader
from edms.verification.leak_wire import Wire


def serve(connection: socket.socket) -> None:
    """Answer one look-up and end."""
    with connection:
        wire = Wire(connection)
        told = wire.hear()
        if told:
            confine(memory=told["memory"], seconds=told["seconds"])
            {"pictures": leak_pictures.answer, "marks": leak_reader.answer}[told["child"]](wire, told)


def main() -> None:
    """Be the nursery: load everything, what is loaded on first use too."""
    cv2.setNumThreads(1)
    leak_pictures.warm_up()
    leak_reader.warm_up()
    attend(serve)


if __name__ == "__main__":
    main()
