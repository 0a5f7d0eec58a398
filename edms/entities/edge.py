"""What the pages of bodies share: the application's parts, the body of an address, its name for the reader."""

from contextlib import AbstractContextManager
from typing import cast

from flask import current_app

from edms.core.database import Database, UnitOfWork
from edms.core.parts import Parts
from edms.entities import queries
from edms.entities.csv_import import read_entity_code
from edms.entities.models import Entity
from edms.web.formats import current_locale
from edms.web.guards import current_actor


def parts() -> Parts:
    """Return what this application was built from."""
    return cast("Parts", current_app.extensions["diwan"])


def reading() -> AbstractContextManager[UnitOfWork]:
    """Open a reading unit of work of whoever makes this request."""
    return parts()[Database].read(current_actor())


def working() -> AbstractContextManager[UnitOfWork]:
    """Open a writing unit of work of whoever makes this request."""
    return parts()[Database].work(current_actor())


def body_at(uow: UnitOfWork, code: str) -> Entity:
    """Return the body of an address, its code written in any of the usual ways; NotFound for another."""
    digits, _ = read_entity_code(code)
    return queries.entity_by_code(uow, digits or code[:40])


def named(body: Entity) -> str:
    """Return a body's name in the language of this request, the Arabic one where it has no other."""
    return body.name(current_locale())
