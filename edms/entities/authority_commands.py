"""``diwan authority``: the certificates of this installation, seen, renewed, revoked and given away."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from crypto.certificates import chain_pem
from crypto.revocation import REASONS, read_crl
from edms.core.actor import system_actor
from edms.core.database import Database, UnitOfWork
from edms.core.output import emit
from edms.core.parts import Parts
from edms.entities import authority, queries, renewing, revoking
from edms.entities.keyring import Keyring
from edms.entities.models import Employee, Entity, IssuedCertificate
from edms.entities.renewing import RootAccess
from edms.entities.showing import shown_certificate

OPERATOR = system_actor("operator")
_OUTPUT = click.Path(dir_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("authority")
def group() -> None:
    """Keep the certificate authority: root, issuing authority, and what it issued."""


@group.command("show")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(parts: Parts, as_json: bool) -> None:
    """Show the authority: its certificates, its lists, and where its root key is."""
    access = parts[RootAccess]
    with parts[Database].read(OPERATOR) as uow:
        home = queries.home(uow)
        issuing, root = authority.authority_chain(uow)
        crl = authority.current_crl(uow, keys=parts[Keyring])
        found: dict[str, Any] = {
            "installation": home.name,
            "root": _certificate(root),
            "issuing": _certificate(issuing),
            "clock": _certificate(authority.clock_certificate(uow).certificate),
            "root_crl": _list(home.root_crl, root),
            "crl": _list(crl, issuing),
            "root_file": str(access.file),
            "root_file_here": access.file.exists(),
            "issued": _counts(uow),
        }
    emit(found, as_json, lambda: _told(found))


@group.command("list")
@click.option("--usage", type=click.Choice(["seal", "person", "tsa", "issuing"]), help="Only those of one kind.")
@click.option("--revoked", is_flag=True, help="Only those that were revoked.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(parts: Parts, usage: str | None, revoked: bool, as_json: bool) -> None:
    """List what the authority issued, by serial number."""
    query = (
        select(IssuedCertificate, Entity.code, Employee.code)
        .outerjoin(Entity, Entity.id == IssuedCertificate.entity_id)
        .outerjoin(Employee, Employee.id == IssuedCertificate.employee_id)
        .order_by(IssuedCertificate.valid_from, IssuedCertificate.id)
    )
    if usage:
        query = query.where(IssuedCertificate.usage == usage)
    if revoked:
        query = query.where(IssuedCertificate.revoked_at.is_not(None))
    with parts[Database].read(OPERATOR) as uow:
        found = [
            {
                "serial": row.serial, "usage": row.usage, "entity": entity, "employee": employee,
                "valid_to": row.valid_to.isoformat(), "revoked_at": _text(row.revoked_at), "reason": row.reason,
            }
            for row, entity, employee in uow.session.execute(query)
        ]  # fmt: skip
    emit(found, as_json, lambda: "\n".join(map(_line, found)) or "None.")


@group.command("renew")
@click.option("--root", "root_file", type=_FILE, required=True, help="The root's sealed key file, brought back.")
@click.option("--secret-file", type=_FILE, help="What opens it, when that is not what opens the keys today.")
@click.option("--replace-key", is_flag=True, help="The issuing key is lost or known to others: revoke all under it.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def renew(parts: Parts, root_file: Path, secret_file: Path | None, replace_key: bool, as_json: bool) -> None:
    """Certify the issuing authority for five more years, and make the root's list anew."""
    root = parts[RootAccess].open(root_file, secret_file.read_bytes() if secret_file else None)
    with parts[Database].work(OPERATOR) as uow:
        renewing.renew(uow, root=root, keys=parts[Keyring], replace_key=replace_key)
        found = {"issuing": _certificate(authority.authority_chain(uow)[0])}
    emit(found, as_json, lambda: f"The issuing authority is certified until {found['issuing']['valid_to'][:10]}.")


