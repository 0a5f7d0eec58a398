"""A key of the key store in the shape that builders of certificates, lists and answers sign with."""

from typing import Never

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurve,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.serialization import load_der_public_key

from crypto.keystore import KeyStore


class StoredKey(EllipticCurvePrivateKey):
    """A key of the key store in the shape that the certificate builder takes; the secret never leaves the store."""

    def __init__(self, keys: KeyStore, name: str) -> None:
        self._keys = keys
        self._name = name

    def sign(self, data: object, signature_algorithm: object) -> bytes:
        """Sign in the store: always ECDSA with SHA-256, which the builders above ask for."""
        return self._keys.sign(self._name, bytes(data))  # type: ignore[call-overload]

    def public_key(self) -> EllipticCurvePublicKey:
        """Return the public half."""
        public = load_der_public_key(self._keys.public_key(self._name))
        assert isinstance(public, EllipticCurvePublicKey)
        return public

    @property
    def curve(self) -> EllipticCurve:
        """P-256."""
        return SECP256R1()

    @property
    def key_size(self) -> int:
        """256 bits."""
        return self.curve.key_size

    def exchange(self, algorithm: object, peer_public_key: object) -> Never:
        """Not for key exchange."""
        raise NotImplementedError

    def private_numbers(self) -> Never:
        """Never leaves the store."""
        raise NotImplementedError

    def private_bytes(self, encoding: object, format: object, encryption_algorithm: object) -> Never:
        """Never leaves the store."""
        raise NotImplementedError

    def __copy__(self) -> "StoredKey":
        return self

    def __deepcopy__(self, memo: object) -> "StoredKey":
        return self
