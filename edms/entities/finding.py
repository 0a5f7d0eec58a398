"""Bodies found by what people type."""

from edms.core.database import UnitOfWork
from edms.core.errors import NotFound
from edms.entities import queries
from edms.entities.csv_import import read_entity_code
from edms.entities.models import Entity


def entity_by_typed_code(uow: UnitOfWork, written: str) -> Entity:
    """Return the body of a code as people type it, or of a mail domain; NotFound with the code they may have meant."""
    digits, problem = read_entity_code(written)
    if digits:
        return queries.entity_by_code(uow, digits)
    found = queries.entity_by_domain(uow, written.strip().lower())
    if found is None:
        slip = problem is not None and problem.code == "entities.code-slip"
        raise (
            NotFound(problem.code, **problem.params)
            if slip and problem
            else NotFound("entities.unknown-code", entity=written)
        )
    return found
