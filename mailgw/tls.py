"""TLS contexts between installations: keys loaded without a clear copy on disk, peers known by who issued them."""

import os
import ssl
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from crypto.certificate_names import names_of

_DER = 2  # _ssl.ENCODING_DER


def server_context(certificate_pem: bytes, private_key_pem: bytes, trusted_cas: Iterable[bytes]) -> ssl.SSLContext:
    """Return the context of the gateway: TLS 1.2 or newer, a client certificate asked for but not demanded.

    A certificate that is presented must chain to one of ``trusted_cas``, else the handshake fails; make a new context
    when the register of installations changes and give it to the server. No session is resumed by a ticket: each proves
    its certificate against the register of the moment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET  # for TLS 1.2
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    _trust(context, trusted_cas)
    _load_chain(context, certificate_pem, private_key_pem)
    return context


def client_context(certificate_pem: bytes, private_key_pem: bytes, expected_ca: bytes) -> ssl.SSLContext:
    """Return the context of the relay to one installation: our certificate, and only its pinned one believed.

    ``expected_ca`` is its root, or a server's own certificate. Names are not compared: the CA of an installation issues
    for that installation alone. For a server that a body runs itself :func:`is_pinned` looks at the rest.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    _trust(context, (expected_ca,))
    _load_chain(context, certificate_pem, private_key_pem)
    return context


def is_pinned(ssl_object: ssl.SSLObject | None, pinned: bytes, host: str) -> bool:
    """Tell whether a server showed the very certificate ``pinned`` (DER), or one issued under it for ``host``.

    The handshake has verified the chain; the authority of a pinned CA may issue for many hosts, so the name counts.
    """
    shown = ssl_object.getpeercert(binary_form=True) if ssl_object is not None else None
    return shown is not None and (shown == pinned or host.lower() in names_of(shown))


def peer_installation(ssl_object: ssl.SSLObject | None, installations: Mapping[bytes, UUID]) -> UUID | None:
    """Return whose root the client certificate of the connection chains to, or is (``installations``: DER to id).

    The chain is the one that OpenSSL verified in the handshake, signature by signature up to a root that we gave it, so
    two authorities of one name cannot be taken for each other. None for a client that showed no certificate.
    """
    chain = _verified_chain(ssl_object) if ssl_object is not None else []
    return installations.get(chain[-1]) if chain else None


def _verified_chain(ssl_object: ssl.SSLObject) -> list[bytes]:
    """Return the chain (DER, root last) that the handshake verified; Python shows it openly from 3.13 on only."""
    if sys.version_info >= (3, 13):
        return list(ssl_object.get_verified_chain())
    inner: Any = ssl_object._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - 3.10 to 3.12 have it here
    return [each.public_bytes(_DER) for each in inner.get_verified_chain() or ()]


def _trust(context: ssl.SSLContext, cas: Iterable[bytes]) -> None:
    """Believe these certificates alone, each by itself: a server may show the very certificate that is registered."""
    joined = b"\n".join(cas).decode("ascii")
    if joined.strip():
        context.load_verify_locations(cadata=joined)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _load_chain(context: ssl.SSLContext, certificate_pem: bytes, private_key_pem: bytes) -> None:
    """Load certificate and key through an anonymous file in memory: OpenSSL takes paths, and disk must not see it."""
    descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as memory:
            memory.write(private_key_pem.rstrip() + b"\n" + certificate_pem)
        context.load_cert_chain(Path(f"/proc/self/fd/{descriptor}"))
    finally:
        os.close(descriptor)
