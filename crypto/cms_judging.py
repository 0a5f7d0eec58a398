"""Judging a detached signature (``crypto.cms_signatures``) that may be hostile."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from asn1crypto import cms
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.validation import async_validate_detached_cms
from pyhanko.sign.validation.status import StandardCMSSignatureStatus
from pyhanko_certvalidator import ValidationContext

from crypto import asn1_tables
from crypto.cms_parts import finished, is_der, is_plain, loaded, refused_as
from crypto.cms_signatures import DetachedSignature

asn1_tables.fill()

_ATTRIBUTES: Final = frozenset({"content_type", "message_digest", "signing_time", "signing_certificate_v2"})


def verify_detached(
    content: bytes,
    signature: bytes,
    roots: Sequence[bytes],
    *,
    crls: Sequence[bytes] = (),
    at: datetime | None = None,
) -> DetachedSignature:
    """Judge a detached signature over ``content`` against root certificates (DER), with nothing fetched.

    The chain is judged at the claimed signing time, or ``at`` (aware) where another fact proves when it was made.
    Strict: one signer, SHA-256, the signed attributes above each once, nothing unsigned but certificates of the chain.
    Raises SignatureInvalid ``verification.broken-signature`` when it cannot be read at all.
    """
    with refused_as("verification.broken-signature"):
        message = cms.ContentInfo.load(signature, strict=True)
        data = message["content"]
        status = finished(_judged(content, data, roots, crls, at))
        subject = status.signing_cert.subject.native
        return DetachedSignature(
            certificate=status.signing_cert.dump(),
            signed_at=_claimed(data),
            signer_name=str(subject.get("name") or subject.get("common_name") or ""),
            signer_serial=str(subject.get("serial_number") or ""),
            trusted=bool(status.trusted),
            reasons=tuple(_reasons(signature, data, status, roots)),
        )


async def _judged(
    content: bytes, data: cms.SignedData, roots: Sequence[bytes], crls: Sequence[bytes], at: datetime | None
) -> StandardCMSSignatureStatus:
    context = ValidationContext(
        trust_roots=[loaded(root) for root in roots], allow_fetching=False, moment=at or _claimed(data),
        crls=crls, retroactive_revinfo=True,
    )  # fmt: skip
    return await async_validate_detached_cms(content, data, context)


def _claimed(data: cms.SignedData) -> datetime:
    """Return the signing time written under the signature; a missing one is a refusal."""
    [signer] = data["signer_infos"]
    [attribute] = [each for each in signer["signed_attrs"] if each["type"].native == "signing_time"]
    [value] = attribute["values"]
    moment: datetime = value.native
    return moment.astimezone(UTC)


def _reasons(
    message: bytes, data: cms.SignedData, status: StandardCMSSignatureStatus, roots: Sequence[bytes]
) -> Iterator[str]:
    if not status.intact:
        yield "verification.altered"
    elif not status.valid:
        yield "verification.bad-signature"
    elif status.revoked:
        yield "verification.revoked-signer"
    elif not status.trusted:
        expired = status.trust_problem_indic == AdESIndeterminate.OUT_OF_BOUNDS_NO_POE
        yield "verification.expired-signer" if expired else "verification.untrusted-signer"
    explained = {*roots, status.signing_cert.dump(), *(each.dump() for each in status.validation_path or ())}
    [signer] = data["signer_infos"]
    names = [each["type"].native for each in signer["signed_attrs"]]
    if (
        not is_plain(data)
        or not is_der(message)
        or status.md_algorithm != "sha256"
        or len(names) != len(set(names))
        or not set(names) >= _ATTRIBUTES
        or signer["unsigned_attrs"].native
        or {each.chosen.dump() for each in data["certificates"]} - explained
    ):
        yield "verification.unsigned-parts"
