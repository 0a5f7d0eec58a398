"""search/whoosh_storage: what a crash, a thief or a second process does to the sealed files."""

import multiprocessing
import pickle
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from edms.core.errors import Unavailable
from edms.core.ids import new_id
from edms.search.index import IndexDocument, SearchQuery
from edms.search.whoosh_engine import WhooshIndex

KEY = b"w" * 32
LETTER = IndexDocument(
    new_id(), "كتاب", "نص", ("ق/١",), ("وزارة",), date(2025, 1, 1), "incoming", "letter", 1, ("registry",)
)
ALL = SearchQuery("", ("registry",), limit=1000)


def letters(count: int) -> list[IndexDocument]:
    return [replace(LETTER, id=new_id()) for _ in range(count)]


def test_frame_cut_by_a_crash_is_as_never_written(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path, KEY)
    index.write(letters(2), position=1)
    index.write(letters(1), position=2)
    journal = tmp_path / "journal-0"
    whole = journal.read_bytes()
    for cut in (1, 50, 200):
        journal.write_bytes(whole[:-cut])
        again = WhooshIndex(tmp_path, KEY)
        assert (again.position(), again.count()) == (1, 2)
    again.write(letters(1), position=2)
    assert (WhooshIndex(tmp_path, KEY).position(), WhooshIndex(tmp_path, KEY).count()) == (2, 3)


def test_crash_before_the_rename_leaves_the_old_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = WhooshIndex(tmp_path, KEY)
    index.write(letters(30), position=1)

    def crash(*_: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crash)
        with pytest.raises(Unavailable, match="index-unavailable"):
            index.write(letters(60), position=2)
    again = WhooshIndex(tmp_path, KEY)
    assert (again.position(), again.count()) == (1, 30)
    again.write(letters(60), position=2)
    assert again.count() == 90


def test_frames_of_a_journal_cannot_change_places(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path, KEY)
    ends = [0]
    for position in (1, 2):
        index.write(letters(1), position=position)
        ends.append((tmp_path / "journal-0").stat().st_size)
    data = (tmp_path / "journal-0").read_bytes()
    (tmp_path / "journal-0").write_bytes(data[ends[1] :] + data[: ends[1]])
    with pytest.raises(Unavailable):
        WhooshIndex(tmp_path, KEY)


def test_segments_cannot_change_names(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path, KEY)
    index.write(letters(30), position=1)
    index.write(letters(60), position=2)
    first, second = sorted(tmp_path.glob("*.seg.sealed"))
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    with pytest.raises(Unavailable):
        WhooshIndex(tmp_path, KEY).search(ALL)


def test_nothing_foreign_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WhooshIndex(tmp_path, KEY).write(letters(30), position=1)
    touched: list[object] = []
    monkeypatch.setattr(pickle, "loads", touched.append)
    for path in tmp_path.glob("*.sealed"):
        path.write_bytes(pickle.dumps(LETTER))
    with pytest.raises(Unavailable):
        WhooshIndex(tmp_path, KEY).search(ALL)
    assert touched == []


def test_temporary_files_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    WhooshIndex(tmp_path / "index", KEY).write(letters(60), position=1)
    assert list((tmp_path / "tmp").iterdir()) == []
    kinds = {path.suffix or path.name for path in (tmp_path / "index").iterdir()}
    assert kinds == {"head", "lock", ".sealed"}


def test_segments_are_merged_as_they_gather(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path, KEY)
    for position in range(1, 11):
        index.write(letters(50), position=position)
    assert index.count() == 500
    assert len(list(tmp_path.glob("*.seg.sealed"))) <= 8


def _write_fifty(folder: str) -> None:
    index = WhooshIndex(Path(folder), KEY)
    for position in range(50):
        index.write([replace(LETTER, id=new_id())], position=position)


def test_two_writing_processes_wait_for_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_fifty, args=(str(tmp_path),)) for _ in range(2)]
    for writer in writers:
        writer.start()
    reader = WhooshIndex(tmp_path, KEY)
    seen = 0
    while any(writer.is_alive() for writer in writers):
        now = reader.search(ALL).total
        assert now >= seen
        seen = now
        writers[0].join(0.05)
        if not writers[0].is_alive():
            writers[1].join(0.05)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert reader.search(ALL).total == 100
