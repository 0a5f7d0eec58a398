"""Others' marks on the same page by the same ways: two methods of invisible-watermark, and DEDA's printer dots.

Of invisible-watermark the two modules of its DWT methods are loaded by themselves: its package imports torch for a
third method, a neural network, that is not compared. DEDA is run by its own commands. Both are given help that no
leaker gives: each picture is brought back to the 300 dpi at which it was marked, and the DWT methods, which cannot
write on white, get a page that is dimmed to 94 % as well.
"""

import importlib.util
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Final

import cv2
import numpy as np
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from bench.marks.reading import HiddenMarks
from bench.marks.trials import issued, original
from crypto.marks.tint import Profile
from tests.leaks import optics
from tests.leaks.channels import BY_NAME
from tests.leaks.fragments import Box, Size, fragment
from tests.leaks.pages import Kind
from tests.leaks.sheets import MM_PER_INCH, POINTS_PER_INCH, Leak, Picture, Sheet

WAYS: Final = ("png300", "jpg300q90", "jpg200q75", "shot144", "turn1", "scale70", "colour300", "photo", "copy2xbit300")
_DPI: Final = 300
_BITS: Final = 64
_SAME: Final = 2  # pixels: a picture of this size was not scaled, and scaling it would spoil what it holds
_DIMMED: Final = 0.94
_SERIAL: Final = 345678
_METHODS: Final = {"dwtDct": ("maxDct", "EmbedMaxDct"), "dwtDctSvd": ("dwtDctSvd", "EmbedDwtDctSvd")}
_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Peer:
    """What somebody's reader said of the page and of a quarter that came by one way."""

    name: str
    way: str
    said: str


class NotInstalled(Exception):
    """A peer is not installed: `make install-bench` does it."""


def require() -> None:
    """Raise NotInstalled when a peer is missing, before hours are spent."""
    for method in _METHODS:
        _embedder(method)
    if importlib.util.find_spec("libdeda") is None:
        raise NotInstalled("deda")


def compared() -> list[Peer]:
    """Return what each said of the page and of a quarter of it."""
    plain = Sheet(original(Kind.LETTER, 0).pdf)
    found = fragment(plain, Size.QUARTER, 0)
    width, height = plain.size_mm()
    boxes = [(0.0, 0.0, width, height), *([found.box] if found else [])]
    said = [*_diwan(plain, boxes), *_deda(plain, boxes)]
    for method in _METHODS:
        said += _watermark(method, plain, boxes, white=1.0)
        said += _watermark(method, plain, boxes, white=_DIMMED)
    return said


def _diwan(plain: Sheet, boxes: list[Box]) -> list[Peer]:
    marks, numbers = HiddenMarks(Profile.STANDARD), issued(Kind.LETTER, 0)
    sheet = Sheet(marks.mark(plain.pdf, numbers[0]))
    said = []
    for way in WAYS:
        leak = BY_NAME[way].leak(sheet, 0)
        named = [marks.read(leak.cut(box), plain.pdf, numbers).named for box in boxes]
        words = [("named" if each == numbers[:1] else "WRONG") if each else "cannot tell" for each in named]
        said.append(Peer("Diwan", way, " / ".join(words)))
    return said


def _watermark(method: str, plain: Sheet, boxes: list[Box], *, white: float) -> list[Peer]:
    """Compare one method of invisible-watermark with 64 bits, as its own default has them."""
    embed = _embedder(method)
    bits = np.random.default_rng(64).integers(0, 2, _BITS).tolist()
    page = optics.lit(plain.picture(_DPI).astype(np.float32) * np.float32(white))
    marked = embed(watermarks=bits, wmLen=_BITS).encode(cv2.cvtColor(page, cv2.COLOR_RGB2BGR))
    picture = np.asarray(cv2.cvtColor(marked, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    sheet = Sheet(_lossless(picture), 0, {(_DPI, False): picture})  # at its own resolution nothing is drawn anew
    said = []
    for way in WAYS:
        leak = BY_NAME[way].leak(sheet, 0)
        right = [_right_bits(embed, _at_marked_size(leak, box), bits) for box in boxes]
        name = f"{method}, white {white:.0%}"
        said.append(Peer(name, way, " / ".join(map(str, right))))
    return said


def _right_bits(embed: type, picture: Picture, bits: list[int]) -> int:
    read = embed(watermarks=[], wmLen=_BITS).decode(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return int((np.asarray(read).astype(int) == np.array(bits)).sum())


def _at_marked_size(leak: Leak, box: Box) -> Picture:
    left, top, right, bottom = box
    width, height = (round(side / MM_PER_INCH * _DPI) for side in (right - left, bottom - top))
    picture = leak.cut(box)
    if abs(picture.shape[1] - width) > _SAME or abs(picture.shape[0] - height) > _SAME:
        picture = optics.resized(picture, width, height)
    return picture if picture.ndim == 3 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def _deda(plain: Sheet, boxes: list[Box]) -> list[Peer]:
    """Let DEDA put the dots of a printer on the page and look for them."""
    said = []
    with tempfile.TemporaryDirectory(prefix="deda-") as name:
        folder = Path(name)
        (folder / "page.pdf").write_bytes(plain.pdf)
        _command(folder, "deda_create_dots", "--serial", str(_SERIAL), "page.pdf")
        sheet = Sheet((folder / "new_dots.pdf").read_bytes())
        for way in WAYS:
            leak = BY_NAME[way].leak(sheet, 0)
            words = [_serial(folder, _at_marked_size(leak, box)) for box in boxes]
            said.append(Peer("DEDA", way, " / ".join(words)))
    return said


def _serial(folder: Path, picture: Picture) -> str:
    Image.fromarray(picture).save(folder / "leak.png", dpi=(_DPI, _DPI))
    output = _command(folder, "deda_parse_print", "leak.png")
    found = re.search(r"serial: (.*)", output)
    if found is None:
        return "nothing"
    return "read" if str(_SERIAL) in found[1] else "WRONG"


def _command(folder: Path, name: str, *arguments: str) -> str:
    """Run a command of DEDA in a process of its own; that its reader fails is its answer, its writer must not."""
    command = [sys.executable, "-W", "ignore", "-m", f"deda_bin.{name}", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode and name == "deda_create_dots":
        raise RuntimeError(done.stderr)
    return done.stdout


@cache
def _embedder(method: str) -> type:
    module, name = _METHODS[method]
    found: type = getattr(_module(module), name)
    return found


def _module(name: str) -> ModuleType:
    """Load one file of invisible-watermark without its package, which imports torch."""
    try:
        path = next(each for each in files("invisible-watermark") or [] if each.name == f"{name}.py")
    except (PackageNotFoundError, StopIteration):
        raise NotInstalled("invisible-watermark") from None
    spec = importlib.util.spec_from_file_location(f"peer_{name}", str(path.locate()))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _lossless(picture: Picture) -> bytes:
    """Return a PDF of a picture of 300 dpi, as it is."""
    width, height = (side / _DPI * POINTS_PER_INCH for side in picture.shape[1::-1])
    out = BytesIO()
    canvas = Canvas(out, pagesize=(width, height), invariant=1)
    canvas.drawImage(ImageReader(Image.fromarray(picture)), 0, 0, width, height)
    canvas.save()
    return out.getvalue()
