"""Port of the key store: the few root-level keys of an installation, which never leave it."""

from typing import Final, Protocol

_VERSION_BYTES: Final = 4


class KeyStore(Protocol):
    """Root keys that wrap, and named P-256 keys that sign (adapters: a sealed file, a PKCS#11 token).

    Only root-level keys live here (a token needs 73 ms to store one key). Keys of entities are made by
    :func:`crypto.encryption.new_key`, wrapped with :meth:`wrap`, and live wrapped in the database; private keys of
    entities' seals and employees' signatures likewise. Every method raises KeyUnavailable when the store is sealed,
    missing or damaged, or does not know the name.
    """

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypt ``key`` (any secret ≤ 64 KiB) under the newest root version; that version number is in the result.

        ``context`` says what the key is for (such as ``edms/1/ekek|entity|version``) and is authenticated.
        """
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt what :meth:`wrap` made under any root version; raises DecryptionError when it does not open."""
        ...

    def create(self, name: str) -> None:
        """Make a P-256 signing key called ``name``; nothing happens when it exists already."""
        ...

    def sign(self, name: str, data: bytes) -> bytes:
        """Return the signature of key ``name`` over ``data``: ECDSA P-256 with SHA-256, DER (RFC 3279 §2.2.3)."""
        ...

    def public_key(self, name: str) -> bytes:
        """Return the public key ``name`` as DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)."""
        ...

    def rotate(self) -> int:
        """Make a new root version for all later wraps and return its number; older versions only unwrap."""
        ...

    def roots(self) -> tuple[int, ...]:
        """Return the root versions that can still unwrap, oldest first; the last one wraps."""
        ...

    def forget(self, version: int) -> None:
        """Destroy a root version: what is wrapped under it never opens again; nothing happens when it is gone already.

        The caller has made sure that nothing needs it. Raises KeyUnavailable ``keystore.newest-version``.
        """
        ...


def root_version(wrapped: bytes) -> int:
    """Return under which root version :meth:`KeyStore.wrap` made something: its first four octets, big-endian."""
    return int.from_bytes(wrapped[:_VERSION_BYTES])
