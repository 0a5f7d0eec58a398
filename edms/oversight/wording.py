"""The words of acts, objects and facts in the reader's language; what has none yet is shown by its code."""

from edms.web.formats import translate


def act_words(act: str) -> str:
    """Return what an act is called."""
    return _words("act", act)


def object_words(kind: str) -> str:
    """Return what an object is called."""
    return _words("object", kind)


def fact_words(name: str) -> str:
    """Return what a fact of an entry is called."""
    return _words("fact", name)


def _words(group: str, name: str) -> str:
    key = f"{group}.{name}"
    words = translate(key)
    return name if words == key else words
