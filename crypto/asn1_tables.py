"""Fills the tables of asn1crypto's classes while one thread runs: on first use each class fills its own, unguarded."""

from collections.abc import Iterator
from typing import Any

from asn1crypto import algos, cms, core, crl, csr, keys, ocsp, pkcs12, tsp, x509

MODULES = (algos, cms, core, crl, csr, keys, ocsp, pkcs12, tsp, x509)


def fill() -> None:
    """Make one empty value of every class that is known by now; call it at the end of a module's imports.

    Two threads that meet a class for the first time at once may see half a table: one of them then takes a sound
    message for a broken one. pyHanko adds names to tables when it is imported, filled ones among them.
    """
    for kind in dict.fromkeys(_below(core.Asn1Value)):
        try:
            kind()
        except (TypeError, ValueError, NotImplementedError):
            continue  # a choice or a wrapper has no empty value; its table was filled before that was seen
    for each in dict.fromkeys(_below(core.ObjectIdentifier)):
        _add_names(each)


def _add_names(kind: Any) -> None:
    """Complete the way back from names, which is made once, by what was added to the way there since."""
    names = {name: dotted for dotted, name in (kind._map or {}).items()}  # noqa: SLF001
    known = kind._reverse_map or {}  # noqa: SLF001
    if not names.keys() <= known.keys():
        kind._reverse_map = known | names  # noqa: SLF001


def _below(kind: type) -> Iterator[type]:
    each: type
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)
