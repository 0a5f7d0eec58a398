"""Child process that draws a page of an original, which others may have made; it is told no secret.

It hears a line of JSON (``size`` of the PDF in octets, ``page`` from 0, or null to be told how many ``pages`` there
are) and the PDF. It answers a line, for a page its height and width as ``pixels`` and the number of ``runs``, followed
by a gray octet for each pixel and, in four octets little-endian, the number of the run whose ink it is, or -1.
A page that is not to be drawn has no ``pixels``.
"""

import pypdfium2

from crypto.marks.originals import drawn_page, page_count
from crypto.marks.reference import DPI
from crypto.marks.samples import sample_pdf
from edms.verification.leak_rules import MOST_PIXELS
from edms.verification.leak_wire import Wire


def answer(wire: Wire) -> None:
    """Answer one request."""
    asked = wire.hear()
    pdf, page = wire.octets(asked["size"]), asked["page"]
    try:
        if page is None:
            wire.tell({"pages": page_count(pdf)})
        elif _pixels(pdf, page) > MOST_PIXELS:
            wire.tell({})
        else:
            drawn = drawn_page(pdf, page)
            told = {"pixels": list(drawn.image.shape), "runs": drawn.count}
            wire.tell(told, drawn.image.tobytes() + drawn.labels.astype("<i4").tobytes())
    except Exception:  # a hostile file makes its reader raise anything
        wire.tell({})


def _pixels(pdf: bytes, page: int) -> float:
    document = pypdfium2.PdfDocument(pdf)
    try:
        width, height = document[page].get_size()
    finally:
        document.close()
    return float(width * height * (DPI / 72) ** 2)


def warm_up() -> None:
    """Load what the libraries load on first use, by drawing small pages."""
    for page in range(3):
        drawn_page(sample_pdf(), page).reference()
