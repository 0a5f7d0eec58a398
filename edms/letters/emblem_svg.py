"""Checks an SVG that a stranger made: only shapes, colours and letters are let through, nothing is ever fetched."""

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

_SVG: Final = "{http://www.w3.org/2000/svg"
_XLINK: Final = "{http://www.w3.org/1999/xlink"
_HREFS: Final = ("href", f"{_XLINK}}}href")
_PARTS: Final = frozenset({
    "svg", "g", "defs", "symbol", "use", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon",
    "linearGradient", "radialGradient", "stop", "clipPath", "mask", "pattern", "marker", "title", "desc", "metadata",
    "style", "text", "tspan", "textPath",
})  # fmt: skip
_MOST_DRAWN: Final = 20_000
_DEEPEST: Final = 64
_REFUSED: Final = re.compile(
    r"url\s*\(\s*[\"']?\s*(?!#)|@import|expression\s*\(|javascript:|(?:^|[;{\s])filter\s*:|\\", re.IGNORECASE
)
_POINTED: Final = re.compile(r"url\s*\(\s*[\"']?#([^\"')\s]+)")


class UnsafeSvg(ValueError):
    """The picture holds something that an emblem does not need; ``found`` names it."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found[:40]


def looks_like_svg(data: bytes) -> bool:
    """Say whether the bytes are meant as SVG text."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") and b"<svg" in data


def checked(data: bytes) -> str:
    """Return a drawing written anew, without document type, comments and what other programs left in it.

    Raises UnsafeSvg for scripts, addresses, entities, embedded pictures, filters and drawings that grow without end;
    another ValueError for what is no drawing.
    """
    if b"<!ENTITY" in data:
        raise UnsafeSvg("ENTITY")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError("the file is not well-formed") from error
    if root.tag != f"{_SVG}}}svg":
        raise ValueError("the file is no drawing")
    for element in list(root.iter()):
        _check(element)
    by_id = {name: each for each in root.iter() if (name := each.get("id"))}
    if _weight(root, by_id, {}, 0) > _MOST_DRAWN:
        raise UnsafeSvg("use")
    return etree.tostring(root, encoding="unicode")


def _check(element: etree._Element) -> None:
    """Take out an element of another program; refuse one of SVG that an emblem does not need."""
    if not isinstance(element.tag, str):
        raise UnsafeSvg("ENTITY")
    space, _, name = element.tag.rpartition("}")
    parent = element.getparent()
    if space != _SVG and parent is not None:
        parent.remove(element)
        return
    if name not in _PARTS or (name == "style" and len(element)):
        raise UnsafeSvg(name)
    for key, value in list(element.attrib.items()):
        _check_attribute(element, str(key), str(value))
    if name == "style":
        _check_style(element.text or "")


def _check_attribute(element: etree._Element, key: str, value: str) -> None:
    space, _, name = key.rpartition("}")
    if name.lower().startswith("on"):
        raise UnsafeSvg(name)
    if key in _HREFS:
        if not value.strip().startswith("#"):
            raise UnsafeSvg(f"href={value.strip()[:30]}")
    elif space:
        del element.attrib[key]
    elif name.lower() in {"filter", "src"}:
        raise UnsafeSvg(name)
    else:
        _check_style(value)


def _check_style(text: str) -> None:
    found = _REFUSED.search(text)
    if found:
        raise UnsafeSvg(text[found.start() : found.end() + 20].strip())


def _weight(
    element: etree._Element, by_id: dict[str, etree._Element], known: dict[etree._Element, int], depth: int
) -> int:
    """Return how many shapes an element draws, counting what `use`, masks and patterns draw again."""
    if depth > _DEEPEST:
        raise UnsafeSvg("use")
    if element not in known:
        below = [*element, *_repeated(element, by_id)]
        known[element] = min(_MOST_DRAWN + 1, 1 + sum(_weight(each, by_id, known, depth + 1) for each in below))
    return known[element]


def _repeated(element: etree._Element, by_id: dict[str, etree._Element]) -> Iterator[etree._Element]:
    """Yield what an element draws again from elsewhere in the drawing."""
    names = [str(element.get(key)).strip()[1:] for key in _HREFS if element.get(key)]
    for value in element.attrib.values():
        names += _POINTED.findall(str(value))
    yield from (by_id[name] for name in names if name in by_id)
