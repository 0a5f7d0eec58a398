"""A letter's text as JSON blocks under a strict schema, never HTML; and the plain form that a textarea holds; pure."""

import re
from typing import Any

from edms.core.errors import Problem

MAX_BLOCKS = 5_000
MAX_CHARACTERS = 400_000
MAX_COLUMNS = 12
_BULLET = re.compile(r"^\s*[-–•*]\s+(.*)$")
_NUMBERED = re.compile(r"^\s*[0-9٠-٩]{1,3}\s*[.)\-–]\s+(.*)$")
_HEADING = re.compile(r"^\s*(#{1,2})[ \t]+(\S.*)$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]")

Body = list[dict[str, Any]]


def check(value: object) -> list[Problem]:
    """Return every way in which ``value`` breaks the schema; an empty list means it is a letter's body.

    The body is a list of blocks: ``{"type": "paragraph", "text"}``, ``{"type": "heading", "level", "text"}`` of level
    1 or 2, ``{"type": "list", "ordered", "items"}``, ``{"type": "table", "header", "rows"}``; nothing else, no other
    keys, all texts plain.
    """
    if not isinstance(value, list):
        return [Problem("body", "letters.body-not-blocks")]
    if len(value) > MAX_BLOCKS:
        return [Problem("body", "letters.body-too-long", limit=MAX_CHARACTERS)]
    problems = [
        Problem(f"block {number}", "letters.body-bad-block")
        for number, block in enumerate(value, 1)
        if not _good_block(block)
    ]
    if not problems and sum(map(len, _texts(value))) > MAX_CHARACTERS:
        problems.append(Problem("body", "letters.body-too-long", limit=MAX_CHARACTERS))
    return problems


def clean(body: Body) -> Body:
    """Return a checked body with control characters and direction overrides taken out of its texts."""

    def scrub(part: Any) -> Any:
        if isinstance(part, str):
            return _CONTROL.sub("", part.replace("\r\n", "\n").replace("\r", "\n"))
        if isinstance(part, list):
            return [scrub(item) for item in part]
        return part

    return [{key: scrub(value) if key != "type" else value for key, value in block.items()} for block in body]


def is_empty(body: Body) -> bool:
    """Say whether no block holds any text."""
    return not any(text.strip() for text in _texts(body))


def plain_text(body: Body) -> str:
    """Return the text alone, for search and for the lists."""
    return "\n".join(_texts(body))


def to_markup(body: Body) -> str:
    """Write a body in the plain form of the form and of the covering message.

    Blank lines stand between blocks; a heading begins with ``# `` or ``## ``, items with ``- `` or ``1. ``, rows look
    like ``| a | b |``.
    """
    parts = []
    for block in body:
        if block["type"] == "paragraph":
            parts.append(block["text"])
        elif block["type"] == "heading":
            parts.append("#" * block["level"] + " " + " ".join(block["text"].split("\n")))
        elif block["type"] == "list":
            marks = (f"{n}. " if block["ordered"] else "- " for n in range(1, len(block["items"]) + 1))
            parts.append("\n".join(mark + item for mark, item in zip(marks, block["items"], strict=True)))
        else:
            rows = [block["header"], *block["rows"]]
            parts.append("\n".join("| " + " | ".join(cells) + " |" for cells in rows))
    return "\n\n".join(parts)


def from_markup(text: str) -> Body:
    """Read the plain form; what is neither heading, list nor table is a paragraph, whose single newlines stay.

    A heading is one line: it needs no blank line before or after it.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    chunks = (chunk.strip("\n") for chunk in re.split(r"\n[ \t]*\n", text))
    return clean([block for chunk in chunks if chunk.strip() for block in _chunk(chunk.split("\n"))])


def _chunk(lines: list[str]) -> Body:
    """Return the headings of a chunk and the blocks between them."""
    blocks: Body = []
    rest: list[str] = []
    for line in lines:
        heading = _HEADING.match(line)
        if heading is None:
            rest.append(line)
            continue
        blocks += [_block(rest)] if any(map(str.strip, rest)) else []
        blocks.append({"type": "heading", "level": len(heading[1]), "text": heading[2].strip()})
        rest = []
    return blocks + ([_block(rest)] if any(map(str.strip, rest)) else [])


def _block(lines: list[str]) -> dict[str, Any]:
    if len(lines) > 1 and all(line.strip().startswith("|") and line.strip().endswith("|") for line in lines):
        rows = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in lines]
        width = max(map(len, rows))
        if width <= MAX_COLUMNS:
            filled = [row + [""] * (width - len(row)) for row in rows]
            return {"type": "table", "header": filled[0], "rows": filled[1:]}
    for pattern, ordered in ((_NUMBERED, True), (_BULLET, False)):
        items = [match[1].strip() for line in lines if (match := pattern.match(line))]
        if len(items) == len(lines):
            return {"type": "list", "ordered": ordered, "items": items}
    return {"type": "paragraph", "text": "\n".join(line.rstrip() for line in lines)}


def _good_block(block: object) -> bool:
    if not isinstance(block, dict):
        return False
    if block.get("type") == "paragraph":
        return block.keys() == {"type", "text"} and isinstance(block["text"], str)
    if block.get("type") == "heading":
        return (
            block.keys() == {"type", "level", "text"}
            and type(block["level"]) is int
            and block["level"] in (1, 2)
            and isinstance(block["text"], str)
        )
    if block.get("type") == "list":
        return (
            block.keys() == {"type", "ordered", "items"}
            and isinstance(block["ordered"], bool)
            and _strings(block["items"])
        )
    if block.get("type") == "table":
        return (
            block.keys() == {"type", "header", "rows"}
            and _strings(block["header"])
            and 1 <= len(block["header"]) <= MAX_COLUMNS
            and isinstance(block["rows"], list)
            and all(_strings(row) and len(row) == len(block["header"]) for row in block["rows"])
        )
    return False


def _strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _texts(body: Body) -> list[str]:
    texts: list[str] = []
    for block in body:
        if block["type"] in {"paragraph", "heading"}:
            texts.append(block["text"])
        elif block["type"] == "list":
            texts.extend(block["items"])
        else:
            for row in [block["header"], *block["rows"]]:
                texts.extend(row)
    return texts
