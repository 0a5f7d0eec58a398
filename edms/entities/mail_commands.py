"""``diwan entity server|dkim|mailbox|suspend|resume``: what the mail gateway knows of bodies."""

from pathlib import Path
from typing import Any

import click

from crypto.certificates import load_certificate, serial_of
from crypto.dkim_keys import dkim_record
from edms.core.database import Database
from edms.core.output import emit
from edms.core.parts import Parts
from edms.entities import dkim_keys, mailboxes, servers, suspending
from edms.entities.commands import OPERATOR, entity
from edms.entities.finding import entity_by_typed_code
from edms.entities.keyring import Keyring
from edms.entities.models import DkimKey, Entity, Installation
from edms.entities.rules import BUILT_IN_MAILBOXES

__all__ = ["entity"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@entity.group("server")
def server() -> None:
    """Keep the mail servers that bodies run themselves."""


@server.command("add")
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@click.option("--name", required=True, help="What the server is called here.")
@click.option("--host", required=True, help="Where it listens: a name or an IP address.")
@click.option("--port", type=click.IntRange(1, 65_535), default=25, show_default=True)
@click.option("--certificate", type=_FILE, required=True, help="Its certificate, or that of its own authority (PEM).")
@click.option("--replace-certificate", is_flag=True, help="Accept another certificate than before.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def add_server(parts: Parts, /, codes: tuple[str, ...], certificate: Path, as_json: bool, **told: Any) -> None:
    """Register a server, and put the bodies CODE behind it."""
    with parts[Database].work(OPERATOR) as uow:
        bodies = [entity_by_typed_code(uow, code) for code in codes]
        row = servers.add_server(uow, bodies, certificate=certificate.read_bytes(), **told)
        found = _server(row, servers.bodies_behind(uow, row))
    emit(found, as_json, lambda: _server_line(found))


@server.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_servers(parts: Parts, as_json: bool) -> None:
    """List the servers with their bodies."""
    with parts[Database].read(OPERATOR) as uow:
        found = [_server(one, servers.bodies_behind(uow, one)) for one in servers.servers(uow)]
    emit(found, as_json, lambda: "\n".join(map(_server_line, found)) or "None.")


@server.command("remove")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def remove_server(parts: Parts, name: str, as_json: bool) -> None:
    """Forget a server: its bodies are served by this installation again."""
    with parts[Database].work(OPERATOR) as uow:
        found = {"name": name, "bodies": [one.code for one in servers.remove_server(uow, name, keys=parts[Keyring])]}
    emit(found, as_json, lambda: f"{name}: {len(found['bodies'])} bodies are served here again.")


@entity.group("dkim")
def dkim() -> None:
    """Keep the keys by which bodies' mail is signed."""


@dkim.command("show")
@click.argument("code")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show_dkim(parts: Parts, code: str, as_json: bool) -> None:
    """Show a body's keys with their DNS records; keys of a body served here are made on first use."""
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        dkim_keys.signing_keys(uow, body.id)
        found = [_key(body, row) for row in dkim_keys.dkim_keys_of(uow, body.id)]
    emit(found, as_json, lambda: "\n".join(map(_key_line, found)) or "None.")


@dkim.command("rotate")
@click.argument("code")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def rotate_dkim(parts: Parts, code: str, as_json: bool) -> None:
    """Make new keys for a body that is served here; the old ones verify until they are revoked."""
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        found = [_key(body, row) for row in dkim_keys.rotate_keys(uow, body)]
    emit(found, as_json, lambda: "\n".join(map(_key_line, found)))


@dkim.command("add")
@click.argument("code")
@click.argument("key", type=_FILE)
@click.option("--selector", required=True, help="The name that the server signs with (s=).")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def add_dkim(parts: Parts, code: str, key: Path, selector: str, as_json: bool) -> None:
    """Register the public key of a body's own server: PEM, or the DNS record as opendkim-genkey writes it."""
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        found = _key(body, dkim_keys.add_key(uow, body, selector, key.read_bytes()))
    emit(found, as_json, lambda: _key_line(found))


@dkim.command("revoke")
@click.argument("code")
@click.argument("selector")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def revoke_dkim(parts: Parts, code: str, selector: str, as_json: bool) -> None:
    """Let a key count no more."""
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        found = _key(body, dkim_keys.revoke_key(uow, body, selector))
    emit(found, as_json, lambda: _key_line(found))


@entity.group("mailbox")
def mailbox() -> None:
    """Keep further addresses of bodies; all of them reach the registry."""


@mailbox.command("add")
@click.argument("code")
@click.argument("local")
@click.option("--alias", default="", help="Its name in ASCII; needed when the mailbox is not.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def add_mailbox(parts: Parts, code: str, local: str, alias: str, as_json: bool) -> None:
    """Give a body the mailbox LOCAL@its domain."""
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        row = mailboxes.add_mailbox(uow, body, local, alias)
        found = {"mailbox": row.local, "alias": row.alias, "domain": body.mail_domain}
    emit(found, as_json, lambda: f"{found['mailbox']}@{found['domain']}  {found['alias']}")


@mailbox.command("list")
@click.argument("code")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_mailboxes(parts: Parts, code: str, as_json: bool) -> None:
    """List a body's mailboxes, those that every body has first."""
    with parts[Database].read(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        further = {row.local: row.alias for row in mailboxes.mailboxes_of(uow, body.id)}
        found = [
            {"mailbox": local, "alias": alias, "domain": body.mail_domain, "built_in": local not in further}
            for local, alias in {**BUILT_IN_MAILBOXES, **further}.items()
        ]
    emit(found, as_json, lambda: "\n".join(f"{one['mailbox']}@{one['domain']}  {one['alias']}" for one in found))


@mailbox.command("remove")
@click.argument("code")
@click.argument("local")
@click.pass_obj
def remove_mailbox(parts: Parts, code: str, local: str) -> None:
    """Take a mailbox away, by its name or alias."""
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        mailboxes.remove_mailbox(uow, body, local)
        click.echo(f"{local}@{body.mail_domain} is no more.")


@entity.command("suspend")
@click.argument("code")
@click.option("--reason", required=True, help="Why; the centre sees it.")
@click.pass_obj
def suspend(parts: Parts, code: str, reason: str) -> None:
    """Suspend a body's mail: none is taken for it and none from it."""
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        suspending.suspend_mail(uow, body, reason)
        click.echo(f"{body.code}  {body.mail_domain}: suspended.")


@entity.command("resume")
@click.argument("code")
@click.pass_obj
def resume(parts: Parts, code: str) -> None:
    """Let a suspended body's mail go again."""
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        suspending.resume_mail(uow, body)
        click.echo(f"{body.code}  {body.mail_domain}: resumed.")


def _server(row: Installation, bodies: list[Entity]) -> dict[str, Any]:
    certificate = load_certificate(row.ca_certificate)
    return {
        "name": row.name, "gateway": f"{row.gateway_host}:{row.gateway_port}", "serial": serial_of(row.ca_certificate),
        "valid_to": certificate.not_valid_after_utc.isoformat(), "bodies": [one.code for one in bodies],
    }  # fmt: skip


def _server_line(found: dict[str, Any]) -> str:
    return f"{found['name']}  {found['gateway']}  {found['valid_to'][:10]}  {' '.join(found['bodies']) or '—'}"


def _key(body: Entity, row: DkimKey) -> dict[str, Any]:
    return {
        "selector": row.selector, "algorithm": row.algorithm, "ours": row.private_key_sealed is not None,
        "name": f"{row.selector}._domainkey.{body.mail_domain}", "record": dkim_record(row.algorithm, row.public_key),
        "created_at": row.created_at.isoformat(),
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
    }  # fmt: skip


def _key_line(found: dict[str, Any]) -> str:
    revoked = f"  ; revoked {found['revoked_at'][:10]}" if found["revoked_at"] else ""
    return f'{found["name"]}. IN TXT "{found["record"]}"{revoked}'
