"""Papers as they come back: printed, written over with a pen, laid askew on a scanner, blurred and noisy."""

import random
from collections.abc import Sequence

import pypdfium2
import zxingcpp
from PIL import Image, ImageChops, ImageDraw, ImageFilter

PRINT_DPI = 300
_INKS = ((25, 25, 25), (40, 40, 60), (30, 40, 110))

Box = tuple[int, int, int, int]


def printed(pdf: bytes) -> list[Image.Image]:
    """Return the pages as printed on paper, at 300 dpi."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.render(scale=PRINT_DPI / 72).to_pil().convert("RGB") for page in document]
    finally:
        document.close()


def symbols(page: Image.Image) -> list[Box]:
    """Return the boxes of the QR symbols on a clean page."""
    formats = zxingcpp.BarcodeFormats((zxingcpp.BarcodeFormat.QRCode,))
    found = []
    for symbol in zxingcpp.read_barcodes(page, formats=formats):
        place = symbol.position
        corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
        found.append((min(xs), min(ys), max(xs), max(ys)))
    return found


def written_over(page: Image.Image, boxes: Sequence[Box], share: float, rng: random.Random) -> Image.Image:
    """Return the page with pen strokes over ``share`` of the area of each box, each box another hand."""
    page = page.copy()
    for box in boxes:
        strokes = _strokes(box[2] - box[0], box[3] - box[1], share, rng)
        page.paste(rng.choice(_INKS), box[:2], strokes)
    return page


def scanned(
    page: Image.Image, rng: random.Random, *, dpi: int = 150, degrees: float = 4.0, blur: float = 0.6, noise: float = 10
) -> Image.Image:
    """Return what a scanner makes of a page that lies up to ``degrees`` askew; ``blur`` in points of the scan."""
    turned = page.rotate(rng.uniform(-degrees, degrees), fillcolor="white", resample=Image.Resampling.BILINEAR)
    size = (round(page.width * dpi / PRINT_DPI), round(page.height * dpi / PRINT_DPI))
    small = turned.resize(size, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(blur))
    pale = small.point([25 + value * 215 // 255 for value in range(256)] * len(small.getbands()))
    grain = Image.effect_noise(size, noise).convert(pale.mode)
    return ImageChops.add(pale, grain, 1, -128)


def _strokes(width: int, height: int, share: float, rng: random.Random) -> Image.Image:
    """Return a mask of curved strokes 0.35 to 0.7 mm wide that covers at least ``share`` of it."""
    mask = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(mask)
    while mask.histogram()[255] < share * width * height:
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        dx, dy = rng.uniform(-1, 1), rng.uniform(-1, 1)
        points = [(x, y)]
        for _ in range(rng.randrange(3, 7)):
            dx, dy = dx + rng.uniform(-0.4, 0.4), dy + rng.uniform(-0.4, 0.4)
            x, y = min(max(x + dx * width / 8, 0), width), min(max(y + dy * height / 8, 0), height)
            points.append((x, y))
        draw.line(points, fill=255, width=round(rng.uniform(0.35, 0.7) / 25.4 * PRINT_DPI), joint="curve")
    return mask
