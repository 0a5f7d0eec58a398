"""The two children of a look-up: each knows its own part, and what befalls one is told and befalls nobody else."""

import os
import signal
from dataclasses import replace

import pytest

from crypto.marks.keys import MarkKey
from edms.core.errors import Unavailable
from edms.verification import leak_children
from edms.verification.leak_children import MarkReader, Opened, Picture, open_files
from tests.verification.leaks import LIMITS, noise

KEYS = [MarkKey("2026-11", b"k" * 32)]


def opened(*files: bytes) -> Opened:
    return open_files(files, limits=LIMITS, progress=lambda phase, done, of: None)


def reader(seconds: int = LIMITS.seconds) -> MarkReader:
    return MarkReader(limits=replace(LIMITS, seconds=seconds), progress=lambda phase, done, of: None)


def test_a_lost_nursery_is_replaced() -> None:
    file = noise(1, 300)
    first = opened(file)
    nursery = leak_children._nursery.started
    assert nursery is not None
    os.kill(nursery.pid, signal.SIGKILL)
    nursery._process.wait()
    assert opened(file) == first
    assert leak_children._nursery.started is not nursery


def test_a_reader_whose_nursery_dies_ends_and_the_next_has_another() -> None:
    (picture,) = opened(noise(1, 300)).pictures
    with reader() as child:
        nursery = leak_children._nursery.started
        assert nursery is not None
        os.kill(nursery.pid, signal.SIGKILL)
        nursery._process.wait()
    with reader() as child:
        assert child.read([picture], KEYS, hastily=True)[0].numbers == ()


def test_a_reader_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leak_children, "_GRACE", 0.0)
    (picture,) = opened(noise(1, 2500)).pictures
    with reader(seconds=1) as child, pytest.raises(Unavailable, match=r"leaks\.reader-failed"):
        child.read([picture] * 8, KEYS, hastily=False)
        child.compare([], 1)


def test_pixels_that_are_not_what_was_announced_end_the_reader_alone() -> None:
    (picture,) = opened(noise(1, 300)).pictures
    with reader() as child, pytest.raises(Unavailable, match=r"leaks\.reader-failed"):
        child.read([replace(picture, height=1 << 15, width=1 << 15)], KEYS, hastily=True)
    with reader() as child:
        assert child.read([picture], KEYS, hastily=True)[0].numbers == ()


@pytest.mark.parametrize("said", [
    b"rubbish\n", b"[]\n", b"{}\n", b'{"file": "x"}\n',
    b'{"file": 0, "pixels": [1]}\n', b'{"file": 0, "pixels": "ab"}\n',
    b'{"picture": 0}\n', b'{"picture": 0, "numbers": 5}\n', b'{"picture": 0, "numbers": [[1]]}\n',
    b'{"progress": [1]}\n', b'{"read": 1}\n', b"[" * 100_000 + b"\n",
])  # fmt: skip
def test_whatever_a_child_says_it_is_a_reader_that_failed(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (picture,) = opened(noise(1, 300)).pictures
    lines = iter([said])
    monkeypatch.setattr(leak_children._Child, "_readline", lambda _self: next(lines, b""))
    with reader() as child, pytest.raises(Unavailable, match=r"leaks\.reader-failed"):
        child.read([picture], KEYS, hastily=True)
    lines = iter([said])
    if b"file" in said or not said.startswith(b"{"):
        with pytest.raises(Unavailable, match=r"leaks\.reader-failed"):
            opened(b"")


def test_a_file_that_breaks_its_child_is_told_and_the_next_is_read() -> None:
    hostile = b"%PDF-1.7\n" + b"1 0 obj<</Length 9>>stream\n" * 50
    good = noise(1, 200)
    found = opened(hostile, b"", good)
    assert [one.file for one in found.pictures] == [2]
    assert set(found.troubles) == {0, 1}
    assert isinstance(found.pictures[0], Picture)
