"""Whose copy leaked pictures show: visible codes lead, hidden marks name, and what is short of the bound is silent."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from crypto import codes
from crypto.codes import CodeKind
from crypto.errors import BadCode, SealInvalid
from crypto.paper_seal import read_seal
from edms.audit.service import record
from edms.codes import mark_keys
from edms.codes.models import IssuedCopy
from edms.content import service as content
from edms.content.store import ContentStore
from edms.core.actor import Actor
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Invalid, NotFound, Unavailable
from edms.entities.keyring import Keyring
from edms.search.indexes import Indexes
from edms.search.likely import likely_letters
from edms.verification import guessing, leak_queries, queries
from edms.verification.leak_children import (
    BlindRead,
    Compared,
    EvidencePage,
    MarkReader,
    Opened,
    Picture,
    SuspectFile,
    open_files,
)
from edms.verification.leak_queries import Original, scope
from edms.verification.leak_rules import MOST_CANDIDATES, Layer, Measured, ReadingLimits, advice
from edms.verification.rules import LARGEST_FILE, TRACE

_PDF = b"%PDF-"
_READ_PICTURES = 8


@dataclass(frozen=True, slots=True)
class TracedCopy:
    """A copy in the registry: who received it, for whom, how and when, and by which layers it was found.

    ``false_accusation_probability`` is the chance that any innocent copy is named by these pictures; None for a lead,
    which only visible codes speak for: anybody can draw them. While ``withheld``, as two auditors of the body open its
    names, copy code and person are empty. ``pictures`` are places of those that show it by themselves.
    """

    copy_id: UUID
    copy_code: str
    document_code: str
    entity_code: str
    entity_name: str
    employee_code: str
    employee_name: str
    act: str
    issued_at: datetime
    on_behalf_of: str = ""
    layers: tuple[Layer, ...] = ("visible",)
    false_accusation_probability: float | None = None
    pictures: tuple[int, ...] = ()
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class TracedPicture:
    """A page of a file (both from 0), a small picture of it (WebP), what it shows, and what would help (codes).

    ``document_code`` and ``shown_page`` (from 0) are of the original that it lies on, with ``runs`` of letters read.
    """

    file: int
    page: int
    width: int
    height: int
    preview: bytes = field(repr=False)
    document_code: str = ""
    shown_page: int | None = None
    runs: int = 0
    named: int = 0
    help: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Traced:
    """What a look-up found: copies (named ones first), pictures, files that could not be read, and the evidence."""

    copies: tuple[TracedCopy, ...]
    pictures: tuple[TracedPicture, ...]
    troubles: Mapping[int, str]
    evidence: tuple[tuple[UUID, EvidencePage], ...]
    letters: tuple[str, ...]
    finished: bool
    seconds: float

    @property
    def named(self) -> tuple[TracedCopy, ...]:
        """The copies that hidden marks name beyond doubt."""
        return tuple(one for one in self.copies if one.false_accusation_probability is not None)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What can be seen on the pictures: copies by the layer that names them, and letters."""

    visible: tuple[IssuedCopy, ...]
    claimed: tuple[IssuedCopy, ...]
    letters: tuple[str, ...]

    @property
    def leads(self) -> bool:
        """Say that there are originals to compare with before anything hidden is read."""
        return bool(self.visible or self.claimed or self.letters)


@dataclass(frozen=True, slots=True)
class _Look:
    """What the tints said, the originals that were compared, with the copies of all by number, and what that gave."""

    blind: list[BlindRead]
    suspects: list[Original]
    copies: dict[int, IssuedCopy]
    compared: Compared


