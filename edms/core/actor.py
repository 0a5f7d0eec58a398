"""Who acts: a person in a post of an entity, or one of the system's own processes; and what a permission is."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
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
class Deputyship:
    """The actor signs for the holder of a post (نيابةً عن); ``kinds`` is empty for letters of all kinds."""

    post_id: UUID
    holder_id: UUID
    holder_code: str
    max_sensitivity: int
    kinds: frozenset[str] = field(default_factory=frozenset)

    def covers(self, post_id: UUID | None, kind: str, sensitivity: int) -> bool:
        """Say whether a letter that a post is to sign is within what was delegated."""
        in_kind = not self.kinds or kind in self.kinds
        return post_id == self.post_id and in_kind and sensitivity <= self.max_sensitivity


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts in a unit of work; every event names it.

    ``clearance`` is the highest sensitivity (0 ordinary … 3 top secret) the person may read. ``stepped_up_at`` is when
    the person last gave PIN or second factor in this session, ``stepped_up_by`` which of them.
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
    stepped_up_at: datetime | None = None
    stepped_up_by: str = ""
    deputyships: tuple[Deputyship, ...] = ()

    def may(self, right: Permission) -> bool:
        """Say whether one of the actor's roles carries ``right``."""
        return not self.roles.isdisjoint(right.roles)

    def require(self, right: Permission) -> None:
        """Raise Forbidden unless one of the actor's roles carries ``right``."""
        if not self.may(right):
            raise Forbidden("core.forbidden", permission=right.name)

    def deputyship(self, post_id: UUID | None, kind: str, sensitivity: int) -> Deputyship | None:
        """Return by which deputyship the actor signs such a letter for another, if by any; an own post comes first."""
        if post_id in self.post_ids:
            return None
        return next((one for one in self.deputyships if one.covers(post_id, kind, sensitivity)), None)


def system_actor(name: str) -> Actor:
    """Return the actor of one of our processes (``gateway``, ``relay``, ``worker``, ``operator``)."""
    return Actor(name=name, roles=frozenset({f"system:{name}"}))


ANONYMOUS = Actor(name="anonymous", roles=frozenset())
