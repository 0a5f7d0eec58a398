"""Judging a sealed file: the seal, its time-stamps, the evidence after it, and that not a byte is unexplained."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from asn1crypto import cms, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature, async_validate_pdf_timestamp
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext

from crypto.certificates import POLICY
from crypto.cms_parts import finished, is_der, is_plain
from crypto.digests import sha256
from crypto.pdf_evidence import Store, revoked_since, store_of, unexplained
from crypto.pdf_updates import EVIDENCE_ONLY, is_accounted

STAMPED: Final = "time-stamped"
_SKEW: Final = timedelta(minutes=5)
_PROMPT: Final = timedelta(days=1)
_CURVES: Final = frozenset({"secp256r1", "secp384r1", "secp521r1"})

Level = Literal["B-B", "B-T", "B-LT", "B-LTA"]


@dataclass(frozen=True, slots=True)
class PdfSeal:
    """What the seal of a file says; show it green only when ``genuine`` and the original's hash is in the register.

    ``bottom_line`` is the verdict on mathematics and chain; ``covers_whole_file`` says that no byte lies outside the
    signature but evidence of ours; ``signed_at`` is what the signer claims, ``stamped_at`` the earliest time that a
    trusted authority proves; ``reasons`` are the codes of everything that is wrong. ``original_sha256`` is the hash of
    the file as it was sealed, without evidence; ``path`` the chain found (DER, root first), ``stamp_path`` those of the
    time-stamps and ``stamp_certificate`` the newest one's.
    """

    bottom_line: bool
    covers_whole_file: bool
    trusted: bool
    signer_certificate: bytes
    signer_name: str
    signer_serial: str | None
    signed_at: datetime | None
    reasons: tuple[str, ...]
    stamped_at: datetime | None = None
    level: Level = "B-B"
    original_size: int = 0
    original_sha256: bytes = b""
    path: tuple[bytes, ...] = ()
    stamp_path: tuple[bytes, ...] = ()
    stamp_certificate: bytes = b""

    @property
    def genuine(self) -> bool:
        """Intact, by a trusted signer, covering the file to its last byte, and with nothing unexplained in it."""
        return self.bottom_line and self.covers_whole_file and self.trusted and not self.reasons


@dataclass(slots=True)
class Judge:
    """One judgement: the file, whom to trust (``stamp_roots`` for time-stamps alone), what is known of revocation."""

    pdf: bytes
    reader: PdfFileReader
    roots: Sequence[x509.Certificate]
    stamp_roots: Sequence[x509.Certificate]
    crls: Sequence[bytes]
    ocsps: Sequence[bytes]
    now: datetime
    reasons: list[str] = field(default_factory=list)
    proven: datetime | None = None
    stamp_paths: list[bytes] = field(default_factory=list)
    stamp_certificate: bytes = b""

    def seal(self, signatures: Sequence[EmbeddedPdfSignature]) -> PdfSeal | None:
        """Judge the newest seal among a file's signatures, None when there is none; a hostile file raises anything."""
        seals = [found for found in signatures if found.sig_object_type == "/Sig"]
        if not seals:
            return None
        signature = seals[-1]
        store = store_of(self.reader) or Store()
        self.crls, self.ocsps = (*self.crls, *store.crls), (*self.ocsps, *store.ocsps)
        stamps = [found for found in signatures if found.sig_object_type == "/DocTimeStamp"]
        for stamp in reversed(stamps):
            self._stamp(stamp)
        token_at = token_time(signature.signer_info)
        moment = self.proven or self.now
        status = finished(
            async_validate_pdf_signature(
                signature,
                self._context(token_at or moment, self.roots, store),
                self._context(moment, (*self.roots, *self.stamp_roots), store),
                diff_policy=EVIDENCE_ONLY,
            )
        )
        self._token(status, token_at)
        self.reasons += self._of_seal(signature, status)
        self.reasons += _of_time(signature, token_at, self.proven or self.now)
        whole = self._is_whole(signature, seals, stamps, store, status)
        return self._told(signature, status, store, stamps, whole=whole)

    def _stamp(self, stamp: EmbeddedPdfSignature) -> None:
        """Judge a document time-stamp at the time proven so far, and take its time from then on."""
        context = self._context(self.proven or self.now, (*self.roots, *self.stamp_roots), Store())
        status = finished(async_validate_pdf_timestamp(stamp, context, skip_diff=True))
        path = [each.dump() for each in status.validation_path or ()]
        message = cms.ContentInfo({"content_type": "signed_data", "content": stamp.signed_data})
        revoked = self._revoked(path, status.timestamp)
        if status.intact and status.valid and status.trusted and not revoked and self._plain_token(message, path):
            self.proven = status.timestamp
            self.stamp_paths += path
            self.stamp_certificate = self.stamp_certificate or path[-1]
        else:
            self.reasons.append("verification.bad-time-stamp")

    def _token(self, status: PdfSignatureStatus, token_at: datetime | None) -> None:
        """Take the time of the token inside the seal when it is good."""
        token = status.timestamp_validity
        path = [each.dump() for each in (token.validation_path if token else None) or ()]
        good = token is not None and token.intact and token.valid and token.trusted
        if good and token_at is not None and not self._revoked(path, token_at):
            self.proven = token_at
            self.stamp_paths += path
            self.stamp_certificate = self.stamp_certificate or path[-1]
        elif token is not None or token_at is not None:
            self.reasons.append("verification.bad-time-stamp")

    def _of_seal(self, signature: EmbeddedPdfSignature, status: PdfSignatureStatus) -> Iterator[str]:
        """Yield a code for what is wrong with the seal itself."""
        path = [each.dump() for each in status.validation_path or ()]
        if not status.intact:
            yield "verification.altered"
        elif not status.valid:
            yield "verification.bad-signature"
        elif status.revoked or self._revoked(path, self.proven or self.now):
            yield "verification.revoked-signer"
        elif not status.trusted:
            expired = status.trust_problem_indic == AdESIndeterminate.OUT_OF_BOUNDS_NO_POE
            yield "verification.expired-signer" if expired else "verification.untrusted-signer"
        elif not is_seal_certificate(signature.signer_cert):
            yield "verification.wrong-usage"
        elif self._unsigned_parts(signature, status):
            yield "verification.unsigned-parts"
        if status.timestamp_validity is None and _promises_stamp(signature):
            yield "verification.no-time-stamp"

    def _unsigned_parts(self, signature: EmbeddedPdfSignature, status: PdfSignatureStatus) -> bool:
        """Say that the message carries what no signature protects: foreign certificates, lists, attributes."""
        token = status.timestamp_validity
        explained = {each.dump() for each in (*self.roots, *(status.validation_path or ()), signature.signer_cert)}
        carried = {certificate.dump() for certificate in signature.other_embedded_certs}
        unsigned = list(signature.signer_info["unsigned_attrs"] or ())
        tokens = [value for each in unsigned for value in each["values"]]
        stamping = [each.dump() for each in (token.validation_path if token else None) or ()]
        return bool(
            not is_plain(signature.signed_data)
            or not is_der(_message(signature))
            or status.md_algorithm != "sha256"
            or carried - explained
            or signature.embedded_attr_certs
            or [each["type"].native for each in unsigned] not in ([], ["signature_time_stamp_token"])
            or len(tokens) > 1
            or not all(self._plain_token(each, stamping) for each in tokens)
        )

    def _plain_token(self, token: cms.ContentInfo, path: Iterable[bytes]) -> bool:
        """Say that a time-stamp token carries nothing that no signature protects."""
        data = token["content"]
        explained = {*path, *(root.dump() for root in (*self.roots, *self.stamp_roots))}
        carried = {each.chosen.dump() for each in data["certificates"] or ()}
        return (
            is_plain(data, ("v3", "v1"))
            and carried <= explained
            and not data["signer_infos"][0]["unsigned_attrs"].native
        )

    def _revoked(self, path: Sequence[bytes], moment: datetime) -> bool:
        """Say that a certificate of a path (root first) was revoked by then, whatever answers the file carries."""
        for issuer, subject in pairwise(path):
            since = revoked_since(subject, issuer, self.crls)
            if since is not None and since <= moment:
                return True
        return False

    def _is_whole(
        self,
        signature: EmbeddedPdfSignature,
        seals: Sequence[EmbeddedPdfSignature],
        stamps: Sequence[EmbeddedPdfSignature],
        store: Store,
        status: PdfSignatureStatus,
    ) -> bool:
        """Say that every byte is the seal's or evidence of ours; note what is not."""
        end = _end(signature)
        if len(seals) > 1:
            self.reasons.append("verification.several-seals")
        whole = covers(signature, self.pdf)
        if end < len(self.pdf):
            known = [*self.stamp_paths, *(each.dump() for each in status.validation_path or ())]
            whole = (
                whole
                and self.pdf[:end].endswith(b"%%EOF\n")
                and _only_evidence(status)
                and is_accounted(self.pdf, end, self.reader)
                and all(end < _end(stamp) and covers(stamp, self.pdf) for stamp in stamps)
                and not unexplained(store, known)
            )
            if not _only_evidence(status):
                self.reasons.append("verification.changed-after")
        elif stamps or store != Store():  # sealed over: ours come after the seal
            self.reasons.append("verification.unsigned-parts")
        if not whole:
            self.reasons.append("verification.not-whole-file")
        return whole

    def _context(self, moment: datetime, roots: Sequence[x509.Certificate], store: Store) -> ValidationContext:
        return ValidationContext(
            trust_roots=list(roots), allow_fetching=False, moment=moment, crls=self.crls, ocsps=self.ocsps,
            other_certs=[x509.Certificate.load(der) for der in store.certificates], retroactive_revinfo=True,
        )  # fmt: skip

    def _told(
        self,
        signature: EmbeddedPdfSignature,
        status: PdfSignatureStatus,
        store: Store,
        stamps: Sequence[EmbeddedPdfSignature],
        *,
        whole: bool,
    ) -> PdfSeal:
        subject = signature.signer_cert.subject.native
        end = _end(signature)
        return PdfSeal(
            bottom_line=bool(status.bottom_line),
            covers_whole_file=whole,
            trusted=bool(status.trusted),
            signer_certificate=signature.signer_cert.dump(),
            signer_name=str(subject.get("name") or subject.get("common_name") or ""),
            signer_serial=subject.get("serial_number"),
            signed_at=_claimed(signature),
            reasons=tuple(dict.fromkeys(self.reasons)),
            stamped_at=self.proven,
            level=_level(self.proven, store, stamped_last=bool(stamps) and _end(stamps[-1]) == len(self.pdf)),
            original_size=end,
            original_sha256=sha256(self.pdf[:end]),
            path=tuple(each.dump() for each in status.validation_path or ()),
            stamp_path=tuple(dict.fromkeys(self.stamp_paths)),
            stamp_certificate=self.stamp_certificate,
        )


