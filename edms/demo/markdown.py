"""Plain text and Markdown turned into the blocks of a letter: paragraphs, lists, tables; all marks stripped."""

import html
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

Block = dict[str, Any]
MAX_COLUMNS = 12  # a wider table is written as one paragraph a row

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([A-Za-z_]\w*):[ \t]*(.*)$", re.MULTILINE)
_NEWS = re.compile(r"\A\s*<DOC>.*?<TITLE>(.*?)</TITLE>.*?<TEXT>(.*?)</TEXT>", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|<!--.*?-->")
_EMPHASIS = re.compile(r"(\*\*\*|\*\*|__|`+|~~)(?=\S)(.+?)(?<=\S)\1")
_ITALIC = re.compile(r"(?<![\w*])[*_](?=\S)([^*_]+?)(?<=\S)[*_](?![\w*])")
_LEAD = re.compile(r"^(?:#{1,6}(?:\s+|$)|(?:>\s?)+)")
_BULLET = re.compile(r"^[-*+•]\s+(.+)$")
_NUMBER = re.compile(r"^\d{1,3}[.)]\s+(.+)$")
_RULE = re.compile(r"^(?:[-*_]\s*){3,}$|^=+$")
_CELL_RULE = re.compile(r"^:?-{1,}:?$")
_UNESCAPED_BAR = re.compile(r"(?<!\\)\|")
_DROPPED = {"Cc", "Cs", "Co", "Cn"}
_INVISIBLE = frozenset(
    "\ufeff\u00ad\u200b\u200e\u200f\u061c\ufffd\ufffc\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def one_line(text: str) -> str:
    """Return ``text`` as one line: NFC, single spaces, no control or direction marks, no Markdown or HTML."""
    text = html.unescape(_TAG.sub(" ", text))
    text = _LINK.sub(r"\1", text)
    for _ in range(3):  # marks nest: **_word_**
        text = _ITALIC.sub(r"\1", _EMPHASIS.sub(r"\2", text))
    kept = (" " if c.isspace() else c for c in text if c.isspace() or _readable(c))
    return unicodedata.normalize("NFC", " ".join("".join(kept).split()))


def parts(text: str) -> tuple[str, str]:
    """Split a document into its title ("" when it names none) and the text under it (front matter or news envelope)."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if news := _NEWS.match(text):
        return one_line(news[1]), news[2]
    front = _FRONT.match(text)
    if front is None:
        return "", text
    fields = {name.lower(): value.strip().strip("\"'") for name, value in _FIELD.findall(front[1])}
    return one_line(fields.get("title") or fields.get("subject") or ""), text[front.end() :]


def blocks(text: str, *, title: str = "") -> list[Block]:
    """Return the blocks of ``text``; a heading that only repeats ``title`` and empty lines are left out."""
    found: list[Block] = []
    grid: list[list[str]] = []
    for line in (raw.strip() for raw in [*text.split("\n"), ""]):
        if line.startswith("|"):
            grid.append([one_line(cell.replace("\\|", "|")) for cell in _UNESCAPED_BAR.split(line.strip("|"))])
            continue
        if grid:
            found += _table(grid)
            grid = []
        if line and not _RULE.match(line):
            _add_line(found, line, title)
    return found


def _readable(character: str) -> bool:
    return character not in _INVISIBLE and unicodedata.category(character) not in _DROPPED


def _add_line(found: list[Block], line: str, title: str) -> None:
    line = _LEAD.sub("", line)
    for pattern, ordered in ((_BULLET, False), (_NUMBER, True)):
        item = pattern.match(line)
        text = one_line(item[1]) if item else ""
        if text:
            last = found[-1] if found else {}
            if last.get("type") == "list" and last["ordered"] is ordered:
                last["items"].append(text)
            else:
                found.append({"type": "list", "ordered": ordered, "items": [text]})
            return
    text = one_line(line)
    if text and text != title:
        found.append({"type": "paragraph", "text": text})


def _table(grid: list[list[str]]) -> Iterable[Block]:
    rows = [row for row in grid if any(row) and not all(_CELL_RULE.match(cell) or not cell for cell in row)]
    if not rows:
        return []
    width = max(map(len, rows))
    if width == 1 or width > MAX_COLUMNS or len(rows) == 1:
        return [{"type": "paragraph", "text": " ".join(cell for cell in row if cell)} for row in rows]
    header, *body = (row + [""] * (width - len(row)) for row in rows)
    return [{"type": "table", "header": header, "rows": body}]
