"""Who acts: a person in a post of an entity, or one of the system's own processes; and what a permission is."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from edms.core.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Permission:
    """A named right and the roles that carry it; features declare theirs in ``rules.py``."""

    name: str
    roles: frozenset[str]


def permission(name: str, roles: Iterable[str]) -> Permission:
    """Declare a permission; system roles are written ``system:gateway``, ``system:operator``."""
    return Permission(name, frozenset(roles))


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts in a unit of work; every event names it.

    ``clearance`` is the highest sensitivity (0 ordinary … 3 top secret) the person may read.
    """

    name: str
    roles: frozenset[str]
    employee_id: UUID | None = None
    employee_code: str = ""
    entity_id: UUID | None = None
    unit_ids: frozenset[UUID] = field(default_factory=frozenset)
    post_ids: frozenset[UUID] = field(default_factory=frozenset)
    clearance: int = 0
    session_id: UUID | None = None
    client: str = ""

    def may(self, right: Permission) -> bool:
        """Say whether one of the actor's roles carries ``right``."""
        return not self.roles.isdisjoint(right.roles)

    def require(self, right: Permission) -> None:
        """Raise Forbidden unless one of the actor's roles carries ``right``."""
        if not self.may(right):
            raise Forbidden("core.forbidden", permission=right.name)


def system_actor(name: str) -> Actor:
    """Return the actor of one of our processes (``gateway``, ``relay``, ``worker``, ``operator``)."""
    return Actor(name=name, roles=frozenset({f"system:{name}"}))


ANONYMOUS = Actor(name="anonymous", roles=frozenset())
