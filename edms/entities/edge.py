"""What the pages of bodies share: the body of an address, its name for the reader."""

from edms.core.database import UnitOfWork
from edms.entities import queries
from edms.entities.csv_import import read_entity_code
from edms.entities.models import Entity
from edms.web.formats import current_locale


def body_at(uow: UnitOfWork, code: str) -> Entity:
    """Return the body of an address, its code written in any of the usual ways; NotFound for another."""
    digits, _ = read_entity_code(code)
    return queries.entity_by_code(uow, digits or code[:40])


def named(body: Entity) -> str:
    """Return a body's name in the language of this request, the Arabic one where it has no other."""
    return body.name(current_locale())
