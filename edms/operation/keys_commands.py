"""``diwan keys``: which keys there are, new versions of them, and the end of old ones."""

from typing import Any
from uuid import UUID

import click
from sqlalchemy import select

from edms.core.actor import system_actor
from edms.core.database import Database, UnitOfWork
from edms.core.ids import NIL
from edms.core.output import emit, progress_bar
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.entities.finding import entity_by_typed_code
from edms.entities.keyring import Keyring
from edms.entities.models import EntityKey, KeyHead
from edms.entities.rules import KEEP_KEYS
from edms.entities.vaulting import begin_vault
from edms.operation import rotation
from edms.operation.rewrapping import Rewrapped, count_wraps, newest_versions, rewrap_all, uses
from edms.operation.site import Site

OPERATOR = system_actor("operator")


@click.group()
def keys() -> None:
    """Keep the keys: rotate, destroy, and recover them."""


@keys.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_keys(parts: Parts, as_json: bool) -> None:
    """Show root versions, versions of bodies' keys with what is wrapped under each, and the vault."""
    ring = parts[Keyring]
    with parts[Database].read(OPERATOR) as uow:
        uow.actor.require(KEEP_KEYS)
        needed = rotation.needed_roots(uow, keys=ring, run_folder=parts[Site].run_folder)
        newest_root = max(needed)
        told = {
            "roots": [{"version": one, "keys": needed[one], "newest": one == newest_root} for one in sorted(needed)],
            "keys": _versions(uow),
            "vault": _vault(uow, ring),
        }
    emit(told, as_json, lambda: _text(told))


@keys.command("rotate")
@click.option("--root", is_flag=True, help="A new root version; all keys of bodies are wrapped under it.")
@click.option("--entity", "codes", multiple=True, help="A new version of this body's key (repeat for several).")
@click.option("--all", "every", is_flag=True, help="A new version of the key of every body served here.")
@click.option("--installation", is_flag=True, help="A new version of the installation's own key.")
@click.option("--resume", is_flag=True, help="No new version: finish what was broken off.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def rotate(
    parts: Parts, root: bool, codes: tuple[str, ...], every: bool, installation: bool, resume: bool, as_json: bool
) -> None:
    """Make new key versions and bring everything under them, while the installation goes on working."""
    if not (root or codes or every or installation or resume):
        raise click.UsageError("Say what: --root, --entity CODE, --all, --installation or --resume.")
    database, ring, run = parts[Database], parts[Keyring], parts[Site].run_folder
    told: dict[str, Any] = {}
    if root:
        told["root"], told["keys"] = rotation.rotate_root(database, OPERATOR, keys=ring, run_folder=run)
    elif resume:
        told["keys"] = rotation.rewrap_roots(database, OPERATOR, keys=ring, run_folder=run)
    if codes or every or installation:
        with database.work(OPERATOR) as uow:
            owners = _owners(uow, codes, every=every, installation=installation)
            rotation.rotate_owners(uow, owners, keys=ring)
        told["rotated"] = len(owners)
    if codes or every or installation or resume:
        with database.read(OPERATOR) as uow:
            total = count_wraps(uow)
        with progress_bar("Keys", total) as progress:
            done = rewrap_all(database, OPERATOR, keys=ring, progress=progress)
        told |= {"files": done.files, "signers": done.signers, "retired": len(done.retired)}
        emit(told, as_json, lambda: _rotated(told, done))
        return
    emit(
        told, as_json, lambda: f"Root {told['root']} wraps {told['keys']} keys; older ones: diwan keys forget --root N."
    )


