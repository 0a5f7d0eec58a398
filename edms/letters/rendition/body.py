"""The text of a letter as strips: addressees, subject, references, paragraphs, headings, lists, tables."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from edms.letters.rendition import flow
from edms.letters.rendition.flow import Strip
from edms.letters.rendition.paragraph import Style, prepare
from edms.letters.rendition.setting import LIST_INDENT, Setting, hung, labelled_list, number_indent, numbered
from edms.letters.rendition.table import table
from edms.letters.rendition.tagging import BULLETED, NUMBERED, Element
from edms.letters.rendition.values import Align, Block, HeadingBlock, ListBlock, ParagraphBlock, TableBlock
from edms.letters.rendition.wording import CLOSING, GREETING, WORDS

MOST_NAMED: Final = 12

_FIRST: Final = 28.0
_GLUED_OPENING: Final = 20
_LONGEST_PHRASE: Final = 60


def strips(setting: Setting) -> list[Strip]:
    """Return the text of the letter, from the addressees to the end of its body."""
    found = _opening(setting)
    for block in setting.letter.body:
        found += _block(block, setting)
    return found


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
        found += hung((words.sender, spoken), (letter.sender, spoken), bold, indent, width)
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
        return hung((words.to, spoken), (named[0], spoken), style, indent, width)
    listed = Element("L")
    found: list[Strip] = []
    for number, name in enumerate(named):
        item = Element("LI", parent=listed)
        label = words.to if number == 0 else ""
        found += hung((label, Element("Lbl", label, item)), (name, Element("LBody", name, item)), style, indent, width)
    return found


def _block(block: Block, setting: Setting) -> list[Strip]:
    width, gap = setting.width, setting.density.paragraph_gap
    match block:
        case ParagraphBlock(text, align):
            chosen = customary(text) if align == "justify" else align
            style = replace(setting.body, align=chosen, first=_FIRST if chosen == "justify" else 0.0)
            found = flow.paragraph(text, style, width, before=gap)
            return flow.keep_with_next(found, 1, 0) if text.rstrip().endswith(":") else found
        case HeadingBlock(text, level):
            return _heading(text, level, setting)
        case ListBlock(ordered, items):
            return _list(ordered, items, setting)
        case TableBlock(header, rows):
            return [
                *table(
                    header,
                    rows,
                    width,
                    room=setting.room,
                    look=setting.density.table,
                    base=setting.base,
                    before=gap + 3,
                ),
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
        return labelled_list([("•", text) for text in items], style, LIST_INDENT, setting.width, BULLETED)
    return labelled_list(numbered(items, setting), style, number_indent(items), setting.width, NUMBERED)
