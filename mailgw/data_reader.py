"""The content after DATA, decoded by chunks: strict CRLF, dot transparency, line and size limits, a memory budget."""

from dataclasses import dataclass, field

TERMINATOR = b"\r\n.\r\n"
MAX_LINE = 998


@dataclass(slots=True)
class MemoryBudget:
    """Bytes of message content that all sessions together may hold in memory."""

    limit: int
    used: int = 0

    def take(self, size: int) -> bool:
        """Reserve ``size`` bytes, or answer False and reserve nothing."""
        if self.used + size > self.limit:
            return False
        self.used += size
        return True

    def give_back(self, size: int) -> None:
        """Release ``size`` bytes taken before."""
        self.used -= size


@dataclass(slots=True)
class DataReader:
    """Decode DATA content (RFC 5321 §4.1.1.4, §4.5.2) fed in chunks of any size, with no work per line.

    Only CRLF.CRLF ends the content. A bare CR or LF, a NUL, a line over 998 octets, too much content do not end it: the
    rest is read and dropped, and ``problem`` (a reply code) says what was wrong. ``size`` counts decoded octets; a
    virtual CRLF stands before the first line (hence the -2), so that every line begin looks alike.
    Call :meth:`release` when the content is no longer held. What is over a megabyte is taken by and by, for the spool.
    """

    limit: int
    budget: MemoryBudget
    content: bytearray = field(default_factory=bytearray)
    problem: str = ""
    size: int = -2
    rest: bytes = b""
    done: bool = False
    _held: bytes = b"\r\n"
    _line: int = 0
    _taken: int = 0
    _handed_over: bool = False

    def feed(self, chunk: bytes) -> bool:
        """Take the next octets from the wire; True when the end was seen (``rest`` is what came after it)."""
        data = self._held + chunk
        end = data.find(TERMINATOR) if b"." in data else -1  # one octet is found much faster, and base64 has no dot
        if end >= 0:
            self._take(data[: end + 2])
            self.rest = data[end + len(TERMINATOR) :]
            self._held = b""
            self.done = True
        else:
            keep = _held_back(data)
            self._take(data[: len(data) - keep])
            self._held = data[len(data) - keep :]
        return self.done

    def release(self) -> None:
        """Drop the content and give its memory back to the budget."""
        self.content = bytearray()
        self._give_back(self._taken)

    def take(self) -> bytearray:
        """Hand over what is decoded by now, without the virtual CRLF; its memory stays taken until :meth:`wrote`."""
        content, self.content = self.content, bytearray()
        if not self._handed_over:
            del content[:2]
            self._handed_over = True
        return content

    def wrote(self) -> None:
        """Give back the memory of what was handed over."""
        self._give_back(self._taken - len(self.content))

    def fail(self, code: str) -> None:
        """Let the answer be ``code``, unless something was wrong before: the rest is read and dropped."""
        if not self.problem:
            self.problem = code
            self.release()

    def message(self) -> bytes:
        """Return the decoded content without its virtual CRLF, and keep no copy of it (its memory stays taken)."""
        content, self.content = self.content, bytearray()
        return bytes(memoryview(content)[2:])

    def _take(self, body: bytes) -> None:
        if not body:
            return
        if not body.count(b"\r") == body.count(b"\n") == body.count(b"\r\n"):
            self.fail("smtp.bare-newline")
        if b"\0" in body:  # RFC 6152 §3 leaves it out, and a next hop that drops it could see an end of the message
            self.fail("smtp.nul")
        plain = body.replace(b"\r\n.", b"\r\n") if b"." in body else body
        self.size += len(plain)
        if self.size > self.limit:
            self.fail("smtp.too-big")
        if self.problem:
            return
        if not self._lines_fit(plain):
            self.fail("smtp.line-too-long")
            return
        if not self.budget.take(len(plain)):
            self.fail("smtp.no-memory")
            return
        self._taken += len(plain)
        self.content += plain

    def _lines_fit(self, plain: bytes) -> bool:
        """Check line lengths in hops of a line limit; ``_line`` carries the open line over chunk borders."""
        start, allowed = 0, MAX_LINE + 2 - self._line
        while len(plain) - start > allowed:
            newline = plain.rfind(b"\n", start, start + allowed)
            if newline < 0:
                return False
            start, allowed = newline + 1, MAX_LINE + 2
        newline = plain.rfind(b"\n", start)
        open_line = self._line if start == 0 and newline < 0 else 0
        self._line = open_line + len(plain) - max(newline + 1, start)
        return True

    def _give_back(self, size: int) -> None:
        self.budget.give_back(size)
        self._taken -= size


def _held_back(data: bytes) -> int:
    """Return how many octets at the end of ``data`` could begin the terminator or a stuffed dot."""
    for length in range(min(len(data), len(TERMINATOR) - 1), 0, -1):
        if TERMINATOR.startswith(data[-length:]):
            return length
    return 0
