"""Refusals of the crypto package: a stable code and parameters; the edges turn them into text."""


class CryptoError(Exception):
    """Anything this package refuses, with a stable ``code`` such as ``crypto.altered`` and parameters for its text."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{self.code}({shown})" if shown else self.code


class DecryptionError(CryptoError):
    """The bytes do not open: another key, another context, or altered, cut or exchanged bytes (never told apart)."""


class KeyUnavailable(CryptoError):
    """The key store cannot give the key: wrong secret, missing or damaged store, unknown name or version."""


class KeyDestroyed(CryptoError):
    """The key was destroyed on purpose: what it encrypted opens nowhere any more."""


class SignatureInvalid(CryptoError):
    """What should carry a signature cannot be judged at all (not a PDF, a broken certificate)."""


class BadCode(CryptoError):
    """A typed or scanned code is not one; ``suggestion`` is the reading that passes its check digits, if one does."""

    def __init__(self, code: str, *, suggestion: str | None = None, **params: object) -> None:
        super().__init__(code, **params)
        self.suggestion = suggestion


class SealInvalid(CryptoError):
    """A paper seal is none, is broken, or was not made by the key that it names."""


class TimestampUnavailable(CryptoError):
    """No time-stamp can be had now: the authority is away, slow or answers wrongly, or our clock cannot be right."""


class CannotMark(CryptoError):
    """A file is no PDF that copies can be made of: damaged, encrypted or without pages."""
