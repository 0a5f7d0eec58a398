"""A body's own Postfix with OpenDKIM sends into the gateway, with the settings that docs/howto/postfix.md names."""

import email
import email.policy
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.utils import format_datetime
from itertools import count
from pathlib import Path

import dkim
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from edms.content import service as content
from edms.core.clock import utc_now
from edms.dispatch.models import OutboxItem
from edms.dispatch.rules import PackageKind
from edms.entities.mail_commands import entity
from edms.intake.models import ReceivedMessage
from tests.factories.world import OPERATOR, World
from tests.mailgw.opendkim import SELECTOR, guide_lines, running_opendkim
from tests.mailgw.postfix import Postfix, require_postfix, running_postfix
from tests.mailgw.processes import listens, start, stop, two_worlds, until
from tests.mailgw.submission import authority

OWN, UNSIGNED, HERE, FAR = "moh.gov.example", "centre.moh.gov.example", "moe.gov.example", "basra.gov.example"
GATEWAY = "gateway.centre.example"
OPENSSL = (
    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "730",
    "-subj", "/CN=mail.moh.gov.example", "-addext", "subjectAltName=DNS:mail.moh.gov.example",
    "-keyout", "key.pem", "-out", "cert.pem",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """An installation with its gateway, and the Postfix of the body A (and of the centre) in front of it."""

    world: World
    postfix: Postfix
    keys: Path
    numbers: Iterator[int] = field(default_factory=count)

    def send(self, sender: str, recipient: str, *options: str) -> bytes:
        """Hand Postfix a mail and return its octets."""
        number = next(self.numbers)
        raw = (
            f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {number}\r\nDate: {format_datetime(utc_now())}\r\n"
            f"Message-ID: <{number}@client.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\nالسلام عليكم\r\n.\r\nنص  \r\n"
        ).encode()
        self.postfix.send(raw, sender, recipient, options=("BODY=8BITMIME", *options))
        return raw

    def received(self) -> list[tuple[ReceivedMessage, bytes]]:
        """Return what lies in the intake with its original octets, oldest first."""
        with self.world.database.read(OPERATOR) as uow:
            rows = uow.session.scalars(select(ReceivedMessage).order_by(ReceivedMessage.id)).all()
            return [
                (row, content.read(uow, row.raw_file_id, entity_id=row.entity_id, store=self.world.store,
                                   keys=self.world.keyring))
                for row in rows
            ]  # fmt: skip

    def bounce(self, known: int) -> str:
        """Return the text of the bounce that Postfix has delivered after ``known`` others."""
        self.postfix.wait(lambda: len(self.postfix.mail()) > known)
        found = email.message_from_bytes(self.postfix.mail()[-1], policy=email.policy.default)
        assert found.get_content_type() == "multipart/report", found
        return " ".join(found.as_string().split())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    require_postfix()
    folder = tmp_path_factory.mktemp("inbound")
    world, _ = two_worlds(folder)
    subprocess.run(OPENSSL, cwd=folder, check=True, capture_output=True, timeout=60)
    certificate = (folder / "cert.pem").read_bytes()
    files = {"chain.pem": (folder / "key.pem").read_bytes() + certificate, "gateway.pem": authority(world)}
    with ExitStack() as stack:
        milter = stack.enter_context(running_opendkim(folder, OWN))
        main = dict(line.split(" = ") for line in guide_lines("/etc/postfix/main.cf"))
        main = {name: value.replace("/etc/postfix/diwan", "{folder}") for name, value in main.items()}
        main |= {"relayhost": f"[127.0.0.1]:{world.settings.gateway.port}", "smtpd_milters": milter}
        main |= {"virtual_mailbox_domains": f"{OWN}, {UNSIGNED}"}
        postfix = stack.enter_context(running_postfix(OWN, files=files, **main))
        register(world, folder, postfix.port)
        process = start(world, "receive", DIWAN_GATEWAY_HOSTNAME=GATEWAY)
        stack.callback(stop, process)
        assert until(lambda: listens(world.settings.gateway.port) or process.poll() is not None, 120)
        yield Site(world, postfix, folder)


def register(world: World, folder: Path, port: int) -> None:
    """Do at the centre what the guide says."""
    listening = "--host", "127.0.0.1", "--port", str(port), "--certificate", str(folder / "cert.pem")
    command(world, "server", "add", OWN, UNSIGNED, "--name", "moh", *listening)
    command(world, "dkim", "add", OWN, str(folder / f"{SELECTOR}.txt"), "--selector", SELECTOR)


def command(world: World, *words: str) -> None:
    """Run ``diwan entity``."""
    done = CliRunner().invoke(entity, words, obj=world.parts)
    assert done.exit_code == 0, done.exception


def test_signed_mail_is_taken_as_postfix_sent_it(site: Site) -> None:
    raw = site.send(f"diwan@{OWN}", f"diwan@{HERE}")
    assert until(lambda: len(site.received()) == 1), site.postfix.log()[-3000:]
    ((row, octets),) = site.received()
    assert (row.entity_id, row.kind) == (site.world.entity_b.id, "untyped")
    assert octets.endswith(raw)
    added = octets.removesuffix(raw)
    assert b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=moh.gov.example" in added
    assert b"Received: from client.moh.gov.example" in added
    record = (site.keys / f"{SELECTOR}.txt").read_text("ascii")
    told = "".join(record.partition("(")[2].partition(")")[0].replace('"', "").split()).encode()
    assert dkim.verify(octets, dnsfunc=lambda _name, timeout=5: told)
    assert "Verified TLS connection established to 127.0.0.1" in site.postfix.log()


def test_an_arabic_mailbox_is_reached_under_its_own_name(site: Site) -> None:
    known = len(site.received())
    raw = site.send(f"diwan@{OWN}", f"ديوان@{HERE}", "SMTPUTF8")
    assert until(lambda: len(site.received()) == known + 1), site.postfix.log()[-3000:]
    assert site.received()[-1][1].endswith(raw)
    assert b" with UTF8SMTP id " in site.received()[-1][1]


def test_mail_for_another_installation_waits_in_the_outbox(site: Site) -> None:
    site.send(f"diwan@{OWN}", f"diwan@{FAR}")
    site.postfix.wait_for_log("250 2.0.0 Ok: queued for 1, 0 repeated")
    with site.world.database.read(OPERATOR) as uow:
        (item,) = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == PackageKind.MAIL)).all()
    assert (item.entity_id, item.mailbox, item.state) == (site.world.entity_a.id, "diwan", "queued")


