"""Marks scanned pages: each run of ink is moved by whole pixels inside the page's picture, and nothing is resampled."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final, cast

import cv2
import numpy as np
import pikepdf
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL.JpegImagePlugin import get_sampling
from PIL.TiffImagePlugin import TiffImageFile

from crypto.marks.arrays import Image
from crypto.marks.shift_code import STEP_MM, Steps

_MM: Final = 25.4
_RESOLUTIONS: Final = (140.0, 660.0)
_MOST_PIXELS: Final = 50_000_000  # A4 at 660 dpi has 42 million
_LEAST_COVERED: Final = 0.5
_SKEW: Final = 0.01
_INK, _FAINT = 60, 20
_SPECK: Final = 6
_LONGEST_MM, _TALLEST_MM = 60.0, 14.0
_SHORTEST_MM, _LOWEST_MM = 0.7, 1.5
_JOINED_MM: Final = (0.35, 1.5)  # dots belong to the letter above or below them, not to its neighbour
_GRAIN: Final = 1.5
_QUALITY: Final = 88
_PHOTOMETRIC, _STRIP_OFFSETS, _STRIP_LENGTHS = 262, 273, 279  # TIFF 6.0 tags

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """A page that is one picture: its name among the page's resources, where it stands, its runs of ink.

    ``place`` is left, low, right, top in points; ``boxes`` (left, top, right, bottom) and ``masks`` are of the picture.
    """

    name: str
    place: tuple[float, float, float, float]
    step: int
    boxes: Sequence[Box] = field(repr=False)
    masks: Sequence[NDArray[np.bool_]] = field(repr=False)

    @property
    def count(self) -> int:
        """How many runs can be moved."""
        return len(self.boxes)

    def hide(self, document: pikepdf.Pdf, page: pikepdf.Page, steps: Steps) -> None:
        """Put a picture with moved runs in the place of the page's; ``steps`` is count x 2 (right, up)."""
        old = page.obj.Resources.XObject[self.name]
        picture = _opened(old)
        if picture is None:
            return
        moved = _moved(np.asarray(picture), self, steps)
        resources = pikepdf.Dictionary(dict(page.obj.Resources.items()))  # the page's own: others may share the old
        resources.XObject = pikepdf.Dictionary(dict(resources.XObject.items()))
        resources.XObject[self.name] = _written(document, old, picture, moved)
        page.obj.Resources = resources

    def labels(self, shape: tuple[int, int]) -> NDArray[np.int32]:
        """Return whose ink each pixel of the picture is, -1 nobody's."""
        labels = np.full(shape, -1, np.int32)
        for number, ((left, top, right, bottom), mask) in enumerate(zip(self.boxes, self.masks, strict=True)):
            labels[top:bottom, left:right][mask] = number
        return labels


def scanned_page(page: pikepdf.Page) -> ScannedPage | None:
    """Return a page that is nothing but one upright picture of at least 140 dpi, ready to be marked."""
    found = _placed_picture(page)
    if found is None:
        return None
    name, place = found
    picture = page.obj.Resources.XObject[name]
    image = _opened(picture) if int(picture.Width) * int(picture.Height) <= _MOST_PIXELS else None
    if image is None:
        return None
    dpi = image.width / (place[2] - place[0]) * 72
    if not _RESOLUTIONS[0] <= dpi <= _RESOLUTIONS[1]:
        return None
    boxes, masks = _runs(_gray(np.asarray(image)), dpi / _MM)
    return ScannedPage(name, place, max(1, round(STEP_MM * dpi / _MM)), boxes, masks)


def picture_size(page: pikepdf.Page, scan: ScannedPage) -> tuple[int, int]:
    """Return height and width of a page's picture, pixels."""
    picture = page.obj.Resources.XObject[scan.name]
    return int(picture.Height), int(picture.Width)


