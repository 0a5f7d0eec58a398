"""What people are shown of a body's mail: who serves it, the server's certificate, the keys that sign it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from crypto.dkim_keys import dkim_record
from edms.core.database import UnitOfWork
from edms.entities import dkim_keys
from edms.entities.models import DkimKey, Entity, Installation
from edms.entities.rules import SERVER
from edms.entities.showing import ShownCertificate, shown_certificate

_SOON = timedelta(days=30)

Served = Literal["here", "peer", "server"]


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key by which a body's mail is signed, with the name and the text of its DNS record (TXT)."""

    selector: str
    algorithm: str
    created_at: datetime
    name: str
    record: str


@dataclass(frozen=True, slots=True)
class ShownServer:
    """A mail server that bodies run themselves; ``certificate_state`` is "", "soon" (30 days are left) or "expired"."""

    row: Installation
    certificate: ShownCertificate
    certificate_state: str


@dataclass(frozen=True, slots=True)
class ShownMail:
    """How a body's mail stands: served by this installation, a ``peer`` or its own ``server``; its keys in force."""

    served: Served
    by: Installation
    server: ShownServer | None
    keys: tuple[ShownKey, ...]


def shown_mail(uow: UnitOfWork, body: Entity) -> ShownMail:
    """Return what is shown of a body's mail."""
    by = uow.session.get_one(Installation, body.installation_id)
    served: Served = "here" if by.is_home else "server" if by.kind == SERVER else "peer"
    keys = tuple(shown_key(body, row) for row in dkim_keys.dkim_keys_of(uow, body.id) if row.revoked_at is None)
    return ShownMail(served, by, shown_server(uow, by) if served == "server" else None, keys)


def shown_key(body: Entity, row: DkimKey) -> ShownKey:
    """Return a key with its DNS record."""
    return ShownKey(
        row.selector, row.algorithm, row.created_at, f"{row.selector}._domainkey.{body.mail_domain}",
        dkim_record(row.algorithm, row.public_key),
    )  # fmt: skip


def shown_server(uow: UnitOfWork, row: Installation) -> ShownServer:
    """Return a server with its certificate as people compare it."""
    certificate = shown_certificate(row.ca_certificate)
    left = certificate.valid_to - uow.now
    return ShownServer(row, certificate, "expired" if left < timedelta(0) else "soon" if left < _SOON else "")
