"""Large messages are written to the store as they arrive, encrypted; a store that is full makes the sender wait."""

import errno
import hashlib
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from edms.content.store import BlobWriter, DiskStore
from edms.core.errors import Unavailable
from mailgw.content import HEAD, Held, Spooled
from mailgw.envelope import Limits
from mailgw.storage import Spool, Storage
from tests.mailgw.gateway import Sink, running_gateway
from tests.mailgw.packages import NOON
from tests.mailgw.test_server import CONTENT, ENVELOPE, in_data, until, wait_for

FROM = b"From: <diwan@interior.test>\r\n"
LINE = b"a line of a secret letter \xd8\xb3\xd8\xb1\xd9\x8a\r\n"


def large(octets: int, head: bytes = FROM) -> bytes:
    return head + b"\r\n.one dot\r\n..\r\n" + LINE * (octets // len(LINE))


def sent(secure: ssl.SSLSocket, raw: bytes) -> bytes:
    """Return the answer to a message, with its dots stuffed."""
    secure.sendall(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return until(secure, b"\r\n")


def again(secure: ssl.SSLSocket) -> bytes:
    """Send a small message on the same connection and return the answer."""
    secure.sendall(ENVELOPE[1])
    until(secure, b"354 ")
    secure.sendall(CONTENT)
    return until(secure, b"\r\n")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [1_000_000, 1_100_000, 1_310_720, 5_000_000])
def test_a_large_message_is_kept_byte_for_byte_and_never_in_clear(tmp_path: Path, size: int) -> None:
    sink, raw = Sink(), large(size)
    with running_gateway(sink, Limits(memory=2_500_000), storage=Storage(DiskStore(tmp_path))) as server:
        with in_data(server.port) as secure:
            assert sent(secure, raw).startswith(b"250 ")
            assert again(secure).startswith(b"250 ")
        assert server.budget.used == 0
    content = sink.messages[0].content
    held = Held(raw)
    assert isinstance(content, Spooled if size > 1 << 20 else Held)
    assert (content.size, content.octets(), content.sha256, content.body_sha256) == (
        len(raw), raw, hashlib.sha256(raw).digest(), held.body_sha256,
    )  # fmt: skip
    assert content.head[:HEAD] == raw[:HEAD]
    assert b"".join(content.chunks()) == raw
    assert not any(b"secret letter" in path.read_bytes() for path in files(tmp_path))
    assert [path.suffix for path in files(tmp_path)] == ([""] if size > 1 << 20 else [])


def test_what_is_declared_large_is_written_from_its_first_piece(tmp_path: Path) -> None:
    sink, raw = Sink(), large(3_000_000)
    declared = ENVELOPE[1].replace(b"test>\r\n", b"test> SIZE=3000000\r\n", 1)
    with running_gateway(sink, Limits(memory=600_000), storage=Storage(DiskStore(tmp_path))) as server:
        with in_data(server.port) as secure:
            assert sent(secure, FROM + b"\r\nx\r\n").startswith(b"250 ")
            secure.sendall(declared)
            until(secure, b"354 ")
            assert sent(secure, raw).startswith(b"250 ")
        assert server.budget.used == 0
    assert sink.messages[1].content.octets() == raw


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (large(3_000_000, b"From: <diwan@other.test>\r\n"), b"550 5.7.1"),
        (large(3_000_000) + b"a bare\nnewline\r\n", b"550 5.5.2"),
        (large(3_000_000) + b"x" * 1500 + b"\r\n", b"500 5.6.0"),
        (large(7_000_000), b"552 5.3.4"),
    ],
    ids=["policy", "bare newline", "line", "size"],
)
def test_a_refused_message_leaves_nothing(tmp_path: Path, raw: bytes, answer: bytes) -> None:
    sink = Sink()
    limits = Limits(message_size=6_000_000)
    with running_gateway(sink, limits, storage=Storage(DiskStore(tmp_path))) as server, in_data(server.port) as secure:
        assert sent(secure, raw).startswith(answer)
        assert again(secure).startswith(b"250 ")
        assert wait_for(lambda: not files(tmp_path))
        assert server.budget.used == 0


def test_a_client_that_leaves_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    sink = Sink()
    with running_gateway(sink, storage=Storage(DiskStore(tmp_path))) as server:
        with in_data(server.port) as secure:
            secure.sendall(large(4_000_000))
            assert wait_for(lambda: files(tmp_path))
        assert wait_for(lambda: not files(tmp_path))
        assert wait_for(lambda: server.budget.used == 0)
    assert sink.messages == []


class FillingStore(DiskStore):
    """A store whose disk fails at the n-th write, or at its end (0), of each blob until ``trouble`` is over."""

    def __init__(self, folder: Path, trouble: OSError | None, at: int) -> None:
        super().__init__(folder)
        self.trouble, self.at = trouble, at

    def writer(self, blob_id: UUID) -> BlobWriter:
        return FillingWriter(super().writer(blob_id), self)


