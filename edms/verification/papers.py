"""Verdicts on papers: what the seal in the symbol proves, what else the paper shows, what the register knows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from crypto import codes
from crypto.codes import CodeKind
from crypto.errors import BadCode, SealInvalid
from crypto.paper_seal import SealClaims, read_seal, verify_seal
from edms.core.arabic import words
from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.entities import queries as entities
from edms.entities.sealing import TrustedSeal, trust_list
from edms.letters import queries as letters
from edms.letters.models import Letter
from edms.registry.rules import Direction
from edms.verification import queries
from edms.verification.registered import noted, registered
from edms.verification.rules import DIFFERENT, FEW_WORDS, Answer, Signed, Verdict, missing_words
from edms.verification.sandbox import PaperRead

_HASH = 16
_DAY = timedelta(days=1)
_MOST_MISSING = 40


def verify_paper(uow: UnitOfWork, paper: PaperRead, *, unsigned: bool = False) -> Verdict:
    """Judge a photo, a scan, a screenshot or a PDF that is ``unsigned`` by the seals that were read on it.

    ``authentic`` says that the seal is genuine and that nothing on the paper that a machine can read speaks against it;
    whether the paper says what was signed is for the reader of ``signed`` to compare. A PDF made of words and not of
    pictures has lost the seal that would prove them, and is never called authentic.
    """
    seals = list(dict.fromkeys(seal for page in paper.pages for seal in page.seals))
    if not seals:
        return noted(uow, Verdict(Answer.UNKNOWN, _without_seal(paper, unsigned=unsigned)), None, "paper")
    trusted = {each.key_id: each for each in trust_list(uow)}
    judged = [_proven(seal, trusted) for seal in seals]
    refused = [each for each in judged if isinstance(each, Verdict)]
    if refused:
        return noted(uow, refused[0], None, "paper")
    proven = [each for each in judged if isinstance(each, SealClaims)]
    claims = proven[0]
    against = _contradiction(claims, proven, paper)
    if against:
        return noted(uow, Verdict(Answer.ALTERED, (against,), claims.document_code), None, "paper")
    key = trusted[read_seal(seals[0]).key_id]
    rows = queries.by_document_code(uow, claims.document_code)
    verdict = _by_register(uow, claims, key, rows, paper)
    if unsigned:
        made_of_words = verdict.answer is Answer.AUTHENTIC and _lacking(claims, paper)[1]
        answer = Answer.UNKNOWN if made_of_words else verdict.answer
        verdict = replace(verdict, answer=answer, reasons=("verification.unsigned", *verdict.reasons))
    if CodeKind.COPY in _kinds(paper):
        verdict = replace(verdict, reasons=(*verdict.reasons, "verification.coded-copy"))
    return noted(uow, verdict, rows[0] if rows else None, "paper")


def _proven(seal: str, trusted: dict[bytes, TrustedSeal]) -> SealClaims | Verdict:
    """Return the claims that a symbol proves, or the verdict on one that proves nothing."""
    try:
        claims = verify_seal(seal, {key_id: each.public_key for key_id, each in trusted.items()})
    except SealInvalid as error:
        if error.code == "crypto.seal-unknown-key":
            return Verdict(Answer.UNKNOWN_KEY, ("verification.paper-unknown-key",))
        broken = error.code != "crypto.seal-forged"
        return Verdict(Answer.ALTERED, ("verification.paper-seal-broken" if broken else "verification.paper-forged",))
    key = trusted[read_seal(seal).key_id]
    if claims.sender != key.entity_code or claims.document_code[:6] != key.entity_code[:6]:
        return Verdict(Answer.UNKNOWN_KEY, ("verification.signer-not-registered",), claims.document_code)
    if not key.valid_from.date() - _DAY <= claims.day <= key.valid_to.date() + _DAY:
        return Verdict(Answer.UNKNOWN_KEY, ("verification.paper-key-not-in-force",), claims.document_code)
    return claims


def _contradiction(claims: SealClaims, all_claims: Sequence[SealClaims], paper: PaperRead) -> str | None:
    """Return what on the paper itself speaks against the seal: another seal, another document's code, other words."""
    if any(each != claims for each in all_claims):
        return "verification.seals-differ"
    printed = _document_codes(paper)
    if printed and claims.document_code not in printed:
        return "verification.foot-code-differs"
    lacking, signed = _lacking(claims, paper)
    if signed and len(lacking) > DIFFERENT * signed:
        return "verification.text-differs"
    return None


