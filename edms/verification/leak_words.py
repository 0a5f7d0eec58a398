"""Reads the words on a picture (Tesseract with its Arabic model): not well, but enough to find the letter they are of.

Runs in the child that opens hostile files; the model is loaded before, since nothing can be opened afterwards.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pypdfium2
import tesserocr
from PIL import Image

from crypto.marks.samples import sample_pdf
from edms.verification.leak_rules import LONGEST_LINE, MOST_LINES

_FOLDERS: Final = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")
_LANGUAGE: Final = "ara"
_LONGEST_SIDE, _SHORT_SIDE = 2400, 700
_DPI: Final = 200
_MILLISECONDS: Final = 4000


def model() -> Path | None:
    """Return the folder of the Arabic model, if one is installed (Debian: tesseract-ocr-ara)."""
    return next(_models(), None)


def read_lines(image: Image.Image) -> list[str]:
    """Return the lines of text on an upright picture, none without a model or when it takes too long."""
    reader = _reader()
    if reader is None:
        return []
    longest = max(image.size)
    scale = _LONGEST_SIDE / longest if longest > _LONGEST_SIDE else 2.0 if longest < _SHORT_SIDE else 1.0
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    reader.SetImage(image.convert("L").resize(size, Image.Resampling.BICUBIC))
    reader.SetSourceResolution(_DPI)
    try:
        read = reader.GetUTF8Text() if reader.Recognize(_MILLISECONDS) else ""
    finally:
        reader.Clear()
    lines = [" ".join(line.split())[:LONGEST_LINE] for line in read.splitlines()]
    return [line for line in lines if line][:MOST_LINES]


def warm_up() -> None:
    """Load the model, and what is loaded when the first picture is read."""
    sample = pypdfium2.PdfDocument(sample_pdf())
    read_lines(sample[0].render(scale=_DPI / 72).to_pil())
    sample.close()


@cache
def _reader() -> Any:
    folder = model()
    if folder is None:
        return None
    reader = tesserocr.PyTessBaseAPI(path=str(folder), lang=_LANGUAGE, psm=tesserocr.PSM.AUTO)
    reader.SetVariable("debug_file", "")  # what it has to say goes to standard error, not to a file opened on first use
    return reader


def _models() -> Iterator[Path]:
    for pattern in _FOLDERS:
        yield from (path.parent for path in sorted(Path("/").glob(f"{pattern[1:]}/{_LANGUAGE}.traineddata")))
