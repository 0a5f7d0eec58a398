"""What pages take from the application: its parts, and units of work of whoever makes the request."""

from contextlib import AbstractContextManager
from typing import cast

from flask import current_app

from edms.core.database import Database, UnitOfWork
from edms.core.parts import Parts
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
