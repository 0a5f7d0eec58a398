"""The life of one letter in one body: what was done, who read which copy, where it went; and whether all of it fits."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select

from crypto.digests import sha256
from crypto.errors import CryptoError
from edms.audit.queries import sealed_size
from edms.audit.reporting import Report
from edms.audit.rows import verify_rows
from edms.codes.models import IssuedCopy
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.database import Base, UnitOfWork
from edms.core.errors import EdmsError
from edms.dispatch.models import OutboxItem
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.entities.models import Employee
from edms.intake.models import ReceivedMessage
from edms.letters.models import Letter
from edms.oversight import queries
from edms.oversight.rules import Place, Search
from edms.oversight.service import Found, lines

_MOST_CARRIERS: Final = 2_000
_COMPARED: Final = frozenset({"letters", "register_entries", "signatures", "evidence", "attachments"})
"""Tables whose rows stand as the acts on their letter left them."""


@dataclass(frozen=True, slots=True)
class CopyLine:
    """A coded copy and the person who received it."""

    copy: IssuedCopy
    who: Employee | None


@dataclass(frozen=True, slots=True)
class LetterCheck:
    """What comparing a letter with the log found.

    ``file`` is True when the stored PDF has the hash that the letter's row names, False when not, None where there is
    none; ``rows`` how many rows were compared by table, ``faults`` the names of those that differ or are gone;
    ``seq`` the newest entry that commits to the letter's row, ``sealed`` whether a checkpoint covers it.
    """

    file: bool | None
    digest: str
    rows: dict[str, int]
    faults: tuple[str, ...]
    seq: int | None
    sealed: bool

    @property
    def ok(self) -> bool:
        """Say whether everything fits."""
        return self.file is not False and not self.faults and self.seq is not None


def timeline(uow: UnitOfWork, letter: Letter, *, after: Place | None, limit: int) -> Found:
    """Return the entries about a letter, its consignments and the messages that brought it, the oldest first."""
    wanted = Search(letter_ids=(letter.id, *_carriers(uow, letter)), entity_id=letter.entity_id)
    found, onward = queries.search(uow, wanted, after=after, limit=limit, oldest_first=True)
    return Found(tuple(lines(uow, found)), onward)


def copies(uow: UnitOfWork, letter: Letter, *, limit: int, offset: int) -> list[CopyLine]:
    """Return the coded copies of a letter in the order of their issue."""
    found = queries.copies_of(uow, letter.id, limit=limit, offset=offset)
    people = entities.employees_by_ids(uow, [each.employee_id for each in found])
    return [CopyLine(each, people.get(each.employee_id)) for each in found]


def check(uow: UnitOfWork, letter: Letter, *, store: ContentStore, keys: Keyring) -> LetterCheck:
    """Compare a letter's file, its rows and the log; reads the acts on this letter and nothing else of the log."""
    report, seq = Report(), None
    own = f"{Letter.__tablename__}/{letter.id}"
    for event in queries.acts_on(uow, letter.id):
        named = _rows_of(event.entry)
        report.rows.update(named)
        report.rows.pop(json.loads(event.entry).get("gone", ""), None)
        seq = event.seq if own in named else seq
    compared = verify_rows(uow, report, tables=Base.metadata, whole=(), moving={}, progress=lambda _done: None)
    file, digest = _file(uow, letter, store, keys)
    sealed = seq is not None and seq <= sealed_size(uow)
    faults = tuple(fault.what for fault in report.faults)
    return LetterCheck(file, digest, dict(compared), faults, seq, sealed)


def _rows_of(entry: bytes) -> dict[str, bytes]:
    """Return the rows of the letter that an entry commits to, with their hashes."""
    told = json.loads(entry)
    hashes = [*([told["row"]] if "row" in told else []), *told.get("rows", ())]
    named = zip(told.get("of", ()), hashes, strict=True)
    return {name: bytes.fromhex(digest) for name, digest in named if name.partition("/")[0] in _COMPARED}


def _file(uow: UnitOfWork, letter: Letter, store: ContentStore, keys: Keyring) -> tuple[bool | None, str]:
    if letter.rendition_id is None:
        return None, ""
    try:
        found = sha256(content.read(uow, letter.rendition_id, entity_id=letter.entity_id, store=store, keys=keys))
    except (EdmsError, CryptoError):
        return False, ""
    return found == letter.rendition_hash, found.hex()


def _carriers(uow: UnitOfWork, letter: Letter) -> Sequence[UUID]:
    """Return the consignments of a letter and the messages that brought it, as the log names them."""
    items = select(OutboxItem.id).where(OutboxItem.letter_id == letter.id).limit(_MOST_CARRIERS)
    came = select(ReceivedMessage.id).where(ReceivedMessage.letter_id == letter.id).limit(_MOST_CARRIERS)
    return [*uow.session.scalars(items), *uow.session.scalars(came)]
