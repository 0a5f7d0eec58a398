"""The verification desk step by step, each in a unit of work of its own; no lock is held while a file is judged."""

from collections.abc import Sequence

from crypto.digests import sha256
from edms.core.actor import ANONYMOUS, Actor
from edms.core.database import Database
from edms.core.errors import Invalid
from edms.entities import peers
from edms.letters.preserving import preservation_of
from edms.verification import guessing, papers, sandbox, service
from edms.verification.rules import LARGEST_FILE, Answer, Verdict

_PDF = b"%PDF-"


def ask_code(database: Database, text: str, *, address: str) -> Verdict:
    """Judge a code that anybody typed at ``address``; a failure is counted before it is told.

    Raises Unavailable ``verification.too-many`` and what ``service.verify_code`` raises.
    """
    if not text.strip():
        raise Invalid("verification.nothing-given")
    with database.work(ANONYMOUS) as uow:
        guessing.require_welcome(uow, address)
        try:
            found: Verdict | Invalid = service.verify_code(uow, text)
        except Invalid as error:
            found = error
        if isinstance(found, Invalid) or found.answer is Answer.UNKNOWN:
            guessing.count_failure(uow, address)
    if isinstance(found, Invalid):
        raise found
    return found


def ask_file(
    database: Database, actor: Actor, data: bytes, *, address: str | None, stamp_roots: Sequence[bytes] = ()
) -> Verdict:
    """Judge a PDF, or a photo, scan or screenshot of a paper; ``address`` is that of a stranger, None for the operator.

    Raises Invalid ``verification.file-too-large``, ``.neither-pdf-nor-picture`` or ``.unreadable``; Unavailable.
    """
    if len(data) > LARGEST_FILE:
        raise Invalid("verification.file-too-large", limit=LARGEST_FILE >> 20)
    if address is not None:
        with database.work(ANONYMOUS) as uow:
            guessing.require_welcome(uow, address)
            guessing.count_file(uow, address)
    if _PDF not in data[:1024]:
        return _ask_paper(database, actor, data, unsigned=False)
    with database.read(actor) as uow:
        trusted = service.roots(uow)
        certificates, crls = [each.ca_certificate for each in trusted], peers.crls(uow)
        kept = preservation_of(uow, sha256(data))
        evidence = kept.suffix if kept else b""
    findings = sandbox.judge_pdf(data, certificates, stamp_roots=stamp_roots, crls=crls)
    if findings.kind == "sealed" and not findings.genuine and evidence:  # old: what was kept of it proves its time
        findings = sandbox.judge_pdf(data + evidence, certificates, stamp_roots=stamp_roots, crls=crls)
    if findings.kind == "unsigned":
        return _ask_paper(database, actor, data, unsigned=True)
    with database.work(actor) as uow:
        return service.verify_file(uow, data, findings, trusted)


def _ask_paper(database: Database, actor: Actor, data: bytes, *, unsigned: bool) -> Verdict:
    try:
        paper = sandbox.read_paper(data)
    except Invalid as error:
        if unsigned or error.code != "verification.unreadable":
            raise
        raise Invalid("verification.neither-pdf-nor-picture") from error
    with database.work(actor) as uow:
        return papers.verify_paper(uow, paper, unsigned=unsigned)
