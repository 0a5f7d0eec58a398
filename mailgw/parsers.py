"""The gateway's side of the parser: a few child processes that read messages, replaced when one dies or was in danger.

A child that judged a seal or read a large message is not used again: what it may have become or kept ends with it. The
next one is forked from a process that has loaded everything and has seen nothing, in a few milliseconds.
"""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from crypto.cms_signatures import DetachedSignature
from crypto.pdf_judging import PdfSeal
from edms.core.errors import Unavailable
from edms.dispatch.package import LetterPackage, UntypedMessage, WireMessage
from mailgw import maillog
from mailgw.parser_children import TOO_SLOW, UNREADABLE, Child, ChildFailed, Nursery
from mailgw.parser_values import LARGE, Question

CHILDREN: Final = 2
AT_ONCE: Final = 8
SECONDS: Final = 5
SECONDS_PER_MEGABYTE: Final = 2
WAITING: Final = 240.0
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Reading(Generic[Kept]):
    """What a message is (its parts without octets), what was kept of each part, and a letter's seal or a receipt's
    signature as found.
    """  # fmt: skip

    message: WireMessage
    parts: tuple[Kept, ...] = ()
    seal: PdfSeal | None = field(default=None, repr=False)
    signature: DetachedSignature | None = field(default=None, repr=False)


class Turns:
    """Whose message is read next, decided before a thread waits for a child: most threads must stay free for others.

    Of large messages one fewer is read than there are children, so that small ones never wait behind them.
    """

    def __init__(self, children: int = CHILDREN) -> None:
        self._any = asyncio.Semaphore(AT_ONCE)
        self._large = asyncio.Semaphore(max(1, children - 1))

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """Wait for the turn of a message of ``size`` octets."""
        async with self._large if size > LARGE else nullcontext(), self._any:
            yield


class Parsers:
    """A pool of children, started with the first message; safe to use from any number of threads.

    ``stamp_roots`` (DER) are believed for time-stamps; ``seconds`` are those of a small message; ``module`` is what the
    children run.
    """

    def __init__(
        self, *, children: int = CHILDREN, stamp_roots: Sequence[bytes] = (), seconds: int = SECONDS,
        module: str = "mailgw.parser_child",
    ) -> None:  # fmt: skip
        self._seconds = seconds
        self._stamp_roots = tuple(stamp_roots)
        self._module = module
        self._idle: queue.LifoQueue[Child | None] = queue.LifoQueue()
        for _ in range(children):
            self._idle.put(None)
        self._nursery: Nursery | None = None
        self._starting = threading.Lock()

    def read(
        self,
        size: int,
        chunks: Callable[[], Iterable[bytes]],
        *,
        keep: Callable[[bytes | Iterable[bytes]], Kept],
        sender_code: str = "",
        authority: bytes = b"",
    ) -> Reading[Kept]:
        """Have a message of ``size`` octets read; ``keep`` is given the octets of each file of a letter, in order.

        The seal is looked for when the letter says that it is of ``sender_code`` and ``authority`` (DER) is known.
        Whatever the child does, dies of or answers, the worst is an opaque UntypedMessage. Raises Unavailable when no
        child is free for long or none can be started, and what ``chunks`` and ``keep`` raise.
        """
        seconds = self._seconds + SECONDS_PER_MEGABYTE * size // 1_000_000
        question = Question(size, seconds, sender_code, authority)
        try:
            return self._read(question, chunks, keep)
        except ChildFailed as failure:
            maillog.event("parser.failed", reason=failure.code, octets=size)
            if failure.code == TOO_SLOW:
                return Reading(UntypedMessage((TOO_SLOW,), opaque=True))
        try:
            return self._read(question, chunks, keep)  # the child may have died of something else
        except ChildFailed as failure:
            maillog.event("parser.failed", reason=failure.code, octets=size)
            return Reading(UntypedMessage((failure.code,), opaque=True))

    def _read(
        self, question: Question, chunks: Callable[[], Iterable[bytes]], keep: Callable[[bytes | Iterable[bytes]], Kept]
    ) -> Reading[Kept]:
        """Ask one child; a large answer is kept as it comes, a small one when the child is free again."""
        child = self._taken()
        spent, large = True, question.size > LARGE
        try:
            answer = child.ask(question, chunks())
            sizes = _sizes(answer.message, question.size)
            if large:
                kept = tuple(keep(child.piecewise(each)) for each in sizes)
                return Reading(answer.message, kept, answer.seal, answer.signature)
            contents = [child.octets(each) for each in sizes]
            spent = not isinstance(answer.message, UntypedMessage)
        finally:
            self._give_back(child, spent=spent)
        kept = tuple(keep(each) for each in contents)
        return Reading(answer.message, kept, answer.seal, answer.signature)

    def start(self) -> None:
        """Start the nursery now and do not wait for it, so that the first message need not either."""
        self._born()

    def close(self) -> None:
        """End all children; whoever reads after that starts new ones."""
        with self._starting:
            places = self._idle.qsize()
            for _ in range(places):
                child = self._idle.get_nowait()
                if child is not None:
                    child.connection.close()
            for _ in range(places):
                self._idle.put(None)
            if self._nursery is not None:
                self._nursery.end()
                self._nursery = None

    def _taken(self) -> Child:
        try:
            child = self._idle.get(timeout=WAITING)
        except queue.Empty:
            raise Unavailable("mail.parser-busy", retry_after=60) from None
        try:
            return child or self._born().fork()
        except BaseException:
            self._idle.put(None)
            raise

    def _give_back(self, child: Child, *, spent: bool) -> None:
        if not spent:
            self._idle.put(child)
            return
        child.connection.close()
        nursery = self._nursery
        fresh = None
        if nursery is not None:
            nursery.kill(child.number)
            fresh = nursery.fork_ahead()
        self._idle.put(fresh)

    def _born(self) -> Nursery:
        """Return a nursery that lives, starting one where there is none."""
        with self._starting:
            if self._nursery is not None and not self._nursery.lives():
                self._nursery.end()
                self._nursery = None
            if self._nursery is None:
                self._nursery = Nursery(self._module, self._stamp_roots)
            return self._nursery


def _sizes(message: WireMessage, size: int) -> list[int]:
    """Return how many octets follow for each file of a letter; raises ChildFailed for what cannot be."""
    sizes = [part.size for part in message.parts] if isinstance(message, LetterPackage) else []
    if any(each < 0 for each in sizes) or sum(sizes) > size:
        raise ChildFailed(UNREADABLE)
    return sizes
