"""The end of a letter: attachments, signature, copies, and the second place of the paper seal."""

from dataclasses import replace
from typing import Final

from edms.core.calendar import format_date
from edms.letters.rendition import flow, seal_room
from edms.letters.rendition.flow import Strip
from edms.letters.rendition.paragraph import Style
from edms.letters.rendition.setting import Setting, labelled_list, number_indent, numbered
from edms.letters.rendition.shaping import Ink
from edms.letters.rendition.sheet import Sheet, mm
from edms.letters.rendition.tagging import BULLETED, NUMBERED
from edms.letters.rendition.wording import WORDS

_SIGNATURE: Final = 75 * mm
_KEPT_COPIES: Final = 14
_COPIES_WITH_SIGNATURE: Final = 7
_TEXT_WITH_SIGNATURE: Final = 2
_SEAL_GAP: Final = 10.0


def with_ending(text: list[Strip], setting: Setting) -> tuple[list[Strip], int]:
    """Return the strips of a whole letter whose `text` is given, and how many of them follow the signature.

    The signature never stands alone on a page: two lines of the text and a short list of attachments stay with it.
    """
    most = setting.room / 3
    attached = _attachments(setting)
    if attached and sum(strip.height for strip in attached) <= most:
        text = flow.keep_with_next(text, _TEXT_WITH_SIGNATURE, most) + [
            replace(strip, glued=True) for strip in attached
        ]
    else:
        text = flow.keep_with_next(text + attached, _TEXT_WITH_SIGNATURE, most)
    signature, after = _signature(setting), _copies(setting)
    if signature and 0 < len(after) <= _COPIES_WITH_SIGNATURE:
        signature[-1] = replace(signature[-1], glued=True)
    if setting.seal == "after":
        after = [*flow.keep_with_next(after, _TEXT_WITH_SIGNATURE, most), seal_strip(setting)]
    return text + signature + after, len(after)


def seal_strip(setting: Setting) -> Strip:
    """Return the paper seal at the start side."""
    side = seal_room.side(setting.letter.seal_mm)
    x = setting.width - side if setting.base == "rtl" else 0.0
    return Strip(side, lambda sheet, left, top: seal_room.draw(sheet, left + x, top, side), before=_SEAL_GAP)


def _signature(setting: Setting) -> list[Strip]:
    """Return the signer's block at the end side, and the seal beside it at the start side where it belongs there."""
    signer = _signer(setting)
    if setting.seal != "beside":
        return signer
    seal = seal_strip(setting)
    tall = sum(strip.height for strip in signer)

    def draw(sheet: Sheet, left: float, top: float) -> None:
        seal.paint(sheet, left, top)
        y = top - max(0.0, (seal.height - tall) / 2)
        for strip in signer:
            strip.paint(sheet, left, y)
            y -= strip.height

    gap = min(setting.density.signature_gap, _SEAL_GAP)
    return [Strip(max(seal.height, tall), draw, before=gap)]


def _attachments(setting: Setting) -> list[Strip]:
    """Return the attachment after its label, or several as a numbered list under it."""
    names, small = setting.letter.attachments, setting.small
    if not names:
        return []
    label = (WORDS[setting.locale].attachments, replace(small.ink, bold=True))
    if len(names) == 1:
        return flow.paragraph([label, (names[0], small.ink)], small, setting.width, before=6)
    found = flow.paragraph([label], small, setting.width, before=6)
    found[-1] = replace(found[-1], glued=True)
    return found + labelled_list(numbered(names, setting), small, number_indent(names), setting.width, NUMBERED)


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
    found += labelled_list(items, small, 12.0, setting.width, BULLETED)
    return flow.glue(found) if len(found) <= _KEPT_COPIES else found
