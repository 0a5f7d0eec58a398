"""What the pages of bodies send, read into values; every wrong field is reported at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from edms.core.errors import Invalid, Problem
from edms.entities.csv_import import read_day
from edms.entities.models import Entity
from edms.entities.rules import EntityChange, EntityType, NewEntity
from edms.web.locale import msgid

TYPE_LABELS: dict[str, str] = {
    EntityType.MINISTRY: msgid("Ministry"),
    EntityType.INDEPENDENT: msgid("Body outside ministries"),
    EntityType.GOVERNORATE: msgid("Governorate"),
    EntityType.DIRECTORATE: msgid("Directorate"),
    EntityType.BRANCH: msgid("Branch"),
}
ROLE_LABELS: dict[str, str] = {
    "employee": msgid("Employee"),
    "signatory": msgid("Signatory"),
    "registry": msgid("Registry officer"),
    "auditor": msgid("Auditor"),
    "administrator": msgid("Entity administrator"),
    "centre": msgid("Correspondence centre"),
}


@dataclass(frozen=True, slots=True)
class EntityForm:
    """The form of a new body as typed; ``parent`` is an inner key."""

    name_ar: str = ""
    name_en: str = ""
    type: str = ""
    parent: str = ""
    mail_domain: str = ""
    short_mark: str = ""
    code: str = ""
    valid_from: str = ""

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> "EntityForm":
        """Take the known fields, each cut at 300 characters."""
        return cls(**{name: sent.get(name, "").strip()[:300] for name in cls.__slots__})

    def value(self) -> NewEntity:
        """Return the new body; raises Invalid ``entities.bad-entity`` for a field that cannot be read."""
        problems = []
        begin = read_day(self.valid_from)
        if begin is None:
            problems.append(Problem("valid_from", "entities.bad-date"))
        if self.type not in set(EntityType):
            problems.append(Problem("type", "entities.unknown-type", type=self.type or "—"))
        parent = _key(self.parent)
        if self.parent and parent is None:
            problems.append(Problem("parent", "entities.unknown-parent", parent="—"))
        if problems or begin is None:
            raise Invalid("entities.bad-entity", tuple(problems))
        return NewEntity(
            name_ar=self.name_ar, name_en=self.name_en, type=EntityType(self.type), mail_domain=self.mail_domain,
            short_mark=self.short_mark, code=self.code or None, valid_from=begin, parent_id=parent,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChangeForm:
    """The form that changes a body, as typed; ``by_rule`` and ``untyped`` are "1" for what is registered at once."""

    name_ar: str = ""
    name_en: str = ""
    short_mark: str = ""
    valid_to: str = ""
    by_rule: str = ""
    untyped: str = ""
    max_sensitivity: str = ""

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> "ChangeForm":
        """Take the known fields, each cut at 300 characters."""
        return cls(**{name: sent.get(name, "").strip()[:300] for name in cls.__slots__})

    @classmethod
    def of(cls, body: Entity) -> "ChangeForm":
        """Return the form as a body fills it."""
        last = body.valid_to.isoformat() if body.valid_to else ""
        by_rule, untyped = ("1" if rule else "" for rule in (body.registers_by_rule, body.registers_untyped))
        highest = str(body.max_sensitivity)
        return cls(body.name_ar or "", body.name_en or "", body.short_mark, last, by_rule, untyped, highest)

    def value(self, *, everything: bool) -> EntityChange:
        """Return the change, of ``everything`` or of the registering alone; raises Invalid ``entities.bad-entity``."""
        by_rule, untyped = self.by_rule == "1", self.untyped == "1"
        if not everything:
            return EntityChange(registers_by_rule=by_rule, registers_untyped=untyped)
        last = read_day(self.valid_to) if self.valid_to else None
        if self.valid_to and last is None:
            raise Invalid("entities.bad-entity", (Problem("valid_to", "entities.bad-date"),))
        highest = {"": None, "0": 0, "1": 1, "2": 2, "3": 3}.get(self.max_sensitivity, -1)
        return EntityChange(
            self.name_ar, self.name_en, self.short_mark, last, not self.valid_to, by_rule, untyped, highest
        )


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
