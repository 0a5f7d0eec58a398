"""A person's signature beside a text: detached CMS (RFC 5652) with ESSCertIDv2 and signing time (CAdES-B-B)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from asn1crypto import algos, cms, core, parser
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.validation import async_validate_detached_cms
from pyhanko.sign.validation.status import StandardCMSSignatureStatus
from pyhanko_certvalidator import ValidationContext

from crypto import asn1_tables
from crypto.cms_parts import finished, is_der, is_plain, loaded, refused_as
from crypto.digests import sha256

asn1_tables.fill()

_VERSION: Final = core.Integer(1).dump()
_DATA: Final = cms.ContentType("data").dump()
_SHA256: Final = algos.DigestAlgorithm({"algorithm": "sha256"}).dump()
_ECDSA: Final = algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}).dump()
_PROTECTION: Final = cms.CMSAlgorithmProtection({
    "digest_algorithm": {"algorithm": "sha256"}, "signature_algorithm": {"algorithm": "sha256_ecdsa"},
}).dump()  # fmt: skip
_ATTRIBUTES: Final = frozenset({"content_type", "message_digest", "signing_time", "signing_certificate_v2"})


@dataclass(frozen=True, slots=True)
class DetachedSignature:
    """Who signed a text and when he says he did; ``reasons`` are the codes of everything that is wrong.

    ``certificate`` is DER, ``signer_serial`` the person's code. Good only when ``trusted`` and without ``reasons``.
    """

    certificate: bytes
    signed_at: datetime
    signer_name: str
    signer_serial: str
    trusted: bool
    reasons: tuple[str, ...]

    @property
    def genuine(self) -> bool:
        """By a trusted signer over exactly these bytes, with nothing unexplained."""
        return self.trusted and not self.reasons


def sign_detached(
    content: bytes, *, sign: Callable[[bytes], bytes], certificate: bytes, chain: Sequence[bytes], when: datetime
) -> bytes:
    """Return the DER of a detached signature over ``content`` (ECDSA P-256, SHA-256).

    ``sign`` answers the DER signature over the bytes it is given; ``chain`` is DER, issuing authority first; the root
    is left out. Raises SignatureInvalid ``certificates.bad-signer``. Put together as DER here (RFC 5652 §5, RFC 5035
    §5, RFC 6211): pyHanko takes 20 ms for the same, and every receipt has one.
    """
    signer, mark = loaded(certificate), core.OctetString(sha256(certificate)).dump()
    attributes = sorted([
        _attribute("content_type", _DATA),
        _attribute("message_digest", core.OctetString(sha256(content)).dump()),
        _attribute("signing_time", cms.Time("utc_time", when.astimezone(UTC)).dump()),
        _attribute("cms_algorithm_protection", _PROTECTION),
        _attribute("signing_certificate_v2", _sequence(_sequence(_sequence(mark)))),
    ])  # fmt: skip
    issued = [der for der in chain if not _is_root(der)]
    info = _sequence(
        _VERSION, _sequence(signer.issuer.dump(), core.Integer(signer.serial_number).dump()), _SHA256,
        _tagged(0, *attributes), _ECDSA, core.OctetString(sign(_set(*attributes))).dump(),
    )  # fmt: skip
    data = _sequence(
        _VERSION, _set(_SHA256), _sequence(_DATA), _tagged(0, *sorted({certificate, *issued})), _set(info)
    )  # fmt: skip
    return _sequence(cms.ContentType("signed_data").dump(), _tagged(0, data))


def attached(content: bytes, signature: bytes) -> bytes:
    """Return a detached signature with ``content`` inside, as one DER file.

    ``openssl cms -verify -inform DER -purpose any -CAfile root.pem`` verifies it and gives the content back.
    """
    message = cms.ContentInfo.load(signature, strict=True)
    message["content"]["encap_content_info"] = {"content_type": "data", "content": content}
    der: bytes = message.dump(force=True)
    return der


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


def _attribute(kind: str, value: bytes) -> bytes:
    return _sequence(cms.CMSAttributeType(kind).dump(), _set(value))


def _is_root(der: bytes) -> bool:
    certificate = loaded(der)
    return bool(certificate.subject.dump() == certificate.issuer.dump())


def _sequence(*values: bytes) -> bytes:
    return _value(0, 16, values)


def _set(*values: bytes) -> bytes:
    return _value(0, 17, values)


def _tagged(number: int, *values: bytes) -> bytes:
    return _value(2, number, values)


def _value(tag_class: int, tag: int, values: Sequence[bytes]) -> bytes:
    octets: bytes = parser.emit(tag_class, 1, tag, b"".join(values))
    return octets


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
