"""Verdicts on codes and files: what the register knows decides, then what the seal proves by itself."""

from collections.abc import Sequence
from typing import Final

from crypto import codes
from crypto.codes import CodeKind, normalize_verification_code
from crypto.digests import sha256
from crypto.errors import BadCode
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, NotFound
from edms.entities import queries as entities
from edms.entities.models import Installation
from edms.letters.models import Letter
from edms.verification import queries
from edms.verification.registered import noted, registered
from edms.verification.rules import Answer, Facts, Verdict
from edms.verification.sandbox import Findings

_REVOKED: Final = "verification.revoked-signer"
_NO_KEY_OF_OURS: Final = frozenset(
    {"verification.untrusted-signer", "verification.expired-signer", "verification.wrong-usage", _REVOKED}
)


def verify_code(uow: UnitOfWork, text: str) -> Verdict:
    """Judge a typed verification code.

    Raises Invalid: ``verification.needs-verification-code`` for a document code alone, which says nothing of whether
    the letter exists; ``verification.did-you-mean`` with ``suggestion`` for one with exchanged digits;
    ``verification.bad-code`` for anything else that is no verification code.
    """
    try:
        code = normalize_verification_code(text)
    except BadCode as error:
        raise _refusal(text, uow.now.year, error) from error
    found = queries.by_verification_digest(uow, sha256(code.encode()))
    if not found:
        return noted(uow, Verdict(Answer.UNKNOWN, ("verification.unknown-code",)), None, "code")
    return noted(uow, registered(uow, found, ("verification.code-in-register",)), found[0], "code")


def verify_document_code(uow: UnitOfWork, text: str) -> Verdict:
    """Judge a document code by the register, for the operator; raises Invalid for what is no document code."""
    try:
        code = codes.parse(text, year=uow.now.year)
    except BadCode as error:
        raise _refusal(text, uow.now.year, error) from error
    if code.kind is not CodeKind.DOCUMENT:
        raise Invalid("verification.bad-code")
    found = queries.by_document_code(uow, code.digits)
    if not found:
        verdict = Verdict(Answer.UNKNOWN, ("verification.not-in-register",), code.digits)
        return noted(uow, verdict, None, "document-code")
    return noted(uow, registered(uow, found, ("verification.code-in-register",)), found[0], "document-code")


def roots(uow: UnitOfWork) -> list[Installation]:
    """Return the installations whose authority is trusted, this one first, in the order that findings count."""
    return entities.authorities(uow)


def verify_file(uow: UnitOfWork, data: bytes, findings: Findings, trusted: Sequence[Installation]) -> Verdict:
    """Judge a PDF from its bytes and what the examiner found in it with the roots of ``trusted``.

    ``authentic`` asks for a genuine seal of a registered authority and for the same file in the register; a letter
    of a peer that no body here holds is authentic by its seal alone (reason ``verification.by-seal-only``).
    """
    found = queries.by_file_hash(uow, sha256(data[: findings.original_size or len(data)]))
    verdict = _file_verdict(uow, found, findings, trusted)
    return noted(uow, verdict, found[0] if found else None, "file")


def _file_verdict(
    uow: UnitOfWork, found: Sequence[Letter], findings: Findings, trusted: Sequence[Installation]
) -> Verdict:
    if findings.kind == "unsigned":
        return Verdict(Answer.UNKNOWN, ("verification.unsigned", *_copy_reason(findings.symbols)))
    if findings.kind == "broken":
        return Verdict(Answer.ALTERED, ("verification.broken-signature",))
    claimed = _claimed_code(findings)
    if not findings.genuine:
        why = set(findings.reasons)
        foreign = bool(why & _NO_KEY_OF_OURS) and why <= _NO_KEY_OF_OURS | {"verification.bad-time-stamp"}
        return Verdict(Answer.UNKNOWN_KEY if foreign else Answer.ALTERED, findings.reasons, claimed)
    signer = trusted[findings.root] if findings.root is not None else None
    if signer is None or not _serves(uow, signer, findings.serial):
        return Verdict(Answer.UNKNOWN_KEY, ("verification.signer-not-registered",), claimed)
    if _revoked(uow, findings):
        return Verdict(Answer.UNKNOWN_KEY, (_REVOKED,), claimed)
    if found:
        return registered(uow, found, ("verification.seal-genuine", "verification.file-in-register"))
    if claimed is None or claimed[:6] != findings.serial[:6]:
        return Verdict(Answer.UNKNOWN, ("verification.seal-genuine", "verification.not-a-letter"))
    return _by_seal(uow, signer, findings, claimed)


def _by_seal(uow: UnitOfWork, signer: Installation, findings: Findings, claimed: str) -> Verdict:
    """Judge a file with a genuine seal that the register does not have byte for byte."""
    known = queries.by_document_code(uow, claimed)
    if any(each.void_at for each in known):
        return registered(uow, known, ("verification.seal-genuine",))
    if known:
        return Verdict(Answer.UNKNOWN, ("verification.seal-genuine", "verification.another-file"), claimed)
    if signer.is_home:
        return Verdict(Answer.UNKNOWN, ("verification.seal-genuine", "verification.not-in-register"), claimed)
    body = entities.entity_by_code(uow, findings.serial)
    facts = Facts(issuer=body.name_ar, issuer_code=body.code, signed_at=findings.signed_at)
    return Verdict(Answer.AUTHENTIC, ("verification.seal-genuine", "verification.by-seal-only"), claimed, facts)


def _revoked(uow: UnitOfWork, findings: Findings) -> bool:
    """Say that the seal was taken back before it is proven to have been used, as the register knows it by now."""
    since = queries.seal_revoked_at(uow, findings.certificate)
    return since is not None and (findings.stamped_at is None or since <= findings.stamped_at)


def _serves(uow: UnitOfWork, signer: Installation, serial: str) -> bool:
    """Say that the certificate's body is one of the installation whose authority issued the certificate."""
    try:
        return entities.entity_by_code(uow, serial).installation_id == signer.id
    except NotFound:
        return False


def _claimed_code(findings: Findings) -> str | None:
    try:
        code = codes.parse(findings.claims)
    except BadCode:
        return None
    return code.digits if code.kind is CodeKind.DOCUMENT else None


def _copy_reason(symbols: Sequence[str]) -> tuple[str, ...]:
    """Say whether an unsigned file carries a copy's code; not whether the register knows it."""
    return ("verification.coded-copy",) if copy_codes(symbols) else ()


def copy_codes(symbols: Sequence[str]) -> list[str]:
    """Return those digits read from a paper that are copy codes, each once."""
    found = []
    for symbol in symbols:
        try:
            code = codes.parse(symbol)
        except BadCode:
            continue
        if code.kind is CodeKind.COPY:
            found.append(code.digits)
    return list(dict.fromkeys(found))


def _refusal(text: str, year: int, why: BadCode) -> Invalid:
    """Say what is wrong with a text that is no verification code."""
    try:
        code = codes.parse(text, year=year)
    except BadCode as error:
        if error.suggestion:
            return Invalid("verification.did-you-mean", suggestion=error.suggestion)
        why = error if error.code == "codes.bad-check" else why
        return Invalid("verification.code-mistyped" if why.code == "codes.bad-check" else "verification.bad-code")
    if code.kind is CodeKind.DOCUMENT:
        return Invalid("verification.needs-verification-code")
    return Invalid("verification.bad-code")
