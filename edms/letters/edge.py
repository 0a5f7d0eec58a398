"""What the pages of letters take from the application: its parts, and units of work of the signed-in person."""

from contextlib import AbstractContextManager
from typing import cast
from uuid import UUID

from flask import current_app

from crypto.timestamps import TimeStamper
from edms.content.store import ContentStore
from edms.core.database import Database, UnitOfWork
from edms.core.parts import Parts
from edms.entities.keyring import Keyring
from edms.letters import issuing
from edms.letters.issuing import Issued
from edms.letters.printing import Printing
from edms.registry.service import TurnQueue
from edms.web.guards import current_actor


def parts() -> Parts:
    """Return the parts of this application."""
    return cast("Parts", current_app.extensions["diwan"])


def reading() -> AbstractContextManager[UnitOfWork]:
    """Open a reading unit of work of whoever makes this request."""
    return parts()[Database].read(current_actor())


def working() -> AbstractContextManager[UnitOfWork]:
    """Open a writing unit of work of whoever makes this request."""
    return parts()[Database].work(current_actor())


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