@keys.command("forget")
@click.option("--root", "root_version", type=click.IntRange(1), help="Destroy this root version.")
@click.option("--entity", "code", help="The body whose key version is destroyed.")
@click.option("--installation", is_flag=True, help="The key version is the installation's own.")
@click.option("--version", "version", type=click.IntRange(1), help="Which version.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def forget(
    parts: Parts, root_version: int | None, code: str | None, installation: bool, version: int | None, yes: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Destroy an old version that nothing needs any more; refused while anything does."""
    of_body = code is not None or installation
    if (root_version is None) != of_body or of_body != (version is not None) or (code is not None and installation):
        raise click.UsageError("Say --root N, or --version N with --entity CODE or --installation.")
    if not yes:
        click.confirm("It cannot be brought back; older backups may need it (docs/operate/keys.md). Go on?", abort=True)
    database, ring = parts[Database], parts[Keyring]
    if root_version is not None:
        rotation.forget_root(database, OPERATOR, root_version, keys=ring, run_folder=parts[Site].run_folder)
        told: dict[str, Any] = {"root": root_version}
    else:
        assert version is not None
        with database.read(OPERATOR) as uow:
            owner = NIL if code is None else entity_by_typed_code(uow, code).id
        rotation.forget_version(database, OPERATOR, owner, version, keys=ring)
        told = {"entity": code or "", "version": version}
    emit(told, as_json, lambda: "It is destroyed.")


@keys.command("vault")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def vault(parts: Parts, as_json: bool) -> None:
    """Begin the vault of an installation that has none: new letters can then be destroyed for good."""
    with parts[Database].work(OPERATOR) as uow:
        made = begin_vault(uow, keys=parts[Keyring])
    told = {"file": str(made.path), "vault": made.id.hex()}
    emit(told, as_json, lambda: f"{made.path} is the vault. Keep a copy of it apart, and none older than 35 days.")


def _owners(uow: UnitOfWork, codes: tuple[str, ...], *, every: bool, installation: bool) -> list[UUID]:
    found = [] if not every else [owner for owner in newest_versions(uow) if owner != NIL]
    found += [entity_by_typed_code(uow, code).id for code in codes]
    return [*dict.fromkeys(found), *([NIL] if installation else [])]


def _versions(uow: UnitOfWork) -> list[dict[str, Any]]:
    used, newest = uses(uow), newest_versions(uow)
    codes = {one.id: one.code for one in entities.all_entities(uow)}
    rows = uow.session.scalars(select(EntityKey).order_by(EntityKey.owner_id, EntityKey.version))
    return [
        {
            "entity": codes.get(row.owner_id, ""), "version": row.version,
            "state": _state(row, newest[row.owner_id]), "wraps": used[row.owner_id, row.version],
            "created": row.created_at, "retired": row.retired_at, "forgotten": row.forgotten_at,
        }
        for row in rows
    ]  # fmt: skip


def _state(row: EntityKey, newest: int) -> str:
    if row.version == newest:
        return "newest"
    return "forgotten" if row.forgotten_at else "retired" if row.retired_at else "old"


def _vault(uow: UnitOfWork, ring: Keyring) -> dict[str, Any] | None:
    if uow.session.get_one(KeyHead, 1).vault_id is None:
        return None
    found = ring.vault()
    return {"file": str(found.path), "vault": found.id.hex(), "size": found.size(), "root": found.root_version()}


def _text(told: dict[str, Any]) -> str:
    lines = [
        f"root {one['version']}{' (newest)' if one['newest'] else ''}: {one['keys']} keys" for one in told["roots"]
    ]
    lines += [
        f"{one['entity'] or 'installation':12} version {one['version']}  {one['state']:9}  {one['wraps']} wraps"
        for one in told["keys"]
    ]
    found = told["vault"]
    lines.append(f"vault: {found['file']}, {found['size']} octets" if found else "vault: none (diwan keys vault)")
    return "\n".join(lines)


def _rotated(told: dict[str, Any], done: Rewrapped) -> str:
    begun = f"{told['rotated']} new versions. " if "rotated" in told else ""
    return (
        f"{begun}{done.files} keys of files and {done.signers} of persons are under the newest versions;"
        f" {len(done.retired)} older ones are retired."
    )
