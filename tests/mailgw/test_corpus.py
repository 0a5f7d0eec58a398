"""Every mail of the shared collection, and hostile ones, sent to the real gateway: kept as they are or refused by code.

A collected mail goes out twice. First as it is, with its line ends made CRLF and its dots stuffed, as any SMTP client
must send it (bare CR or LF is refused here, which tests/dialogues show). Then with the sender's own From and a
Message-ID of its own before it, and the names of what the policy refuses changed, so that its content is taken in and
read.
"""

import hashlib
import re
import smtplib
import ssl
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate

import pytest
from sqlalchemy import select

from edms.content import service as content
from edms.intake.models import ReceivedMessage
from mailgw.directory import read_snapshot
from mailgw.outgoing import RELAY
from mailgw.routes import Certificate
from mailgw.tls import client_context
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.hostile import hostile
from tests.mailgw.processes import Cast, free_port
from tests.mailgw.test_parsers import children_of
from tests.shared_data import FOLDER, missing

MAILS = FOLDER / "email-mime" / "mimekit+stalwart.tar.xz"
NOOP_SECONDS = 0.5
_A, _B = "moh.gov.example", "moe.gov.example"
_CODED = re.compile(rb"([25])\.\d{1,3}\.\d{1,3} ")
_BEGINS_WITH_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_REFUSED_NAMES = re.compile(
    rb"^(From|Sender|Bcc|Resent-[a-z-]+|Date|Message-ID|Received|X-Diwan-[a-z-]+)(?=[ \t]*:)",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass
class Gateway:
    """A gateway process over a world, and what was answered to whom."""

    world: World
    pid: int
    tls: ssl.SSLContext
    answers: Counter[bytes] = field(default_factory=Counter)
    taken: dict[bytes, str] = field(default_factory=dict)
    session: smtplib.SMTP | None = None

    def connect(self) -> smtplib.SMTP:
        session = smtplib.SMTP("127.0.0.1", self.world.settings.gateway.port, "mail.test", timeout=60)
        session.starttls(context=self.tls)
        session.ehlo()
        return session

    def opened(self) -> smtplib.SMTP:
        """Return a session that is not weary of us: after many commands without a message it would say goodbye."""
        if self.session is not None and sum(self.answers.values()) % 20 == 0:
            self.session.quit()
            self.session = None
        self.session = self.session or self.connect()
        return self.session

    def send(self, name: str, raw: bytes) -> bytes:
        """Send a message and return the last line of the answer, which must be 250 or a refusal with its code."""
        session = self.opened()
        for command in (session.mail(f"diwan@{_A}", ["BODY=8BITMIME"]), session.rcpt(f"diwan@{_B}")):
            assert command[0] == 250, command
        code, text = session.data(raw)
        line = text.split(b"\n")[-1]
        assert code == 250 or code >= 500, (name, code, text)
        assert _CODED.match(line), (name, code, text)
        self.answers[b"%d %s" % (code, line[:60])] += 1
        if code == 250:
            self.taken[hashlib.sha256(raw if raw.endswith(b"\r\n") else raw + b"\r\n").digest()] = name
        return b"%d %s" % (code, line)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    world = make_world(tmp_path_factory.mktemp("corpus"), gateway_port=free_port())
    with world.database.read(OPERATOR) as uow:
        register = read_snapshot(uow)
    pair = Certificate(world.database, world.keyring, RELAY, ["localhost"]).pair()
    tls = client_context(*pair, register.peers[register.home_id].authority_pem)
    found, cast = Gateway(world, 0, tls), Cast()
    cast.run(world, "receive")
    try:
        (process,) = cast._running.values()
        found.pid = process.pid
        yield found
        assert process.poll() is None
    finally:
        if found.session is not None:
            found.session.close()
        cast.close()


class Watch:
    """Another session that asks NOOP all the time."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.waits: list[float] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def run(self) -> None:
        while not self.stop.is_set():
            session = self.gateway.connect()
            for _ in range(100):
                start = time.monotonic()
                assert session.noop()[0] == 250
                self.waits.append(time.monotonic() - start)
                if self.stop.wait(0.03):
                    break
            session.close()


@pytest.mark.slow
def test_every_mail_is_kept_byte_for_byte_or_refused_by_code(gateway: Gateway) -> None:
    if not MAILS.is_file():
        missing(f"the collection of mails is not at {MAILS}")
    nursery = children_of(gateway.pid)
    with Watch(gateway) as watch:
        count = 0
        for name, raw in collected():
            gateway.send(name, as_sent(raw))
            gateway.send(name, adapted(name, raw))
            count += 1
    assert count == 666
    assert sum(gateway.answers.values()) == 2 * count
    assert len(gateway.taken) > 500
    assert max(watch.waits) < NOOP_SECONDS
    assert children_of(gateway.pid) == nursery
    assert_kept(gateway)


def test_hostile_mail_is_kept_or_refused_and_nobody_else_waits(gateway: Gateway) -> None:
    nursery = children_of(gateway.pid)
    answers = {}
    with Watch(gateway) as watch:
        for name, raw in hostile():
            own = begin() + b"X-Test: %s\r\n" % name.encode()
            answers[name] = gateway.send(name, own + raw)
    too_large = {"ew_20000", "headers_2000"}
    assert {name for name, line in answers.items() if not line.startswith(b"250 ")} == too_large
    assert all(answers[name].startswith(b"550 5.6.0") for name in too_large)
    assert max(watch.waits) < NOOP_SECONDS
    assert children_of(gateway.pid) == nursery
    assert_kept(gateway)


def collected() -> Iterator[tuple[str, bytes]]:
    with tarfile.open(MAILS) as archive:
        for member in archive:
            if member.isfile():
                file = archive.extractfile(member)
                assert file is not None
                yield member.name, file.read()


def begin() -> bytes:
    """Return the fields without which no mail is taken."""
    return f"From: <diwan@{_A}>\r\nTo: <diwan@{_B}>\r\nDate: {formatdate()}\r\n".encode()


def as_sent(raw: bytes) -> bytes:
    """Return a file as an SMTP client sends it: every line end is CRLF (its data command stuffs the dots)."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", raw)


def adapted(name: str, raw: bytes) -> bytes:
    """Return a mail of our own sender whose content is that of the file."""
    number = hashlib.sha256(name.encode()).hexdigest()
    own = begin() + f"Message-ID: <{number}@{_A}>\r\n".encode()
    if not _BEGINS_WITH_FIELD.match(raw):  # a page, a picture: it goes as the body
        return own + b"\r\n" + as_sent(raw)
    return own + as_sent(_REFUSED_NAMES.sub(rb"X-\1", raw))


def assert_kept(gateway: Gateway) -> None:
    """Compare the stored octets of every message that was answered 250 with those that were sent, by their hash."""
    world, stored = gateway.world, set()
    with world.database.read(OPERATOR) as uow:
        for row in uow.session.scalars(select(ReceivedMessage)):
            raw = content.read(
                uow, row.raw_file_id, entity_id=row.entity_id, store=world.store, keys=world.keyring
            )  # fmt: skip
            assert hashlib.sha256(raw).digest() == row.raw_hash
            stored.add(row.raw_hash)
    assert {name for digest, name in gateway.taken.items() if digest not in stored} == set()
