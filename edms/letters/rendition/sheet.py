"""The sheet of paper: a reportlab canvas with nothing global, deterministic, that draws set lines, rules and bars."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import BytesIO
from typing import Any, Final

from reportlab.lib.units import mm
from reportlab.pdfbase.pdfdoc import PDFDictionary, PDFStream
from reportlab.pdfgen.canvas import Canvas

from edms.letters.rendition import fonts, lettering, objects
from edms.letters.rendition.bidi import visual_order
from edms.letters.rendition.embedding import EmbeddedFace
from edms.letters.rendition.finishing import Info, Properties, finish
from edms.letters.rendition.paragraph import Line
from edms.letters.rendition.shaping import Colour
from edms.letters.rendition.tagging import Element, Structure
from edms.letters.rendition.values import EmbeddedFile

_ASCENT: Final = 0.72
_MARKS: Final = dict.fromkeys((0x061C, 0x200B, 0x200E, 0x200F, *range(0x2066, 0x206A)))

__all__ = ["Sheet", "mm"]


def spoken_text(line: Line) -> str:
    """Return the text of a set line in logical order, without the marks of direction that setting put in."""
    order = visual_order([run.level for run in line.runs])  # reordering its own result gives the first order back
    return "".join(line.runs[place].text for place in order).translate(_MARKS)


class Sheet(Canvas):
    """A document being drawn; lengths in points, y upwards from the foot of the page."""

    _doc: Any  # reportlab's document and operator list are part of its subclassing interface but not of its stubs
    _code: list[str]

    def __init__(self, size: tuple[float, float], properties: Properties) -> None:
        self._faces: dict[str, EmbeddedFace] = {}
        self._properties = properties
        self._structure = Structure()
        self._switches: list[tuple[int, Element | None]] = []
        self._owner: Element | None = None
        self._silent = self._reading = False
        self._figures: set[str] = set()
        self.seal_matrix: list[list[bool]] | None = None
        language = properties.language
        super().__init__(BytesIO(), pagesize=size, pageCompression=1, invariant=1, pdfVersion=(1, 7), lang=language)
        self._doc.info = Info(properties)

    @property
    def language(self) -> str:
        """The language of the document, "ar" or "en"."""
        return self._properties.language

    def _make_preamble(self) -> None:
        """Begin pages without reportlab's initial font, which would not be embedded."""
        self._preamble = "1 0 0 1 0 0 cm"

    def pdf(self, files: Sequence[EmbeddedFile] = ()) -> bytes:
        """Finish the document, with `files` embedded and associated, and return its bytes."""
        document = self._doc
        resources: PDFDictionary = document.idToObject["BasicFonts"]
        for embedded in self._faces.values():
            resources.dict[embedded.resource] = embedded.add_to(document)
        pages = [objects.number(document, page) for page in document.Pages.pages]
        finish(document, self._properties, self._structure.add_to(document, pages, self._properties.language), files)
        for content in (*(page.Contents.content for page in document.Pages.pages), *(file.data for file in files)):
            document.updateSignature(content)
        return bytes(self.getpdfdata())  # type: ignore[no-untyped-call]

    def showPage(self) -> None:
        """End the page: what was drawn is put into marked-content sequences, all that no element owns as artifacts."""
        self._structure.begin_page()
        self._code = self._marked_code()
        self._switches = []
        super().showPage()
        page = self._doc.Pages.pages[-1]
        page.Contents = objects.stream(page.stream.encode("latin-1"))
        page.stream = None
        page.StructParents, page.Tabs = len(self._doc.Pages.pages) - 1, "/S"
        page.__NoDefault__ = [*page.__NoDefault__, "StructParents", "Tabs"]

    @contextmanager
    def marked(self, element: Element | None) -> Iterator[None]:
        """Let what is drawn belong to an element; to nothing (an artifact) for None or inside `artifact`."""
        before = self._owner
        self._own(element)
        yield
        self._own(before)

    @contextmanager
    def artifact(self) -> Iterator[None]:
        """Let what is drawn be no part of the text, whatever it says itself: a repeated table head, a page number."""
        silent, self._silent = self._silent, True
        with self.marked(None):
            yield
        self._silent = silent

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let each block of lines become a paragraph of the structure by itself."""
        before, self._reading = self._reading, True
        yield
        self._reading = before

    @contextmanager
    def figure(self, alt: str, box: tuple[float, float, float, float]) -> Iterator[None]:
        """Let what is drawn be a figure described by `alt`, within (left, foot, right, top); a repetition is not."""
        first = alt not in self._figures and not self._silent
        if first:
            self._figures.add(alt)
        bounds = " ".join(f"{value:.2f}" for value in box)
        attributes = f"/O/Layout/Placement/Block/BBox[{bounds}]"
        with self.marked(Element("Figure", alt=alt, attributes=attributes) if first else None):
            yield

    def picture(self, name: str, image: PDFStream, box: tuple[float, float, float, float]) -> None:
        """Draw an image in (left, foot, right, top); the file keeps it once by its name, however often it is drawn."""
        left, foot, right, top = box
        if not self.hasForm(name):
            self._doc.addForm(name, image)
        self.saveState()
        self.transform(right - left, 0, 0, top - foot, left, foot)
        self.doForm(name)
        self.restoreState()

    def _own(self, element: Element | None) -> None:
        owner = None if self._silent else element
        if owner is not None:
            self._structure.enter(owner)
        if owner is not self._owner:
            self._owner = owner
            self._switches.append((len(self._code), owner))

    def _marked_code(self) -> list[str]:
        """Return the page's operators in sequences (ISO 32000-1 §14.6), one for neighbours of one owner."""
        ends = [*(start for start, _ in self._switches[1:]), len(self._code)]
        pieces: list[tuple[Element | None, int, int]] = []
        pieces.append((None, 0, self._switches[0][0] if self._switches else len(self._code)))
        pieces += [(owner, start, end) for (start, owner), end in zip(self._switches, ends, strict=False)]
        code: list[str] = []
        current: Element | None = None
        for owner, start, end in pieces:
            if start == end:
                continue
            if owner is not current or not code:
                code += ["EMC"] if code else []
                code.append("/Artifact BMC" if owner is None else self._begin(owner))
                current = owner
            code += self._code[start:end]
        return [*code, "EMC"] if code else []

    def _begin(self, owner: Element) -> str:
        return f"/{owner.role} <</MCID {self._structure.mark(owner)}>> BDC"

    def text(self, line: Line, x: float, y: float) -> None:
        """Draw a set line with its left edge at `x` and its baseline at `y`."""
        if line.runs:
            self._code.append(lettering.operators(line, x, y, self._embedded))

    def block(self, lines: Sequence[Line], leading: float, x: float, top: float) -> float:
        """Draw lines under one another from `top`; return the y under the last."""
        spoken = " ".join(map(spoken_text, lines)).strip() if self._reading else ""
        with self.marked(Element("P", spoken)) if spoken else nullcontext():
            for number, line in enumerate(lines):
                self.text(line, x, top - number * leading - leading * _ASCENT)
        return top - len(lines) * leading

    def draw(self, operators: str) -> None:
        """Draw what content-stream operators say; they must leave the graphics state as it was."""
        self._code.append(operators)

    def rule(self, x1: float, y1: float, x2: float, y2: float, *, width: float, colour: Colour) -> None:
        """Draw a straight line."""
        self.setStrokeColorRGB(*colour)
        self.setLineWidth(width)
        self.line(x1, y1, x2, y2)

    def _embedded(self, key: str) -> EmbeddedFace:
        found = self._faces.get(key)
        if found is None:
            found = self._faces[key] = EmbeddedFace(fonts.face(key), f"E{len(self._faces) + 1}")
        return found