def _placed_picture(page: pikepdf.Page) -> tuple[str, tuple[float, float, float, float]] | None:
    """Return the one picture that a page draws over most of itself, and where."""
    pictures = page.obj.get("/Resources", pikepdf.Dictionary()).get("/XObject", pikepdf.Dictionary())
    found: list[tuple[str, tuple[float, float, float, float]]] = []
    matrix = pikepdf.Matrix()
    saved: list[pikepdf.Matrix] = []
    for instruction in pikepdf.parse_content_stream(page, "q Q cm Do"):
        name, operands = str(instruction.operator), instruction.operands
        if name == "q":
            saved.append(matrix)
        elif name == "Q" and saved:
            matrix = saved.pop()
        elif name == "cm":
            matrix = pikepdf.Matrix(*(float(value) for value in operands)) @ matrix
        elif name == "Do" and _is_picture(pictures, str(operands[0])):
            if max(abs(matrix.b), abs(matrix.c)) > _SKEW * abs(matrix.a) or matrix.a <= 0 or matrix.d <= 0:
                return None
            place = matrix.e, matrix.f, matrix.e + matrix.a, matrix.f + matrix.d
            found.append((str(operands[0]), place))
    left, low, right, top = (float(value) for value in page.cropbox)
    large = [each for each in found if _area(each[1]) >= _LEAST_COVERED * (right - left) * (top - low)]
    return large[0] if len(large) == 1 else None


def _is_picture(objects: Any, name: str) -> bool:
    return name in objects and objects[name].get("/Subtype") == "/Image"


def _area(place: tuple[float, float, float, float]) -> float:
    return (place[2] - place[0]) * (place[3] - place[1])


def _opened(picture: Any) -> Pictures.Image | None:
    """Return a picture in black and white, gray or RGB; None for masks and what cannot be read."""
    if any(key in picture for key in ("/SMask", "/Mask", "/Decode", "/ImageMask")):
        return None
    try:
        image = pikepdf.PdfImage(picture).as_pil_image()
        image.load()
    except (pikepdf.PdfError, NotImplementedError, OSError, ValueError):
        return None
    return image if image.mode in {"1", "L", "RGB"} else None


def _gray(pixels: NDArray[Any]) -> Image:
    if pixels.dtype == np.bool_:
        return np.where(pixels, 255, 0).astype(np.uint8)
    return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def _paper(gray: Image) -> Image:
    """Return the paper under the ink."""
    small = cv2.resize(gray, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cv2.medianBlur(small, 31), gray.shape[::-1]), np.uint8)