def covers(signature: EmbeddedPdfSignature, pdf: bytes) -> bool:
    """Say that the signed ranges are all from the first byte to their end but the one hex string of the signature.

    Stricter than pyHanko's ENTIRE_FILE: the hole must lie where the ranges say, hold exactly that string in one
    letter case, and nothing but zeros after it.
    """
    ranges = [int(number) for number in signature.byte_range]
    if len(ranges) != 4 or ranges[0] != 0 or min(ranges) < 0 or ranges[2] + ranges[3] > len(pdf):
        return False
    hole = pdf[ranges[1] : ranges[2]]
    content = signature.pkcs7_content.hex().encode()
    if hole not in (b"<" + content + b">", b"<" + content.upper() + b">"):
        return False
    message = _message(signature)
    return signature.pkcs7_content.startswith(message) and not signature.pkcs7_content[len(message) :].strip(b"\0")


def is_seal_certificate(certificate: x509.Certificate) -> bool:
    """Say that a certificate was issued for the seal of a body, not for a person or a machine."""
    policies = certificate.certificate_policies_value
    return policies is not None and POLICY["seal"].dotted_string in [
        each["policy_identifier"].dotted for each in policies
    ]


def token_time(signer: cms.SignerInfo) -> datetime | None:
    """Return the time in the first time-stamp token, not yet verified."""
    for attribute in signer["unsigned_attrs"] or ():
        if attribute["type"].native == "signature_time_stamp_token":
            content = attribute["values"][0]["content"]["encap_content_info"]["content"]
            found: datetime = content.parsed["gen_time"].native
            return found
    return None


