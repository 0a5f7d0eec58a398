"""The gateway's sentences in Arabic and English, read from the translation catalogues by their stable codes."""

import io
from functools import cache
from importlib.resources import files

from babel.messages.pofile import read_po


def text(code: str, locale: str, /, **params: object) -> str:
    """Return the sentence of ``code`` in ``locale`` (``ar`` or ``en``) with its ``%(name)s`` filled in.

    Raises KeyError for a code without a sentence: a test compares the catalogues with the codes in use.
    """
    return _catalogue(locale)[code] % params


@cache
def _catalogue(locale: str) -> dict[str, str]:
    source = files("edms").joinpath("web", "translations", locale, "mailgw.po").read_bytes()
    catalogue = read_po(io.BytesIO(source), locale=locale)
    return {
        message.id: message.string
        for message in catalogue
        if isinstance(message.id, str) and message.id and isinstance(message.string, str)
    }
