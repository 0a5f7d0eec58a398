"""Counts of one process, kept in a small file from which another process reads them; they never go down.

Each process writes its own file, whole and in one step, about once a second. A process that begins takes over the
counts of those of its role that have ended: a restart loses nothing that was written and leaves no files behind.
"""

import contextlib
import json
import os
import secrets
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FOLDER: Final = "tallies"
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class Timing:
    """How often something took how long: counts by the upper bound in seconds (the last is for all above), the sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, other: "Timing") -> None:
        """Add another's counts."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


class Tallies:
    """Counts by name and labels; safe to use from any thread."""

    def __init__(self) -> None:
        self.counts: Counter[Key] = Counter()
        self.timings: dict[Key, Timing] = {}
        self._lock = threading.Lock()

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Add to a count."""
        with self._lock:
            self.counts[_key(name, labels)] += amount

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Note how long something took."""
        place = next((at for at, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))
        with self._lock:
            timing = self.timings.setdefault(_key(name, labels), Timing())
            timing.counts[place] += 1
            timing.total += seconds

    def add(self, other: "Tallies") -> None:
        """Add all counts of another process."""
        with self._lock:
            self.counts.update(other.counts)
            for key, timing in other.timings.items():
                self.timings.setdefault(key, Timing()).add(timing)

    def write(self, run_folder: Path, role: str) -> None:
        """Write the file of this process in one step."""
        with self._lock:
            told = {
                "counts": [[name, labels, number] for (name, labels), number in self.counts.items()],
                "timings": [[name, labels, one.counts, one.total] for (name, labels), one in self.timings.items()],
            }
        folder = run_folder / FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = folder / f".{secrets.token_hex(8)}"
        aside.write_text(json.dumps(told), "utf-8")
        aside.rename(folder / f"{role}-{os.getpid()}.json")

    def take_over(self, run_folder: Path, role: str) -> None:
        """Add the counts of this role's processes that have ended, and remove their files."""
        for path in sorted((run_folder / FOLDER).glob(f"{role}-*.json")):
            if _lives(int(path.stem.rpartition("-")[2])):
                continue
            aside = path.with_name(f".{secrets.token_hex(8)}")
            with contextlib.suppress(FileNotFoundError):  # another process that begins was faster
                path.rename(aside)
                self.add(_read(aside))
                aside.unlink()


def read_all(run_folder: Path) -> Tallies:
    """Return the counts of all processes together."""
    found = Tallies()
    for path in (run_folder / FOLDER).glob("*.json"):
        with contextlib.suppress(FileNotFoundError):  # taken over since it was listed
            found.add(_read(path))
    return found


def _read(path: Path) -> Tallies:
    told, found = json.loads(path.read_text("utf-8")), Tallies()
    found.counts.update({_loaded(name, labels): number for name, labels, number in told["counts"]})
    found.timings = {_loaded(name, labels): Timing(counts, total) for name, labels, counts, total in told["timings"]}
    return found


def _loaded(name: str, labels: list[list[str]]) -> Key:
    return name, tuple((label, value) for label, value in labels)


def _key(name: str, labels: Mapping[str, str]) -> Key:
    return name, tuple(sorted(labels.items()))


def cumulated(counts: list[int]) -> Iterator[tuple[str, int]]:
    """Yield (upper bound, how many took at most that long), as Prometheus has histograms."""
    total = 0
    for bound, number in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
        total += number
        yield bound, total


def _lives(pid: int) -> bool:
    if pid == os.getpid():
        return False  # an earlier process had our number: no two live under one
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
