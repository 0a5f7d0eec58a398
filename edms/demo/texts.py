"""The demonstration's letters: our own texts, or real ones taken from a folder (``diwan demo --texts DIR``)."""

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from pathlib import Path

from edms.core.errors import Invalid
from edms.demo import archives, markdown
from edms.demo.attachments import MAKERS, Attachment
from edms.demo.markdown import Block

MAX_SUBJECT = 200  # characters
MAX_BODY = 30_000  # characters of all blocks of one letter together
_SENTENCE = re.compile(r"(?<=[.؟!])\s")


@dataclass(frozen=True, slots=True)
class DemoLetter:
    """A letter to be drafted: kind, precedence, sensitivity by name; ``body`` as the schema's plain blocks.

    ``answers`` is the subject of the letter that a reply answers, or nothing.
    """

    kind: str
    subject: str
    body: tuple[Block, ...]
    precedence: str = "ordinary"
    sensitivity: str = "ordinary"
    attachments: tuple[Attachment, ...] = ()
    copies_purpose: tuple[str, ...] = ()
    answers: str = ""


def own_texts() -> list[DemoLetter]:
    """Return the letters written for the demonstration, in their order; attachments come from ``attachments_for``."""
    shipped = json.loads(files("edms.demo").joinpath("data", "letters.json").read_text(encoding="utf-8"))
    return [
        DemoLetter(
            kind=entry["kind"],
            subject=entry["subject"],
            body=tuple(entry["body"]),
            precedence=entry["precedence"],
            sensitivity=entry["sensitivity"],
            copies_purpose=tuple(entry["copies_purpose"]),
            answers=entry.get("answers", ""),
        )
        for entry in shipped
    ]


def texts_from(folder: Path, *, limit: int | None = None) -> list[DemoLetter]:
    """Return the letters made of the texts under ``folder``, at most ``limit``, always in the same order.

    Texts without one readable sentence are passed over. Raises Invalid ``demo.texts-empty`` when nothing is left,
    and what ``archives.texts_under`` raises.
    """
    letters = (_letter(text) for _name, text in archives.texts_under(folder))
    found = list(islice((letter for letter in letters if letter is not None), limit))
    if not found:
        raise Invalid("demo.texts-empty", folder=str(folder))
    return found


def attachments_for(n: int, letter: DemoLetter) -> tuple[Attachment, ...]:
    """Return the attachments of the ``n``-th letter (from 0): one to three files for every third letter, else none."""
    if n % 3:
        return ()
    turn = n // 3
    return tuple(MAKERS[(turn + step) % len(MAKERS)](n + 1, letter.subject) for step in range(turn % 3 + 1))


def _letter(text: str) -> DemoLetter | None:
    title, rest = markdown.parts(text)
    body = _capped(markdown.blocks(rest, title=title))
    if not body and not title:
        return None
    subject = title or _SENTENCE.split(_first_words(body), maxsplit=1)[0]
    return DemoLetter(
        kind="letter",
        subject=_shortened(subject, MAX_SUBJECT),
        body=tuple(body) or ({"type": "paragraph", "text": title},),
    )


def _first_words(body: list[Block]) -> str:
    first = body[0]
    match first["type"]:
        case "paragraph":
            return str(first["text"])
        case "list":
            return str(first["items"][0])
        case _:
            return " ".join(cell for cell in first["header"] if cell)


def _capped(body: list[Block]) -> list[Block]:
    """Keep whole blocks while they fit in ``MAX_BODY``; a paragraph that does not is cut at a word and ends it."""
    kept: list[Block] = []
    room = MAX_BODY
    for block in body:
        size = _size(block)
        if size > room:
            if block["type"] == "paragraph" and room > 0:
                kept.append({"type": "paragraph", "text": _shortened(block["text"], room)})
            break
        kept.append(block)
        room -= size
    return kept or [{"type": "paragraph", "text": _shortened(_first_words(body), MAX_BODY)} for _ in body[:1]]


def _size(block: Block) -> int:
    match block["type"]:
        case "paragraph":
            return len(block["text"])
        case "list":
            return sum(map(len, block["items"]))
        case _:
            return sum(len(cell) for row in (block["header"], *block["rows"]) for cell in row)


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    whole_words = cut.rpartition(" ")[0] or cut
    return whole_words + "…"
