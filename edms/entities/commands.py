"""``diwan entity`` and ``diwan installation``: the register of bodies and the peers, from the command line."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.errors import Invalid
from edms.core.output import emit, progress_bar
from edms.core.parts import Parts
from edms.entities import changing, dkim_keys, exchange, peers, queries, service
from edms.entities.csv_import import ENTITY_COLUMNS, ENTITY_OPTIONAL, read_rows
from edms.entities.finding import entity_by_typed_code
from edms.entities.keyring import Keyring
from edms.entities.models import Entity
from edms.entities.rules import EntityChange, EntityType, NewEntity

OPERATOR = system_actor("operator")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("entity")
def entity() -> None:
    """Keep the register of bodies."""


@entity.command("add")
@click.option("--name-ar", required=True, help="The Arabic name.")
@click.option("--name-en", default="", help="The English name.")
@click.option("--type", "kind", type=click.Choice([one.value for one in EntityType]), required=True)
@click.option("--domain", required=True, help="The mail domain.")
@click.option("--parent", help="The code of the body above.")
@click.option("--short-mark", default="", help="The mark before its numbers.")
@click.option("--code", help="A code given before; without it the next free one.")
@click.option("--valid-from", type=click.DateTime(["%Y-%m-%d"]), help="First day; today without it.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def add(parts: Parts, /, kind: str, domain: str, parent: str | None, valid_from: datetime | None, as_json: bool,
        **told: Any) -> None:  # fmt: skip
    """Register one body."""
    with parts[Database].work(OPERATOR) as uow:
        new = NewEntity(
            type=EntityType(kind), mail_domain=domain, valid_from=valid_from.date() if valid_from else uow.today,
            parent_id=entity_by_typed_code(uow, parent).id if parent else None, **told,
        )  # fmt: skip
        found = _shown(service.add_entity(uow, new, keys=parts[Keyring]))
    emit(found, as_json, lambda: f"{found['code']}  {found['name_ar']}  {found['mail_domain']}")


@entity.command("set")
@click.argument("code")
@click.option("--by-rule/--by-clerk", "by_rule", default=None, help="Who registers letters that arrive.")
@click.option("--mail-by-rule/--mail-by-clerk", "untyped", default=None, help="Who registers ordinary mail.")
@click.option("--valid-to", type=click.DateTime(["%Y-%m-%d"]), help="The last day: closes the body.")
@click.option("--reopen", is_flag=True, help="Take the last day away.")
@click.option("--mark", "short_mark", help="The mark before its numbers.")
@click.option("--max-sensitivity", type=click.IntRange(0, 3), help="The highest sensitivity of letters to it (0 to 3).")
@click.option("--name-ar", help="The Arabic name.")
@click.option("--name-en", help="The English name.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def set_(
    parts: Parts, /, code: str, by_rule: bool | None, untyped: bool | None, valid_to: datetime | None, reopen: bool,
    as_json: bool, **told: Any,
) -> None:  # fmt: skip
    """Change a body of this installation."""
    if reopen and valid_to:
        raise click.UsageError("--reopen and --valid-to exclude each other.")
    last = valid_to.date() if valid_to else None
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        change = EntityChange(
            valid_to=last, reopen=reopen, registers_by_rule=by_rule, registers_untyped=untyped, **told
        )
        found = _shown(changing.change_entity(uow, body.id, change))
    emit(found, as_json, lambda: f"{found['code']}  {found['name_ar']}  {found['valid_to'] or '—'}")


@entity.command("import")
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def import_(parts: Parts, file: Path, as_json: bool) -> None:
    """Register the bodies of a CSV file, all or nothing."""
    rows = read_rows(file.read_bytes(), ENTITY_COLUMNS, ENTITY_OPTIONAL)
    with parts[Database].work(OPERATOR) as uow, progress_bar("Bodies", len(rows)) as progress:
        made = service.import_entities(uow, rows, keys=parts[Keyring], progress=progress)
        found = {"imported": len(made), "codes": [one.code for one in made]}
    emit(found, as_json, lambda: f"{found['imported']} bodies registered.")


@entity.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(parts: Parts, as_json: bool) -> None:
    """List all bodies, here and at peers."""
    with parts[Database].read(OPERATOR) as uow:
        names = {one.id: one.name for one in queries.installations(uow)}
        found = [{**_shown(one), "installation": names[one.installation_id]} for one in queries.all_entities(uow)]
    emit(found, as_json, lambda: "\n".join(f"{one['code']}  {one['mail_domain']}  {one['name_ar']}" for one in found))


@click.group("installation")
def installation() -> None:
    """Exchange bodies and certificates with other installations."""


@installation.command("export")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.pass_obj
def export(parts: Parts, output: Path) -> None:
    """Write what a peer must know of this installation; keys that sign its bodies' mail are made before."""
    database = parts[Database]
    with database.read(OPERATOR) as uow:
        without = dkim_keys.bodies_without_keys(uow)
    with progress_bar("Keys", len(without)) as progress:
        for done, body in enumerate(without, 1):
            fresh = dkim_keys.fresh_pairs()
            with database.work(OPERATOR) as uow:
                dkim_keys.signing_keys(uow, body, fresh)
            progress(done)
    with database.work(OPERATOR) as uow:
        told = exchange.export_installation(uow, keys=parts[Keyring])
    output.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
    click.echo(f"{told['name']}: {len(told['entities'])} bodies.")


@installation.command("import")
@click.argument("file", type=_FILE)
@click.option("--replace-root", is_flag=True, help="Accept another root certificate than before.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def import_peer(parts: Parts, file: Path, replace_root: bool, as_json: bool) -> None:
    """Take over a peer and its bodies from the file it exported, all or nothing."""
    try:
        told = json.loads(file.read_bytes())
    except ValueError:
        raise Invalid("entities.bad-exchange", count=1) from None
    with parts[Database].work(OPERATOR) as uow:
        peer = exchange.import_installation(uow, told, keys=parts[Keyring], replace_root=replace_root)
        found = {"name": peer.name, "entities": len(told["entities"])}
    emit(found, as_json, lambda: f"{found['name']}: {found['entities']} bodies.")


@installation.command("crl")
@click.argument("file", type=_FILE)
@click.pass_obj
def take_list(parts: Parts, file: Path) -> None:
    """Take a peer's list of revoked certificates, as its diwan authority crl wrote it."""
    with parts[Database].work(OPERATOR) as uow:
        peer = peers.import_crl(uow, file.read_bytes())
        found = peers.list_of(peer)
        click.echo(f"{peer.name}: {len(found.revoked) if found else 0} revoked.")


@installation.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_installations(parts: Parts, as_json: bool) -> None:
    """List this installation and its peers."""
    with parts[Database].read(OPERATOR) as uow:
        found = [
            {"name": one.name, "home": one.is_home, "gateway": f"{one.gateway_host}:{one.gateway_port}"}
            for one in queries.installations(uow)
        ]
    emit(found, as_json, lambda: "\n".join(f"{one['name']}  {one['gateway']}" for one in found))


def _shown(row: Entity) -> dict[str, Any]:
    days: tuple[date | None, ...] = (row.valid_from, row.valid_to)
    begin, end = (day.isoformat() if day else None for day in days)
    return {
        "code": row.code, "name_ar": row.name_ar, "name_en": row.name_en, "type": row.type,
        "mail_domain": row.mail_domain, "short_mark": row.short_mark, "valid_from": begin, "valid_to": end,
        "registers_by_rule": row.registers_by_rule, "registers_untyped": row.registers_untyped,
    }  # fmt: skip


commands: tuple[click.Command, ...] = (entity, installation)
