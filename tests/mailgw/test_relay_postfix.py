"""A body's own Postfix as next hop: pinned TLS, DKIM verified there, addresses in Arabic, an hour without it."""

import base64
import email
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import dkim
import pytest
from sqlalchemy import select

from crypto.dkim_keys import dkim_record
from edms.content import service as content
from edms.dispatch.mail import SubmittedMail
from edms.dispatch.models import DeliveryAttempt, Evidence, NextHop
from edms.dispatch.outbox import Mailed
from edms.dispatch.rules import ItemState
from edms.dispatch.submitting import Submission, enqueue_mail
from edms.entities.dkim_keys import dkim_keys_of
from tests.factories.clock import with_set_clock
from tests.factories.issued import issued_letter
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.certs import installation
from tests.mailgw.postfix import Postfix, running_postfix
from tests.mailgw.processes import until
from tests.mailgw.relaying import PACE, items, own_server, running_relay

ARABIC = ("وزارة-الصحة.عراق", "التربية.عراق")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def postfix() -> Iterator[Postfix]:
    with running_tls_postfix("moe.gov.example") as running:
        yield running


def running_tls_postfix(domain: str, **main: str) -> AbstractContextManager[Postfix]:
    """Run a Postfix that takes mail under TLS alone, with the certificate of ``installation("postfix")``."""
    pair = installation("postfix")
    return running_postfix(
        domain, files={"chain.pem": pair.key + pair.certificate}, smtpd_tls_security_level="encrypt",
        smtpd_tls_chain_files="{folder}/chain.pem", **main,
    )  # fmt: skip


def registered(records: dict[bytes, bytes]) -> Callable[..., bytes]:
    return lambda name, timeout=5: records.get(name.rstrip(b"."), b"")


def dkim_results(world: World, raw: bytes, domain: str) -> list[bool]:
    """Verify every signature of a message as it lies in a mailbox, by the register's keys as DNS would tell them."""
    with world.database.read(OPERATOR) as uow:
        keys = dkim_keys_of(uow, world.entity_a.id)
        records = {
            f"{key.selector}._domainkey.{domain}".encode(): dkim_record(key.algorithm, key.public_key).encode()
            for key in keys
        }
    signatures = email.message_from_bytes(raw).get_all("DKIM-Signature", [])
    return [dkim.DKIM(raw).verify(index, dnsfunc=registered(records)) for index in range(len(signatures))]


def crlf(raw: bytes) -> bytes:
    """Return a mailbox file with the line ends that it had on the wire."""
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def submit(
    world: World, number: int, *, mailbox: str = "diwan", subject: bytes = b"one", smtputf8: bool = False
) -> bytes:
    """Hand a mail of body A for body B into the outbox, as the gateway does; returns its octets."""
    sender, recipient = (one.mail_domain.encode() for one in (world.entity_a, world.entity_b))
    raw = (
        b"From: <diwan@%s>\r\nTo: <diwan@%s>\r\nMessage-ID: <m%d@a.example>\r\nSubject: %s\r\nDate: Sat, 28 Nov 2026"
        b" 12:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\n%s\r\n.\r\n" % (sender, recipient, number, subject, "نص".encode())
    )
    owner = world.entity_a.id
    with world.database.work(OPERATOR) as uow:
        file = content.put(uow, raw, kind="message", entities=[owner], store=world.store, keys=world.keyring)
        mail = SubmittedMail(
            file.id, len(raw), sha256(raw).hexdigest(), f"diwan@{world.entity_a.mail_domain}", f"m{number}@a.example",
            uow.now, smtputf8=smtputf8, eight_bit=True,
        )  # fmt: skip
        to = (Mailed(world.entity_b.id, mailbox),)
        assert enqueue_mail(uow, Submission(mail, owner, sha256(raw).digest(), to)) == 1
    return raw


def received(postfix: Postfix) -> Counter[str]:
    """Count what Postfix has delivered, by Message-ID."""
    return Counter(email.message_from_bytes(raw)["Message-ID"] for raw in postfix.mail())


def tried_again(world: World, failures: int) -> bool:
    return rests(world)[0] != failures


def message_number(raw: bytes) -> str:
    return str(email.message_from_bytes(raw)["Message-ID"])


def states(world: World) -> Counter[str]:
    return Counter(each.state for each in items(world))


def rests(world: World) -> tuple[int, datetime]:
    """Return how often the next hop has failed by now, and until when it is left alone."""
    with world.database.read(OPERATOR) as uow:
        hop = uow.session.scalars(select(NextHop)).one_or_none()
        return (hop.failures, hop.retry_at or uow.now) if hop else (0, uow.now)


def test_a_letter_reaches_a_bodys_own_postfix_under_pinned_tls_and_signed(world: World, postfix: Postfix) -> None:
    own_server(world, world.entity_b.id, postfix.port, installation("postfix").certificate)
    letter = issued_letter(world)
    with running_relay(world):
        assert until(lambda: items(world)[0].state == ItemState.ACCEPTED)
    (raw,) = postfix.mail()
    assert dkim_results(world, crlf(raw), "moh.gov.example") == [True, True]
    assert "starttls=1" in postfix.log()
    assert letter.document_code.encode() not in raw.partition(b"\n\n")[0]


@pytest.mark.parametrize("certificate", ["stranger", "postfix-authority"])
def test_another_certificate_than_the_pinned_one_gets_no_mail(
    world: World, postfix: Postfix, certificate: str
) -> None:  # fmt: skip
    """An authority that issued the certificate is no proof of the host when the certificate names another."""
    pinned = installation("stranger").certificate if certificate == "stranger" else installation("postfix").ca
    own_server(world, world.entity_b.id, postfix.port, pinned)
    issued_letter(world)
    with running_relay(world):
        assert until(lambda: items(world)[0].attempts == 1)
    assert items(world)[0].state == ItemState.QUEUED
    assert postfix.mail() == []


