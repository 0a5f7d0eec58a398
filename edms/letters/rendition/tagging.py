"""The structure tree of a tagged PDF (ISO 32000-1 §14.7): elements with their exact text, and where each one stands."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from edms.letters.rendition import objects
from edms.letters.rendition.objects import Raw

Role = Literal["P", "H1", "H2", "H3", "L", "LI", "Lbl", "LBody", "Table", "TR", "TH", "TD", "Figure"]

COLUMN_HEAD: Final = "/O/Table/Scope/Column"
NUMBERED: Final = "/O/List/ListNumbering/Decimal"
BULLETED: Final = "/O/List/ListNumbering/Disc"

_ARABIC: Final = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]")


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """One element of the tree, known by its identity; without a `parent` it stands in the document itself.

    `text` is the exact source text (ActualText), `alt` describes a figure, `attributes` is the content of /A.
    """

    role: Role
    text: str = ""
    parent: "Element | None" = None
    alt: str = ""
    attributes: str = ""


class _Place(NamedTuple):
    """A marked-content sequence: page from 0 and its identifier there."""

    page: int
    mcid: int


class Structure:
    """The tree of one document, in the order in which its elements are entered."""

    def __init__(self) -> None:
        self._kids: dict[Element | None, list[Element | _Place]] = {None: []}
        self._pages: list[list[Element]] = []

    def enter(self, element: Element) -> None:
        """Put an element, and those it stands in, into the tree after all that is there; a second time does nothing."""
        if element in self._kids:
            return
        if element.parent is not None:
            self.enter(element.parent)
        self._kids[element.parent].append(element)
        self._kids[element] = []

    def begin_page(self) -> None:
        """Begin the next page."""
        self._pages.append([])

    def mark(self, element: Element) -> int:
        """Return the identifier of one more sequence of content of an element on the page that was begun last."""
        owners = self._pages[-1]
        place = _Place(len(self._pages) - 1, len(owners))
        owners.append(element)
        self._kids[element].append(place)
        return place.mcid

    def add_to(self, document: Any, pages: Sequence[int], language: str) -> Raw:
        """Write the tree into `document`, whose pages have these object numbers; return its root."""
        root, top, parents = Raw(), Raw(), Raw()
        root_number, top_number = objects.number(document, root), objects.number(document, top)
        raws = {element: Raw() for element in self._kids if element is not None}
        numbers = {element: objects.number(document, raw) for element, raw in raws.items()}
        for element, raw in raws.items():
            parent = numbers[element.parent] if element.parent is not None else top_number
            raw.data = b"%b/P %d 0 R%b>>" % (
                _head(element, language),
                parent,
                _content(self._kids[element], numbers, pages),
            )
        top.data = b"<</Type/StructElem/S/Document/P %d 0 R/Lang%b%b>>" % (
            root_number,
            objects.text_string(language),
            _content(self._kids[None], numbers, pages),
        )
        parents.data = b"<</Nums[%b]>>" % b"\n".join(
            b"%d[%b]" % (page, _references(numbers[owner] for owner in owners))
            for page, owners in enumerate(self._pages)
        )
        root.data = b"<</Type/StructTreeRoot/K %d 0 R/ParentTree %d 0 R/ParentTreeNextKey %d>>" % (
            top_number,
            objects.number(document, parents),
            len(self._pages),
        )
        return root


def _head(element: Element, language: str) -> bytes:
    """Return the entries of an element that do not depend on others."""
    parts = [f"<</Type/StructElem/S/{element.role}".encode("ascii")]
    if element.text:
        parts.append(b"/ActualText" + objects.text_string(element.text))
    if element.alt:
        parts.append(b"/Alt" + objects.text_string(element.alt))
    spoken = language_of(element.text or element.alt, language)
    if spoken != language:
        parts.append(f"/Lang({spoken})".encode("ascii"))
    if element.attributes:
        parts.append(f"/A<<{element.attributes}>>".encode("ascii"))
    return b"".join(parts)


def language_of(text: str, language: str) -> str:
    """Return "en" for Latin letters alone, "ar" for Arabic letters alone, else the document's `language`."""
    if language == "ar":
        return "en" if _LATIN.search(text) and not _ARABIC.search(text) else "ar"
    return "ar" if _ARABIC.search(text) and not _LATIN.search(text) else language


def _content(kids: Sequence[Element | _Place], numbers: dict[Element, int], pages: Sequence[int]) -> bytes:
    """Return /K, and /Pg where there is content on a page: sequences of other pages name theirs."""
    home = next((kid.page for kid in kids if isinstance(kid, _Place)), None)
    parts = []
    for kid in kids:
        if isinstance(kid, Element):
            parts.append(b"%d 0 R" % numbers[kid])
        elif kid.page == home:
            parts.append(b"%d" % kid.mcid)
        else:
            parts.append(b"<</Type/MCR/Pg %d 0 R/MCID %d>>" % (pages[kid.page], kid.mcid))
    page = b"" if home is None else b"/Pg %d 0 R" % pages[home]
    return b"%b/K[%b]" % (page, b" ".join(parts)) if parts else page


def _references(numbers: Iterable[int]) -> bytes:
    return b" ".join(b"%d 0 R" % number for number in numbers)
