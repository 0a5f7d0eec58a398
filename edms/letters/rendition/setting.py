"""How one letter is set: its language, density and measures, and lists with hanging labels, which all parts use."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from edms.core.calendar import Locale, to_digits
from edms.letters.rendition import flow
from edms.letters.rendition.bidi import Base
from edms.letters.rendition.flow import Strip
from edms.letters.rendition.paragraph import Style, prepare
from edms.letters.rendition.shaping import Ink
from edms.letters.rendition.table import Look
from edms.letters.rendition.tagging import Element
from edms.letters.rendition.values import PrintedLetter

Seal = Literal["beside", "after", "none"]

LIST_INDENT: Final = 22.0
_LIST_DIGIT: Final = 6.0


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
    """What all parts of one letter share: language, density, width of the text and height of a page's text in points.

    `seal` is where the paper seal stands for the second time: beside the signature, after everything, or nowhere here.
    """

    letter: PrintedLetter
    locale: Locale
    density: Density
    width: float
    room: float
    seal: Seal = "none"

    @property
    def base(self) -> Base:
        """The direction of the sheet."""
        return "rtl" if self.locale == "ar" else "ltr"

    @property
    def body(self) -> Style:
        """The style of running text."""
        return Style(
            Ink(size=self.density.size),
            leading=self.density.leading,
            default_base=self.base,
            kashida=self.letter.kashida,
        )

    @property
    def small(self) -> Style:
        """The style of notes under the body."""
        return Style(Ink(size=11), leading=self.density.leading * 0.8, align="start", base=self.base)


def hung(
    label: tuple[str, Element], text: tuple[str, Element], style: Style, indent: float, width: float
) -> list[Strip]:
    """Return a text with a label hanging at the start side of `style.base`, each with its element."""
    rtl = style.base == "rtl"
    found = flow.paragraph(text[0], style, width - indent, left=0 if rtl else indent, element=text[1])
    if label[0]:
        mark = prepare(label[0], replace(style, align="start")).lines(width)[:1]
        found[0] = flow.marked(found[0], mark, style.leading, label[1])
    return found


def labelled_list(
    items: Sequence[tuple[str, str]], style: Style, indent: float, width: float, kind: str
) -> list[Strip]:
    """Return (label, text) pairs as a list whose labels hang at the start side; `kind` is the attribute of the list."""
    listed = Element("L", attributes=kind)
    found: list[Strip] = []
    for label, text in items:
        item = Element("LI", parent=listed)
        found += hung((label, Element("Lbl", label, item)), (text, Element("LBody", text, item)), style, indent, width)
    return found


def numbered(items: Sequence[str], setting: Setting) -> list[tuple[str, str]]:
    """Return the items with their numbers as labels, in the letter's digits."""
    return [(to_digits(f"{number}.", setting.letter.digits), text) for number, text in enumerate(items, 1)]


def number_indent(items: Sequence[str]) -> float:
    """Return the indent in points that the numbers of so many items need."""
    return LIST_INDENT + _LIST_DIGIT * (len(str(len(items))) - 1)
