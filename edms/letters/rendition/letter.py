"""Prints one official letter on A4: head, addressees, subject, body, signature, copies, list of addressees, foot."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Final

from reportlab.lib.pagesizes import A4

from edms.core.calendar import Locale, format_date, format_number, to_digits
from edms.letters.rendition import flow, foot, head
from edms.letters.rendition.bidi import Base, base_of
from edms.letters.rendition.flow import Strip
from edms.letters.rendition.paragraph import Line, Style, prepare
from edms.letters.rendition.sheet import Sheet, mm
from edms.letters.rendition.shaping import Ink
from edms.letters.rendition.table import table
from edms.letters.rendition.values import Block, ListBlock, ParagraphBlock, PrintedLetter, TableBlock
from edms.letters.rendition.wording import WORDS

MOST_NAMED: Final = 12
WIDTH: Final = A4[0] - 2 * head.MARGIN

_BODY: Final = Style(Ink(size=13.5), leading=20.5)
_SMALL: Final = Style(Ink(size=11), leading=16, align="start")
_FIRST: Final = 28.0
_INDENT: Final = 22.0
_SIGNATURE: Final = 75 * mm
_COLUMN_GAP: Final = 8 * mm


def render_letter(letter: PrintedLetter) -> bytes:
    """Return the letter as PDF. The same letter always gives the same bytes; safe to call from many threads."""
    locale = language(letter)
    room_first = A4[1] - head.TOP - head.first_height(letter, locale) - foot.HEIGHT
    room_next = A4[1] - head.TOP - head.next_height() - foot.HEIGHT
    pages = flow.paginate(_strips(letter, locale, room_next), room_first, room_next)
    sheet = Sheet(
        A4,
        title=" ".join(part for part in (letter.kind_title, letter.number) if part) or letter.subject,
        author=letter.letterhead.lines_ar[-1] if letter.letterhead.lines_ar else "",
        subject=letter.subject,
        day=letter.date,
        language="ar" if locale == "ar" else "en",
    )
    for number, placed in enumerate(pages, 1):
        head.draw_watermark(sheet, letter.watermark, A4)
        head.draw_marking(sheet, letter, A4)
        (head.draw_first if number == 1 else head.draw_next)(sheet, letter, locale, A4)
        taken = head.first_height(letter, locale) if number == 1 else head.next_height()
        flow.draw_page(sheet, placed, head.MARGIN, A4[1] - head.TOP - taken)
        foot.draw_foot(sheet, letter, locale, A4[0], (number, len(pages)))
        sheet.showPage()
    return sheet.pdf()


def language(letter: PrintedLetter) -> Locale:
    """Return "en" for a letter whose subject and body are in Latin letters, else "ar"."""
    texts = [letter.subject, *(block.text for block in letter.body if isinstance(block, ParagraphBlock))]
    return "en" if base_of(" ".join(texts)[:5000]) == "ltr" else "ar"


def _strips(letter: PrintedLetter, locale: Locale, room: float) -> list[Strip]:
    """Return the text of the letter from the addressees to the list of addressees."""
    base: Base = "rtl" if locale == "ar" else "ltr"
    body = replace(_BODY, default_base=base)
    small = replace(_SMALL, base=base)
    strips = _opening(letter, locale, body)
    for block in letter.body:
        strips += _block(block, letter, body, base)
    strips += _attachments(letter, locale, small)
    strips += _signature(letter, locale)
    strips += _copies(letter, locale, small)
    if len(letter.addressees) > MOST_NAMED:
        strips += _address_list(letter, locale, small, room)
    return strips


def _opening(letter: PrintedLetter, locale: Locale, body: Style) -> list[Strip]:
    """Return the kind, the addressees, the subject and the lines of reference."""
    words = WORDS[locale]
    bold = replace(body.with_ink(bold=True, size=14.5), align="start", base=body.default_base, leading=22)
    centred = replace(bold, align="center")
    strips: list[Strip] = []
    if letter.kind_title:
        strips += flow.paragraph(letter.kind_title, centred.with_ink(size=17), WIDTH)
    named = letter.addressees if len(letter.addressees) <= MOST_NAMED else (words.all_listed,)
    label = prepare(words.to, bold).natural + 4
    for number, name in enumerate(named):
        strips += _labelled(words.to if number == 0 else "", name, bold, label)
    if letter.subject:
        under = replace(centred.ink, underline=True)
        strips += flow.paragraph([(words.subject, centred.ink), (letter.subject, under)], centred, WIDTH, before=3)
    for text in letter.references:
        strips += flow.paragraph(text, replace(body, align="start", leading=19), WIDTH)
    return [replace(strip, glued=True) for strip in strips[:20]] + strips[20:]


def _labelled(label: str, text: str, style: Style, indent: float) -> list[Strip]:
    """Return a text with a label hanging at its start side."""
    rtl = style.base == "rtl"
    strips = flow.paragraph(text, replace(style, indent=0), WIDTH - indent, left=0 if rtl else indent)
    if label:
        mark = prepare(label, style).lines(WIDTH)[:1]
        strips[0] = _with_mark(strips[0], mark, style.leading)
    return strips


def _with_mark(strip: Strip, mark: Sequence[Line], leading: float) -> Strip:
    """Return the strip with another line drawn at the same height."""

    def draw(sheet: Sheet, x: float, top: float) -> None:
        sheet.block(mark, leading, x, top)
        strip.draw(sheet, x, top)

    return replace(strip, draw=draw)


def _block(block: Block, letter: PrintedLetter, body: Style, base: Base) -> list[Strip]:
    match block:
        case ParagraphBlock(text, align):
            style = replace(body, align=align, first=_FIRST if align == "justify" else 0.0)
            return flow.paragraph(text, style, WIDTH, before=3)
        case ListBlock(ordered, items):
            return _list(ordered, items, letter, replace(body, base=base))
        case TableBlock(header, rows):
            return [*table(header, rows, WIDTH, base=base, before=6), flow.space(5)]


def _list(ordered: bool, items: Sequence[str], letter: PrintedLetter, style: Style) -> list[Strip]:
    """Return the items with their numbers or bullets hanging at the start side."""
    strips: list[Strip] = []
    indent = _INDENT + (6.0 * (len(str(len(items))) - 1) if ordered else 0.0)
    for number, text in enumerate(items, 1):
        mark = to_digits(f"{number}.", letter.digits) if ordered else "•"
        strips += _labelled(mark, text, replace(style, align="start"), indent)
    return strips


def _attachments(letter: PrintedLetter, locale: Locale, small: Style) -> list[Strip]:
    if not letter.attachments:
        return []
    words = WORDS[locale]
    label = (words.attachments, replace(small.ink, bold=True))
    if len(letter.attachments) == 1:
        return flow.paragraph([label, (letter.attachments[0], small.ink)], small, WIDTH, before=6)
    strips = flow.paragraph([label], small, WIDTH, before=6)
    indent = _INDENT + 6.0
    for number, name in enumerate(letter.attachments, 1):
        strips += _labelled(to_digits(f"{number}.", letter.digits), name, small, indent)
    return strips


def _signature(letter: PrintedLetter, locale: Locale) -> list[Strip]:
    """Return name, post and day at the end side, on one page, with room above for the pen."""
    day = format_date(letter.signed_on, digits=letter.digits, locale=locale) if letter.signed_on else ""
    style = Style(Ink(size=13), leading=19, align="center", default_base="rtl" if locale == "ar" else "ltr")
    left = 0.0 if locale == "ar" else WIDTH - _SIGNATURE
    strips: list[Strip] = []
    for number, text in enumerate(text for text in (letter.signer_name, letter.signer_post, day) if text):
        chosen = style.with_ink(bold=True) if number == 0 else style
        strips += flow.paragraph(text, chosen, _SIGNATURE, before=26 if number == 0 else 0, left=left)
    return flow.glue(strips)


def _copies(letter: PrintedLetter, locale: Locale, small: Style) -> list[Strip]:
    """Return «نسخة منه إلى» and one line for each copy with its purpose."""
    if not letter.copies:
        return []
    words = WORDS[locale]
    strips = flow.paragraph(words.copies, small.with_ink(bold=True), WIDTH, before=10)
    strips[-1] = replace(strips[-1], glued=True)
    for entity, purpose in letter.copies:
        text = entity + (words.dash + purpose if purpose else "")
        strips += _labelled("–", text, small, 12.0)
    return strips


def _address_list(letter: PrintedLetter, locale: Locale, small: Style, room: float) -> list[Strip]:
    """Return the pages of the attached list: two columns, numbered down the first column and then the second."""
    count = len(letter.addressees)
    title = WORDS[locale].list_title.format(count=format_number(count, letter.digits))
    heading = flow.paragraph(title, replace(small, align="center", leading=24).with_ink(size=14, bold=True), WIDTH)
    width = (WIDTH - _COLUMN_GAP) / 2
    numbers = 10.0 + 6.5 * len(str(count))
    columns: list[list[Strip]] = [[]]
    used = heading_height = sum(strip.height for strip in heading)
    for number, name in enumerate(letter.addressees, 1):
        mark = prepare(to_digits(f"{number}.", letter.digits), small).lines(width)
        rows = flow.paragraph(name, small, width - numbers, left=0 if small.base == "rtl" else numbers)
        rows[0] = _with_mark(rows[0], mark, small.leading)
        tall = sum(row.height for row in rows)
        if used + tall > room and columns[-1]:
            columns.append([])
            used = heading_height if len(columns) <= 2 else 0.0
        columns[-1] += rows
        used += tall
    columns += [[]] if len(columns) % 2 else []
    pages = [
        _two_columns(right, left, rtl=small.base == "rtl") for right, left in list(pairwise(columns))[::2]
    ]
    if heading:
        heading[0] = replace(heading[0], fresh=True)
    return [*flow.glue([*heading, pages[0]]), *pages[1:]]


def _two_columns(first: list[Strip], second: list[Strip], *, rtl: bool) -> Strip:
    """Return one strip that draws two columns side by side, the first at the start side."""
    height = max(sum(strip.height for strip in column) for column in (first, second))
    other = (WIDTH + _COLUMN_GAP) / 2
    places = ((first, other if rtl else 0.0), (second, 0.0 if rtl else other))
    return Strip(height, partial(_draw_columns, places))


def _draw_columns(
    places: Sequence[tuple[list[Strip], float]], sheet: Sheet, x: float, top: float
) -> None:
    for column, left in places:
        y = top
        for strip in column:
            strip.draw(sheet, x + left, y)
            y -= strip.height
