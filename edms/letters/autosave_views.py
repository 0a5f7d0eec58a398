"""Keeping a form by itself while somebody types, for the script of the form."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, g, jsonify, make_response

from edms.core.calendar import BAGHDAD
from edms.core.errors import Conflict, Invalid
from edms.core.ids import new_id
from edms.letters import autosaving, forms
from edms.letters.rules import DRAFT
from edms.web.edge import working
from edms.web.formats import digits, error_text, translate
from edms.web.guards import current_actor


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the letters' blueprint."""
    blueprint.add_url_rule("/letters/autosave", view_func=keep_new, methods=["POST"])
    blueprint.add_url_rule("/letters/<uuid:letter_id>/autosave", view_func=keep_draft, methods=["POST"])


def keep_new() -> Response:
    """Keep a new letter that was never saved."""
    return _keep(None)


def keep_draft(letter_id: UUID) -> Response:
    """Keep what is typed over a saved draft; the draft itself stays as it is."""
    return _keep(letter_id)


def clock(moment: datetime) -> str:
    """Write the time of day in the office's zone, in the reader's digits: «١٠:٤٢»."""
    local = moment.astimezone(ZoneInfo(g.get("time_zone", BAGHDAD)))
    return digits(f"{local.hour:02d}:{local.minute:02d}")


def _keep(letter_id: UUID | None) -> Response:
    current_actor().require(DRAFT)
    try:
        with working() as uow:
            typed = forms.read(uow)
            form = typed.form or new_id()
            row = autosaving.keep(
                uow, form, typed.fields(), letter_id=letter_id, version=typed.version, revision=typed.revision
            )
            said = translate("Saved at %(time)s", time=clock(row.saved_at))
            return jsonify(form=str(row.id), revision=row.revision, said=said)
    except (Conflict, Invalid) as error:
        return make_response(jsonify(said=str(error_text(error))), 409 if isinstance(error, Conflict) else 422)
