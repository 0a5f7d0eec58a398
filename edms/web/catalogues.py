"""Finds every text the sources and templates use, and tells which of them a language's catalogues lack."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edms.web.locale import LOCALES, Locale, catalogue

SOURCES: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("edms", "mailgw", "crypto")
ERROR_CLASSES: Final = frozenset(
    ("EdmsError", "NotFound", "Forbidden", "Conflict", "Invalid", "Unavailable", "SignedOut", "Forged")
)
TEXT_CALLS: Final = frozenset(
    ("_", "gettext", "translate", "msgid", "ngettext", "translate_plural", "Link", "Section", "Words")
)
CODE: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_STRING: Final = r"""(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')"""
IN_TEMPLATE: Final = re.compile(rf"(?<![\w.])(?:_|ngettext)\(\s*{_STRING}")


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _place(called: str) -> int | None:
    """Return which argument of a call holds a text, if one does."""
    if called in ERROR_CLASSES:
        return 0
    return 1 if called == "Problem" else 0 if called in TEXT_CALLS else None


def in_python(source: str) -> Iterator[str]:
    """Yield the msgids and error codes that a module's calls name as constants."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        place = _place(_name(node.func))
        texts = [node.args[place]] if place is not None and len(node.args) > place else []
        texts += [keyword.value for keyword in node.keywords if keyword.arg in {"notice", "label"}]
        for text in texts:
            if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value:
                yield text.value


def in_template(source: str) -> Iterator[str]:
    """Yield the msgids that a template's ``_("…")`` and ``ngettext("…", …)`` name."""
    for double, single in IN_TEMPLATE.findall(source):
        yield double or single


def used(root: Path = SOURCES) -> dict[str, str]:
    """Return every text in use with the first file (relative) that uses it."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            reader = {".py": in_python, ".html": in_template}.get(path.suffix)
            if reader is None or "node_modules" in path.parts:
                continue
            for text in reader(path.read_text("utf-8")):
                found.setdefault(text, str(path.relative_to(root)))
    return found


def missing(locale: Locale, root: Path = SOURCES) -> list[str]:
    """Return the texts in use that ``locale`` lacks; English needs sentences for error codes only."""
    known = catalogue(locale).messages
    return sorted(text for text in used(root) if text not in known and (locale != "en" or CODE.fullmatch(text)))


if __name__ == "__main__":
    places = used()
    lacking = {locale: missing(locale) for locale in LOCALES}
    for locale, texts in lacking.items():
        for text in texts:
            sys.stdout.write(f"{locale}: {text!r} ({places[text]})\n")
    sys.exit(any(lacking.values()))
