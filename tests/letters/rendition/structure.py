"""Reads the structure tree and the marked content of a PDF for the tests, strictly."""

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import pikepdf

SHOWING = frozenset(
    {"Tj", "TJ", "'", '"', "f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "Do", "sh", "EI", "INLINE IMAGE"}
)


class Node(NamedTuple):
    """An element of the tree: role, its text or description, language, depth."""

    role: str
    text: str
    language: str
    depth: int


def nodes(pdf: bytes) -> list[Node]:
    """Return all elements in reading order."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return list(_walk(document.Root.StructTreeRoot.K, 0))


def _walk(element: Any, depth: int) -> Iterator[Node]:
    if isinstance(element, pikepdf.Array):
        for kid in element:
            yield from _walk(kid, depth)
        return
    if isinstance(element, int) or "/S" not in element:
        return
    text = str(element.get("/ActualText", element.get("/Alt", "")))
    yield Node(str(element.S)[1:], text, str(element.get("/Lang", "")), depth)
    if "/K" in element:
        yield from _walk(element.K, depth + 1)


def texts(pdf: bytes) -> list[str]:
    """Return the exact texts of the elements in reading order, figures left out."""
    return [node.text for node in nodes(pdf) if node.text and node.role != "Figure"]


def faults(pdf: bytes) -> list[str]:
    """Return what breaks the rules of tagged PDF: unmarked content, wrong nesting, parents that do not agree."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        found = list(document.check_pdf_syntax())
        parents = document.Root.StructTreeRoot.ParentTree.Nums
        by_page = {int(parents[i]): list(parents[i + 1]) for i in range(0, len(parents), 2)}
        claimed = _claimed(document)
        for number, page in enumerate(document.pages):
            key = int(page.obj.StructParents)
            marked = list(_marked(page, number, found))
            if marked != list(range(len(by_page[key]))):
                found.append(f"page {number}: sequences {marked[:5]} but {len(by_page[key])} parents")
            for mcid, owner in enumerate(by_page[key]):
                if claimed.pop((page.obj.objgen, mcid), None) != owner.objgen:
                    found.append(f"page {number}: {mcid} is not a kid of its parent")
        if claimed:
            found.append(f"{len(claimed)} kids without content")
        return found


def _marked(page: pikepdf.Page, number: int, found: list[str]) -> Iterator[int]:
    """Yield the identifiers of the page's sequences in order."""
    depth, text = 0, False
    for step in pikepdf.parse_content_stream(page):
        operator = str(step.operator)
        if operator in {"BDC", "BMC"}:
            properties: Any = step.operands[1] if operator == "BDC" else {}
            if "/MCID" in properties:
                if depth:
                    found.append(f"page {number}: a sequence inside another")
                yield int(properties["/MCID"])
            depth += 1
        elif operator == "EMC":
            depth -= 1
        elif operator in SHOWING and not depth:
            found.append(f"page {number}: {operator} outside any sequence")
        elif operator in {"BT", "ET"}:
            text = operator == "BT"
    if depth or text:
        found.append(f"page {number}: a sequence or text object left open")


def _claimed(document: pikepdf.Pdf) -> dict[tuple[tuple[int, int], int], tuple[int, int]]:
    """Return {(page, identifier): element} as the elements say."""
    claimed: dict[tuple[tuple[int, int], int], tuple[int, int]] = {}

    def visit(element: Any, parent: Any) -> None:
        assert element.P.objgen == parent.objgen
        for kid in element.get("/K", pikepdf.Array()):
            if isinstance(kid, int):
                claimed[element.Pg.objgen, int(kid)] = element.objgen
            elif "/MCID" in kid:
                claimed[kid.Pg.objgen, int(kid.MCID)] = element.objgen
            else:
                visit(kid, element)

    visit(document.Root.StructTreeRoot.K, document.Root.StructTreeRoot)
    return claimed
