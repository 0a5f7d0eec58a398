"""What a printed letter and a printed register page are made of: plain values, no lookups."""

import datetime
from dataclasses import dataclass
from typing import Literal

from edms.core.calendar import Digits

Align = Literal["justify", "start", "center", "end"]


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The head of the sheet (ترويسة), highest body first: Arabic at the right, English at the left."""

    lines_ar: tuple[str, ...]
    lines_en: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParagraphBlock:
    """One paragraph; its base direction follows its letters; a newline breaks the line."""

    text: str
    align: Align = "justify"


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


Block = ParagraphBlock | ListBlock | TableBlock


@dataclass(frozen=True, slots=True)
class PrintedLetter:
    """Everything that the sheet of one letter shows; empty text is not printed."""

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


@dataclass(frozen=True, slots=True)
class RegisterPage:
    """A daily register (دفتر الوارد / الصادر) to print: columns and rows in logical order."""

    title: str
    entity_name: str
    period: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    totals: str = ""
    printed_on: datetime.date | None = None
    digits: Digits = "arab"
