"""What makes seals in files signs with: a key that is elsewhere, and time-stamp tokens in the shape of pyHanko."""

from collections.abc import Callable, Sequence
from typing import Protocol

from asn1crypto import cms
from pyhanko.sign.signers.pdf_cms import Signer
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from crypto.cms_parts import loaded


class TokenSource(Protocol):
    """Where time-stamp tokens come from (``crypto.timestamps.TimeStamper``)."""

    def token(self, digest: bytes) -> bytes:
        """Return the DER of an RFC 3161 token over a SHA-256 digest."""
        ...


class CallbackSigner(Signer):
    """A signer whose private key is elsewhere: ``sign`` is given the bytes and answers ECDSA P-256 with SHA-256."""

    def __init__(self, sign: Callable[[bytes], bytes], certificate: bytes, chain: Sequence[bytes]) -> None:
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple([loaded(der) for der in chain])
        super().__init__(signing_cert=loaded(certificate), cert_registry=store, embed_roots=False)
        self._sign = sign

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """Return the DER signature over the signed attributes."""
        assert digest_algorithm == "sha256"
        assert not dry_run
        return self._sign(data)


class TokenStamper(TimeStamper):
    """Tokens of ours in the shape that pyHanko asks for."""

    def __init__(self, source: TokenSource) -> None:
        super().__init__(include_nonce=False)  # type: ignore[no-untyped-call]
        self._source = source

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """Return the token over a digest."""
        assert md_algorithm == "sha256"
        return cms.ContentInfo.load(self._source.token(message_digest))