def trace(
    database: Database,
    actor: Actor,
    files: Sequence[bytes],
    *,
    letters: Sequence[str] = (),
    store: ContentStore,
    keys: Keyring,
    indexes: Indexes,
    limits: ReadingLimits,
    progress: Callable[[str, int, int], None] = lambda phase, done, of: None,
    case_id: UUID | None = None,
) -> Traced:
    """Say whose copies files show, among those that the actor may know; each look-up is an event.

    ``letters`` are codes of letters that the auditor suspects. Candidates are the originals of copies whose number was
    read blind or seen, of letters seen or named; where nothing can be seen and none is named, of letters of the
    auditor's body that hold the words of the pictures.
    Raises Forbidden; Invalid ``verification.file-too-large``, ``verification.bad-letter-code`` or
    ``leaks.unknown-letter``; Unavailable ``leaks.reader-failed`` and ``verification.too-many-copy-codes``.
    """
    within = scope(actor)
    if any(len(one) > LARGEST_FILE for one in files):
        raise Invalid("verification.file-too-large", limit=LARGEST_FILE >> 20)
    named_letters = [_letter_code(text) for text in letters]
    begun = time.monotonic()
    words = not letters and actor.entity_id is not None
    opened = open_files(files, limits=limits, progress=progress, words=words)
    with database.work(actor) as uow:
        known = mark_keys.known(uow, keys=keys)
        seen = _seen(uow, opened.pictures, named_letters)
    if not seen.leads:
        with database.read(actor) as uow:
            seen = replace(seen, letters=_read(uow, opened.pictures, indexes))

    def look(*, hastily: bool) -> _Look:
        with MarkReader(limits=limits, progress=progress) as reader:
            blind = reader.read(opened.pictures, known, hastily=hastily)
            with database.read(actor) as uow:
                originals = _candidates(uow, seen, blind)
                suspects, copies = _suspects(uow, originals, within, store=store, keys=keys)
                issued = leak_queries.most_issued(uow)
            compared = reader.compare([one for _, one in suspects], issued)
        return _Look(blind, [one for one, _ in suspects], copies, compared)

    looked = look(hastily=seen.leads)
    if seen.leads and not looked.compared.named and len(looked.compared.shown) < len(opened.pictures):
        # What is seen may have been drawn to mislead. The second look tries all that the first did, and counts it.
        looked = look(hastily=False)
    with database.work(actor) as uow:
        found = _traced(uow, opened, looked, seen)
        found = replace(found, seconds=time.monotonic() - begun)
        leads = len(found.copies) - len(found.named)
        record(
            uow, "verification.traced", "leak-case" if case_id else "copy", case_id, files=len(files),
            pictures=len(found.pictures), letters=len(found.letters), named=len(found.named), found=leads,
        )  # fmt: skip
    return found


def look_up(uow: UnitOfWork, copy_codes: Sequence[str]) -> tuple[TracedCopy, ...]:
    """Return the issued copies of some codes as leads: an auditor's own body's, the operator all."""
    uow.actor.require(TRACE)
    found = leak_queries.copies_by_code(uow, copy_codes, scope(uow.actor))
    guessing.count_wrong_codes(uow, len(set(copy_codes) - {one.code for one in found}))
    record(uow, "verification.traced", "copy", None, read=len(copy_codes), found=len(found))
    return tuple(_told(uow, copy, ("visible",), None, ()) for copy in found)


def look_up_typed(database: Database, actor: Actor, text: str) -> TracedCopy | None:
    """Return the copy of a code that an auditor typed, None when there is none of the own body; see ``guessing``.

    Raises Invalid ``verification.did-you-mean`` or ``verification.bad-copy-code`` for what is no copy code, which
    counts for nothing; Unavailable ``verification.too-many-copy-codes``.
    """
    actor.require(TRACE)
    try:
        code = codes.parse(text)
    except BadCode as error:
        if error.suggestion:
            raise Invalid("verification.did-you-mean", suggestion=error.suggestion) from error
        raise Invalid("verification.bad-copy-code") from error
    if code.kind is not CodeKind.COPY:
        raise Invalid("verification.bad-copy-code")
    with database.work(actor) as uow:
        guessing.require_welcome_of_codes(uow)
        return next(iter(look_up(uow, [code.digits])), None)