@group.command("revoke")
@click.argument("serial")
@click.option("--reason", type=click.Choice(REASONS), required=True, help="As in RFC 5280.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def revoke(parts: Parts, serial: str, reason: str, as_json: bool) -> None:
    """Revoke a certificate at once, by its serial number (diwan authority list)."""
    with parts[Database].work(OPERATOR) as uow:
        row = authority.revoke(uow, serial, reason)
        found = {"serial": row.serial, "usage": row.usage, "revoked_at": _text(row.revoked_at), "reason": row.reason}
    emit(found, as_json, lambda: f"{found['serial']} ({found['usage']}) is revoked.")


@group.command("crl")
@click.option("-o", "--output", type=_OUTPUT, required=True)
@click.option("--of-root", is_flag=True, help="The root's list of issuing authorities instead.")
@click.pass_obj
def crl(parts: Parts, output: Path, of_root: bool) -> None:
    """Write the list of revoked certificates (DER); peers take it by diwan installation crl."""
    with parts[Database].work(OPERATOR) as uow:
        kept = revoking.keep_crl(uow, keys=parts[Keyring])
        found = (queries.home(uow).root_crl or b"") if of_root else kept
    output.write_bytes(found)
    click.echo(f"{output}: {len(found)} bytes.")


@group.command("export")
@click.option("-o", "--output", type=_OUTPUT, required=True)
@click.pass_obj
def export(parts: Parts, output: Path) -> None:
    """Write root and issuing authority (PEM) for whoever is to trust them."""
    with parts[Database].read(OPERATOR) as uow:
        issuing, root = authority.authority_chain(uow)
    output.write_bytes(chain_pem(root, issuing))
    click.echo(f"{output}: SHA-256 of the root is {shown_certificate(root).fingerprint}")


def _certificate(der: bytes) -> dict[str, str]:
    shown = shown_certificate(der)
    return {
        "name": shown.name, "serial": shown.serial, "valid_from": shown.valid_from.isoformat(),
        "valid_to": shown.valid_to.isoformat(), "fingerprint": shown.fingerprint,
    }  # fmt: skip


def _list(der: bytes | None, issuer: bytes) -> dict[str, Any] | None:
    if der is None:
        return None
    found = read_crl(der, issuer)
    return {
        "made_at": found.made_at.isoformat(), "next_update": found.next_update.isoformat(),
        "revoked": len(found.revoked),
    }  # fmt: skip


def _counts(uow: UnitOfWork) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for usage, gone in uow.session.execute(select(IssuedCertificate.usage, IssuedCertificate.revoked_at)):
        counts = found.setdefault(usage, {"issued": 0, "revoked": 0})
        counts["issued"] += 1
        counts["revoked"] += gone is not None
    return found


def _told(found: dict[str, Any]) -> str:
    lines = [found["installation"]]
    for name in ("root", "issuing", "clock"):
        one = found[name]
        lines.append(f"{name:10} {one['serial']}  until {one['valid_to'][:10]}  {one['fingerprint']}")
    for name in ("root_crl", "crl"):
        one = found[name]
        lines.append(
            f"{name:10} {one['revoked']} revoked, next {one['next_update'][:16]}" if one else f"{name:10} none"
        )
    counts = ", ".join(f"{usage} {one['issued']} ({one['revoked']} revoked)" for usage, one in found["issued"].items())
    lines.append(f"issued     {counts}")
    where = "is still here: carry it to another place" if found["root_file_here"] else "is not here, as it should be"
    lines.append(f"root key   {found['root_file']} {where}")
    return "\n".join(lines)


def _line(one: dict[str, Any]) -> str:
    whose = one["employee"] or one["entity"] or ""
    state = (
        f"revoked {one['revoked_at'][:10]} ({one['reason']})" if one["revoked_at"] else f"until {one['valid_to'][:10]}"
    )
    return f"{one['serial']}  {one['usage']:8} {whose:10} {state}"


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
