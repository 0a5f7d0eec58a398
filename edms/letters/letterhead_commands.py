"""`diwan entity letterhead`: how a body's letters look, set from the command line."""

from pathlib import Path
from typing import Any, get_args

import click

from edms.core.actor import system_actor
from edms.core.calendar import Digits, MonthNames
from edms.core.database import Database
from edms.core.output import emit
from edms.core.parts import Parts
from edms.entities.finding import entity_by_typed_code
from edms.entities.mail_commands import entity
from edms.letters import letterheads
from edms.letters.letterheads import LetterheadChange, Look
from edms.registry import patterns

__all__ = ["entity", "letterhead"]

OPERATOR = system_actor("operator")


@entity.command("letterhead")
@click.argument("code")
@click.option("--emblem", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="An SVG or PNG, 512 KB.")
@click.option("--neutral", is_flag=True, help="Take the emblem away: the neutral star is printed.")
@click.option("--colour", help="Colour of the names and rules, #rrggbb.")
@click.option("--top-ar", help="The Arabic line above the names.")
@click.option("--top-en", help="The English line above the names.")
@click.option("--contact-ar", help="The Arabic contact line.")
@click.option("--contact-en", help="The English contact line.")
@click.option("--digits", type=click.Choice(["", *get_args(Digits)]), help="Digit set; empty: the installation's.")
@click.option("--months", type=click.Choice(["", *get_args(MonthNames)]), help="Months; empty: the installation's.")
@click.option("--hijri/--no-hijri", default=None, help="Print the Hijri date.")
@click.option("--kashida/--no-kashida", default=None, help="Stretch letters to fill lines.")
@click.option("--pattern", help="Pattern of outgoing numbers, e.g. {mark}/4/{number}.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def letterhead(parts: Parts, /, code: str, emblem: Path | None, neutral: bool, as_json: bool, **told: Any) -> None:
    """Show how a body's letters look, or change what is told."""
    if neutral and emblem:
        raise click.UsageError("--neutral and --emblem exclude each other.")
    picture = b"" if neutral else emblem.read_bytes() if emblem else None
    change = LetterheadChange(emblem=picture, **told)
    with parts[Database].work(OPERATOR) as uow:
        body = entity_by_typed_code(uow, code)
        if change == LetterheadChange():
            look = letterheads.look_of(uow, body.id)
        else:
            look = letterheads.set_letterhead(uow, body.id, change)
        found = _shown(body.code, look) | {"pattern": patterns.numbering(uow, body).pattern}
    emit(found, as_json, lambda: "\n".join(f"{name}: {value}" for name, value in found.items()))


def _shown(code: str, look: Look) -> dict[str, Any]:
    """Return a letterhead as it is printed in JSON; the emblem by its size in octets."""
    told = {name: getattr(look, name) for name in Look.__slots__ if name != "emblem"}
    return {"code": code, **told, "emblem": len(look.emblem)}