def _letter_code(text: str) -> str:
    try:
        code = codes.parse(text)
    except BadCode as error:
        if error.suggestion:
            raise Invalid("verification.did-you-mean", suggestion=error.suggestion) from error
        raise Invalid("verification.bad-letter-code", written=text[:40]) from error
    if code.kind is not CodeKind.DOCUMENT:
        raise Invalid("verification.bad-letter-code", written=text[:40])
    return code.digits


def letter_codes(uow: UnitOfWork, text: str) -> list[str]:
    """Return the letters that an auditor named, one a line; raises Invalid as ``trace``, for unknown ones too."""
    wanted = [_letter_code(line) for line in text.splitlines() if line.strip()]
    unknown = sorted(set(wanted) - set(leak_queries.letters_known(uow, wanted)))
    if unknown:
        raise Invalid("leaks.unknown-letter", letter=codes.format_code(unknown[0]))
    return list(dict.fromkeys(wanted))


def _seen(uow: UnitOfWork, pictures: Sequence[Picture], letters: Sequence[str]) -> _Seen:
    """Look up what can be seen; codes that lead nowhere count as guesses, since anybody can draw them."""
    drawn = [code for picture in pictures for code in _kinds(picture.codes, CodeKind.COPY)]
    claimed = [code for picture in pictures for code in _kinds(picture.hints, CodeKind.COPY)]
    documents = [code for picture in pictures for code in _kinds(picture.codes, CodeKind.DOCUMENT)]
    documents += [code for picture in pictures for seal in picture.seals for code in _claims(seal)]
    if drawn or claimed:
        guessing.require_welcome_of_codes(uow)
    wanted = list(dict.fromkeys([*drawn, *claimed]))
    found = {one.code: one for one in leak_queries.copies_by_code(uow, wanted, scope(uow.actor))}
    guessing.count_wrong_codes(uow, len(set(wanted) - set(found)))
    named = leak_queries.letters_known(uow, letters)
    if len(named) < len(set(letters)):
        unknown = next(one for one in letters if one not in named)
        raise Invalid("leaks.unknown-letter", letter=codes.format_code(unknown))
    seen = leak_queries.letters_known(uow, documents)
    return _Seen(
        tuple(found[code] for code in dict.fromkeys(drawn) if code in found),
        tuple(found[code] for code in dict.fromkeys(claimed) if code in found and code not in drawn),
        tuple(dict.fromkeys([*named, *seen])),
    )


def _read(uow: UnitOfWork, pictures: Sequence[Picture], indexes: Indexes) -> tuple[str, ...]:
    """Return the letters whose words were read on some picture; none while the index cannot be asked."""
    found: dict[str, None] = {}
    try:
        for lines in (picture.lines for picture in pictures[:_READ_PICTURES] if picture.lines):
            likely = likely_letters(uow, lines, indexes=indexes)
            found |= dict.fromkeys(one.document_code for one in likely if one.document_code)
    except Unavailable:  # it is put down for repair; the tint may name the copy all the same
        return ()
    return tuple(found)


def _candidates(uow: UnitOfWork, seen: _Seen, blind: Sequence[BlindRead]) -> list[Original]:
    """Return the originals that the pictures may show, the likeliest first."""
    read = [(key, codes.copy_code(number)) for one in blind for key, number in one.numbers if number < 10**11]
    copies = leak_queries.copies_by_code(uow, [code for _, code in read], scope(uow.actor))
    by_tint = [one for one in copies if (one.mark_key, one.code) in read]
    found = leak_queries.originals_of_copies(uow, by_tint)
    found += leak_queries.originals_of_copies(uow, [*seen.visible, *seen.claimed])
    found += leak_queries.originals_of_letters(uow, seen.letters)
    return list({one.file_id: one for one in reversed(found)}.values())[::-1][:MOST_CANDIDATES]


