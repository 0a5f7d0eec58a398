"""The daily mail to the audit office: once a day, through the outbox, with a checkpoint that verifies."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import select

from crypto.checkpoints import opened
from edms.audit.checkpoints import follow
from edms.audit.log_seal import LogSeal
from edms.audit.rules import AuditOffice
from edms.content import service as content
from edms.core.errors import Invalid
from edms.dispatch.mail import mail_of
from edms.dispatch.models import OutboundPackage, OutboxItem
from edms.operation.audit_mail import mail_checkpoint
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.certs import installation
from tests.mailgw.relaying import own_server


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    """A world whose body B is served by a mail server of its own."""
    made = make_world(tmp_path, database_url)
    own_server(made, made.entity_b.id, 1, installation("postfix").certificate)
    return made


def office(world: World, address: str) -> None:
    world.parts.put(AuditOffice, AuditOffice(address, world.centre.code))


def test_the_checkpoint_is_mailed_once_a_day(world: World) -> None:
    assert not mail_checkpoint(world.parts)  # no office is set
    office(world, f"audit@{world.entity_b.mail_domain}")
    assert not mail_checkpoint(world.parts)  # nothing is signed yet
    seal = world.parts[LogSeal]
    follow(world.database, seal)
    assert mail_checkpoint(world.parts)
    assert not mail_checkpoint(world.parts)
    with world.database.read(OPERATOR) as uow:
        (item,) = uow.session.scalars(select(OutboxItem)).all()
        package = uow.session.get_one(OutboundPackage, item.package_id)
        assert (item.recipient_id, item.mailbox, item.kind) == (world.entity_b.id, "audit", "mail")
        mail = mail_of(package.meta)
        raw = content.read(uow, mail.file_id, entity_id=world.centre.id, store=world.store, keys=world.keyring)
    message = message_from_bytes(raw, policy=policy.SMTP)
    assert message["From"] == f"diwan@{world.centre.mail_domain}"
    (attached,) = message.iter_attachments()
    head = opened(attached.get_content().decode(), seal.public_key())
    assert head.origin == seal.origin
    assert raw.isascii()


@pytest.mark.parametrize("which", ["moh.gov.example", "nobody.example"])
def test_an_office_that_is_served_here_or_unknown_is_refused(world: World, which: str) -> None:
    follow(world.database, world.parts[LogSeal])
    office(world, f"audit@{which}")
    with pytest.raises(Invalid, match=r"audit\.office-unknown"):
        mail_checkpoint(world.parts)
