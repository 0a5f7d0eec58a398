"""Trials of the bench: one page, one way, one seed; every size of fragment is read, every result is kept as a line."""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from bench.marks.reading import Answer, HiddenMarks
from crypto.marks.tint import Profile
from tests.leaks import pages
from tests.leaks.channels import BY_NAME
from tests.leaks.fragments import Fragment, Size, fragment
from tests.leaks.pages import Kind, Original
from tests.leaks.sheets import Leak, Sheet

ROOT: Final = Path(__file__).resolve().parents[2]
KEPT: Final = ROOT / "var" / "bench" / "marks.jsonl"
ISSUED: Final = 10_000
UNMARKED_EVERY: Final = 3  # of a channel's seeds, one in so many is also tried with the unmarked page


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: the original's kind and number, the channel, the seed of it and of place and copy, the profile."""

    kind: Kind
    number: int
    channel: str
    seed: int
    profile: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one fragment; ``outcome`` is named, silent or WRONG, ``marked`` False for pages without any mark."""

    kind: str
    number: int
    channel: str
    seed: int
    profile: str
    size: str
    poor: bool
    marked: bool
    runs: int
    pixels: int
    outcome: str
    blind: str
    answer: dict[str, Any]


class Kept:
    """Results on disk, one JSON object a line, of the present sources of marks and simulator alone."""

    def __init__(self, path: Path = KEPT) -> None:
        self._path = path
        self._version = _version()
        self.results: list[Result] = []
        self._done: set[Trial] = set()
        text = path.read_text("utf-8") if path.exists() else ""
        self._cut_off = bool(text) and not text.endswith("\n")
        for line in text.splitlines():
            self._load(line)

    def __contains__(self, trial: Trial) -> bool:
        return trial in self._done

    def keep(self, trial: Trial, results: Sequence[Result]) -> None:
        """Write all results of a trial with one call, so that a trial is whole or absent."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = {"version": self._version, "trial": asdict(trial), "results": [asdict(result) for result in results]}
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" * self._cut_off + json.dumps(line, ensure_ascii=False) + "\n")
        self._cut_off = False
        self.results += results
        self._done.add(trial)

    def of(self, trials: Sequence[Trial]) -> list[Result]:
        """Return the results of these trials."""
        wanted = {(each.kind.value, each.number, each.channel, each.seed, each.profile) for each in trials}
        return [one for one in self.results if (one.kind, one.number, one.channel, one.seed, one.profile) in wanted]

    def _load(self, line: str) -> None:
        try:
            read = json.loads(line)
        except json.JSONDecodeError:
            return  # a line that a killed run did not finish: its trial runs again
        if read["version"] == self._version:
            self.results += [Result(**each) for each in read["results"]]
            self._done.add(Trial(**{**read["trial"], "kind": Kind(read["trial"]["kind"])}))


def run(
    trials: Sequence[Trial], kept: Kept, *, processes: int, failures: Path | None
) -> Iterator[tuple[Trial, list[Result]]]:
    """Run the trials that were not run before and keep what comes of them; pictures of failures go to a folder."""
    waiting = [trial for trial in trials if trial not in kept]
    tasks = [(trial, failures) for trial in waiting]
    if processes == 1:
        done = map(_try, tasks)
        for trial, results in done:
            kept.keep(trial, results)
            yield trial, results
        return
    with multiprocessing.get_context("spawn").Pool(processes, initializer=os.nice, initargs=(5,)) as pool:
        for trial, results in pool.imap_unordered(_try, tasks):
            kept.keep(trial, results)
            yield trial, results


def original(kind: Kind, number: int) -> Original:
    """Return the original of a trial."""
    return {Kind.LETTER: pages.letter, Kind.SCAN: pages.scan, Kind.FOREIGN: pages.foreign}[kind](number)


@cache
def issued(kind: Kind, number: int) -> tuple[int, ...]:
    """Return the numbers of the copies issued of an original, as random as in the register of copies."""
    rng = np.random.default_rng([number, *kind.encode()])
    return tuple(int(each) for each in rng.choice(10**11, ISSUED, replace=False))


