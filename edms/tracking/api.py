"""Tracking as JSON."""

from uuid import UUID

from flask import Blueprint, Response, current_app, jsonify

from edms.core.database import Database
from edms.letters import queries as letters
from edms.tracking import service
from edms.web.guards import current_actor

blueprint = Blueprint("tracking_api", __name__, url_prefix="/api/v1")


@blueprint.get("/letters/<uuid:letter_id>/track")
def track(letter_id: UUID) -> Response:
    """Return a letter's way in the shape of ``diwan track --json``."""
    database: Database = current_app.extensions["diwan"][Database]
    with database.read(current_actor()) as uow:
        return jsonify(service.told(uow, letters.letter(uow, letter_id)))
