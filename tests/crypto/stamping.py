"""A time-stamping authority for tests, whose clock the test sets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from asn1crypto import algos, cms, tsp

from crypto.cms_parts import finished
from crypto.cms_signing import CallbackSigner
from crypto.digests import sha256
from crypto.errors import CryptoError
from crypto.signatures import sign


@dataclass
class Clock:
    """Stamps at ``now`` with one key; ``silent`` when it cannot be reached; ``served`` counts the tokens."""

    key: bytes
    certificate: bytes
    chain: Sequence[bytes]
    now: datetime
    silent: bool = False
    served: list[bytes] = field(default_factory=list)

    def token(self, digest: bytes) -> bytes:
        if self.silent:
            raise CryptoError("timestamps.unavailable")
        self.served.append(digest)
        imprint = {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": digest}
        info = tsp.TSTInfo(
            {
                "version": "v1", "policy": "2.25.1", "message_imprint": tsp.MessageImprint(imprint),
                "serial_number": len(self.served), "gen_time": self.now,
            }
        )  # fmt: skip
        signer = CallbackSigner(lambda data: sign(self.key, data), self.certificate, self.chain)
        content = cms.EncapsulatedContentInfo(
            {"content_type": "tst_info", "content": cms.ParsableOctetString(info.dump())}
        )
        token = finished(
            signer.async_sign(
                sha256(info.dump()), "sha256", use_pades=True, is_pdf_sig=True, encap_content_info=content
            )
        )
        der: bytes = token.dump()
        return der
