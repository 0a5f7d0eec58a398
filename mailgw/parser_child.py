"""The processes that parse hostile mail, forked by a nursery (``edms.core.nursery``) that has loaded everything.

A child reads a length (u32) and a Question, the message, and answers a length and an Answer, then the octets of the
letter's files in order. It has little memory and time, writes no file and starts no process.
"""

import os
import resource
import signal
import socket
import sys
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from edms.core.nursery import attend
from edms.dispatch.package import LetterPackage, WireMessage
from mailgw.judging import found_seal, found_signature
from mailgw.message import read_message
from mailgw.parser_values import LARGE, WALL_TIMES, Answer, Question, dump, load

MEMORY: Final = 256 << 20
MEMORY_TIMES: Final = 12
NICENESS: Final = 5
_READ_AHEAD: Final = 1 << 18
_HEAD: Final = 4


def main() -> None:
    """Be the nursery; the arguments are the roots (DER in base64) that are believed for time-stamps."""
    stamp_roots = tuple(b64decode(each) for each in sys.argv[1:])
    attend(partial(serve, stamp_roots=stamp_roots))


def serve(connection: socket.socket, stamp_roots: Sequence[bytes]) -> None:
    """Answer questions until the connection ends; die by signal when one needs more time or memory than it has."""
    with connection, connection.makefile("rb", _READ_AHEAD) as source:
        while head := source.read(_HEAD):
            question = load(Question, source.read(int.from_bytes(head)))
            memory = MEMORY + MEMORY_TIMES * question.size
            resource.setrlimit(resource.RLIMIT_AS, (memory, resource.RLIM_INFINITY))
            if question.size > LARGE:
                os.nice(NICENESS)  # for ever, but this child is not asked again: small messages and sessions go first
            raw = source.read(question.size)
            _allow(question.seconds)
            answer, contents = answered(raw, question, stamp_roots)
            octets = dump(answer)
            _allow(0)
            connection.sendall(len(octets).to_bytes(_HEAD) + octets)
            for content in contents:
                connection.sendall(content)


def answered(raw: bytes, question: Question, stamp_roots: Sequence[bytes]) -> tuple[Answer, list[bytes]]:
    """Return what a message is, without the octets of its files, and those."""
    message = read_message(raw)
    seal = found_seal(
        message, sender_code=question.sender_code, authority=question.authority, stamp_roots=stamp_roots
    )  # fmt: skip
    signature = found_signature(message, authority=question.authority)
    light, contents = _split(message)
    return Answer(light, seal, signature), contents


def _split(message: WireMessage) -> tuple[WireMessage, list[bytes]]:
    if not isinstance(message, LetterPackage):
        return message, []
    light = replace(message, parts=tuple(replace(part, content=b"") for part in message.parts))
    return light, [part.content for part in message.parts]


def _allow(seconds: int) -> None:
    """Let this process spend so many seconds of processor time more, and live ``WALL_TIMES`` as long."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WALL_TIMES * seconds)


if __name__ == "__main__":
    main()
