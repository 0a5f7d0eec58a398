"""Emblems of the demonstration's bodies, drawn by us: a device in a wreath, a star or rings; nobody's real arms."""

from collections.abc import Callable
from math import cos, radians, sin
from typing import Final, Literal

Frame = Literal["wreath", "star", "seal"]

GOLD: Final = "#a9802f"

_DEVICES: Final[dict[str, str]] = {
    "columns": '<path d="M-17-9 0-19 17-9zM-17 13h34v4h-34zM-15-7h30v2.6h-30zM-15 9h30v2.5h-30z"/>'
    '<path d="M-13-3h4.5v11h-4.5zM-5-3h4v11h-4zM2-3h4v11h-4zM9-3h4.5v11h-4.5z"/>',
    "book": '<path d="M-1-9C-7-14-14-14-19-12V10c5-2 12-2 18 3zM1-9c6-5 13-5 18-3V10C14 8 7 8 1 13z"/>'
    '<path d="M-3-15 0-20 3-15 0-12z"/>',
    "staff": '<path d="M-1.4-17h2.8v35h-2.8z"/><circle cy="-17" r="3.2"/>'
    '<path d="M-9-8C-9-14 8-12 8-6S-8-2-8 4 7 6 7 11" fill="none" stroke-width="3" stroke-linecap="round"/>',
    "scales": '<path d="M-1.3-15h2.6v29h-2.6zM-9 14H9v3H-9zM-16-13h32v2.4h-32z"/><circle cy="-16" r="2.8"/>'
    '<path d="M-15-11-20 1M-15-11-10 1M15-11 10 1M15-11 20 1" fill="none" stroke-width="1.1"/>'
    '<path d="M-21 1h12a6 6 0 0 1-12 0zM9 1h12a6 6 0 0 1-12 0z"/>',
    "drop": '<path d="M0-20C7-11 9-7 9-3A9 9 0 0 1-9-3C-9-7-7-11 0-20z"/>'
    '<path d="M-20 9q5-4 10 0t10 0 10 0 10 0M-16 15q4-4 8 0t8 0 8 0 8 0" fill="none" stroke-width="2.4"/>',
    "bolt": '<path d="M5-20-12 3H-2L-6 20 12-4H2z"/>',
    "coins": '<path d="M-15-9a15 5 0 0 1 30 0v4a15 5 0 0 1-30 0z"/>'
    '<path d="M-15-1a15 5 0 0 0 30 0v5a15 5 0 0 1-30 0z"/>'
    '<path d="M-15 8a15 5 0 0 0 30 0v5a15 5 0 0 1-30 0z"/>',
    "derrick": '<path d="M0-19-12 17M0-19 12 17M-9 8H9M-6-1H6M-3-10H3M-9 8 6-1M9 8-6-1" fill="none" stroke-width="2"/>'
    '<path d="M-15 16h30v3h-30zM0-20c3 4 3 6 0 8-3-2-3-4 0-8z"/>',
    "shield": '<path d="M0-19 15-14V0C15 10 9 16 0 20-9 16-15 10-15 0v-14z"/>'
    '<path d="M0-10 2.6-3.2 9.8-2.8 4.2 1.8 6 8.8 0 4.9-6 8.8-4.2 1.8-9.8-2.8-2.6-3.2z" '
    'fill="#fff"/>',
    "globe": '<g fill="none" stroke-width="1.7"><circle r="17"/>'
    '<path d="M-17 0h34M-14.5-8.5h29M-14.5 8.5h29M0-17v34"/>'
    '<ellipse rx="8" ry="17"/></g>',
    "wheat": '<path d="M-.9-4h1.8v24h-1.8z"/>',
    "gear": "",
}