class FillingWriter:
    def __init__(self, real: BlobWriter, store: FillingStore) -> None:
        self.real, self.store, self.writes = real, store, 0
        self.discard = real.discard

    def write(self, chunk: bytes) -> None:
        self.writes += 1
        self.fail_at(self.writes)
        self.real.write(chunk)

    def finish(self) -> None:
        self.fail_at(0)
        self.real.finish()

    def fail_at(self, place: int) -> None:
        if self.store.trouble is not None and place == self.store.at:
            raise Unavailable("content.store-failed") from self.store.trouble


@pytest.mark.parametrize("at", [1, 3, 0])
@pytest.mark.parametrize(("number", "answer"), [(errno.ENOSPC, b"452 4.3.1"), (errno.EIO, b"451 4.3.0")])
def test_a_disk_that_fails_in_the_middle_makes_the_sender_wait(
    tmp_path: Path, at: int, number: int, answer: bytes
) -> None:
    sink, store = Sink(), FillingStore(tmp_path, OSError(number, "trouble"), at)
    with running_gateway(sink, storage=Storage(store)) as server, in_data(server.port) as secure:
        assert sent(secure, large(4_000_000)).startswith(answer)
        assert wait_for(lambda: not files(tmp_path))
        assert server.budget.used == 0
        store.trouble = None
        secure.sendall(ENVELOPE[1])
        until(secure, b"354 ")
        assert sent(secure, large(4_000_000)).startswith(b"250 ")
    assert len(sink.messages) == 1


def test_a_message_kept_for_later_is_not_deleted_when_the_answer_is_transient(tmp_path: Path) -> None:
    async def fail() -> None:
        raise RuntimeError("the commit's end is not known")

    with running_gateway(Sink(fail), storage=Storage(DiskStore(tmp_path))) as server, in_data(server.port) as secure:
        assert sent(secure, large(2_000_000)).startswith(b"451 4.3.0")
    assert len(files(tmp_path)) == 1


def disk(free: int, *, blocks: int = 1000, size: int = 1 << 20) -> Callable[[Path], os.statvfs_result]:
    """Return a file system with ``free`` of ``blocks`` blocks of ``size`` bytes."""
    return lambda _: os.statvfs_result((size, size, blocks, free, free, 0, 0, 0, 0, 255))


@pytest.mark.parametrize(
    ("free", "least", "full"), [(49, 0, True), (51, 0, False), (99, 100 << 20, True), (101, 100 << 20, False)]
)
def test_low_is_five_percent_or_what_was_set(free: int, least: int, full: bool, tmp_path: Path) -> None:
    assert Storage(DiskStore(tmp_path), [tmp_path], least=least, ask=disk(free)).full is full


def test_a_folder_that_cannot_be_asked_counts_as_full(tmp_path: Path) -> None:
    def ask(folder: Path) -> os.statvfs_result:
        raise OSError(errno.EIO, "broken", str(folder))

    assert Storage(DiskStore(tmp_path), [tmp_path], ask=ask).full


def test_a_folder_that_is_not_made_yet_has_the_room_of_its_parent(tmp_path: Path) -> None:
    assert not Storage(DiskStore(tmp_path), [tmp_path / "content" / "new"], ask=disk(900)).full


def test_the_disk_is_asked_once_a_second(tmp_path: Path) -> None:
    asked, now = [], [100.0]

    def ask(folder: Path) -> os.statvfs_result:
        asked.append(folder)
        return disk(10)(folder)

    storage = Storage(DiskStore(tmp_path), [tmp_path], ask=ask, clock=lambda: now[0])
    assert [storage.full for _ in range(50)] == [True] * 50
    now[0] += 0.9
    assert storage.full
    assert len(asked) == 1
    now[0] += 0.2
    assert storage.full
    assert len(asked) == 2


def test_a_low_disk_refuses_at_mail_and_at_data_for_now(tmp_path: Path) -> None:
    free, now = [900], [0.0]

    def ask(folder: Path) -> os.statvfs_result:
        return disk(free[0])(folder)

    storage = Storage(DiskStore(tmp_path), [tmp_path], ask=ask, clock=lambda: now[0])
    sink = Sink()
    with running_gateway(sink, storage=storage) as server, in_data(server.port) as secure:
        assert sent(secure, FROM + b"\r\nx\r\n").startswith(b"250 ")
        secure.sendall(b"MAIL FROM:<diwan@interior.test>\r\nRCPT TO:<diwan@health.test>\r\n")
        until(secure, b"2.1.5")
        free[0], now[0] = 3, 2.0
        secure.sendall(b"DATA\r\n")
        assert b"452 4.3.1" in until(secure, b"452 4.3.1")
        secure.sendall(b"RSET\r\nMAIL FROM:<diwan@interior.test>\r\n")
        assert b"452 4.3.1" in until(secure, b"452 4.3.1")
        free[0], now[0] = 900, 4.0
        assert again(secure).endswith(b"\r\n")
    assert len(sink.messages) == 2


def test_what_was_thrown_away_stays_away(tmp_path: Path) -> None:
    spool = Spool(DiskStore(tmp_path), NOON)
    spool.discard()
    spool.write(b"late")
    assert files(tmp_path) == []
