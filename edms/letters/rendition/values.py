"""What a printed letter and a printed register page are made of: plain values, no lookups."""

import datetime
from dataclasses import dataclass
from typing import Literal

from edms.core.calendar import Digits, MonthNames

Align = Literal["justify", "start", "center", "end"]


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The head of the sheet (ترويسة), highest body first: Arabic at the right, English at the left.

    ``emblem`` is a PNG, empty for the neutral one; ``contact`` stands above the foot; ``colour`` is ``#rrggbb``, empty
    for the usual one.
    """

    lines_ar: tuple[str, ...]
    lines_en: tuple[str, ...] = ()
    emblem: bytes = b""
    contact: str = ""
    colour: str = ""


@dataclass(frozen=True, slots=True)
class ParagraphBlock:
    """One paragraph; its base direction follows its letters; a newline breaks the line."""

    text: str
    align: Align = "justify"


@dataclass(frozen=True, slots=True)
class HeadingBlock:
    """A heading inside the text; level 1 or 2."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class ListBlock:
    """A numbered or bulleted list."""

    ordered: bool
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A simple table in logical column order: the first column stands at the right in an Arabic letter."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = ParagraphBlock | HeadingBlock | ListBlock | TableBlock


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A file inside the PDF, associated with the whole document (ISO 32000-2 §14.13, ``/AF``)."""

    name: str
    media_type: str
    relationship: Literal["Source", "Data", "Alternative", "Supplement"]
    data: bytes
    description: str = ""


@dataclass(frozen=True, slots=True)
class PrintedLetter:
    """Everything that the sheet of one letter shows; empty text is not printed.

    ``on_behalf_of`` is the post for which a deputy signed (نيابةً عن); ``seal_mm`` the side in millimetres of the paper
    seal's symbol, 0 for a sheet without one; ``kashida`` lets justified lines be stretched inside words. ``sender`` is
    the line «من / …» of an internal memorandum; ``hijri`` says whether the Hijri date stands above the Gregorian.
    """

    letterhead: Letterhead
    number: str
    date: datetime.date | None
    sensitivity: str
    precedence: str
    kind_title: str
    addressees: tuple[str, ...]
    subject: str
    body: tuple[Block, ...]
    references: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    signer_name: str = ""
    signer_post: str = ""
    signed_on: datetime.date | None = None
    copies: tuple[tuple[str, str], ...] = ()
    document_code: str = ""
    verification_code: str = ""
    verify_url: str = ""
    watermark: str = ""
    digits: Digits = "arab"
    hijri_adjust: int = 0
    months: MonthNames = "levant"
    on_behalf_of: str = ""
    seal_mm: float = 0.0
    kashida: bool = False
    sender: str = ""
    hijri: bool = True


@dataclass(frozen=True, slots=True)
class RegisterPage:
    """A daily register (دفتر الوارد / الصادر) to print: columns and rows in logical order.

    ``checkpoint`` is the signed note of how the event log stood, printed as a QR symbol under ``checkpoint_words``.
    """

    title: str
    entity_name: str
    period: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    totals: str = ""
    printed_on: datetime.date | None = None
    digits: Digits = "arab"
    checkpoint: str = ""
    checkpoint_words: str = ""
