"""Time-stamp tokens (RFC 3161, RFC 5816): asked for, and made with a key of the key store."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from asn1crypto import algos, cms, core, tsp

from crypto import asn1_tables
from crypto.certificates import POLICY
from crypto.cms_parts import loaded
from crypto.digests import sha256

asn1_tables.fill()

DIGEST_BYTES: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
_POLICY: Final = POLICY["tsa"].dotted_string
_NONCE_BITS, _SERIAL_BITS = 64, 126
_ACCURACY_SECONDS: Final = 1


class Response(core.Sequence):  # type: ignore[misc]  # asn1crypto ships no types, and its own has no optional token
    """TimeStampResp of RFC 3161 §2.4.2."""

    _fields: ClassVar[list[tuple[object, ...]]] = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """What makes tokens: ``sign`` answers the DER signature (ECDSA P-256, SHA-256) of the certified key."""

    sign: Callable[[bytes], bytes]
    certificate: bytes
    chain: tuple[bytes, ...]

    def token(
        self, digest: bytes, algorithm: str, *, when: datetime, nonce: int | None = None, certified: bool = True
    ) -> bytes:
        """Return the DER of a token that says: this digest was here at ``when`` (aware, told in seconds).

        ``certified`` puts the certificates in, up to the one below the root (RFC 3161 §2.4.1 ``certReq``).
        """
        info: dict[str, Any] = {
            "version": "v1",
            "policy": _POLICY,
            "message_imprint": {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest},
            "serial_number": secrets.randbits(_SERIAL_BITS) | 1 << _SERIAL_BITS,
            "gen_time": when.astimezone(UTC).replace(microsecond=0),
            "accuracy": {"seconds": _ACCURACY_SECONDS},
        }
        if nonce is not None:
            info["nonce"] = nonce
        content = tsp.TSTInfo(info).dump()
        attributes = self._attributes(content, when)
        certificate = loaded(self.certificate)
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    "issuer_and_serial_number",
                    {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
                ),
                "digest_algorithm": {"algorithm": "sha256"},
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                "signature": self.sign(attributes.dump()),
            }
        )
        data: dict[str, Any] = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
            "signer_infos": [signer],
        }
        if certified:
            data["certificates"] = [certificate, *map(loaded, self.chain[:-1])]
        return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)}).dump())

    def _attributes(self, content: bytes, when: datetime) -> cms.CMSAttributes:
        """Return what is signed; ESSCertIDv2 binds the certificate (RFC 5816 §2.2.1)."""
        known = tsp.ESSCertIDv2({"cert_hash": sha256(self.certificate)})
        return cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute({"type": "signing_time", "values": [cms.Time("utc_time", when.astimezone(UTC))]}),
                cms.CMSAttribute({"type": "message_digest", "values": [sha256(content)]}),
                cms.CMSAttribute(
                    {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [known]})]}
                ),
            ]
        )


def new_request(digest: bytes) -> tuple[bytes, int]:
    """Return (TimeStampReq DER, its nonce) for a SHA-256 digest; certificates are asked for."""
    nonce = secrets.randbits(_NONCE_BITS) | 1 << (_NONCE_BITS - 1)
    request = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                                "hashed_message": digest},
            "nonce": nonce,
            "cert_req": True,
        }
    )  # fmt: skip
    return bytes(request.dump()), nonce


def answer(request_der: bytes, signer: TokenSigner, *, now: datetime) -> bytes:
    """Return the TimeStampResp (DER) to a TimeStampReq: granted, or refused with what is wrong in it."""
    try:
        request = tsp.TimeStampReq.load(request_der, strict=True)
        imprint = request["message_imprint"]
        algorithm, digest = str(imprint["hash_algorithm"]["algorithm"].native), bytes(imprint["hashed_message"].native)
        nonce, policy = request["nonce"].native, request["req_policy"].native
        wants, critical = bool(request["cert_req"].native), bool(request["extensions"].native)
        version = request["version"].native
    except (ValueError, TypeError, KeyError):
        return _refusal("bad_data_format")
    if version != "v1":
        return _refusal("bad_request")
    if algorithm not in DIGEST_BYTES:
        return _refusal("bad_alg")
    if DIGEST_BYTES[algorithm] != len(digest):
        return _refusal("bad_data_format")
    if policy is not None and policy != _POLICY:
        return _refusal("unaccepted_policy")
    if critical:
        return _refusal("unaccepted_extensions")
    token = signer.token(digest, algorithm, when=now, nonce=nonce, certified=wants)
    return bytes(Response({"status": {"status": "granted"}, "time_stamp_token": cms.ContentInfo.load(token)}).dump())


def unavailable() -> bytes:
    """Return the TimeStampResp that says that the clock cannot be trusted now (RFC 3161 §2.4.2)."""
    return _refusal("time_not_available")


def _refusal(failure: str) -> bytes:
    """Return a refusing TimeStampResp."""
    return bytes(Response({"status": {"status": "rejection", "fail_info": {failure}}}).dump())


def time_of(token_der: bytes) -> datetime:
    """Return the time in a token (aware)."""
    info = cms.ContentInfo.load(token_der)["content"]["encap_content_info"]["content"].parsed
    told: datetime = info["gen_time"].native
    return told
