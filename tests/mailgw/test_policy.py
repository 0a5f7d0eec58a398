"""The policy, rule by rule, for another Diwan, a body's own server and a person who signed in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

import pytest

from mailgw.address import Address, parse_mailbox
from mailgw.content import Held
from mailgw.dkim import Verdict
from mailgw.envelope import Identity, MailParameters, RcptParameters, ReceivedEnvelope, Recipient, Submitter
from mailgw.headers import read_headers
from mailgw.policy import (
    MAX_RECEIVED,
    EntityEntry,
    author,
    check_content,
    check_recipient,
    check_sender,
    check_signature,
)

HOME, PEER, SERVER = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ARABIC = "xn--ogbhx.xn--mgbtx2b"
ENTITIES = {
    entry.domain: entry
    for entry in (
        EntityEntry(UUID(int=11), "1", "health.test", local=True, installation_id=HOME, aliases={"الموارد": "hr"}),
        EntityEntry(UUID(int=12), "2", ARABIC, local=True, installation_id=HOME),
        EntityEntry(UUID(int=13), "3", "paused.test", local=True, installation_id=HOME, suspended=True),
        EntityEntry(UUID(int=14), "4", "closed.test", local=True, installation_id=HOME, active=False),
        EntityEntry(UUID(int=21), "5", "interior.test", installation_id=PEER),
        EntityEntry(UUID(int=31), "6", "electricity.test", installation_id=SERVER),
        EntityEntry(UUID(int=32), "7", "stopped.test", installation_id=SERVER, suspended=True),
    )
}


class Directory:
    def find_domain(self, domain: str) -> EntityEntry | None:
        return ENTITIES.get(domain)

    def is_server(self, installation_id: UUID) -> bool:
        return installation_id == SERVER


REGISTER = Directory()
DIWAN = Identity(tls=True, installation_id=PEER)
RELAY = Identity(tls=True, installation_id=HOME)
OWN = Identity(tls=True, installation_id=SERVER)
CLERK = Identity(tls=True, submitter=Submitter(UUID(int=41), UUID(int=42), UUID(int=11), "huda", registry=True))
SALIM = Identity(tls=True, submitter=Submitter(UUID(int=43), UUID(int=44), UUID(int=11), "salim"))
STRANGER = Identity(tls=True)


def at(text: str) -> Address:
    return parse_mailbox(text.encode(), smtputf8=True)


@pytest.mark.parametrize(
    ("identity", "sender", "name"),
    [
        (DIWAN, "diwan@interior.test", None),
        (DIWAN, "anyone@interior.test", None),
        (DIWAN, "diwan@health.test", "smtp.sender-not-yours"),
        (DIWAN, "diwan@nowhere.test", "smtp.sender-unregistered"),
        (RELAY, "diwan@closed.test", "smtp.sender-unregistered"),
        (RELAY, "diwan@paused.test", "smtp.sender-suspended"),
        (OWN, "office@electricity.test", None),
        (OWN, "diwan@interior.test", "smtp.sender-not-yours"),
        (OWN, "diwan@stopped.test", "smtp.sender-suspended"),
        (SALIM, "salim@health.test", None),
        (SALIM, "SALIM@health.test", None),
        (SALIM, "huda@health.test", "smtp.sender-not-own"),
        (SALIM, "diwan@health.test", "smtp.sender-not-own"),
        (SALIM, f"salim@{ARABIC}", "smtp.sender-not-yours"),
        (CLERK, "diwan@health.test", None),
        (CLERK, "ديوان@health.test", None),
        (CLERK, "الموارد@health.test", None),
        (CLERK, "hr@health.test", None),
        (CLERK, "salim@health.test", "smtp.sender-not-own"),
        (CLERK, "postmaster@health.test", "smtp.sender-not-own"),
        (DIWAN, None, None),
        (OWN, None, None),
        (SALIM, None, "smtp.null-sender"),
        (STRANGER, None, "smtp.null-sender"),
    ],
)
def test_who_may_send_as_whom(identity: Identity, sender: str | None, name: str | None) -> None:
    refusal = check_sender(REGISTER, identity, at(sender) if sender else None)
    assert (refusal and refusal.name) == name


@pytest.mark.parametrize(
    ("identity", "recipient", "name"),
    [
        (DIWAN, "diwan@health.test", None),
        (DIWAN, "ديوان@صحة.عراق", None),
        (DIWAN, "HR@health.test", None),
        (DIWAN, "المـوارد@health.test", "smtp.mailbox-unknown"),
        (DIWAN, "Postmaster@health.test", None),
        (DIWAN, "nobody@health.test", "smtp.mailbox-unknown"),
        (DIWAN, "diwan@paused.test", "smtp.recipient-suspended"),
        (DIWAN, "diwan@closed.test", "smtp.recipient-unregistered"),
        (DIWAN, "diwan@nowhere.test", "smtp.recipient-unregistered"),
        (DIWAN, "diwan@electricity.test", "smtp.recipient-elsewhere"),
        (STRANGER, "diwan@nowhere.test", "smtp.recipient-unregistered"),
        (STRANGER, "diwan@health.test", "smtp.certificate-required"),
        (STRANGER, "diwan@interior.test", "smtp.certificate-required"),
        (Identity(), "diwan@health.test", "smtp.tls-required"),
        (OWN, "diwan@health.test", None),
        (OWN, "whoever@interior.test", None),
        (OWN, "diwan@stopped.test", "smtp.recipient-suspended"),
        (SALIM, "office@electricity.test", None),
    ],
)
def test_who_may_receive(identity: Identity, recipient: str, name: str | None) -> None:
    refusal = check_recipient(REGISTER, identity, at(recipient))
    assert (refusal and refusal.name) == name
    if name == "smtp.mailbox-unknown":
        assert check_recipient(REGISTER, identity, at(recipient), person=True) is None


def whole(identity: Identity, sender: str | None, header: str, *recipients: str) -> ReceivedEnvelope:
    text = header.replace("\n", "\r\n") + "\r\n\r\nنص\r\n"
    to = tuple(Recipient(at(one), RcptParameters()) for one in recipients or ("diwan@health.test",))
    held = Held(text.encode())
    return ReceivedEnvelope(
        identity, "127.0.0.1", "mail.x", at(sender) if sender else None, MailParameters(), to, held, NOW
    )


def judged(envelope: ReceivedEnvelope) -> str | None:
    refusal = check_content(REGISTER, envelope, read_headers(envelope.raw), hostname="mail.here.test")
    return refusal.name if refusal else None


FROM, TO = "From: <office@electricity.test>", "To: <diwan@health.test>"
DATE = f"Date: {format_datetime(NOW)}"
LETTER = f"{FROM}\n{TO}\n{DATE}"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (LETTER, None),
        (LETTER.replace("<office@", "مكتب <المكتب@"), None),
        (LETTER.replace("<diwan@health.test>", "Registry: <x@y.z>, ديوان <ديوان@HEALTH.test>;"), None),
        (LETTER.replace("To:", "Cc:"), None),
        (f"{LETTER}\nSender: <secretary@electricity.test>", None),
        (f"{TO}\n{DATE}", "smtp.from-count"),
        (f"{FROM}\n{LETTER}", "smtp.from-count"),
        (LETTER.replace("<office@electricity.test>", "<a@electricity.test>, <b@electricity.test>"), "smtp.from-count"),
        (LETTER.replace("electricity.test", "interior.test"), "smtp.from-mismatch"),
        (LETTER.replace("electricity.test", "mail.electricity.test"), "smtp.from-mismatch"),
        (f"{LETTER}\nSender: <x@interior.test>", "smtp.sender-field"),
        (f"{LETTER}\nSender: x, y", "smtp.sender-field"),
        (f"{LETTER}\nSender: <a@electricity.test>\nSender: <a@electricity.test>", "smtp.sender-field"),
        (f"{LETTER}\nBcc: <x@health.test>", "smtp.bcc"),
        (f"{LETTER}\nResent-Bcc: <x@health.test>", "smtp.bcc"),
        (f"{LETTER}\nResent-From: <x@health.test>", "smtp.resent"),
        (f"{FROM}\n{DATE}", "smtp.recipient-hidden"),
        (LETTER.replace("<diwan@health.test>", '"diwan@health.test" <x@health.test>'), "smtp.recipient-hidden"),
        (LETTER.replace("<diwan@health.test>", "(<diwan@health.test>)"), "smtp.recipient-hidden"),
        (LETTER.replace("<diwan@health.test>", "undisclosed-recipients:;"), "smtp.recipient-hidden"),
        (f"{FROM}\n{TO}", "smtp.date-count"),
        (f"{LETTER}\n{DATE}", "smtp.date-count"),
        (LETTER.replace(DATE, "Date: yesterday"), "smtp.date-count"),
        (LETTER.replace(DATE, "Date: Sat, 28 Nov 99999 10:00:00 +0000"), "smtp.date-count"),
        (LETTER.replace(DATE, f"Date: {format_datetime(NOW - timedelta(hours=25))}"), None),
        (LETTER.replace(DATE, f"Date: {format_datetime(NOW - timedelta(hours=27))}"), "smtp.date-wrong"),
        (LETTER.replace(DATE, f"Date: {format_datetime(NOW + timedelta(hours=23))}"), None),
        (LETTER.replace(DATE, f"Date: {format_datetime(NOW + timedelta(hours=25))}"), "smtp.date-wrong"),
        ("Received: by x\n" * MAX_RECEIVED + LETTER, None),
        ("Received: by x\n" * (MAX_RECEIVED + 1) + LETTER, "smtp.loop"),
        (f"{LETTER}\nX-Diwan-Receipt: registered", "smtp.forged-header"),
        (f"{LETTER}\nAuthentication-Results: mail.HERE.test; dkim=pass", "smtp.forged-header"),
        (f"{LETTER}\nAuthentication-Results: mail.electricity.test 1; dkim=pass", None),
    ],
)
def test_what_a_bodys_own_server_may_send(header: str, name: str | None) -> None:
    assert judged(whole(OWN, "office@electricity.test", header)) == name


def test_every_recipient_is_named_and_a_circular_may_name_more() -> None:
    others = ", ".join(f"<diwan@body{n}.test>" for n in range(300))
    header = LETTER.replace("<diwan@health.test>", f"{others}, <hr@health.test>, <diwan@{ARABIC}>")
    assert judged(whole(OWN, "office@electricity.test", header, "الموارد@health.test", "ديوان@صحة.عراق")) is None
    assert judged(whole(OWN, "office@electricity.test", header, "diwan@health.test")) == "smtp.recipient-hidden"


def test_a_person_writes_as_the_own_addresses_alone() -> None:
    for identity, written, name in (
        (SALIM, "salim", None),
        (SALIM, "diwan", "smtp.from-not-own"),
        (CLERK, "ديوان", None),
        (CLERK, "salim", "smtp.from-not-own"),
    ):
        assert identity.submitter is not None
        header = f"From: <{written}@health.test>\nTo: <diwan@{ARABIC}>\n{DATE}"
        sender = f"{identity.submitter.login}@health.test"
        assert judged(whole(identity, sender, header, f"diwan@{ARABIC}")) == name
    header = f"From: <salim@health.test>\nSender: <huda@health.test>\nTo: <diwan@{ARABIC}>\n{DATE}"
    assert judged(whole(SALIM, "salim@health.test", header, f"diwan@{ARABIC}")) == "smtp.from-not-own"


def test_another_diwans_relay_may_have_waited_and_writes_its_own_fields() -> None:
    old = format_datetime(NOW - timedelta(days=9))
    header = f"From: <diwan@interior.test>\n{TO}\nDate: {old}\nX-Diwan-Kind: receipt"
    assert judged(whole(DIWAN, "diwan@interior.test", header)) is None


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("From: <postmaster@electricity.test>\nContent-Type: multipart/report; boundary=b", None),
        ("From: <postmaster@electricity.test>\nAuto-Submitted: auto-replied", None),
        ("From: <postmaster@electricity.test>\nContent-Type: text/plain", "smtp.null-sender-content"),
        ("From: <postmaster@health.test>\nContent-Type: multipart/report", "smtp.from-mismatch"),
        ("From: <x@nowhere.test>\nContent-Type: multipart/report", "smtp.from-mismatch"),
        ("Content-Type: multipart/report", "smtp.from-count"),
    ],
)
def test_without_a_sender_come_reports_of_a_registered_body_alone(header: str, name: str | None) -> None:
    envelope = whole(OWN, None, header)
    assert judged(envelope) == name
    if name is None:
        assert author(REGISTER, envelope, read_headers(envelope.raw)) == ENTITIES["electricity.test"]


@pytest.mark.parametrize(
    ("verdict", "server", "others"),
    [
        (Verdict.PASS, None, None),
        (Verdict.FAIL, "smtp.dkim-bad", "smtp.dkim-bad"),
        (Verdict.UNKNOWN, "smtp.dkim-unregistered", None),
        (Verdict.NONE, "smtp.dkim-missing", None),
    ],
)
def test_a_signature_is_demanded_of_servers_and_must_hold_for_all(
    verdict: Verdict, server: str | None, others: str | None
) -> None:
    for identity, name in ((OWN, server), (DIWAN, others), (SALIM, others), (RELAY, others)):
        refusal = check_signature(REGISTER, identity, "electricity.test", verdict)
        assert (refusal and refusal.name) == name
        assert refusal is None or (refusal.code, refusal.enhanced) == (550, "5.7.20")


def test_the_author_of_a_message_is_its_envelopes_body() -> None:
    envelope = whole(DIWAN, "diwan@interior.test", LETTER)
    assert author(REGISTER, envelope, read_headers(envelope.raw)) == ENTITIES["interior.test"]
    nobody = replace(envelope, mail_from=None, content=Held(b"From: x\r\n\r\n"))
    assert author(REGISTER, nobody, read_headers(nobody.raw)) is None
