"""What marking costs: milliseconds and bytes of a copy, and what of it could be seen."""

import statistics
import time
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
import pikepdf

from bench.marks.reading import HiddenMarks
from bench.marks.trials import issued, original
from crypto.marks.marking import MarkablePdf
from crypto.marks.tint import Profile
from tests.leaks.pages import Kind
from tests.leaks.sheets import Sheet

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one kind of page: milliseconds a page to find its runs once and to mark a copy, bytes more on the file.

    ``darker`` is the loss of mean luma in percent, ``step`` the greatest difference of luma on bare paper in levels,
    both at 150 dpi.
    """

    kind: str
    pages: int
    found_ms: float
    marked_ms: float
    more_bytes: int
    darker: float
    step: float


def measured(profile: Profile) -> list[Cost]:
    """Measure one page of each kind."""
    return [_cost(kind, HiddenMarks(profile)) for kind in Kind]


def _cost(kind: Kind, marks: HiddenMarks) -> Cost:
    pdf = original(kind, 1 if kind is Kind.SCAN else 0).pdf
    started = time.perf_counter()
    pages = len(MarkablePdf(pdf).pages)
    found = time.perf_counter() - started
    numbers = issued(kind, 0)[: ROUNDS + 1]
    copies, times = [marks.mark(pdf, numbers[0])], []
    for number in numbers[1:]:
        started = time.perf_counter()
        copies.append(marks.mark(pdf, number))
        times.append(time.perf_counter() - started)
    weights = np.array([0.299, 0.587, 0.114])
    before, after = (Sheet(each).picture(150).astype(np.float64) @ weights for each in (pdf, copies[-1]))
    paper = cv2.dilate((before < 254.5).astype(np.uint8), np.ones((13, 13), np.uint8)) == 0
    return Cost(
        kind=kind.value,
        pages=pages,
        found_ms=found * 1000 / pages,
        marked_ms=statistics.median(times) * 1000 / pages,
        more_bytes=round(statistics.median(len(copy) for copy in copies)) - _saved_size(pdf),
        darker=float(100 * (1 - after.mean() / before.mean())),
        step=float((before - after)[paper].max()) if paper.any() else 0.0,
    )


def _saved_size(pdf: bytes) -> int:
    """Return the size of the PDF as copies are saved, without a mark."""
    out = BytesIO()
    with pikepdf.open(BytesIO(pdf)) as document:
        document.save(out, object_stream_mode=pikepdf.ObjectStreamMode.preserve, deterministic_id=True)
    return len(out.getvalue())
