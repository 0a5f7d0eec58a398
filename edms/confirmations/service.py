"""Asking a body whether it issued a letter, answering by the register at once, and judging the answer that comes."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from crypto.cms_signatures import sign_detached
from crypto.codes import CodeKind, entity_code, normalize_verification_code, parse
from crypto.digests import sha256
from crypto.errors import BadCode, CryptoError
from edms.audit.service import record
from edms.confirmations import queries
from edms.confirmations.models import InquiryRow
from edms.confirmations.rules import AN_HOUR, ASK, HOUR, Answer, Side
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from edms.core.ids import new_id
from edms.dispatch import service as dispatch
from edms.dispatch.package import Confirmation, Inquiry
from edms.dispatch.packing import confirmation_meta, inquiry_meta, statement_of
from edms.dispatch.rules import PackageKind
from edms.entities import queries as entities
from edms.entities.keyring import Keyring
from edms.entities.models import Entity, Installation
from edms.entities.sealing import ensure_seal
from edms.letters import queries as letters
from edms.letters.models import Letter
from edms.letters.rules import Sensitivity


def ask(uow: UnitOfWork, document_code: str, *, verification_code: str = "", file: bytes = b"") -> InquiryRow:
    """Ask the body whose code a document code begins with whether it issued that letter; the answer comes by mail.

    ``file`` is the PDF in hand, of which only the hash is sent. Raises Invalid for a mistyped code, an unknown body or
    the own body; Conflict ``confirmations.too-many`` over 120 an hour.
    """
    uow.actor.require(ASK)
    if uow.actor.entity_id is None:
        raise Forbidden("letters.no-entity")
    code = _document_code(document_code, uow.now.year)
    verification = _verification_code(verification_code)
    try:
        issuer = entities.entity_by_code(uow, entity_code(int(code[:6])))
    except NotFound as error:
        raise _invalid("code", "confirmations.unknown-body") from error
    if issuer.id == uow.actor.entity_id:
        raise _invalid("code", "confirmations.own-letter")
    if queries.asked_since(uow, uow.actor.entity_id, uow.now - HOUR) >= AN_HOUR:
        raise Conflict("confirmations.too-many", limit=AN_HOUR)
    asker = entities.entity(uow, uow.actor.entity_id)
    inquiry = Inquiry(
        new_id(), asker.code, issuer.code, uow.now, code, verification, sha256(file).hex() if file else ""
    )
    row = InquiryRow(
        inquiry_id=inquiry.inquiry_id, entity_id=asker.id, other_id=issuer.id, side=Side.ASKED, document_code=code,
        by_id=uow.actor.employee_id, asked_at=uow.now,
    )  # fmt: skip
    row.told = {"file_sha256": inquiry.file_sha256}
    uow.session.add(row)
    uow.flush()
    _send(uow, PackageKind.INQUIRY, asker.id, issuer.id, inquiry_meta(inquiry))
    record(uow, "confirmations.asked", "inquiry", row.id, entity_id=asker.id, row=row, code=code)
    return row


def answer(uow: UnitOfWork, inquiry: Inquiry, *, asker: Entity, issuer: Entity, keys: Keyring) -> Confirmation:
    """Answer an inquiry that came for ``issuer`` by its register, seal the answer and send it back."""
    seal = ensure_seal(uow, issuer.id, keys=keys)
    told = replace(_by_register(uow, inquiry, asker, issuer), proof=b"")
    proof = sign_detached(
        statement_of(told), sign=lambda data: keys.keys.sign(seal.key_name, data), certificate=seal.certificate,
        chain=seal.chain, when=uow.now,
    )  # fmt: skip
    confirmation = replace(told, proof=proof)
    row = InquiryRow(
        inquiry_id=inquiry.inquiry_id, entity_id=issuer.id, other_id=asker.id, side=Side.ANSWERED,
        document_code=inquiry.document_code, asked_at=inquiry.at, answered_at=uow.now, answer=told.answer,
    )  # fmt: skip
    row.told = confirmation_meta(confirmation)
    uow.session.add(row)
    uow.flush()
    _send(uow, PackageKind.CONFIRMATION, issuer.id, asker.id, confirmation_meta(confirmation))
    record(
        uow, "confirmations.answered", "inquiry", row.id, entity_id=issuer.id, row=row, code=inquiry.document_code,
        answer=told.answer, asker=asker.code,
    )  # fmt: skip
    return confirmation


def take_answer(uow: UnitOfWork, confirmation: Confirmation, *, issuer: Entity, asker: Entity) -> InquiryRow | None:
    """Keep the answer to an inquiry of ``asker``; one that nobody asked for, or a second one, changes nothing."""
    row = queries.row_of(uow, asker.id, confirmation.inquiry_id)
    if row is None or row.side != Side.ASKED or row.other_id != issuer.id or row.answer:
        return None
    asked_of_file = row.told.get("file_sha256", "")
    fits = (confirmation.document_code, confirmation.asker_code, confirmation.issuer_code) == (
        row.document_code, asker.code, issuer.code,
    ) and confirmation.file_sha256 == asked_of_file  # fmt: skip
    known = {str(each) for each in Answer} - {Answer.UNPROVED}
    genuine = fits and confirmation.answer in known and proved(uow, confirmation, issuer)
    row.answer = confirmation.answer if genuine else Answer.UNPROVED
    row.answered_at = uow.now
    row.told = confirmation_meta(confirmation)
    record(
        uow, "confirmations.told", "inquiry", row.id, entity_id=asker.id, row=row, code=row.document_code,
        answer=row.answer,
    )  # fmt: skip
    return row


def proved(uow: UnitOfWork, confirmation: Confirmation, issuer: Entity) -> bool:
    """Say that a confirmation's proof is by the issuer's own seal, under the root of its installation."""
    from crypto.cms_judging import verify_detached

    home = uow.session.get_one(Installation, issuer.installation_id)
    try:
        found = verify_detached(
            statement_of(replace(confirmation, proof=b"")), confirmation.proof, [home.ca_certificate]
        )
    except CryptoError:
        return False
    return found.trusted and not found.reasons and found.signer_serial == issuer.code


def _by_register(uow: UnitOfWork, inquiry: Inquiry, asker: Entity, issuer: Entity) -> Confirmation:
    """Return what the register says, without proof; what policy keeps back is left out."""
    told = Confirmation(
        inquiry.inquiry_id, asker.code, issuer.code, uow.now, inquiry.document_code, inquiry.file_sha256,
        Answer.NOT_ISSUED,
    )  # fmt: skip
    letter = queries.issued_letter(uow, issuer.id, inquiry.document_code)
    if letter is None:
        return told
    addressed = {each.recipient_id for each in letters.addressees(uow, letter.id)}
    if letter.sensitivity > Sensitivity.ORDINARY and asker.id not in addressed and not _in_hand(letter, inquiry):
        return replace(told, answer=Answer.WITHHELD)
    told = replace(
        told,
        answer=Answer.VOID if letter.void_at else Answer.SUPERSEDED if letter.superseded_at else Answer.ISSUED,
        number=letter.number,
        date=letter.letter_date.isoformat() if letter.letter_date else "",
        subject=letter.subject if letter.sensitivity == Sensitivity.ORDINARY or asker.id in addressed else "",
    )
    other_file = inquiry.file_sha256 and inquiry.file_sha256 != (letter.rendition_hash or b"").hex()
    return replace(told, answer=Answer.DIFFERENT) if other_file else told


def _in_hand(letter: Letter, inquiry: Inquiry) -> bool:
    """Say that the asker has the letter: its very file, or the code printed on it."""
    if inquiry.file_sha256 and inquiry.file_sha256 == (letter.rendition_hash or b"").hex():
        return True
    return bool(inquiry.verification_code) and inquiry.verification_code == letter.verification_code


def _send(uow: UnitOfWork, kind: PackageKind, sender: UUID, recipient: UUID, meta: dict[str, Any]) -> None:
    dispatch.enqueue(uow, kind=kind, entity_id=sender, letter_id=None, meta=meta, recipients=[(recipient, "to")])


def _document_code(text: str, year: int) -> str:
    try:
        code = parse(text, year=year)
    except BadCode as error:
        if error.suggestion:
            raise _invalid("code", "letters.bad-code-meant", typed=text, suggestion=error.suggestion) from error
        raise _invalid("code", "confirmations.bad-code") from error
    if code.kind is not CodeKind.DOCUMENT:
        raise _invalid("code", "confirmations.bad-code")
    return code.digits


def _verification_code(text: str) -> str:
    if not text.strip():
        return ""
    try:
        return normalize_verification_code(text)
    except BadCode as error:
        raise _invalid("verification", "confirmations.bad-verification") from error


def _invalid(where: str, code: str, **params: object) -> Invalid:
    return Invalid(code, (Problem(where, code, **params),), **params)
