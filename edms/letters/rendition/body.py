"""The text of a letter as strips: addressees, subject, paragraphs, lists, tables, attachments, signature, copies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from edms.core.calendar import Locale, format_date, to_digits
from edms.letters.rendition import flow, seal_room
from edms.letters.rendition.bidi import Base
from edms.letters.rendition.flow import Strip
from edms.letters.rendition.paragraph import Style, prepare
from edms.letters.rendition.shaping import Ink
from edms.letters.rendition.sheet import Sheet, mm
from edms.letters.rendition.table import Look, table
from edms.letters.rendition.tagging import BULLETED, NUMBERED, Element
from edms.letters.rendition.values import (
    Align,
    Block,
    HeadingBlock,
    ListBlock,
    ParagraphBlock,
    PrintedLetter,
    TableBlock,
)
from edms.letters.rendition.wording import CLOSING, GREETING, WORDS

MOST_NAMED: Final = 12

_FIRST: Final = 28.0
_INDENT: Final = 22.0
_LIST_DIGIT: Final = 6.0
_SIGNATURE: Final = 75 * mm
_GLUED_OPENING: Final = 20
_KEPT_COPIES: Final = 14
_LONGEST_PHRASE: Final = 60


@dataclass(frozen=True, slots=True)
class Density:
    """How tightly a letter is set; sizes and spaces in points."""

    size: float
    leading: float
    paragraph_gap: float
    signature_gap: float
    table: Look


EASY: Final = Density(13.5, 20.5, 3.0, 24.0, Look())
TIGHT: Final = Density(13.0, 18.4, 1.5, 8.0, Look(leading=15.0, foot=2.0))
TIGHTEST: Final = Density(12.5, 17.4, 1.0, 4.0, Look(Ink(size=11.5), leading=14.0, foot=1.5))


@dataclass(frozen=True, slots=True)
class Setting:
    """What all parts of one letter share: language, density, width of the text in points."""

    letter: PrintedLetter
    locale: Locale
    density: Density
    width: float

    @property
    def base(self) -> Base:
        """The direction of the sheet."""
        return "rtl" if self.locale == "ar" else "ltr"

    @property
    def body(self) -> Style:
        """The style of running text."""
        return Style(Ink(size=self.density.size), leading=self.density.leading, default_base=self.base)

    @property
    def small(self) -> Style:
        """The style of notes under the body."""
        return Style(Ink(size=11), leading=self.density.leading * 0.8, align="start", base=self.base)


def strips(setting: Setting) -> list[Strip]:
    """Return the whole text of the letter, from the addressees to the copies."""
    found = _opening(setting)
    for block in setting.letter.body:
        found += _block(block, setting)
    return found + _attachments(setting) + _signature(setting) + _copies(setting)


def _opening(setting: Setting) -> list[Strip]:
    """Return the kind, the addressees, the subject and the lines of reference."""
    letter, words, width = setting.letter, WORDS[setting.locale], setting.width
    bold = replace(setting.body.with_ink(bold=True, size=14.5), align="start", base=setting.base, leading=22)
    centred = replace(bold, align="center")
    found: list[Strip] = []
    if letter.kind_title:
        found += flow.paragraph(letter.kind_title, replace(centred.with_ink(size=18), leading=26), width)
    found += _addressees(setting, bold)
    if letter.sender:
        spoken = Element("P", words.sender + letter.sender)
        indent = prepare(words.to, bold).natural + 4
        found += _hung((words.sender, spoken), (letter.sender, spoken), bold, indent, width)
    if letter.subject:
        under = replace(centred.ink, underline=True)
        title = Element("H1", words.subject + letter.subject)
        spans = [(words.subject, centred.ink), (letter.subject, under)]
        found += flow.paragraph(spans, centred, width, before=3, element=title)
        found.append(flow.space(2))
    for text in letter.references:
        found += flow.paragraph(text, replace(setting.body, align="start"), width)
    opening = [replace(strip, glued=True) for strip in found[:_GLUED_OPENING]]
    return opening + found[_GLUED_OPENING:]


def _addressees(setting: Setting, style: Style) -> list[Strip]:
    """Return the addressees under one another, the label before the first; only «all» of a long list."""
    letter, words, width = setting.letter, WORDS[setting.locale], setting.width
    named = letter.addressees if len(letter.addressees) <= MOST_NAMED else (words.all_listed,)
    indent = prepare(words.to, style).natural + 4
    if len(named) == 1:
        spoken = Element("P", words.to + named[0])
        return _hung((words.to, spoken), (named[0], spoken), style, indent, width)
    listed = Element("L")
    found: list[Strip] = []
    for number, name in enumerate(named):
        item = Element("LI", parent=listed)
        label = words.to if number == 0 else ""
        found += _hung((label, Element("Lbl", label, item)), (name, Element("LBody", name, item)), style, indent, width)
    return found


def _hung(
    label: tuple[str, Element], text: tuple[str, Element], style: Style, indent: float, width: float
) -> list[Strip]:
    """Return a text with a label hanging at the start side of `style.base`, each with its element."""
    rtl = style.base == "rtl"
    found = flow.paragraph(text[0], style, width - indent, left=0 if rtl else indent, element=text[1])
    if label[0]:
        mark = prepare(label[0], replace(style, align="start")).lines(width)[:1]
        found[0] = flow.marked(found[0], mark, style.leading, label[1])
    return found


def _items(items: Sequence[tuple[str, str]], style: Style, indent: float, width: float, kind: str) -> list[Strip]:
    """Return (label, text) pairs as a list whose labels hang at the start side; `kind` is the attribute of the list."""
    listed = Element("L", attributes=kind)
    found: list[Strip] = []
    for label, text in items:
        item = Element("LI", parent=listed)
        found += _hung((label, Element("Lbl", label, item)), (text, Element("LBody", text, item)), style, indent, width)
    return found


def _block(block: Block, setting: Setting) -> list[Strip]:
    width, gap = setting.width, setting.density.paragraph_gap
    match block:
        case ParagraphBlock(text, align):
            chosen = customary(text) if align == "justify" else align
            style = replace(setting.body, align=chosen, first=_FIRST if chosen == "justify" else 0.0)
            return flow.paragraph(text, style, width, before=gap)
        case HeadingBlock(text, level):
            return _heading(text, level, setting)
        case ListBlock(ordered, items):
            return _list(ordered, items, setting)
        case TableBlock(header, rows):
            return [
                *table(header, rows, width, look=setting.density.table, base=setting.base, before=gap + 3),
                flow.space(gap + 2),
            ]


def _heading(text: str, level: int, setting: Setting) -> list[Strip]:
    """Return a heading that stays with what follows it; the subject of the letter is the heading above all."""
    larger = setting.density.size + (2.0 if level == 1 else 0.5)
    style = replace(setting.body.with_ink(bold=True, size=larger), align="start", leading=setting.density.leading + 1)
    element = Element("H2" if level == 1 else "H3", text)
    before = setting.density.paragraph_gap + (6.0 if level == 1 else 3.0)
    found = flow.paragraph(text, style, setting.width, before=before, element=element)
    return [replace(strip, glued=True) for strip in found]


def customary(text: str) -> Align:
    """Return where a short standing phrase belongs: a greeting at the margin, a closing in the middle."""
    short = text.strip()
    if len(short) > _LONGEST_PHRASE:
        return "justify"
    return "start" if GREETING.match(short) else "center" if CLOSING.match(short) else "justify"


def _list(ordered: bool, items: Sequence[str], setting: Setting) -> list[Strip]:
    """Return the items with their numbers or bullets hanging at the start side."""
    style = replace(setting.body, base=setting.base, align="start")
    if not ordered:
        return _items([("•", text) for text in items], style, _INDENT, setting.width, BULLETED)
    return _items(_numbered(items, setting), style, _number_indent(items), setting.width, NUMBERED)


def _numbered(items: Sequence[str], setting: Setting) -> list[tuple[str, str]]:
    return [(to_digits(f"{number}.", setting.letter.digits), text) for number, text in enumerate(items, 1)]


def _number_indent(items: Sequence[str]) -> float:
    return _INDENT + _LIST_DIGIT * (len(str(len(items))) - 1)


def _attachments(setting: Setting) -> list[Strip]:
    names, small = setting.letter.attachments, setting.small
    if not names:
        return []
    label = (WORDS[setting.locale].attachments, replace(small.ink, bold=True))
    if len(names) == 1:
        return flow.paragraph([label, (names[0], small.ink)], small, setting.width, before=6)
    found = flow.paragraph([label], small, setting.width, before=6)
    found[-1] = replace(found[-1], glued=True)
    return found + _items(_numbered(names, setting), small, _number_indent(names), setting.width, NUMBERED)


def _signature(setting: Setting) -> list[Strip]:
    """Return the signer's block at the end side and the seal at the start side, together on one page."""
    signer = _signer(setting)
    side = seal_room.side(setting.letter.seal_mm)
    if not side:
        return signer
    gap = setting.density.signature_gap
    tall = sum(strip.height for strip in signer)
    x = setting.width - side if setting.base == "rtl" else 0.0

    def draw(sheet: Sheet, left: float, top: float) -> None:
        seal_room.draw(sheet, left + x, top, side)
        y = top - max(0.0, (side - tall) / 2)
        for strip in signer:
            strip.paint(sheet, left, y)
            y -= strip.height

    return [Strip(max(side, tall), draw, before=min(gap, 12.0))]


