"""What a check of the log finds: its faults in plain words, and what it learnt of rows and of the tree."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from crypto.merkle import Tree

MOST_FAULTS: Final = 100
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: in plain English, with the number of the entry where it begins, if there is one."""

    what: str
    seq: int | None = None


@dataclass(slots=True)
class Report:
    """What a check found; ``rows`` maps the name of a row (``letters/0190…``) to the last hash that the log has of it.

    ``tree`` is that of the entries, up to the first hole; ``sealed`` is how many of them a checkpoint covers,
    ``cosigned`` how many one that a witness cosigned.
    ``faults`` holds the first hundred, ``more`` counts the others.
    """

    events: int = 0
    checkpoints: int = 0
    sealed: int = 0
    cosigned: int = 0
    tree: Tree = field(default_factory=Tree)
    faults: list[Fault] = field(default_factory=list)
    more: int = 0
    rows: dict[str, bytes] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.faults

    @property
    def first_bad(self) -> int | None:
        """The number of the first entry that something is wrong with, if a fault names one."""
        return min((fault.seq for fault in self.faults if fault.seq is not None), default=None)

    def blame(self, what: str, seq: int | None = None) -> None:
        """Note a fault."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(what, seq))
        else:
            self.more += 1
