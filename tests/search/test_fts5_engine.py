"""search/fts5_engine: what is particular to SQLite."""

import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from edms.core.errors import Unavailable
from edms.core.ids import new_id
from edms.search.fts5_engine import Fts5Index
from edms.search.index import IndexDocument, SearchQuery

KEY = b"f" * 32
LETTER = IndexDocument(
    new_id(), "كتاب", "نص", ("ق/١",), ("وزارة",), date(2025, 1, 1), "incoming", "letter", 1, ("registry",)
)


def test_log_stays_encrypted_beside_the_file(tmp_path: Path) -> None:
    index = Fts5Index(tmp_path / "index.db", KEY)
    index.write([LETTER], position=1)
    log = (tmp_path / "index.db-wal").read_bytes()
    assert len(log) > 1000
    assert "كتاب".encode() not in log
    assert not (tmp_path / "index.db").read_bytes().startswith(b"SQLite format 3")
    index.close()


def test_plain_database_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_bytes(b"SQLite format 3\0" + bytes(8176))
    with pytest.raises(Unavailable, match=r"search\.index-damaged"):
        Fts5Index(tmp_path / "index.db", KEY)


def test_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "index.db").mkdir()
    with pytest.raises(Unavailable, match=r"search\.index-unavailable"):
        Fts5Index(tmp_path / "index.db", KEY)


def test_one_index_serves_many_threads(tmp_path: Path) -> None:
    index = Fts5Index(tmp_path / "index.db", KEY)
    totals: list[int] = []

    def work(number: int) -> None:
        index.write([replace(LETTER, id=new_id())], position=number)
        totals.append(index.search(SearchQuery("كتاب", ("registry",))).total)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(totals) == index.count() == 12
    index.close()