def _by_register(
    uow: UnitOfWork, claims: SealClaims, key: TrustedSeal, rows: Sequence[Letter], paper: PaperRead
) -> Verdict:
    signed = _signed(uow, claims, key, paper)
    sealed = ("verification.paper-genuine", *_compared(claims, paper, signed))
    own = next((row for row in rows if row.direction == Direction.OUTGOING), None)
    same = own is not None and _hash_of(uow, own) == claims.content_hash
    if key.revoked_at is not None and not same:
        return Verdict(Answer.UNKNOWN_KEY, ("verification.paper-key-revoked",), claims.document_code)
    if own is not None and not same:
        return Verdict(Answer.UNKNOWN, (*sealed, "verification.another-content"), claims.document_code)
    if rows:
        return registered(uow, rows, sealed, signed=signed)
    if entities.entity_by_code(uow, key.entity_code).installation_id == entities.home(uow).id:
        return Verdict(Answer.UNKNOWN, ("verification.paper-genuine", "verification.not-in-register"))
    return Verdict(Answer.AUTHENTIC, (*sealed, "verification.by-seal-only"), claims.document_code, signed=signed)


def _hash_of(uow: UnitOfWork, letter: Letter) -> bytes | None:
    signature = letters.signature(uow, letter.id)
    return signature.signed_hash[:_HASH] if signature else None


def _signed(uow: UnitOfWork, claims: SealClaims, key: TrustedSeal, paper: PaperRead) -> Signed:
    lacking, _ = _lacking(claims, paper)
    return Signed(
        issuer=key.entity_name, issuer_code=key.entity_code, number=claims.number, day=claims.day, pages=claims.pages,
        sensitivity=claims.sensitivity, subject=claims.subject, recipients=claims.recipient_count,
        names=tuple(_name(uow, code) for code in claims.recipients), text=claims.text,
        missing=tuple(lacking[:_MOST_MISSING]), picture=paper.picture,
    )  # fmt: skip


def _name(uow: UnitOfWork, code: str) -> str:
    try:
        return entities.entity_by_code(uow, code).name_ar
    except NotFound:
        return codes.format_code(code)


def _compared(claims: SealClaims, paper: PaperRead, signed: Signed) -> tuple[str, ...]:
    """Say what a machine could compare, and that a person has to compare the rest."""
    _, count = _lacking(claims, paper)
    agreed = ("verification.words-agree",) if count and not signed.missing else ()
    return (*agreed, "verification.compare-text" if signed.text else "verification.compare-facts")


def _lacking(claims: SealClaims, paper: PaperRead) -> tuple[list[str], int]:
    """Return the signed words that the pages lack and how many were looked for; none for a picture."""
    found = words("\n".join(page.words for page in paper.pages))
    if len(found) < FEW_WORDS:
        return [], 0
    signed = words(f"{claims.subject} {claims.text or ''}")
    return missing_words(signed, found), len(signed)


def _document_codes(paper: PaperRead) -> set[str]:
    read = [code for page in paper.pages for text in page.codes if (code := _code(text))]
    return {code.digits for code in read if code.kind is CodeKind.DOCUMENT}


def _without_seal(paper: PaperRead, *, unsigned: bool) -> tuple[str, ...]:
    """Say what a paper without a readable seal shows; a number in bars can be drawn by anybody."""
    known = {CodeKind.COPY: "verification.coded-copy", CodeKind.DOCUMENT: "verification.only-a-number"}
    first = "verification.unsigned" if unsigned else "verification.no-seal-read"
    return (first, *(reason for kind, reason in known.items() if kind in _kinds(paper)))


def _kinds(paper: PaperRead) -> set[CodeKind]:
    return {code.kind for page in paper.pages for text in page.codes if (code := _code(text))}


def _code(text: str) -> codes.Code | None:
    try:
        return codes.parse(text)
    except BadCode:
        return None
