"""Whose turn it is: work that waits for a hand, by next hop and body, so that no one mass mailing holds the rest."""

from collections import Counter, deque
from typing import Generic, TypeVar
from uuid import UUID

from edms.dispatch.queries import Lane

Work = TypeVar("Work")


class LaneTurns(Generic[Work]):
    """Hands out work lane by lane, ``most`` pieces at a time and at most ``each`` to one next hop."""

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._waiting: dict[Lane, deque[Work]] = {}
        self._busy: Counter[object] = Counter()

    def put(self, lane: Lane, work: Work) -> None:
        """Let ``work`` wait for its lane's turn."""
        self._waiting.setdefault(lane, deque()).append(work)

    def take(self) -> Work | None:
        """Return the next piece that may begin, or None; the lane that had its turn goes behind the others."""
        if self._busy.total() >= self._most:
            return None
        lane = next((one for one in self._waiting if self._busy[one.installation_id] < self._each), None)
        if lane is None:
            return None
        waiting = self._waiting.pop(lane)
        work = waiting.popleft()
        if waiting:
            self._waiting[lane] = waiting
        self._busy[lane.installation_id] += 1
        return work

    def done(self, lane: Lane) -> None:
        """Say that a piece of this lane has ended."""
        self._busy[lane.installation_id] -= 1

    def withdraw(self, installation_id: UUID) -> list[Work]:
        """Return what has not begun for one next hop, and forget it."""
        lanes = [one for one in self._waiting if one.installation_id == installation_id]
        return [work for lane in lanes for work in self._waiting.pop(lane)]
