"""Issuing as the pages do it: with the parts of the application, as whoever makes the request."""

from uuid import UUID

from crypto.timestamps import TimeStamper
from edms.content.store import ContentStore
from edms.core.database import Database
from edms.entities.keyring import Keyring
from edms.letters import issuing
from edms.letters.issuing import Issued
from edms.letters.printing_plan import Printing
from edms.registry.service import TurnQueue
from edms.web.edge import parts
from edms.web.guards import current_actor


def issue_letter(letter_id: UUID) -> Issued:
    """Number, seal and send a signed letter as whoever makes this request."""
    at = parts()
    return issuing.issue(
        at[Database],
        current_actor(),
        letter_id,
        turns=at[TurnQueue],
        store=at[ContentStore],
        keys=at[Keyring],
        printing=at[Printing],
        stamper=at[TimeStamper],
    )
