"""A person's signature beside a text: detached CMS (RFC 5652) with ESSCertIDv2 and signing time (CAdES-B-B).

Whether one holds, ``crypto.cms_judging`` says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from asn1crypto import algos, cms, core, parser

from crypto import asn1_tables
from crypto.cms_parts import loaded
from crypto.digests import sha256

asn1_tables.fill()

_VERSION: Final = core.Integer(1).dump()
_DATA: Final = cms.ContentType("data").dump()
_SHA256: Final = algos.DigestAlgorithm({"algorithm": "sha256"}).dump()
_ECDSA: Final = algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}).dump()
_PROTECTION: Final = cms.CMSAlgorithmProtection({
    "digest_algorithm": {"algorithm": "sha256"}, "signature_algorithm": {"algorithm": "sha256_ecdsa"},
}).dump()  # fmt: skip


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
