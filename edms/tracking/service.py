"""Finding the letter that a typed document code names, and telling its way as plain values."""

from datetime import datetime
from typing import Any

from crypto import codes
from crypto.errors import BadCode
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid
from edms.dispatch.package import EXCEPTIONS
from edms.entities import queries as entities
from edms.letters import queries as letters
from edms.letters.models import Letter
from edms.tracking import queries


def letter_of_code(uow: UnitOfWork, text: str) -> Letter:
    """Return the actor's letter of a document code typed in any digits and with any separators, long or short form.

    Raises Invalid ``tracking.did-you-mean`` with ``suggestion`` for groups in another order,
    ``tracking.code-mistyped`` for check digits that do not fit, ``tracking.bad-code`` for what is no document code,
    NotFound for a letter that does not exist or is not the actor's.
    """
    try:
        if uow.actor.entity_id is None:
            code = codes.parse(text, year=uow.now.year)
        else:
            own = entities.entity(uow, uow.actor.entity_id).code[:6]
            code = codes.parse_document(text, own, uow.now.year)
    except BadCode as error:
        if error.suggestion:
            raise Invalid("tracking.did-you-mean", suggestion=error.suggestion) from error
        mistyped = error.code == "codes.bad-check"
        raise Invalid("tracking.code-mistyped" if mistyped else "tracking.bad-code") from error
    if code.kind is not codes.CodeKind.DOCUMENT:
        raise Invalid("tracking.bad-code")
    return letters.letter_by_code(uow, code.digits)


def told(uow: UnitOfWork, letter: Letter) -> dict[str, Any]:
    """Return a letter's way as JSON values: the shape of ``diwan track --json``."""
    counted = queries.totals(uow, letter)
    return {
        "document_code": letter.document_code,
        "number": letter.number,
        "state": letter.state,
        "direction": letter.direction,
        "totals": {name: getattr(counted, name) for name in counted.__slots__},
        "recipients": [
            {
                "entity": each.entity_code, "state": each.state, "taken": _iso(each.taken),
                "delivered": _iso(each.delivered), "opened": _iso(each.opened), "registered": _iso(each.registered),
                "far_number": each.far_number or None, "far_unit": each.far_unit or None,
                "settled": _iso(each.settled), "refused": _iso(each.refused),
                "reason": each.trouble.words if each.trouble and each.refused else None,
                "exception": each.trouble.reason if each.trouble and each.trouble.reason in EXCEPTIONS else None,
                "attempts": each.attempts, "next_try": _iso(each.next_at),
            }
            for each in queries.facts(uow, letter)
        ],
        "events": [
            {"at": _iso(step.at), "event": step.kind, "employee": step.who.code or None, "times": step.times}
            for step in queries.timeline(uow, letter)
        ],
    }  # fmt: skip


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
