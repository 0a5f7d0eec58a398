"""Barcodes: Code 128 and QR as modules for any renderer, and reading both back from a picture."""

import barcode
import segno
import zxingcpp
from PIL import Image

from crypto.errors import BadCode

_QUIET_MODULES = 10
_READ = zxingcpp.BarcodeFormats((zxingcpp.BarcodeFormat.Code128, zxingcpp.BarcodeFormat.QRCode))


def code128_modules(digits: str) -> str:
    """Return the modules of a Code 128 symbol (ISO/IEC 15417) from start to stop, ``1`` dark and ``0`` light.

    Two digits a symbol (set C); an odd last digit is written in set B. No quiet zone: leave 10 light modules at each
    side. Raises BadCode ``codes.bad-character`` unless ``digits`` are ASCII digits.
    """
    if not (digits.isascii() and digits.isdigit()):
        raise BadCode("codes.bad-character")
    return str(barcode.Code128(digits).build()[0])


def code128_svg(digits: str, *, height: int = 40) -> str:
    """Return an SVG picture of the symbol with its quiet zones; one unit is one module, ``height`` the bars' height."""
    modules = code128_modules(digits)
    width = len(modules) + 2 * _QUIET_MODULES
    bars, start = [], 0
    for run in modules.replace("10", "1 0").replace("01", "0 1").split():
        if run[0] == "1":
            bars.append(f"M{start + _QUIET_MODULES} 0h{len(run)}v{height}h-{len(run)}z")
        start += len(run)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'shape-rendering="crispEdges" role="img">'
        f"<title>{digits}</title>"
        f'<path fill="#fff" d="M0 0h{width}v{height}H0z"/><path d="{"".join(bars)}"/></svg>'
    )


def qr_matrix(data: str) -> list[list[bool]]:
    """Return the rows of a QR symbol (ISO/IEC 18004, level M or better), True dark, without the quiet zone of 4."""
    return [[bool(module) for module in row] for row in segno.make_qr(data, error="m").matrix]


def read_barcodes(image: Image.Image) -> list[tuple[str, str]]:
    """Return (format, text) of every Code 128 and QR symbol found, such as ``("Code128", "100234…")``."""
    symbols = zxingcpp.read_barcodes(image, formats=_READ, text_mode=zxingcpp.TextMode.Plain)
    return [(found.format.name, found.text) for found in symbols]
