"""TLS contexts between installations: keys loaded without a clear copy on disk, peers known by who issued them."""

import os
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature


def server_context(certificate_pem: bytes, private_key_pem: bytes, trusted_cas: Iterable[bytes]) -> ssl.SSLContext:
    """Return the context of the gateway: TLS 1.2 or newer, a client certificate asked for but not demanded.

    A certificate that is presented must chain to one of ``trusted_cas``, else the handshake fails; make a new context
    when the register of installations changes and give it to the server.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.verify_mode = ssl.CERT_OPTIONAL
    _trust(context, trusted_cas)
    _load_chain(context, certificate_pem, private_key_pem)
    return context


def client_context(certificate_pem: bytes, private_key_pem: bytes, expected_ca: bytes) -> ssl.SSLContext:
    """Return the context of the relay to one installation: our certificate, and only its pinned CA believed.

    Names are not compared: the CA of an installation issues for that installation alone.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    _trust(context, (expected_ca,))
    _load_chain(context, certificate_pem, private_key_pem)
    return context


def peer_installation(ssl_object: ssl.SSLObject | None, installations: Mapping[UUID, bytes]) -> UUID | None:
    """Return whose CA issued the client certificate of the connection (``installations``: id to CA in PEM), or None.

    OpenSSL has checked chain and dates in the handshake; here the issuer is found by its signature, so two CAs of one
    name cannot be taken for each other.
    """
    encoded = ssl_object.getpeercert(binary_form=True) if ssl_object is not None else None
    if not encoded:
        return None
    certificate = x509.load_der_x509_certificate(encoded)
    for installation_id, ca_pem in installations.items():
        try:
            certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca_pem))
        except (ValueError, TypeError, InvalidSignature):
            continue
        return installation_id
    return None


def _trust(context: ssl.SSLContext, cas: Iterable[bytes]) -> None:
    joined = b"\n".join(cas).decode("ascii")
    if joined.strip():
        context.load_verify_locations(cadata=joined)


def _load_chain(context: ssl.SSLContext, certificate_pem: bytes, private_key_pem: bytes) -> None:
    """Load certificate and key through an anonymous file in memory: OpenSSL takes paths, and disk must not see it."""
    descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as memory:
            memory.write(private_key_pem.rstrip() + b"\n" + certificate_pem)
        context.load_cert_chain(Path(f"/proc/self/fd/{descriptor}"))
    finally:
        os.close(descriptor)