def emblem_svg(device: str, frame: Frame, colour: str) -> str:
    """Return an emblem as SVG: one of our devices in a frame, in a colour (``#rrggbb``) and gold."""
    draw = _DEVICES[device] + {"wheat": _ears, "gear": _gear}.get(device, _nothing)()
    around = {"wreath": _wreath, "star": _star, "seal": _seal}[frame](colour)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-50 -50 100 100">'
        f'{around}<g fill="{colour}" stroke="{colour}" stroke-width="0" stroke-linejoin="round">{draw}</g></svg>'
    )


def _nothing() -> str:
    return ""


def _ring(radius: float, width: float, colour: str) -> str:
    return f'<circle r="{radius}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _around(count: int, radius: float, shape: Callable[[float], str], start: float = 0.0, sweep: float = 360.0) -> str:
    """Return a shape repeated on a circle; it is drawn at the origin, turned and moved to its place."""
    found = []
    for number in range(count):
        turn = start + number * sweep / count
        x, y = radius * cos(radians(turn)), radius * sin(radians(turn))
        found.append(f'<g transform="translate({x:.2f} {y:.2f}) rotate({turn:.1f})">{shape(turn)}</g>')
    return "".join(found)


def _wreath(colour: str) -> str:
    """Two branches that meet at the foot, and a star between their tips."""
    leaf = '<path d="M0 6.5C-4 2-3.5-3.5 0-7 3.5-3.5 4 2 0 6.5z"/>'
    right = _around(9, 41, lambda _: f'<g transform="rotate(-24)">{leaf}</g>', start=78, sweep=-142)
    inner = _around(8, 35.5, lambda _: f'<g transform="rotate(26) scale(.8)">{leaf}</g>', start=70, sweep=-132)
    half = f"<g>{right}{inner}</g>"
    star = '<path d="M0-49 1.9-43.6 7.6-43.4 3.1-40 4.7-34.5 0-37.7-4.7-34.5-3.1-40-7.6-43.4-1.9-43.6z"/>'
    return (
        f'<g fill="{colour}">{half}<g transform="scale(-1 1)">{half}</g></g><g fill="{GOLD}">{star}'
        '<circle cy="44" r="3"/></g>' + _ring(29, 1.2, GOLD) + _ring(26.8, 0.6, GOLD)
    )


def _star(colour: str) -> str:
    """An eight-pointed star of two squares, in gold rings."""
    squares = "".join(
        f'<rect x="-{side}" y="-{side}" width="{2 * side}" height="{2 * side}" fill="none" stroke="{colour}" '
        f'stroke-width="{width}" transform="rotate({turn})"/>'
        for side, width in ((32.5, 2.4), (29.5, 0.9))
        for turn in (0, 45)
    )
    points = _around(8, 44.5, lambda _: f'<circle r="1.7" fill="{GOLD}"/>', start=22.5)
    return _ring(48.8, 1.6, colour) + _ring(25.5, 1, GOLD) + squares + points


def _seal(colour: str) -> str:
    """Rings with a band of lozenges, as on a seal."""
    lozenge = f'<path d="M-2.3 0 0-3.3 2.3 0 0 3.3z" fill="{GOLD}"/>'
    return (
        _ring(48.5, 2, colour) + _ring(45.6, 0.7, colour) + _around(32, 39.5, lambda _: lozenge)
        + _ring(33.5, 0.7, colour) + _ring(31, 1.8, colour)
    )  # fmt: skip


def _ears() -> str:
    """Grains on both sides of a stalk."""
    grain = '<path d="M0 0C-6-1-8-6-7-10-3-9 0-5 0 0z"/>'
    rows = "".join(
        f'<g transform="translate(0 {y})">{grain}<g transform="scale(-1 1)">{grain}</g></g>' for y in (11, 4, -3)
    )
    return rows + '<path d="M0-6C-4-10-3-16 0-20 3-16 4-10 0-6z"/>'


def _gear() -> str:
    """A wheel of ten teeth."""
    teeth = _around(10, 15.5, lambda _: '<rect x="-1" y="-3.2" width="6" height="6.4" rx=".8"/>')
    return teeth + '<circle r="11.5" fill="none" stroke-width="7"/><circle r="3"/>'
