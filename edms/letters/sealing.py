"""The sheet of a letter with everything on it and in it, sealed and stored: done with no lock held."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID

from crypto.digests import sha256
from crypto.paper_seal import SealClaims
from crypto.pdf_signatures import seal_pdf
from crypto.timestamps import TimeStamper
from edms.content import service as content
from edms.content.service import StagedFile
from edms.content.store import ContentStore
from edms.entities.sealing import SealInForce
from edms.letters.paper import paper_seal
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.values import PrintedLetter
from edms.letters.sealed_files import LetterData, sealed_files
from edms.registry.rules import printed_number


@dataclass(frozen=True, slots=True)
class ReadyLetter:
    """Everything that a letter's sheet takes but its number; ``sign`` signs with the body's seal."""

    letter_id: UUID
    version: int
    signature_id: UUID
    register_id: UUID
    pattern: str
    mark: str
    day: date
    sheet: PrintedLetter
    claims: SealClaims
    data: LetterData
    signed_content: bytes
    signature: bytes
    seal: SealInForce
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class SealedSheet:
    """A sealed PDF that is durable in the store; ``level`` is ``B-B`` while it waits for a time-stamp."""

    number: str
    hijri: str
    digest: bytes
    pages: int
    level: str
    file: StagedFile


def seal_sheet(
    ready: ReadyLetter, number: int, year: int, *, store: ContentStore, stamper: TimeStamper | None
) -> SealedSheet:
    """Render a letter under a register's number, seal it with its body's seal, and make the file durable."""
    written = printed_number(ready.pattern, number, year, ready.mark)
    when = datetime.now(UTC).replace(microsecond=0)
    sheet, symbol = paper_seal(
        replace(ready.sheet, number=written), ready.claims, sign=ready.sign, key_id=ready.seal.key_id
    )
    counted: list[int] = []
    files = sealed_files(ready.data, written, signed_content=ready.signed_content, signature=ready.signature)
    sealed = seal_pdf(
        render_letter(sheet, files=files, seal=partial(_counting, counted, symbol)),
        sign=ready.sign,
        certificate=ready.seal.certificate,
        chain=ready.seal.chain,
        reason=ready.sheet.document_code,
        location=ready.seal.entity_code,
        when=when,
        timestamper=stamper,
    )
    file = content.stage(sealed.pdf, kind="rendition", now=when, store=store)
    return SealedSheet(written, ready.data.facts["hijri"], sha256(sealed.pdf), counted[-1], sealed.level, file)


def _counting(counted: list[int], symbol: Callable[[int], str], pages: int) -> str:
    """Give the text of the paper seal and keep the number of pages, which the layout alone knows."""
    counted.append(pages)
    return symbol(pages)
