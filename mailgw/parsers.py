"""The gateway's side of the parser: a few child processes that read messages, replaced when one dies or was in danger.

A child reads for one source only, an installation that proved itself by its certificate: what a hostile message makes
of it can lie about no more than that installation, which holds the keys of its seals, can anyhow. After a message of
anybody else, and after a large one, it is not used again, whatever it says that it read. The next one is forked from a
process that has loaded everything and has seen nothing, in some milliseconds.
"""

import asyncio
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from uuid import UUID

from crypto.cms_signatures import DetachedSignature
from crypto.pdf_judging import PdfSeal
from edms.core.errors import Unavailable
from edms.core.nursery import KeptNursery, NurseryLost
from edms.dispatch.package import LetterPackage, UntypedMessage, WireMessage
from mailgw import maillog
from mailgw.parser_children import TOO_SLOW, UNREADABLE, Child, ChildFailed
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


class _Idle:
    """The places of children, those that nobody uses now; an empty one (None) has no child yet."""

    def __init__(self, places: int) -> None:
        self._children: list[Child | None] = [None] * places
        self._freed = threading.Condition()

    @property
    def free(self) -> int:
        """Return how many places nobody uses."""
        return len(self._children)

    def take(self, source: UUID | None) -> Child | None:
        """Wait for a place, of several one whose child may read for ``source``; raises Unavailable after long."""
        with self._freed:
            if not self._freed.wait_for(lambda: self._children, WAITING):
                raise Unavailable("mail.parser-busy", retry_after=60)
            fits = [child for child in self._children if child is not None and child.source in (None, source)]
            child = fits[-1] if fits else self._children[-1]
            self._children.remove(child)
            return child

    def put(self, child: Child | None) -> None:
        """Give a place back."""
        with self._freed:
            self._children.append(child)
            self._freed.notify()

    def clear(self) -> None:
        """End the children that nobody uses; their places stay."""
        with self._freed:
            for child in self._children:
                if child is not None:
                    child.connection.close()
            self._children = [None] * len(self._children)


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
        self._idle = _Idle(children)
        self._nursery = KeptNursery(module, *(b64encode(each).decode() for each in stamp_roots))

    def read(
        self,
        size: int,
        chunks: Callable[[], Iterable[bytes]],
        *,
        keep: Callable[[bytes | Iterable[bytes]], Kept],
        sender_code: str = "",
        authority: bytes = b"",
        source: UUID | None = None,
    ) -> Reading[Kept]:
        """Have a message of ``size`` octets read; ``keep`` is given the octets of each file of a letter, in order.

        The seal is looked for when the letter says that it is of ``sender_code`` and ``authority`` (DER) is known;
        ``source`` is the installation that has shown by its certificate that the message comes from it.
        Whatever the child does, dies of or answers, the worst is an opaque UntypedMessage. Raises Unavailable when no
        child is free for long or none can be started, and what ``chunks`` and ``keep`` raise.
        """
        seconds = self._seconds + SECONDS_PER_MEGABYTE * size // 1_000_000
        question = Question(size, seconds, sender_code, authority)
        try:
            return self._read(question, chunks, keep, source)
        except ChildFailed as failure:
            maillog.event("parser.failed", reason=failure.code, octets=size)
            if failure.code == TOO_SLOW:
                return Reading(UntypedMessage((TOO_SLOW,), opaque=True))
        try:
            return self._read(question, chunks, keep, source)  # the child may have died of something else
        except ChildFailed as failure:
            maillog.event("parser.failed", reason=failure.code, octets=size)
            return Reading(UntypedMessage((failure.code,), opaque=True))

    def _read(
        self, question: Question, chunks: Callable[[], Iterable[bytes]],
        keep: Callable[[bytes | Iterable[bytes]], Kept], source: UUID | None,
    ) -> Reading[Kept]:  # fmt: skip
        """Ask one child; a large answer is kept as it comes, a small one when the child is free again."""
        child = self._taken(source)
        spent, large = True, question.size > LARGE
        try:
            answer = child.ask(question, chunks())
            sizes = _sizes(answer.message, question.size)
            if large:
                kept = tuple(keep(child.piecewise(each)) for each in sizes)
                return Reading(answer.message, kept, answer.seal, answer.signature)
            contents = [child.octets(each) for each in sizes]
            spent = source is None
        finally:
            self._give_back(child, spent=spent)
        kept = tuple(keep(each) for each in contents)
        return Reading(answer.message, kept, answer.seal, answer.signature)

    def start(self) -> None:
        """Start the nursery now and do not wait for it, so that the first message need not either."""
        self._nursery.born()

    def close(self) -> None:
        """End all children; whoever reads after that starts new ones."""
        self._idle.clear()
        self._nursery.end()

    def _taken(self, source: UUID | None) -> Child:
        child = self._idle.take(source)
        if child is not None and child.source not in (None, source):
            child = self._replaced(child)
        try:
            child = child or Child(*self._nursery.born().fork())
        except NurseryLost:
            self._idle.put(None)
            raise Unavailable("mail.parser-not-started") from None
        except BaseException:
            self._idle.put(None)
            raise
        child.source = source
        return child

    def _give_back(self, child: Child, *, spent: bool) -> None:
        self._idle.put(self._replaced(child) if spent else child)

    def _replaced(self, child: Child) -> Child | None:
        """End a child and order the next, without waiting for it."""
        child.connection.close()
        nursery = self._nursery.started
        if nursery is None:
            return None
        try:
            nursery.kill(child.number)
            return Child(*nursery.fork_ahead())
        except NurseryLost:
            maillog.event("parser.nursery-lost")
            return None


def _sizes(message: WireMessage, size: int) -> list[int]:
    """Return how many octets follow for each file of a letter; raises ChildFailed for what cannot be."""
    sizes = [part.size for part in message.parts] if isinstance(message, LetterPackage) else []
    if any(each < 0 for each in sizes) or sum(sizes) > size:
        raise ChildFailed(UNREADABLE)
    return sizes
