"""What an edge is built from (database, store, keyring, limits), looked up by type and opened on first use."""

import threading
from collections.abc import Callable
from typing import TypeVar, cast

T = TypeVar("T")


class Parts:
    """Holds one object per type; views and commands take theirs from it and pass them on as plain arguments."""

    def __init__(self) -> None:
        self._parts: dict[type, object] = {}
        self._makers: dict[type, Callable[[], object]] = {}
        self._mutex = threading.RLock()

    def put(self, kind: type[T], part: T) -> None:
        """Keep ``part`` under its type (for a port: the protocol)."""
        self._parts[kind] = part

    def offer(self, kind: type[T], make: Callable[[], T]) -> None:
        """Keep a maker that is called when the part is first asked for."""
        self._makers[kind] = make

    def __getitem__(self, kind: type[T]) -> T:
        """Return the part of that type; a missing one is a fault of the wiring."""
        with self._mutex:
            if kind not in self._parts:
                self._parts[kind] = self._makers[kind]()
            return cast("T", self._parts[kind])
