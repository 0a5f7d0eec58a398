"""Measures how the runs of letters in an image lie against the unmarked page."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from crypto.marks.arrays import Field, Homography, Image, laid_over
from crypto.marks.reference import PIXELS_A_MM, Reference, Run
from crypto.marks.shift_code import STEP_MM

_FEATURES: Final = 4000
_SIDE, _LARGER_SIDE = 1250, 1750
_RATIO: Final = 0.82
_LEAST_MATCHES: Final = 12
_ENOUGH_MATCHES: Final = 60
_LEAST_LIKENESS: Final = 0.55
_FARTHEST: Final = 6.0
_ROUNDS: Final = 10
_NEIGHBOURS_MM: Final = 22.0
_CLIP: Final = 1.5
_SURE: Final = (0.0, 1.0, 2.0, 3.0)  # a step taken for granted where it is measured as one: in the fourth round 0.995

Offsets = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ShiftReading:
    """What was measured: count x 2 (right, up) in steps, 0 where a run was not read, and where the image lies.

    ``corners`` is the outline of the image on the page, 4 x 2 pixels of the reference; ``read`` counts the runs.
    """

    offsets: Offsets
    read: int
    matches: int
    corners: NDArray[np.float32]


def read_shifts(reference: Reference, image: Image) -> ShiftReading | None:
    """Lay an image (gray or RGB) over the page and measure the runs; None when it does not show this page."""
    if reference.empty:
        return None
    plain = normalised(image)
    found = register(reference, plain)
    if found is None:
        return None
    place, matches = found
    height, width = reference.image.shape
    laid, scale = laid_over(plain, place, (width, height), cv2.INTER_CUBIC, outside=255)
    whole = np.full(plain.shape, 255, np.uint8)
    seen = cv2.warpPerspective(whole, place, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    blurred = cv2.GaussianBlur(laid, (0, 0), 1.0 if scale > 0.8 else 0.7).astype(np.float32)
    offsets = np.zeros((reference.count, 2), np.float32)
    measured = [(run, offset) for run in reference.runs if (offset := _measured(run, blurred, seen)) is not None]
    edge = np.array([[[0, 0]], [[plain.shape[1], 0]], [[plain.shape[1], plain.shape[0]]], [[0, plain.shape[0]]]])
    corners = cv2.perspectiveTransform(edge.astype(np.float64), np.linalg.inv(place)).reshape(4, 2).astype(np.float32)
    if len(measured) < 5:
        return ShiftReading(offsets, len(measured), matches, corners)
    middles = np.array([((run.box[0] + run.box[2]) / 2, (run.box[1] + run.box[3]) / 2) for run, _ in measured])
    left_over = _without_bending(middles, np.array([offset for _, offset in measured]) / PIXELS_A_MM)
    steps = np.clip(left_over / STEP_MM, -_CLIP, _CLIP)
    offsets[[run.number for run, _ in measured]] = steps * [1, -1]
    return ShiftReading(offsets, len(measured), matches, corners)


def normalised(image: Image) -> Image:
    """Return an image in gray with even light: the paper white, the darkest ink black."""
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = gray.shape
    small = cv2.resize(gray, (max(2, width // 8), max(2, height // 8)), interpolation=cv2.INTER_AREA)
    paper = cv2.GaussianBlur(cv2.dilate(small, np.ones((9, 9), np.uint8)), (0, 0), 4).astype(np.float32)
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    even = np.clip(gray / np.maximum(paper, 20), 0, 1)
    dark = float(np.percentile(even[:: max(1, height // 1000), :: max(1, width // 1000)], 0.5))
    return np.asarray(np.clip((even - dark) / max(1 - dark, 0.2), 0, 1) * 255, np.uint8)


def register(reference: Reference, plain: Image) -> tuple[Homography, int] | None:
    """Return the homography from the page to a normalised image, and how many features agree on it."""
    side = max(plain.shape)
    if side < 450:
        scales = [1.0, 2.0]
    elif side <= _SIDE:
        scales = [1.0, 0.6]
    else:
        scales = [_SIDE / side, min(1.0, _LARGER_SIDE / side), 0.6 * _SIDE / side]
    sift = cv2.SIFT_create(_FEATURES, contrastThreshold=0.06)
    best: tuple[Homography, int] | None = None
    for scale in scales:
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        sized = plain if scale == 1 else cv2.resize(plain, None, fx=scale, fy=scale, interpolation=way)
        found, descriptors = sift.detectAndCompute(cv2.GaussianBlur(sized, (0, 0), 0.8), None)
        if descriptors is None or len(found) < _LEAST_MATCHES:
            continue
        points = np.array([each.pt for each in found], np.float32) / scale
        theirs, ours = _matched(descriptors, reference.descriptors)
        if len(theirs) < _LEAST_MATCHES:
            continue
        place, agreed = cv2.findHomography(
            reference.points[ours], points[theirs], cv2.USAC_MAGSAC, 3.0, maxIters=5000, confidence=0.9999
        )
        if place is None:
            continue
        count = int(agreed.sum())
        if count >= _LEAST_MATCHES and (best is None or count > best[1]):
            best = np.asarray(place, np.float64), count
        if count >= _ENOUGH_MATCHES:
            break
    return best


def _matched(theirs: Field, ours: Field) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of features that are clearly nearer to one of the page's than to any other (Lowe's ratio)."""
    squares = (ours**2).sum(axis=1)
    kept, matched = [], []
    for start in range(0, len(theirs), 1024):
        part = theirs[start : start + 1024]
        distance = squares[None, :] - 2 * (part @ ours.T) + (part**2).sum(axis=1)[:, None]
        nearest = np.argpartition(distance, 1, axis=1)[:, :2]
        two = np.take_along_axis(distance, nearest, axis=1)
        swap = two[:, 0] > two[:, 1]
        nearest[swap], two[swap] = nearest[swap][:, ::-1], two[swap][:, ::-1]
        clear = np.flatnonzero(two[:, 0] < _RATIO**2 * two[:, 1])
        kept.append(clear + start)
        matched.append(nearest[clear, 0])
    return np.concatenate(kept), np.concatenate(matched)


