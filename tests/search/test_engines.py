"""search/engines: which engine serves a folder, and how it is changed."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from edms.core import arabic
from edms.core.errors import Unavailable
from edms.core.ids import new_id
from edms.search.engines import current_place, needs_upgrade, open_index, start_rebuild, switch
from edms.search.fts5_engine import Fts5Index
from edms.search.index import IndexDocument, SearchQuery
from edms.search.whoosh_engine import WhooshIndex

KEY = b"k" * 32
LETTER = IndexDocument(
    new_id(), "كتاب", "نص", ("ق/١",), ("وزارة",), date(2025, 1, 1), "incoming", "letter", 1, ("registry",)
)
ALL = SearchQuery("", ("registry",), limit=1000)


def test_auto_begins_on_whoosh(tmp_path: Path) -> None:
    assert isinstance(open_index(tmp_path / "e1", KEY), WhooshIndex)


@pytest.mark.parametrize(("engine", "kind"), [("whoosh", WhooshIndex), ("fts5", Fts5Index)])
def test_engine_can_be_forced(tmp_path: Path, engine: str, kind: type) -> None:
    index = open_index(tmp_path, KEY, engine)  # type: ignore[arg-type]
    assert isinstance(index, kind)
    index.close()


def test_folder_remembers_its_engine(tmp_path: Path) -> None:
    index = open_index(tmp_path, KEY, "fts5")
    index.write([LETTER], position=3)
    index.close()
    again = open_index(tmp_path, KEY)
    assert isinstance(again, Fts5Index)
    assert again.position() == 3
    again.close()


def test_grown_index_asks_for_the_large_engine(tmp_path: Path) -> None:
    index = open_index(tmp_path, KEY)
    index.write([LETTER, replace(LETTER, id=new_id())], position=1)
    assert not needs_upgrade(index, threshold=3)
    assert needs_upgrade(index, threshold=2)
    assert needs_upgrade(index, "fts5")
    assert not needs_upgrade(index, "whoosh")


def test_readers_go_on_while_an_index_is_rebuilt(tmp_path: Path) -> None:
    old = open_index(tmp_path, KEY)
    old.write([LETTER], position=1)
    place, fresh = start_rebuild(tmp_path, KEY, "fts5")
    assert open_index(tmp_path, KEY).count() == 1
    fresh.write([LETTER, replace(LETTER, id=new_id())], position=2)
    fresh.close()
    switch(tmp_path, place)
    now = open_index(tmp_path, KEY)
    assert isinstance(now, Fts5Index)
    assert (now.count(), now.position(), now.search(ALL).total) == (2, 2, 2)
    assert not needs_upgrade(now, threshold=1)
    assert current_place(tmp_path) == place
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["current.json", place])
    now.close()


def test_other_analysis_begins_anew_on_the_same_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = open_index(tmp_path, KEY, "fts5")
    index.write([LETTER], position=9)
    index.close()
    monkeypatch.setattr(arabic, "VERSION", arabic.VERSION + 1)
    fresh = open_index(tmp_path, KEY)
    assert isinstance(fresh, Fts5Index)
    assert (fresh.position(), fresh.count()) == (0, 0)
    fresh.close()


@pytest.mark.parametrize("said", ["", "{}", "[]", '{"place": "../../etc"}', '{"place": 3}', '{"place": "whoosh-1"}'])
def test_strange_marker_is_damage(tmp_path: Path, said: str) -> None:
    (tmp_path / "current.json").write_text(said)
    with pytest.raises(Unavailable):
        open_index(tmp_path, KEY)
