"""What an edge built at its start (database, store, keyring, limits), looked up by type."""

from typing import TypeVar, cast

T = TypeVar("T")


class Parts:
    """Holds one object per type; views and commands take theirs from it and pass them on as plain arguments."""

    def __init__(self) -> None:
        self._parts: dict[type, object] = {}

    def put(self, kind: type[T], part: T) -> None:
        """Keep ``part`` under its type (for a port: the protocol)."""
        self._parts[kind] = part

    def __getitem__(self, kind: type[T]) -> T:
        """Return the part of that type; a missing one is a fault of the wiring."""
        return cast("T", self._parts[kind])
