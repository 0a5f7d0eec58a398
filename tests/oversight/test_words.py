"""Every act that the sources record has words in both languages, so that auditors read no codes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from edms.dispatch.reported import _EVENTS
from edms.dispatch.rules import RECEIPT_EVENTS, ErdsEvent, ItemState
from edms.oversight.rules import READING, REFUSALS
from edms.web.locale import catalogue

ROOT = Path(__file__).parents[2]


def recorded() -> Iterator[str]:
    """The acts that calls of ``record``, ``note`` and ``prove`` name as constants."""
    for path in sorted([*ROOT.glob("edms/**/*.py"), *ROOT.glob("mailgw/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                texts = [node.args[1]] if name in {"record", "note"} and len(node.args) > 2 else []
                texts += [each.value for each in node.keywords if each.arg == "act"]
                for text in texts:
                    if isinstance(text, ast.Constant) and isinstance(text.value, str) and "." in text.value:
                        yield text.value


def of_tables() -> Iterator[str]:
    """The acts whose names are made of a state or a kind."""
    yield from (f"dispatch.{state}" for state in (ItemState.ACCEPTED, ItemState.REFUSED, ItemState.FAILED))
    yield from (f"dispatch.{kind}" for kind in RECEIPT_EVENTS)
    yield from (f"dispatch.{kind}-{action}" for kind, action in _EVENTS)
    yield from (f"codes.{act}" for act in ("view", "print", "download"))
    yield from (f"leaks.{act}" for act in ("case-seen", "picture-seen", "file-exported", "reported"))


@pytest.mark.parametrize("locale", ["ar", "en"])
def test_every_act_has_words(locale: str) -> None:
    known = catalogue("ar" if locale == "ar" else "en").messages
    acts = {*recorded(), *READING, *REFUSALS, *(f"evidence.{event}" for event in ErdsEvent), *of_tables()}
    assert len(acts) > 120
    assert sorted(act for act in acts if f"act.{act}" not in known) == []