def _try(task: tuple[Trial, Path | None]) -> tuple[Trial, list[Result]]:
    trial, failures = task
    cv2.setNumThreads(1)
    numbers = issued(trial.kind, trial.number)
    leaker = numbers[trial.seed % ISSUED]
    plain = _plain(trial.kind, trial.number)
    leak = BY_NAME[trial.channel].leak(_marked(trial.kind, trial.number, leaker, trial.profile), trial.seed)
    at = list(BY_NAME).index(trial.channel)
    place_seed = trial.seed * len(BY_NAME) + at
    results = [_read(trial, leak, place, leaker, failures) for place in _places(plain, place_seed)]
    if (at + trial.seed) % UNMARKED_EVERY == 0:
        bare = BY_NAME[trial.channel].leak(plain, trial.seed)
        quarter = fragment(plain, Size.QUARTER, place_seed)
        results += [_read(trial, bare, quarter, None, failures)] if quarter else []
    return trial, results


def _places(plain: Sheet, seed: int) -> list[Fragment]:
    places = [fragment(plain, size, seed) for size in Size]
    poor = [fragment(plain, size, seed, poor=True) for size in (Size.EIGHTH, Size.SQUARE)]
    return [each for each in [*places, *poor] if each is not None]


def _read(trial: Trial, leak: Leak, place: Fragment, leaker: int | None, failures: Path | None) -> Result:
    picture = leak.cut(place.box)
    marks = HiddenMarks(Profile[trial.profile])
    answer = marks.read(
        picture, _plain(trial.kind, trial.number).pdf, issued(trial.kind, trial.number),
        alone=BY_NAME[trial.channel].tint,
    )  # fmt: skip
    outcome, blind = verdict(answer.named, leaker), verdict((answer.blind,) if answer.blind is not None else (), leaker)
    if failures is not None and (outcome == "WRONG" or (leaker is not None and outcome == "silent")):
        failures.mkdir(parents=True, exist_ok=True)
        size = place.size.value.replace("/", "-").replace(" ", "")
        name = f"{outcome}-{trial.kind}{trial.number}-{trial.channel}-{size}{'-poor' * place.poor}-{trial.seed}.png"
        shown = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(failures / name), shown)
    return Result(
        kind=trial.kind.value, number=trial.number, channel=trial.channel, seed=trial.seed, profile=trial.profile,
        size=place.size.value, poor=place.poor, marked=leaker is not None, runs=place.runs,
        pixels=picture.shape[0] * picture.shape[1], outcome=outcome, blind=blind, answer=_plainly(answer),
    )  # fmt: skip


def verdict(named: Sequence[int], leaker: int | None) -> str:
    """Return what naming these copies is, when the leaker's was that one, or no copy at all."""
    if not named:
        return "silent"
    return "named" if tuple(named) == (leaker,) else "WRONG"


def _plainly(answer: Answer) -> dict[str, Any]:
    return {**asdict(answer), "named": len(answer.named), "blind": answer.blind is not None}


@lru_cache(maxsize=1)
def _plain(kind: Kind, number: int) -> Sheet:
    return Sheet(original(kind, number).pdf)


@lru_cache(maxsize=1)
def _marked(kind: Kind, number: int, leaker: int, profile: str) -> Sheet:
    return Sheet(HiddenMarks(Profile[profile]).mark(_plain(kind, number).pdf, leaker))


@cache
def _version() -> str:
    """Return a digest of everything that a result depends on, but for the libraries."""
    folders = ("crypto/marks", "tests/leaks", "edms/letters/rendition")
    files = sorted(path for folder in folders for path in (ROOT / folder).glob("*.py") if "test_" not in path.name)
    digest = hashlib.sha256()
    for path in [*files, ROOT / "bench/marks/trials.py", ROOT / "bench/marks/reading.py"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
