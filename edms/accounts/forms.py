"""What the pages of accounts and staff send, read into values."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from werkzeug.datastructures import MultiDict

from edms.accounts.passwords import NewPassword
from edms.accounts.service import NewPerson
from edms.core.arabic import fold_digits
from edms.core.errors import Invalid, Problem
from edms.entities.rules import CLEARANCES
from edms.web.locale import msgid

CLEARANCE_LABELS: Final[dict[int, str]] = {
    0: msgid("Ordinary"),
    1: msgid("Restricted"),
    2: msgid("Confidential"),
    3: msgid("Top secret"),
}


@dataclass(frozen=True, slots=True)
class PersonForm:
    """The form of a new person as typed."""

    name: str = ""
    unit: str = ""
    post: str = ""
    login: str = ""
    clearance: str = "1"
    roles: tuple[str, ...] = ()

    @classmethod
    def read(cls, sent: "MultiDict[str, str]") -> "PersonForm":
        """Take the known fields, each cut at 300 characters."""
        texts = {name: sent.get(name, "").strip()[:300] for name in ("name", "unit", "post", "login", "clearance")}
        return cls(**texts, roles=tuple(sent.getlist("roles")[:10]))

    def value(self, entity_id: UUID, password: NewPassword) -> NewPerson:
        """Return the new person with a password for one use; raises Invalid ``accounts.bad-account``."""
        problems = [
            Problem(name, "accounts.field-empty") for name in ("name", "unit", "post") if not getattr(self, name)
        ]
        written = fold_digits(self.clearance)
        if written not in {str(one) for one in CLEARANCES}:
            problems.append(Problem("clearance", "entities.bad-clearance"))
        if not self.roles:
            problems.append(Problem("roles", "accounts.no-role"))
        if problems:
            raise Invalid("accounts.bad-account", tuple(problems))
        return NewPerson(
            entity_id, self.unit, self.post, self.name, self.login, frozenset(self.roles), int(written),
            password=password, one_time=True,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RightsForm:
    """The form of a person's roles and clearance as typed."""

    clearance: str = ""
    roles: tuple[str, ...] = ()

    @classmethod
    def read(cls, sent: "MultiDict[str, str]") -> "RightsForm":
        """Take the known fields, cut short."""
        return cls(sent.get("clearance", "").strip()[:10], tuple(sent.getlist("roles")[:10]))

    def level(self) -> int:
        """Return the clearance; raises Invalid ``accounts.bad-account``."""
        written = fold_digits(self.clearance)
        if written not in {str(one) for one in CLEARANCES}:
            raise Invalid("accounts.bad-account", (Problem("clearance", "entities.bad-clearance"),))
        return int(written)


@dataclass(frozen=True, slots=True)
class PostForm:
    """The form that gives a person one more post, as typed."""

    unit: str = ""
    post: str = ""

    @classmethod
    def read(cls, sent: "MultiDict[str, str]") -> "PostForm":
        """Take the known fields, each cut at 300 characters."""
        return cls(sent.get("unit", "").strip()[:300], sent.get("post", "").strip()[:300])

    def require(self) -> None:
        """Raise Invalid ``accounts.bad-account`` unless both fields are filled."""
        empty = [name for name in ("unit", "post") if not getattr(self, name)]
        if empty:
            raise Invalid("accounts.bad-account", tuple(Problem(name, "accounts.field-empty") for name in empty))
