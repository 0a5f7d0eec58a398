"""Fills pages with strips: a strip is a piece of the text that is never cut, such as a line or a table row."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Final

from edms.letters.rendition.paragraph import Line, Prepared, Style, prepare
from edms.letters.rendition.shaping import Ink
from edms.letters.rendition.sheet import Sheet
from edms.letters.rendition.tagging import Element

Draw = Callable[[Sheet, float, float], None]

_SLACK: Final = 0.01


@dataclass(frozen=True, slots=True)
class Strip:
    """`draw(sheet, x, top)` with its height in points.

    `before`: space above, dropped at the top of a page; `glued`: stays on the page of the next strip; `head`: strips
    repeated above this one when a page begins with it; `fresh`: begins a page; `element`: what is drawn belongs to it;
    `seam(sheet, x, y)` closes a part of something larger at the height where a page cuts it.
    """

    height: float
    draw: Draw
    before: float = 0.0
    glued: bool = False
    head: tuple["Strip", ...] = ()
    fresh: bool = False
    element: Element | None = None
    seam: Draw | None = None

    @property
    def blank(self) -> bool:
        """Whether it is nothing but space."""
        return self.draw is _nothing

    def paint(self, sheet: Sheet, x: float, top: float) -> None:
        """Draw the strip as content of its element."""
        with sheet.marked(self.element):
            self.draw(sheet, x, top)


@dataclass(frozen=True, slots=True)
class Placed:
    """A strip, the distance of its top from the top of the text area, whether it repeats an earlier one."""

    strip: Strip
    offset: float
    repeated: bool = False


def paginate(strips: Sequence[Strip], first_height: float, next_height: float) -> list[list[Placed]]:
    """Distribute strips over pages whose text areas have these heights in points; at least one page."""
    pages: list[list[Placed]] = [[]]
    used, room = 0.0, first_height
    for group in _groups(strips):
        needed = _height(group, top=not pages[-1])
        fits_next = _height(group, top=True) + _tall(group[0].head) <= next_height + _SLACK
        if pages[-1] and (group[0].fresh or (used + needed > room + _SLACK and fits_next)):
            pages.append([])
            used, room = 0.0, next_height
        for strip in group:
            if pages[-1] and used + strip.before + strip.height > room + _SLACK:
                pages.append([])
                used, room = 0.0, next_height
            for placed in (*(strip.head if not pages[-1] and len(pages) > 1 else ()), strip):
                used += placed.before if pages[-1] else 0.0
                pages[-1].append(Placed(placed, used, repeated=placed is not strip))
                used += placed.height
    return pages


def keep_with_next(strips: Sequence[Strip], lines: int, most: float) -> list[Strip]:
    """Return the strips with as many of the last ones glued to what follows as hold `lines` that are not blank.

    Those glued are at most `most` points high, but for the last one.
    """
    found = list(strips)
    held, tall = 0, 0.0
    for place in range(len(found) - 1, -1, -1):
        tall += found[place].before + found[place].height
        if held >= lines or (held and tall > most):
            break
        held += not found[place].blank
        found[place] = replace(found[place], glued=True)
    return found


def glue(strips: Iterable[Strip]) -> list[Strip]:
    """Return the strips glued to one another, so that they stand on one page where that is possible."""
    found = list(strips)
    return [replace(strip, glued=number < len(found) - 1) for number, strip in enumerate(found)]


def paragraph(
    text: str | Sequence[tuple[str, Ink]],
    style: Style,
    width: float,
    *,
    before: float = 0.0,
    left: float = 0.0,
    element: Element | None = None,
) -> list[Strip]:
    """Set a paragraph as one strip a line, without widows or orphans; without an `element` it is a P of its own."""
    owner = element or Element("P", text if isinstance(text, str) else "".join(part for part, _ in text))
    return lines(prepare(text, style), width, before=before, left=left, element=owner)


def lines(
    prepared: Prepared, width: float, *, before: float = 0.0, left: float = 0.0, element: Element | None = None
) -> list[Strip]:
    """Return one strip for each line of a prepared paragraph; `left` moves it from the left edge."""
    leading = prepared.style.leading
    broken = prepared.lines(width)
    last = len(broken) - 1
    return [
        Strip(
            leading,
            lambda sheet, x, top, line=line: sheet.block((line,), leading, x + left, top),  # type: ignore[misc]
            before=before if number == 0 else 0.0,
            glued=number < last and (number == 0 or number == last - 1),
            element=element,
        )
        for number, line in enumerate(broken)
    ]


def marked(strip: Strip, mark: Sequence[Line], leading: float, label: Element | None = None) -> Strip:
    """Return the strip with lines drawn at its own top, such as the number of a list item, as content of `label`."""

    def draw(sheet: Sheet, x: float, top: float) -> None:
        with sheet.marked(label):
            sheet.block(mark, leading, x, top)
        strip.paint(sheet, x, top)

    return replace(strip, draw=draw, element=None)


def space(height: float) -> Strip:
    """Return an empty strip."""
    return Strip(height, _nothing)


def draw_page(sheet: Sheet, placed: Sequence[Placed], x: float, top: float) -> None:
    """Draw the strips of one page below `top`."""
    for item in placed:
        with sheet.artifact() if item.repeated else nullcontext():
            item.strip.paint(sheet, x, top - item.offset)
    own = [item for item in placed if not item.repeated]
    for item, foot in ((own[0], 0.0), (own[-1], own[-1].strip.height)) if own else ():
        if item.strip.seam is not None:
            item.strip.seam(sheet, x, top - item.offset - foot)


def _nothing(_sheet: Sheet, _x: float, _top: float) -> None:
    """Draw nothing."""


def _tall(strips: Sequence[Strip]) -> float:
    return sum(strip.before + strip.height for strip in strips)


def _groups(strips: Sequence[Strip]) -> Iterable[list[Strip]]:
    group: list[Strip] = []
    for strip in strips:
        if strip.fresh and group:
            yield group
            group = []
        group.append(strip)
        if not strip.glued:
            yield group
            group = []
    if group:
        yield group


def _height(group: Sequence[Strip], *, top: bool) -> float:
    total = sum(strip.before + strip.height for strip in group)
    return total - (group[0].before if top else 0.0)
