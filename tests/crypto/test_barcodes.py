"""Barcodes written here are read back by an independent reader, as printed and scanned at 150 dpi."""

import io
import re
import xml.etree.ElementTree as ET

import pytest
from PIL import Image, ImageFilter

from crypto.barcodes import code128_modules, code128_svg, qr_matrix, read_barcodes
from crypto.codes import copy_code, document_code
from crypto.errors import BadCode

DPI = 150
MODULE_MM = 0.38


def scanned(rows: list[list[bool]], module_mm: float, height_mm: float | None = None) -> Image.Image:
    """Print at 1200 dpi with quiet zones, turn by a degree, scan at 150 dpi with some blur."""
    size = round(module_mm / 25.4 * 1200)
    high = round(height_mm / 25.4 * 1200) if height_mm else size
    page = Image.new("L", ((len(rows[0]) + 20) * size, len(rows) * high + 20 * size), 255)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                page.paste(0, ((x + 10) * size, 10 * size + y * high, (x + 11) * size, 10 * size + (y + 1) * high))
    page = page.rotate(1, fillcolor=255, resample=Image.Resampling.BILINEAR)
    page = page.resize((page.width * DPI // 1200, page.height * DPI // 1200), Image.Resampling.BOX)
    return page.filter(ImageFilter.GaussianBlur(0.4))


@pytest.mark.parametrize(
    "digits", [document_code("100234", 2026, 12345), copy_code("048291736502"), "12345", "7", "10023496"]
)
def test_code_128_reads_back_at_150_dpi(digits: str) -> None:
    bars = [[module == "1" for module in code128_modules(digits)]]
    assert read_barcodes(scanned(bars, MODULE_MM, height_mm=10)) == [("Code128", digits)]


def test_code_128_takes_two_digits_a_symbol() -> None:
    assert len(code128_modules("1" * 18)) == 11 * (1 + 9 + 1) + 13
    assert set(code128_modules("12")) == {"0", "1"}


@pytest.mark.parametrize("text", ["", "12a", "١٢", "-1"])
def test_code_128_takes_digits_only(text: str) -> None:
    with pytest.raises(BadCode):
        code128_modules(text)


@pytest.mark.parametrize("data", ["K7QX2-9MD4H-TB3ZP-8WVNH", "https://diwan.example/v/K7QX2", "كتاب رسمي"])
def test_a_qr_reads_back_at_150_dpi(data: str) -> None:
    assert read_barcodes(scanned(qr_matrix(data), 0.5)) == [("QRCode", data)]


def test_the_svg_draws_the_same_bars() -> None:
    digits = document_code("100234", 2026, 12345)
    root = ET.fromstring(code128_svg(digits, height=30))
    path = root.findall("{http://www.w3.org/2000/svg}path")[1].attrib["d"]
    modules = ["0"] * (len(code128_modules(digits)) + 20)
    for start, width in re.findall(r"M(\d+) 0h(\d+)v30h-\d+z", path):
        for x in range(int(start), int(start) + int(width)):
            modules[x] = "1"
    assert "".join(modules).strip("0") == code128_modules(digits).strip("0")
    assert root.attrib["viewBox"] == f"0 0 {len(modules)} 30"


def test_a_picture_without_barcodes_gives_nothing() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 100), "white").save(buffer, "PNG")
    assert read_barcodes(Image.open(buffer)) == []
