"""Reports of far servers onto our consignments, and our own reports to bodies that run their own server."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, update

from edms.content.models import StoredFile
from edms.core.actor import system_actor
from edms.core.ids import new_id
from edms.dispatch import queries
from edms.dispatch.mail import SubmittedMail, mail_meta, notice_of
from edms.dispatch.models import Evidence, OutboundPackage, OutboxItem
from edms.dispatch.outbox import enqueue_all, package_row
from edms.dispatch.package import Report, ReportedRecipient
from edms.dispatch.reported import apply_report
from edms.dispatch.reports import report
from edms.dispatch.rules import PackageKind
from edms.entities.models import Entity, Installation
from edms.intake.models import ReceivedMessage
from tests.factories.issued import issued_letter
from tests.factories.world import OPERATOR, World, make_world

RELAY, GATEWAY = system_actor("relay"), system_actor("gateway")


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def item_of(world: World) -> OutboxItem:
    with world.database.read(OPERATOR) as uow:
        return uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "letter")).one()


def told(world: World, found: Report, *, who: UUID | None = None) -> list[tuple[str, str]]:
    """Let B's server report to A; returns A's evidence of the report."""
    received, sender = _received(world), who or world.entity_b.id
    with world.database.work(GATEWAY) as uow:
        apply_report(uow, found, from_entity=sender, to_entity=world.entity_a.id, received_id=received)
    with world.database.read(OPERATOR) as uow:
        rows = uow.session.execute(
            select(Evidence.event, Evidence.reason).where(Evidence.received_id.is_not(None)).order_by(Evidence.id)
        )
        return [(event, reason) for event, reason in rows]


def _received(world: World) -> UUID:
    """Keep a row of a message of B to A, as the gateway does."""
    file = _any_file(world)
    with world.database.work(GATEWAY) as uow:
        row = ReceivedMessage(
            id=new_id(), entity_id=world.entity_a.id, key=new_id().bytes * 2, kind="report", state="noted",
            sender_id=world.entity_b.id, raw_file_id=file, raw_hash=bytes(32), received_at=uow.now, peer="",
        )  # fmt: skip
        uow.session.add(row)
        return row.id


def _any_file(world: World) -> UUID:
    with world.database.read(OPERATOR) as uow:
        return uow.session.scalars(select(StoredFile.id).limit(1)).one()


def dsn(item: OutboxItem, action: str, *, by: str = "envelope", status: str = "5.1.1") -> Report:
    recipient = ReportedRecipient("diwan@moe.gov.example", action, status, "550 no such mailbox")
    if by == "envelope":
        return Report("dsn", "", str(item.package_id), (recipient,))
    return Report("dsn", f"{item.package_id}@moh.gov.example", "", (recipient,))


@pytest.mark.parametrize("by", ["envelope", "message-id"])
def test_a_failure_there_ends_the_consignment_and_is_proved_with_its_reason(world: World, by: str) -> None:
    issued_letter(world)
    assert told(world, dsn(item_of(world), "failed", by=by)) == [
        ("ContentConsignmentFailure", "failed 5.1.1 550 no such mailbox")
    ]
    assert (item_of(world).state, item_of(world).refusal) == ("refused", "5.1.1 550 no such mailbox")


@pytest.mark.parametrize(
    ("kind", "action", "event", "column"),
    [
        ("dsn", "delivered", "ContentConsignment", "delivered_at"),
        ("dsn", "relayed", "RelayAcceptance", ""),
        ("dsn", "delayed", "ContentConsignmentFailure", ""),
        ("mdn", "displayed", "ContentAccessTracking", "opened_at"),
        ("mdn", "deleted", "ContentHandoverFailure", ""),
    ],
)
def test_each_action_has_its_event(world: World, kind: str, action: str, event: str, column: str) -> None:
    issued_letter(world)
    item = item_of(world)
    recipient = ReportedRecipient("diwan@moe.gov.example", action)
    found = Report(kind, f"{item.package_id}@moh.gov.example", "", (recipient,))  # type: ignore[arg-type]
    assert [name for name, _ in told(world, found)] == [event]
    known = [name for name in ("delivered_at", "opened_at") if getattr(item_of(world), name)]
    assert known == [column] * bool(column)
    assert item_of(world).state == "queued"


def test_only_the_recipients_server_reports_and_only_of_what_was_sent(world: World) -> None:
    issued_letter(world)
    item = item_of(world)
    elsewhere = Report("dsn", "77@stranger.example", str(new_id()), (ReportedRecipient("a@b", "failed"),))
    assert told(world, elsewhere) == []
    with world.database.work(OPERATOR) as uow:  # the centre is served elsewhere now
        far = Installation(name="far", is_home=False, gateway_host="far.example", gateway_port=25, ca_certificate=b"-")
        uow.session.add(far)
        uow.flush()
        uow.session.execute(update(Entity).where(Entity.id == world.centre.id).values(installation_id=far.id))
    assert told(world, dsn(item, "failed"), who=world.centre.id) == []
    assert item_of(world).state == "queued"


def mail_item(world: World, *, notify: str = "") -> OutboxItem:
    """Put a mail of A, which runs its own server, to B into the outbox."""
    issued_letter(world)
    file = _any_file(world)
    with world.database.work(GATEWAY) as uow:
        server = Installation(
            name="a's", is_home=False, kind="server", gateway_host="mx.example", gateway_port=25, ca_certificate=b"-"
        )
        uow.session.add(server)
        uow.flush()
        uow.session.get_one(Entity, world.entity_a.id).installation_id = server.id
        mail = SubmittedMail(
            file, 10, "ab" * 32, "clerk@moh.gov.example", "77@moh.gov.example", uow.now - timedelta(hours=1),
            envid="E1", ret="HDRS",
        )  # fmt: skip
        package = package_row(
            uow, PackageKind.MAIL, world.entity_a.id, mail_meta(mail), message_id=mail.message_id, documents=mail.sha256
        )
        enqueue_all(uow, [(package, None, [(world.entity_b.id, "to")])])
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "mail")).one()
        item.notify = notify
        return item


@pytest.mark.parametrize(
    ("notify", "kind", "sent"),
    [
        ("", "failed", True), ("", "expired", True), ("", "delayed", True), ("", "delivered", False),
        ("SUCCESS", "delivered", True), ("SUCCESS", "failed", False), ("NEVER", "failed", False),
        ("FAILURE", "delayed", False), ("SUCCESS,DELAY", "delayed", True),
    ],
)  # fmt: skip
def test_notify_decides_whether_the_sender_is_told(world: World, notify: str, kind: str, sent: bool) -> None:
    item_id = mail_item(world, notify=notify).id
    with world.database.work(RELAY) as uow:
        report(uow, uow.session.get_one(OutboxItem, item_id), kind, reply="550 5.1.1 no")  # type: ignore[arg-type]
    with world.database.read(OPERATOR) as uow:
        items = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "report")).all()
        proofs = uow.session.scalars(select(Evidence).where(Evidence.item_id == item_id)).all()
        assert [(proof.message_id, proof.document_hashes) for proof in proofs] == [("77@moh.gov.example", "ab" * 32)]
        assert [(item.recipient_id, item.mailbox) for item in items] == [(world.entity_a.id, "clerk")] * sent
        if sent:
            notice = notice_of(queries.package(uow, items[0].package_id).meta)
            assert (notice.kind, notice.to, notice.envid) == (kind, "clerk@moh.gov.example", "E1")
            assert notice.recipient == "diwan@moe.gov.example"


def test_nothing_is_reported_of_reports(world: World) -> None:
    mail_item(world)
    with world.database.work(RELAY) as uow:
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "mail")).one()
        report(uow, item, "failed", reply="550 no")
    with world.database.work(RELAY) as uow:
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "report")).one()
        report(uow, item, "failed", reply="550 no")
        assert len(uow.session.scalars(select(OutboundPackage).where(OutboundPackage.kind == "report")).all()) == 1
