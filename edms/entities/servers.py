"""Mail servers that bodies run themselves: their certificate, where they listen, and which bodies are behind them."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import exists, select

from crypto.certificates import load_certificate, read_pem
from crypto.errors import SignatureInvalid
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, NotFound, Problem
from edms.entities import dkim_keys, queries
from edms.entities.keyring import Keyring
from edms.entities.models import Entity, EntityKey, Installation
from edms.entities.rules import KEEP_SERVERS, SERVER, clean_host, clean_name


def add_server(
    uow: UnitOfWork,
    bodies: Sequence[Entity],
    *,
    name: str,
    host: str,
    port: int,
    certificate: bytes,
    replace_certificate: bool = False,
) -> Installation:
    """Put bodies of this installation behind a server of their own (or one known by ``name``) and return it.

    ``certificate`` (PEM or DER) is what the server shows, or the authority that issues for this server alone. Raises
    Invalid ``entities.bad-server`` with the fields that break a rule; Conflict ``entities.served-elsewhere`` for a
    peer's body, ``entities.server-certificate-changed`` for another certificate unless ``replace_certificate``.
    """
    uow.actor.require(KEEP_SERVERS)
    title, where, der = _checked(uow, name, host, port, certificate)
    row = _named(uow, title)
    if row is None:
        row = Installation(
            name=title, is_home=False, kind=SERVER, gateway_host=where, gateway_port=port, ca_certificate=der
        )
        uow.session.add(row)
    elif row.ca_certificate != der and not replace_certificate:
        raise Conflict("entities.server-certificate-changed", installation=title)
    row.gateway_host, row.gateway_port, row.ca_certificate = where, port, der
    uow.flush()
    audit.record(uow, "entities.server-kept", "installation", row.id, row=row)
    for body in bodies:
        _move(uow, body, row)
    return row


def remove_server(uow: UnitOfWork, name: str, *, keys: Keyring) -> list[Entity]:
    """Forget a server: its bodies are served here again. NotFound ``entities.unknown-server``."""
    uow.actor.require(KEEP_SERVERS)
    row = _named(uow, clean_name(name))
    if row is None:
        raise NotFound("entities.unknown-server", installation=name[:100])
    home, bodies = queries.home(uow), bodies_behind(uow, row)
    for body in bodies:
        if not uow.session.scalar(select(exists().where(EntityKey.owner_id == body.id))):
            keys.create(uow.session, body.id, uow.now)
        _move(uow, body, home)
    audit.record(uow, "entities.server-removed", "installation", row.id, gone=row)
    uow.session.delete(row)
    uow.flush()
    return bodies


def servers(uow: UnitOfWork) -> list[Installation]:
    """Return the servers that bodies run themselves, by name."""
    return list(
        uow.session.scalars(select(Installation).where(Installation.kind == SERVER).order_by(Installation.name))
    )


def bodies_behind(uow: UnitOfWork, server: Installation) -> list[Entity]:
    """Return the bodies that a server serves, by code."""
    return list(uow.session.scalars(select(Entity).where(Entity.installation_id == server.id).order_by(Entity.code)))


def _named(uow: UnitOfWork, name: str) -> Installation | None:
    query = select(Installation).where(Installation.name == name, Installation.kind == SERVER)
    return uow.session.scalars(query).one_or_none()


def _move(uow: UnitOfWork, body: Entity, to: Installation) -> None:
    if body.installation_id == to.id:
        return
    if uow.session.get_one(Installation, body.installation_id).kind != SERVER and not _is_home(uow, body):
        raise Conflict("entities.served-elsewhere", entity=body.code)
    body.installation_id = to.id
    uow.flush()
    dkim_keys.retire_keys(uow, body)
    audit.record(uow, "entities.server-changed", "entity", body.id, entity_id=body.id, row=body, installation=to.name)


def _is_home(uow: UnitOfWork, body: Entity) -> bool:
    return body.installation_id == queries.home(uow).id


def _checked(uow: UnitOfWork, name: str, host: str, port: int, certificate: bytes) -> tuple[str, str, bytes]:
    """Return name, host and certificate (DER) in their stored form; raises Invalid ``entities.bad-server``."""
    problems: list[Problem] = []
    title, where = clean_name(name), clean_host(host)
    if not title or len(title) > 100:
        problems.append(Problem("name", "entities.bad-installation-name"))
    elif uow.session.scalar(select(exists().where(Installation.name == title, Installation.kind != SERVER))):
        problems.append(Problem("name", "entities.installation-name-taken", installation=title))
    if where is None:
        problems.append(Problem("host", "entities.bad-host"))
    if not 0 < port < 65_536:
        problems.append(Problem("port", "entities.bad-port"))
    der, wrong = _certificate(uow, certificate)
    if wrong:
        problems.append(Problem("certificate", wrong))
    elif uow.session.scalar(select(exists().where(Installation.ca_certificate == der, Installation.name != title))):
        problems.append(Problem("certificate", "entities.server-certificate-taken"))
    if problems or where is None:
        raise Invalid("entities.bad-server", tuple(problems))
    return title, where, der


def _certificate(uow: UnitOfWork, told: bytes) -> tuple[bytes, str]:
    """Return the certificate as DER and what is wrong with it, if anything: one certificate, valid, for both sides."""
    try:
        found = list(read_pem(told)) if b"-----BEGIN" in told else [told]
        parsed = load_certificate(found[0])
    except (SignatureInvalid, ValueError, IndexError):
        return b"", "entities.bad-server-certificate"
    if len(found) != 1:
        return b"", "entities.bad-server-certificate"
    if not parsed.not_valid_before_utc <= uow.now <= parsed.not_valid_after_utc:
        return b"", "entities.server-certificate-expired"
    try:
        usages = set(parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return found[0], ""
    except ValueError:
        return b"", "entities.bad-server-certificate"
    both = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
    wide = both <= usages or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages
    return found[0], "" if wide else "entities.server-certificate-purpose"