def _runs(gray: Image, pixels_a_mm: float) -> tuple[list[Box], list[NDArray[np.bool_]]]:
    """Group the ink into runs: boxes, and in each which pixels move with it (the ink and a rim of three pixels)."""
    ink = (gray.astype(np.int16) - _paper(gray) < -_INK).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    sizes = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    kept = stats[:, cv2.CC_STAT_AREA] > _SPECK
    kept &= (sizes[0] < _LONGEST_MM * pixels_a_mm) & (sizes[1] < 20 * pixels_a_mm)
    kept[0] = False
    ink = kept[labels].astype(np.uint8)
    reach = tuple(int(side * pixels_a_mm) | 1 for side in _JOINED_MM)
    grouped = cv2.dilate(ink, np.ones(reach[::-1], np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(grouped, connectivity=8)
    halo = cv2.dilate(ink, np.ones((7, 7), np.uint8)) > 0
    boxes, masks = [], []
    for number in range(1, count):
        left, top, width, height, _ = (int(value) for value in stats[number])
        if not _SHORTEST_MM * pixels_a_mm < width < _LONGEST_MM * pixels_a_mm:
            continue
        if not _LOWEST_MM * pixels_a_mm < height < _TALLEST_MM * pixels_a_mm:
            continue
        box = left, top, left + width, top + height
        mask = halo[top : box[3], left : box[2]] & (labels[top : box[3], left : box[2]] == number)
        boxes.append(box)
        masks.append(mask)
    return boxes, masks


def _moved(pixels: NDArray[Any], page: ScannedPage, steps: Steps) -> NDArray[Any]:
    """Return the picture with the runs moved: paper where they were; where they come to lie, the darker of two inks.

    The darker of ink's rim and bare paper would make the whole page darker than it was.
    """
    bilevel = pixels.dtype == np.bool_
    bands = [_gray(pixels)] if pixels.ndim == 2 else [pixels[:, :, band] for band in range(pixels.shape[2])]
    moved = []
    for band in bands:
        out, paper = band.copy(), _paper(band)
        grain = np.random.default_rng(1).normal(0, 0 if bilevel else _GRAIN, (256, 256))
        for (left, top, right, bottom), mask in zip(page.boxes, page.masks, strict=True):
            rough = np.resize(grain, mask.shape)[mask]
            out[top:bottom, left:right][mask] = np.clip(paper[top:bottom, left:right][mask] + rough, 0, 255)
        height, width = band.shape
        for (box, mask), (right_step, up_step) in zip(
            zip(page.boxes, page.masks, strict=True), steps.tolist(), strict=True
        ):
            rows, columns = np.nonzero(mask)
            rows, columns = rows + box[1], columns + box[0]
            to_rows = np.clip(rows - up_step * page.step, 0, height - 1)
            to_columns = np.clip(columns + right_step * page.step, 0, width - 1)
            there, ink = out[to_rows, to_columns], band[rows, columns]
            free = there.astype(np.int16) > paper[to_rows, to_columns].astype(np.int16) - _FAINT
            out[to_rows, to_columns] = np.where(free, ink, np.minimum(there, ink))
        moved.append(out)
    if bilevel:
        return moved[0] > 127
    return moved[0] if pixels.ndim == 2 else np.stack(moved, 2)


def _written(document: pikepdf.Pdf, old: Any, source: Pictures.Image, pixels: NDArray[Any]) -> Any:
    """Return a stream of the picture, encoded as its source was: JPEG of the same quality, or CCITT group 4.

    The codes of a JPEG are made anew for what it holds (T.81 annex K.2): moved ink costs more than it did, and scanners
    mostly write the codes of the standard's example.
    """
    out = BytesIO()
    image = Pictures.fromarray(pixels)
    entries: dict[str, Any] = {
        "Type": pikepdf.Name.XObject, "Subtype": pikepdf.Name.Image,
        "Width": image.width, "Height": image.height,
    }  # fmt: skip
    if source.mode == "1":
        image.save(out, "TIFF", compression="group4", strip_size=image.width * image.height)
        tags = cast("TiffImageFile", Pictures.open(BytesIO(out.getvalue()))).tag_v2
        (start,), (length,) = tags[_STRIP_OFFSETS], tags[_STRIP_LENGTHS]
        data = out.getvalue()[start : start + length]
        white_is_0 = tags[_PHOTOMETRIC] == 0
        parms = pikepdf.Dictionary(K=-1, Columns=image.width, Rows=image.height, BlackIs1=not white_is_0)
        return document.make_stream(
            data, **entries, ColorSpace=pikepdf.Name.DeviceGray, BitsPerComponent=1,
            Filter=pikepdf.Name.CCITTFaxDecode, DecodeParms=parms,
        )  # fmt: skip
    tables = getattr(source, "quantization", None)
    if tables:
        finest = 0 if image.mode == "L" else get_sampling(source)
        image.save(out, "JPEG", qtables=tables, subsampling=finest, optimize=True)
    else:
        image.save(out, "JPEG", quality=_QUALITY, optimize=True)
    space = pikepdf.Name.DeviceGray if image.mode == "L" else pikepdf.Name.DeviceRGB
    return document.make_stream(
        out.getvalue(), **entries, ColorSpace=old.get("/ColorSpace", space) if tables else space, BitsPerComponent=8,
        Filter=pikepdf.Name.DCTDecode,
    )  # fmt: skip
