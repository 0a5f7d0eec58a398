"""Kinds, states and permissions of letters; pure."""

from enum import IntEnum, StrEnum

from edms.core.actor import Actor, permission


class Kind(StrEnum):
    """What sort of letter it is."""

    LETTER = "letter"
    CIRCULAR = "circular"
    MEMO = "memo"
    ORDER = "order"
    REMINDER = "reminder"
    REPLY = "reply"
    CONFIRMATION = "confirmation"


class Sensitivity(IntEnum):
    """درجة السرية, low to high; a person reads up to the clearance."""

    ORDINARY = 0
    RESTRICTED = 1
    CONFIDENTIAL = 2
    TOP_SECRET = 3


class Precedence(StrEnum):
    """درجة الاستعجال."""

    ORDINARY = "ordinary"
    URGENT = "urgent"
    IMMEDIATE = "immediate"


class AddresseeRole(StrEnum):
    """Whether the letter is addressed to the body or copied to it (نسخة منه إلى)."""

    TO = "to"
    COPY = "cc"


class State(StrEnum):
    """Where a letter stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    SIGNED = "signed"
    ISSUED = "issued"
    REGISTERED = "registered"
    SETTLED = "settled"
    VOID = "void"
    DELETED = "deleted"


TRANSITIONS: dict[tuple[State, str], State] = {
    (State.DRAFT, "save"): State.DRAFT,
    (State.DRAFT, "submit"): State.SUBMITTED,
    (State.DRAFT, "delete"): State.DELETED,
    (State.SUBMITTED, "return"): State.DRAFT,
    (State.SUBMITTED, "sign"): State.SIGNED,
    (State.SIGNED, "return"): State.DRAFT,
    (State.SIGNED, "issue"): State.ISSUED,
    (State.ISSUED, "void"): State.VOID,
    (State.ISSUED, "settle"): State.SETTLED,
    (State.REGISTERED, "settle"): State.SETTLED,
    (State.REGISTERED, "annul"): State.VOID,
}

READERS = "readers"
"""Why a letter was destroyed as its body stores it when all of it was sealed for named readers before."""

EDITABLE = frozenset({State.DRAFT})
NUMBERED = frozenset({State.ISSUED, State.REGISTERED, State.SETTLED, State.VOID})

KEEP_TEMPLATES = permission("letters.keep-templates", {"administrator", "registry"})
DRAFT = permission("letters.draft", {"employee", "signatory", "registry"})
SIGN = permission("letters.sign", {"signatory", "deputy"})
ISSUE = permission("letters.issue", {"signatory", "deputy", "registry", "system:operator"})
VOID = permission("letters.void", {"signatory", "registry"})
SETTLE = permission("letters.settle", {"employee", "signatory", "registry"})
ANNUL = permission("letters.annul-registration", {"registry"})
ASSIGN = permission("letters.assign-unit", {"registry"})
RESERVE = permission("letters.reserve", {"signatory", "registry"})
DESTROY = permission("letters.destroy", {"registry"})
DESTROY_YEAR = permission("letters.destroy-year", {"administrator", "system:operator"})
READ = permission("letters.read", {"employee", "signatory", "registry", "auditor", "system:operator"})
KEEP_LETTERHEAD = permission("letters.keep-letterhead", {"administrator", "centre", "system:operator"})
RECEIVE = permission("letters.receive", {"registry", "system:gateway", "system:operator"})


def after(state: str, verb: str) -> State | None:
    """Return the state that ``verb`` leads to, or None when the verb is not allowed in ``state``."""
    return TRANSITIONS.get((State(state), verb))


OFFICE_ROLES = frozenset({"registry", "auditor", "signatory"})


def acl_of_letter(sensitivity: int, author_id: object, signer_post_id: object) -> tuple[str, ...]:
    """Return the tokens of which a reader must carry one to read a numbered letter (the search index keeps them)."""
    tokens = [f"office:{sensitivity}"]
    if author_id is not None:
        tokens.append(f"author:{author_id}")
    if signer_post_id is not None:
        tokens.append(f"post:{signer_post_id}")
    if sensitivity == Sensitivity.ORDINARY:
        tokens.append("open")
    return tuple(tokens)


def acl_of_reader(actor: Actor) -> tuple[str, ...]:
    """Return the tokens that an actor carries inside the own body."""
    tokens = ["open"]
    if actor.employee_id is not None:
        tokens.append(f"author:{actor.employee_id}")
    tokens += [f"post:{post}" for post in sorted(actor.post_ids, key=str)]
    if not actor.roles.isdisjoint(OFFICE_ROLES):
        tokens += [f"office:{level}" for level in range(actor.clearance + 1)]
    return tuple(tokens)
