"""The children of a look-up: each knows its own part, and what befalls one is told and befalls nobody else."""

import io
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pikepdf
import pytest

from crypto.marks.keys import MarkKey
from crypto.marks.marking import HiddenMark, MarkablePdf
from crypto.marks.tint import Profile
from edms.core.errors import Unavailable
from edms.verification import leak_child
from edms.verification.leak_child import Child
from edms.verification.leak_children import MarkReader, Opened, Picture, SuspectFile, open_files
from tests.leaks import pages
from tests.verification.leaks import LIMITS, bilevel, encoded, noise, piece, rendered

KEYS = [MarkKey("2026-11", b"k" * 32)]
NUMBER = 12_345_678_901


def opened(*files: bytes) -> Opened:
    return open_files(files, limits=LIMITS, progress=lambda phase, done, of: None)


def reader(seconds: int = LIMITS.seconds) -> MarkReader:
    return MarkReader(limits=replace(LIMITS, seconds=seconds), progress=lambda phase, done, of: None)


def test_a_lost_nursery_is_replaced() -> None:
    file = noise(1, 300)
    first = opened(file)
    nursery = leak_child._nursery.started
    assert nursery is not None
    os.kill(nursery.pid, signal.SIGKILL)
    nursery._process.wait()
    assert opened(file) == first
    assert leak_child._nursery.started is not nursery


def test_a_reader_whose_nursery_dies_ends_and_the_next_has_another() -> None:
    (picture,) = opened(noise(1, 300)).pictures
    with reader() as child:
        nursery = leak_child._nursery.started
        assert nursery is not None
        os.kill(nursery.pid, signal.SIGKILL)
        nursery._process.wait()
    with reader() as child:
        assert child.read([picture], KEYS, hastily=True)[0].numbers == ()


def test_a_reader_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leak_child, "_GRACE", 0.0)
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
    monkeypatch.setattr(Child, "_readline", lambda _self: next(lines, b""))
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


def leaked(pdf: bytes) -> Picture:
    """A black-and-white piece of a marked copy: its shifts alone name it."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        markable = MarkablePdf(pdf)
        markable.hide(document, HiddenMark.of(NUMBER, KEYS[0], markable.digest, Profile.STANDARD))
        document.save(out)
    (picture,) = opened(encoded(bilevel(piece(rendered(out.getvalue(), dpi=200), 0, 0.3, 1, 0.7)))).pictures
    return picture


def test_originals_are_drawn_where_no_key_is_and_a_broken_one_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = pages.letter(0).pdf
    picture = leaked(pdf)
    told: dict[str, list[bytes]] = {}
    send = Child.send

    def recorded(self: Child, line: dict[str, Any], blocks: Sequence[bytes] = ()) -> None:
        told.setdefault(self._kind, []).extend([repr(line).encode(), *blocks])
        send(self, line, blocks)

    monkeypatch.setattr(Child, "send", recorded)
    hostile = b"%PDF-1.7\n" + b"1 0 obj<</Length 9>>stream\n" * 50
    numbers = {KEYS[0].id: [NUMBER, NUMBER + 1]}
    with reader() as child:
        child.read([picture], KEYS, hastily=True)
        found = child.compare([SuspectFile(hostile, {KEYS[0].id: [7]}), SuspectFile(pdf, numbers)], 10_000)
    assert [(one.number, one.layers) for one in found.named] == [(NUMBER, ("shift",))]
    assert (set(found.lost), found.shown[0].suspect) == ({0}, 1)
    assert len(found.evidence) == 1
    assert pdf in told["originals"]
    assert not {pdf, hostile} & {*told["marks"]}
    secret = repr(KEYS[0].secret)[2:-1].encode()
    assert not any(secret in said or b"keys" in said[:9] for said in told["originals"])


def test_an_original_whose_drawing_takes_too_long_is_lost_and_the_rest_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page that is drawn no more after its child was killed costs the others nothing."""
    pdf = pages.letter(0).pdf
    slow = pages.letter(1).pdf
    picture, kill = leaked(pdf), Child._kill
    octets = Child.octets

    def stalled(self: Child, size: int) -> bytes:
        if self._kind == "originals" and slow in asked:
            kill(self)
        return octets(self, size)

    asked: list[bytes] = []
    send = Child.send

    def recorded(self: Child, line: dict[str, Any], blocks: Sequence[bytes] = ()) -> None:
        if self._kind == "originals":
            asked[:] = blocks
        send(self, line, blocks)

    monkeypatch.setattr(Child, "send", recorded)
    monkeypatch.setattr(Child, "octets", stalled)
    with reader() as child:
        child.read([picture], KEYS, hastily=True)
        suspects = [SuspectFile(slow, {KEYS[0].id: [7]}), SuspectFile(pdf, {KEYS[0].id: [NUMBER]})]
        found = child.compare(suspects, 10_000)
    assert [one.number for one in found.named] == [NUMBER]
    assert found.lost == {0}


@pytest.mark.parametrize("said", [b'{"draw": [2, 0]}\n', b'{"draw": [0, 9]}\n', b'{"draw": 1}\n'])
def test_pages_that_there_are_not_are_not_drawn(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (picture,) = opened(noise(1, 300)).pictures
    with reader() as child:
        child.read([picture], KEYS, hastily=True)
        readline = Child._readline
        monkeypatch.setattr(Child, "_readline", lambda self: said if self._kind == "marks" else readline(self))
        with pytest.raises(Unavailable, match=r"leaks\.reader-failed"):
            child.compare([SuspectFile(pages.letter(0).pdf, {KEYS[0].id: [7]})], 1)