def test_a_peer_without_starttls_gets_no_mail(world: World) -> None:
    with running_postfix("moe.gov.example") as plain:
        own_server(world, world.entity_b.id, plain.port, installation("postfix").certificate)
        issued_letter(world)
        with running_relay(world):
            assert until(lambda: items(world)[0].attempts == 1)
        assert plain.mail() == []
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(NextHop.failures)).all() == [1]


def test_an_hour_without_the_bodys_postfix_loses_and_doubles_nothing(world: World, postfix: Postfix) -> None:
    clock = with_set_clock(world)
    own_server(world, world.entity_b.id, postfix.port, installation("postfix").certificate)
    postfix.stop()
    for number in range(9):
        submit(world, number)
    issued_letter(world)
    began, moments = clock.now, []
    with running_relay(world):
        assert until(lambda: rests(world)[0] >= PACE.rest_after)
        while clock.now < began + timedelta(minutes=62):
            failures, retry_at = rests(world)
            clock.now = retry_at - timedelta(seconds=1)
            time.sleep(0.3)
            assert rests(world)[0] == failures, "tried before its time"
            moments.append((retry_at - began) / timedelta(minutes=1))
            if retry_at >= began + timedelta(minutes=62):
                postfix.start()
            clock.now = retry_at
            assert until(partial(tried_again, world, failures))
        assert until(lambda: states(world) == {"accepted": 10}), states(world)
    gaps = [later - sooner for sooner, later in zip([0.0, *moments], moments, strict=False)]
    assert all(0.8 * due <= gap <= 1.2 * due for due, gap in zip((1, 2, 5, 10, 20, 40), gaps, strict=False)), gaps
    assert (len(received(postfix)), received(postfix).total()) == (10, 10)
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(NextHop)).all() == []
        tries = uow.session.scalars(select(DeliveryAttempt.outcome)).all()
    assert all(each.warned_at is None for each in items(world))
    assert tries.count("ok") == 10
    # Until the third failure is on record four are under way at once; after it, one tries at each moment but the last.
    under_way = PACE.rest_after - 1 + PACE.concurrency_per_hop
    assert tries.count("transient") <= under_way + len(moments) - 1, "attempts were burned behind the hop"


def test_warned_at_twelve_hours_given_up_at_twenty_four_and_the_rest_still_arrives(
    world: World, postfix: Postfix
) -> None:
    clock = with_set_clock(world)
    own_server(world, world.entity_b.id, postfix.port, installation("postfix").certificate)
    postfix.stop()
    for number in range(3):
        submit(world, number)
    with running_relay(world):
        assert until(lambda: rests(world)[0] >= PACE.rest_after)
        clock.advance(hours=11, minutes=59)
        time.sleep(0.5)
        assert not any(each.warned_at for each in items(world))
        clock.advance(minutes=2)
        assert until(lambda: all(each.warned_at for each in items(world)))
        clock.advance(hours=11)
        late = submit(world, 7)
        clock.advance(hours=1)
        assert until(lambda: states(world)["failed"] == 3)
        postfix.start()
        clock.advance(hours=2)
        assert until(lambda: states(world) == {"failed": 3, "accepted": 1})
    assert received(postfix) == {"<m7@a.example>": 1}
    assert crlf(postfix.mail()[0]).endswith(late)
    with world.database.read(OPERATOR) as uow:
        proved = Counter(uow.session.scalars(select(Evidence.event)))
    assert proved == {
        "SubmissionAcceptance": 4, "ContentConsignmentFailure": 3, "RelayFailure": 3, "RelayAcceptance": 1,
    }  # fmt: skip


def test_arabic_addresses_travel_as_they_are_or_by_their_alias(tmp_path: Path) -> None:
    world = make_world(tmp_path, domains=ARABIC)
    ascii_domain = world.entity_b.mail_domain
    with running_tls_postfix(ascii_domain, virtual_mailbox_domains=f"{ARABIC[1]}, {ascii_domain}") as postfix:
        own_server(world, world.entity_b.id, postfix.port, installation("postfix").certificate)
        first = submit(world, 1, mailbox="مدير", subject="تعميم".encode(), smtputf8=True)
        with running_relay(world):
            assert until(lambda: states(world) == {"accepted": 1}), items(world)[0].refusal
        postfix.configure(smtputf8_enable="no")
        second = submit(world, 2, mailbox="مدير", subject="تعميم".encode(), smtputf8=True)
        third = submit(world, 3, mailbox="مدير")
        with running_relay(world):
            assert until(lambda: states(world) == {"accepted": 3}), [each.refusal for each in items(world)]
        postfix.wait(lambda: len(postfix.mail()) == 3)
        whole, capsule, plain = (crlf(raw) for raw in sorted(postfix.mail(), key=message_number))
    assert whole.endswith(first)
    assert "مدير@".encode() in whole.partition(b"\r\n\r\n")[0]
    assert whole.count(b"UTF8SMTPS") >= 1
    attached = capsule.partition(b"message/global")[2].partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
    assert base64.b64decode(attached) == second
    assert capsule.partition(b"\r\n\r\n")[0].isascii()
    assert plain.endswith(third)
    assert f"diwan@{ascii_domain}".encode() in plain.partition(b"\r\n\r\n")[0]
    assert dkim_results(world, capsule, world.entity_a.mail_domain) == [True, True]
