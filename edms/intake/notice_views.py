"""The clerk's button that tells a writer that the message was opened."""

from uuid import UUID

from flask import Blueprint
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.intake import notices
from edms.web.edge import working
from edms.web.page import go

blueprint = Blueprint("notices", __name__)


@blueprint.post("/incoming/waiting/<uuid:message_id>/notice")
def tell(message_id: UUID) -> WerkzeugResponse:
    """Send the notice of reading that the writer asked for."""
    with working() as uow:
        notices.tell(uow, message_id)
    return go(f"/incoming/waiting/{message_id}", notice="The writer is told that the message was opened.")
