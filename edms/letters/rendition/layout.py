"""Lays a letter out over pages: how tightly it is set, where the seal stands again, the list of addressees after it."""

from collections.abc import Sequence
from typing import Final

from reportlab.lib.pagesizes import A4

from edms.core.calendar import Locale
from edms.letters.rendition import body, ending, flow, foot, head, seal_room
from edms.letters.rendition.addressees import address_list
from edms.letters.rendition.flow import Placed
from edms.letters.rendition.setting import EASY, TIGHT, TIGHTEST, Density, Seal, Setting
from edms.letters.rendition.values import PrintedLetter

WIDTH: Final = A4[0] - 2 * head.MARGIN

_FEW_PAGES: Final = 6
_LITTLE: Final = 210.0

Pages = list[list[Placed]]


def lay_out(letter: PrintedLetter, locale: Locale) -> Pages:
    """Return what stands on each page; a letter that runs over by little is set tighter where that saves a page."""
    pages = _filled(letter, locale, EASY)
    little = _LITTLE + seal_room.side(letter.seal_mm)
    if 1 < len(pages) <= _FEW_PAGES and _fill(pages[-1]) < little * (len(pages) - 1):
        for density in (TIGHT, TIGHTEST):
            tighter = _filled(letter, locale, density)
            if len(tighter) < len(pages):
                pages = tighter
                break
    return pages + _listed(letter, locale) if len(letter.addressees) > body.MOST_NAMED else pages


def _filled(letter: PrintedLetter, locale: Locale, density: Density) -> Pages:
    """Return the pages of the letter itself: the seal beside the signature if that is on the last, else at the end."""
    if letter.seal_mm <= 0 or len(letter.addressees) > body.MOST_NAMED:
        return _paginated(letter, locale, density, "none")[0]
    pages, signed = _paginated(letter, locale, density, "beside")
    return pages if signed else _paginated(letter, locale, density, "after")[0]


def _paginated(letter: PrintedLetter, locale: Locale, density: Density, seal: Seal) -> tuple[Pages, bool]:
    """Return the pages, and whether the signature stands on the last of them."""
    room = _room(head.NEXT_HEIGHT)
    setting = Setting(letter, locale, density, WIDTH, room, seal)
    strips, after = ending.with_ending(body.strips(setting), setting)
    pages = flow.paginate(strips, _room(head.first_height(letter, locale)), room)
    return pages, sum(not placed.repeated for placed in pages[-1]) > after


def _listed(letter: PrintedLetter, locale: Locale) -> Pages:
    """Return the pages of the list of addressees, the seal under the last names where there is one."""
    room = _room(head.NEXT_HEIGHT)
    setting = Setting(letter, locale, EASY, WIDTH, room)
    if letter.seal_mm <= 0:
        return flow.paginate(_names(letter, setting, room), room, room)
    seal = ending.seal_strip(setting)
    names = _names(letter, setting, room)
    if names[-1].height + seal.before + seal.height > room:
        names = _names(letter, setting, room - seal.before - seal.height)
    return flow.paginate([*names, seal], room, room)


def _names(letter: PrintedLetter, setting: Setting, room: float) -> list[flow.Strip]:
    return address_list(letter.addressees, letter.digits, setting.locale, setting.small, width=WIDTH, room=room)


def _fill(page: Sequence[Placed]) -> float:
    """Return the height in points that a page's text takes."""
    return page[-1].offset + page[-1].strip.height if page else 0.0


def _room(taken: float) -> float:
    """Return the height of the text area in points under a head that takes `taken`."""
    return float(A4[1]) - head.TOP - taken - foot.HEIGHT