def _measured(run: Run, laid: Field, seen: Image) -> tuple[float, float] | None:
    """Return how far a run lies from its place (pixels), by weighted Lucas-Kanade on its own ink; None if unclear."""
    left, top, right, bottom = run.box
    if seen[top:bottom, left:right].min() == 0:
        return None
    ink, own = run.ink, run.own
    weight = float(own.sum())
    down, across = np.gradient(ink)
    template = ink - float((ink * own).sum()) / weight
    by_across, by_down = own * across, own * down
    a, b, d = float((by_across * across).sum()), float((by_across * down).sum()), float((by_down * down).sum())
    determinant = a * d - b * b
    if determinant < 1e3:
        return None
    norm = float(np.sqrt((own * template * template).sum()))
    x = y = likeness = 0.0
    middle = (left + right - 1) / 2, (top + bottom - 1) / 2
    size = right - left, bottom - top
    for _ in range(_ROUNDS):
        piece = cv2.getRectSubPix(laid, size, (middle[0] + x, middle[1] + y))
        piece = piece - float((piece * own).sum()) / weight
        other = float(np.sqrt((own * piece * piece).sum())) + 1e-6
        likeness = float((own * piece * template).sum()) / (norm * other)
        wrong = template - piece * (norm / other * max(likeness, 0.3))
        p, q = float((by_across * wrong).sum()), float((by_down * wrong).sum())
        step_x, step_y = (d * p - b * q) / determinant, (a * q - b * p) / determinant
        x += min(1.5, max(-1.5, step_x))
        y += min(1.5, max(-1.5, step_y))
        if max(abs(step_x), abs(step_y)) < 0.005:
            break
        if max(abs(x), abs(y)) > _FARTHEST:
            return None
    return (x, y) if likeness >= _LEAST_LIKENESS else None


def _without_bending(middles: NDArray[np.float64], offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return offsets without what neighbours share: paper that curls, copiers that pull, a page laid askew.

    A run stands one step left or right of its place, so what is left over says which with growing sureness; without
    that step the next round sees the bending alone. Else the fit would take a share of the steps of a small piece.
    """
    count = len(middles)
    centre = middles.mean(axis=0)
    x, y = ((middles - centre) / (np.abs(middles - centre).max() + 1)).T
    terms = [np.ones(count)]
    if count >= 9:
        terms += [x, y]
    if count >= 20:
        terms += [x * x, x * y, y * y]
    if count >= 70:
        terms += [x**3, x * x * y, x * y * y, y**3]
    basis = np.stack(terms, 1)
    near = np.zeros((count, count))
    if count >= 24:
        apart = ((middles[:, None] - middles[None]) ** 2).sum(axis=2)
        near = np.exp(-apart / (2 * (_NEIGHBOURS_MM * PIXELS_A_MM) ** 2))
        np.fill_diagonal(near, 0)
        near /= near.sum(axis=1, keepdims=True) + 2.0
    left_over, weight = offsets, np.ones(count)
    for sure in _SURE:
        unmoved = offsets - STEP_MM * np.tanh(sure * left_over / STEP_MM)
        for _ in range(3):
            fitted = basis @ np.linalg.lstsq(basis * weight[:, None], unmoved * weight[:, None], rcond=None)[0]
            weight = 1 / (1 + (np.abs(unmoved - fitted).max(axis=1) / 0.3) ** 2)
        left_over = offsets - fitted - near @ (unmoved - fitted)
    return left_over
