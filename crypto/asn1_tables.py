"""Fills the tables of asn1crypto's classes while one thread runs: on first use each class fills its own, unguarded."""

from collections.abc import Iterator

from asn1crypto import algos, cms, core, crl, csr, keys, ocsp, pkcs12, tsp, x509

MODULES = (algos, cms, core, crl, csr, keys, ocsp, pkcs12, tsp, x509)


def fill() -> None:
    """Make one empty value of every class that is known by now; call it at the end of a module's imports.

    Two threads that meet a class for the first time at once may see half a table: one of them then takes a sound
    message for a broken one.
    """
    for kind in dict.fromkeys(_below(core.Asn1Value)):
        try:
            kind()
        except (TypeError, ValueError, NotImplementedError):
            continue  # a choice or a wrapper has no empty value; its table was filled before that was seen


def _below(kind: type) -> Iterator[type]:
    each: type
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)