@pytest.mark.parametrize(
    ("sender", "recipient", "code", "why"),
    [
        (UNSIGNED, HERE, "550 5.7.20", f"Messages of {UNSIGNED} must be signed by its server with the DKIM key"),
        (OWN, "nowhere.gov.example", "550 5.7.1", "The recipient's domain nowhere.gov.example is not registered"),
    ],
)
def test_a_refusal_comes_back_to_who_wrote_with_its_reason(
    site: Site, sender: str, recipient: str, code: str, why: str
) -> None:
    received, bounces = len(site.received()), len(site.postfix.mail())
    site.send(f"diwan@{sender}", f"diwan@{recipient}")
    told = site.bounce(bounces)
    assert f"Diagnostic-Code: smtp; {code}" in told
    assert f"Final-Recipient: rfc822; diwan@{recipient}" in told
    assert why in told
    assert len(site.received()) == received


def test_another_bodys_mail_is_refused_and_the_bounce_to_it_is_signed_and_taken(site: Site) -> None:
    received = len(site.received())
    site.send(f"diwan@{HERE}", f"diwan@{FAR}")
    site.postfix.wait_for_log(f"550 5.7.1 The entity {HERE} does not belong to the connected server")
    assert until(lambda: len(site.received()) == received + 1), site.postfix.log()[-3000:]
    row, octets = site.received()[-1]
    assert (row.entity_id, row.kind, row.letter_id) == (site.world.entity_b.id, "report", None)
    assert f"<MAILER-DAEMON@{OWN}>\r\n".encode() in octets.partition(b"\r\n\r\n")[0]
    assert octets.startswith(b"DKIM-Signature: ")


def test_mail_of_a_suspended_body_waits_until_it_is_resumed(site: Site) -> None:
    received = len(site.received())
    command(site.world, "suspend", OWN, "--reason", "why")
    raw = site.send(f"diwan@{OWN}", f"diwan@{HERE}")
    site.postfix.wait_for_log(f"450 4.2.1 The mail of {OWN} is suspended by the centre")
    command(site.world, "resume", OWN)
    site.postfix.flush()
    assert until(lambda: len(site.received()) == received + 1), site.postfix.log()[-3000:]
    assert site.received()[-1][1].endswith(raw)


def test_a_revoked_key_signs_for_nobody(site: Site) -> None:
    bounces = len(site.postfix.mail())
    command(site.world, "dkim", "revoke", OWN, SELECTOR)
    site.send(f"diwan@{OWN}", f"diwan@{HERE}")
    told = site.bounce(bounces)
    assert "Diagnostic-Code: smtp; 550 5.7.20" in told
    assert f"The DKIM key that signed for {OWN} is not registered, or revoked" in told
