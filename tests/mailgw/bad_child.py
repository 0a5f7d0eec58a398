"""A parser child that obeys its message: it hangs, crashes, eats memory or answers rubbish when the subject says so."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from edms.dispatch.package import UntypedMessage
from mailgw import parser_child
from mailgw.parser_values import Answer, Question

_real = parser_child.answered


def answered(raw: bytes, question: Question, stamp_roots: Sequence[bytes]) -> tuple[Answer, list[bytes]]:
    word = raw.removeprefix(b"Subject: ").split(b"\r\n", 1)[0].decode()
    if word == "spin":
        while True:
            pass
    if word == "sleep":
        time.sleep(60)
    if word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == "eat":
        bytearray(8 << 30)
    if word == "recurse":
        answered(raw, question, stamp_roots)
    if word == "lie":
        return Answer(UntypedMessage((7,), subject=["x"])), []  # type: ignore[arg-type]
    if word == "write":
        Path("/tmp/written-by-a-parser").write_text("x", "utf-8")
    if word == "flood":
        os.write(3, b"\xff" * 100_000)
    if word == "fork":
        os.fork()
    return _real(raw, question, stamp_roots)


if __name__ == "__main__":
    parser_child.answered = answered
    parser_child.main()