def _signer(setting: Setting) -> list[Strip]:
    """Return for whom the signer signed, the name, the post and the day."""
    letter = setting.letter
    day = (
        format_date(letter.signed_on, digits=letter.digits, months=letter.months, locale=setting.locale)
        if letter.signed_on
        else ""
    )
    style = Style(Ink(size=13), leading=19, align="center", default_base=setting.base)
    left = 0.0 if setting.base == "rtl" else setting.width - _SIGNATURE
    behalf = WORDS[setting.locale].on_behalf.format(post=letter.on_behalf_of) if letter.on_behalf_of else ""
    lines = ((behalf, False), (letter.signer_name, True), (letter.signer_post, False), (day, False))
    found: list[Strip] = []
    for text, bold in lines:
        if text:
            before = 0.0 if found else setting.density.signature_gap
            found += flow.paragraph(text, style.with_ink(bold=bold), _SIGNATURE, before=before, left=left)
    return flow.glue(found)


def _copies(setting: Setting) -> list[Strip]:
    """Return «نسخة منه إلى» and one line for each copy with its purpose."""
    if not setting.letter.copies:
        return []
    words, small = WORDS[setting.locale], setting.small
    found = flow.paragraph(words.copies, small.with_ink(bold=True), setting.width, before=8)
    found[-1] = replace(found[-1], glued=True)
    items = [("–", entity + (words.dash + purpose if purpose else "")) for entity, purpose in setting.letter.copies]
    found += _items(items, small, 12.0, setting.width, BULLETED)
    return flow.glue(found) if len(found) <= _KEPT_COPIES else found
