"""Prints one official letter on A4: head, text, signature, copies, list of addressees, foot."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Final

from reportlab.lib.pagesizes import A4

from edms.core.calendar import Locale
from edms.letters.rendition import flow, foot, head, seal_room
from edms.letters.rendition.bidi import base_of
from edms.letters.rendition.finishing import Properties
from edms.letters.rendition.layout import lay_out
from edms.letters.rendition.sheet import Sheet
from edms.letters.rendition.values import EmbeddedFile, ParagraphBlock, PrintedLetter

_WEIGHED_LETTERS: Final = 5000


def render_letter(
    letter: PrintedLetter, *, files: Sequence[EmbeddedFile] = (), seal: Callable[[int], str] | None = None
) -> bytes:
    """Return the letter as PDF. The same arguments always give the same bytes; safe to call from many threads.

    `files` are embedded; `seal` is told the number of pages and gives the text of the paper seal, whose symbol stands
    in the head and again at the end, both `letter.seal_mm` wide; without `seal` an empty box keeps the room.
    """
    locale = language(letter)
    pages = lay_out(letter, locale)
    sheet = Sheet(A4, _properties(letter, locale))
    if seal is not None and letter.seal_mm > 0:
        sheet.seal_matrix = seal_room.matrix_of(seal(len(pages)))
    for number, placed in enumerate(pages, 1):
        first = number == 1
        head.draw_watermark(sheet, letter.watermark, A4)
        head.draw_marking(sheet, letter, A4)
        if first:
            with sheet.reading():
                head.draw_first(sheet, letter, locale, A4)
        else:
            head.draw_next(sheet, letter, locale, A4)
        taken = head.first_height(letter, locale) if first else head.NEXT_HEIGHT
        flow.draw_page(sheet, placed, head.MARGIN, A4[1] - head.TOP - taken)
        with nullcontext() if number == len(pages) else sheet.artifact():
            foot.draw_foot(sheet, letter, locale, A4[0], (number, len(pages)))
        sheet.showPage()
    return sheet.pdf(files)


def _properties(letter: PrintedLetter, locale: Locale) -> Properties:
    """Return what the file says of itself."""
    author = letter.letterhead.lines_ar[-1] if letter.letterhead.lines_ar else ""
    return Properties(
        title=" ".join(part for part in (letter.kind_title, letter.number) if part) or letter.subject or author,
        author=author,
        subject=letter.subject,
        day=letter.date,
        language=locale,
        own={"documentCode": letter.document_code, "number": letter.number},
    )


def language(letter: PrintedLetter) -> Locale:
    """Return "en" for a letter whose subject and body are in Latin letters, else "ar"."""
    texts = [letter.subject, *(block.text for block in letter.body if isinstance(block, ParagraphBlock))]
    return "en" if base_of(" ".join(texts)[:_WEIGHED_LETTERS]) == "ltr" else "ar"