def _suspects(
    uow: UnitOfWork, originals: Sequence[Original], within: UUID | None, *, store: ContentStore, keys: Keyring
) -> tuple[list[tuple[Original, SuspectFile]], dict[int, IssuedCopy]]:
    """Return the originals (empty where gone) with the numbers of their marked copies, and the copies by number."""
    suspects = []
    copies: dict[int, IssuedCopy] = {}
    for original in originals:
        try:
            pdf = content.read(uow, original.file_id, entity_id=original.entity_id, store=store, keys=keys)
        except NotFound:  # destroyed, or no key to it here: the tint names its copies all the same
            pdf = b""
        numbers: dict[str, list[int]] = {}
        for copy in leak_queries.marked_copies(uow, original.file_id, within):
            number = int(copy.code[:12])
            copies[number] = copy
            numbers.setdefault(copy.mark_key, []).append(number)
        if not pdf or _PDF in pdf[:1024]:
            suspects.append((original, SuspectFile(pdf, numbers)))
    return suspects, copies


def _traced(uow: UnitOfWork, opened: Opened, looked: _Look, seen: _Seen) -> Traced:
    compared, copies = looked.compared, looked.copies
    drawn, claimed = {one.id for one in seen.visible}, {one.id for one in seen.claimed}
    told, evidence = [], []
    for one in compared.named:
        copy = copies[one.number]
        also: list[Layer] = ["visible"] if copy.id in drawn else ["file"] if copy.id in claimed else []
        told.append(_told(uow, copy, (*also, *one.layers), one.chance, one.pictures))
    known = {one.copy_id for one in told}
    for copy in (*seen.visible, *seen.claimed):
        if copy.id not in known:
            told.append(_told(uow, copy, ("visible",) if copy.id in drawn else ("file",), None, ()))
    for page in compared.evidence:
        evidence.append((copies[page.number].id, page))
    pictures = tuple(
        _picture(place, picture, looked.blind[place], compared, looked.suspects, len(copies))
        for place, picture in enumerate(opened.pictures)
    )
    letters = tuple(dict.fromkeys(one.document_code for one in looked.suspects))
    return Traced(tuple(told), pictures, opened.troubles, tuple(evidence), letters, compared.finished, 0.0)


def _picture(
    place: int, picture: Picture, blind: BlindRead, compared: Compared, originals: Sequence[Original], copies: int
) -> TracedPicture:
    shown = compared.shown.get(place)
    named = sum(place in one.pictures for one in compared.named)
    measured = Measured(
        picture.width, picture.height, blind.tint, len(originals), copies,
        finished=compared.finished, drawn=not compared.lost,
    )  # fmt: skip
    if shown is not None:
        measured = replace(
            measured, shows=True, runs=shown.runs, pixels_a_mm=shown.pixels_a_mm, skew=shown.skew
        )  # fmt: skip
    return TracedPicture(
        picture.file, picture.page, picture.width, picture.height, blind.preview,
        document_code=originals[shown.suspect].document_code if shown else "",
        shown_page=shown.page if shown else None, runs=shown.runs if shown else 0, named=named,
        help=() if named else advice(measured),
    )  # fmt: skip


def _told(
    uow: UnitOfWork, copy: IssuedCopy, layers: tuple[Layer, ...], chance: float | None, pictures: tuple[int, ...]
) -> TracedCopy:
    """Return a copy with the names of body and person, these left out where the body opens names by two."""
    body, person, behalf = queries.holders(uow, copy)
    closed = leak_queries.by_two(uow, copy.entity_id)
    return TracedCopy(
        copy.id, "" if closed else copy.code, copy.document_code, body.code, body.name_ar,
        "" if closed else person.code, "" if closed else person.name, copy.act, copy.issued_at,
        behalf.code if behalf and not closed else "", layers, chance, pictures, closed,
    )  # fmt: skip


def _kinds(texts: Sequence[str], kind: CodeKind) -> list[str]:
    found = []
    for text in texts:
        try:
            code = codes.parse(text)
        except BadCode:
            continue
        if code.kind is kind:
            found.append(code.digits)
    return found


def _claims(seal: str) -> list[str]:
    """Return the document code that a seal claims: enough to look which letter it may be, proof of nothing."""
    try:
        return [read_seal(seal).claims.document_code]
    except SealInvalid:
        return []
