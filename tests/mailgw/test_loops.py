"""The event loop of the gateway: uvloop where it is installed, asyncio where it is not or is asked for."""

import asyncio
from importlib import util

import pytest
import uvloop

from mailgw.loops import loop_factory


@pytest.mark.parametrize(("choice", "quick"), [("auto", True), ("uvloop", True), ("asyncio", False)])
def test_choice_is_what_runs(choice: str, quick: bool) -> None:
    loop = loop_factory(choice)()
    assert isinstance(loop, uvloop.Loop) is quick
    loop.close()


def test_without_uvloop_auto_falls_back_and_uvloop_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(util, "find_spec", lambda _name: None)
    monkeypatch.setattr("mailgw.loops.import_module", missing)
    loop = loop_factory("auto")()
    assert isinstance(loop, asyncio.SelectorEventLoop)
    loop.close()
    with pytest.raises(ModuleNotFoundError):
        loop_factory("uvloop")