def _message(signature: EmbeddedPdfSignature) -> bytes:
    message: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signature.signed_data}).dump()
    return message


def _end(signature: EmbeddedPdfSignature) -> int:
    ranges = [int(number) for number in signature.byte_range]
    return ranges[-2] + ranges[-1]


def _claimed(signature: EmbeddedPdfSignature) -> datetime | None:
    claimed: datetime | None = signature.self_reported_timestamp
    return claimed if claimed is not None and claimed.tzinfo is not None else None


def _only_evidence(status: PdfSignatureStatus) -> bool:
    found = status.diff_result
    return isinstance(found, DiffResult) and found.modification_level <= ModificationLevel.LTA_UPDATES


def _promises_stamp(signature: EmbeddedPdfSignature) -> bool:
    """Say that the signed dictionary speaks of a time-stamp, so that one stripped off is missed."""
    build = signature.sig_object.get("/Prop_Build", {})
    application = build.get("/App", {}) if hasattr(build, "get") else {}
    return str(application.get("/REx", "")) == STAMPED


def _of_time(signature: EmbeddedPdfSignature, token_at: datetime | None, proven: datetime) -> Iterator[str]:
    """Yield a code when the claimed time cannot be: none, after a proven time, or far from the seal's own token."""
    claimed = _claimed(signature)
    if claimed is None or claimed > proven + _SKEW or (token_at is not None and token_at > claimed + _PROMPT):
        yield "verification.impossible-time"


def _level(proven: datetime | None, store: Store, *, stamped_last: bool) -> Level:
    if proven is None:
        return "B-B"
    if not store.crls and not store.ocsps:
        return "B-T"
    return "B-LTA" if stamped_last else "B-LT"
