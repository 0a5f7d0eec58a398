"""Kinds of bodies, roles of staff, who may keep the register, and what its values may be; pure."""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID

from edms.core import arabic
from edms.core.actor import permission


class EntityType(StrEnum):
    """Where a body stands in the state."""

    MINISTRY = "ministry"
    INDEPENDENT = "independent"
    GOVERNORATE = "governorate"
    DIRECTORATE = "directorate"
    BRANCH = "branch"


class Role(StrEnum):
    """What a person does in Diwan."""

    EMPLOYEE = "employee"
    SIGNATORY = "signatory"
    REGISTRY = "registry"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    CENTRE = "centre"


KEEP_ENTITIES = permission("entities.keep", {Role.CENTRE, "system:operator"})
SET_REGISTERING = permission("entities.set-registering", {Role.ADMINISTRATOR, Role.CENTRE, "system:operator"})
KEEP_STAFF = permission("entities.keep-staff", {Role.ADMINISTRATOR, Role.CENTRE, "system:operator"})
KEEP_ALL_STAFF = permission("entities.keep-all-staff", {Role.CENTRE, "system:operator"})
SEE_ENTITIES = permission("entities.see", {*Role, "system:operator"})
KEEP_INSTALLATIONS = permission("entities.keep-installations", {"system:operator"})
KEEP_SERVERS = permission("entities.keep-servers", {Role.CENTRE, "system:operator"})
KEEP_DKIM_KEYS = permission("entities.keep-dkim-keys", {Role.CENTRE, "system:operator"})
KEEP_MAILBOXES = permission("entities.keep-mailboxes", {Role.ADMINISTRATOR, Role.CENTRE, "system:operator"})
SUSPEND_MAIL = permission("entities.suspend-mail", {Role.CENTRE, "system:operator"})
KEEP_AUTHORITY = permission("entities.keep-authority", {"system:operator"})
KEEP_KEYS = permission("entities.keep-keys", {"system:operator"})

FIRST_SERIAL = 100_000
LAST_SERIAL = 999_999
EMPLOYEES_PER_SERIAL = 100
"""National employee serials that go with one entity serial, so that installations with own ranges never meet."""

LONGEST_NAME = 200
LONGEST_MARK = 40
LONGEST_REASON = 200
LONGEST_MAILBOX = 64
"""Octets of a mailbox's name (RFC 5321 §4.5.3.1.1)."""

DIWAN, SERVER = "diwan", "server"
"""Kinds of installations: a peer that runs Diwan, or a mail server that a body runs itself."""

REGISTRY_MAILBOX, POSTMASTER = "diwan", "postmaster"

BUILT_IN_MAILBOXES = {
    REGISTRY_MAILBOX: REGISTRY_MAILBOX, arabic.REGISTRY: REGISTRY_MAILBOX, POSTMASTER: POSTMASTER,
}  # fmt: skip
"""What every body has: its registry by both names, and whom other servers' keepers write to; each with its alias."""

CLEARANCES = range(4)

_MAILBOX = re.compile(r"[^\W_]+(?:[._-][^\W_]+)*")
_ALIAS = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_SCRIPTS = frozenset({"ARABIC", "LATIN", "SYRIAC"})
_TATWEEL = "\u0640"
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_INVISIBLE = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_DIRECTION_MARKS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\ufeff")


@dataclass(frozen=True, slots=True)
class NewEntity:
    """What is told about a body that is to be registered.

    ``code`` keeps a code given before (8 digits); without one the next free code is given. ``installation_id`` is the
    peer that serves the body, or None for this installation.
    """

    name_ar: str
    type: EntityType
    mail_domain: str
    valid_from: date
    name_en: str = ""
    parent_id: UUID | None = None
    short_mark: str = ""
    valid_to: date | None = None
    code: str | None = None
    installation_id: UUID | None = None
    registers_by_rule: bool = True
    id: UUID | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class EntityChange:
    """What is to become different in a body; None leaves a value as it is.

    ``valid_to`` is the last day in force (it closes the body); ``reopen`` takes that day away; ``max_sensitivity`` is
    the highest sensitivity of letters that may be addressed to it.
    """

    name_ar: str | None = None
    name_en: str | None = None
    short_mark: str | None = None
    valid_to: date | None = None
    reopen: bool = False
    registers_by_rule: bool | None = None
    registers_untyped: bool | None = None
    max_sensitivity: int | None = None

    @property
    def only_registering(self) -> bool:
        """Whether nothing is told but how arriving letters are registered."""
        told = self.registers_by_rule, self.registers_untyped
        return told != (None, None) and self == EntityChange(registers_by_rule=told[0], registers_untyped=told[1])


def clean_name(text: str) -> str:
    """Return a name in NFC with single spaces and without control characters and direction marks."""
    kept = "".join(
        " " if one.isspace() else one
        for one in unicodedata.normalize("NFC", text)
        if one.isspace() or (unicodedata.category(one) not in _INVISIBLE and one not in _DIRECTION_MARKS)
    )
    return " ".join(kept.split())


def clean_mailbox(text: str) -> str | None:
    """Return a mailbox's name in NFC and lower case, or None unless every reader takes it for the same name.

    Letters of one script and digits of one kind, with single ``. _ -`` between them: no sign of direction, no mark
    above or below, no tatweel, no presentation form (RFC 6530 §13, UTS #39).

    >>> clean_mailbox("الموارد.البشرية"), clean_mailbox("HR-1"), clean_mailbox("محـمد"), clean_mailbox("аdmin")
    ('الموارد.البشرية', 'hr-1', None, None)
    """
    name = unicodedata.normalize("NFC", text.strip()).lower()
    if not _MAILBOX.fullmatch(name) or len(name.encode()) > LONGEST_MAILBOX:
        return None
    if name != unicodedata.normalize("NFKC", name) or _TATWEEL in name:
        return None
    signs = [unicodedata.name(one, "").split(" ") for one in name if one.isalnum()]
    letters = {words[0] for words in signs if "DIGIT" not in words}
    digits = {" ".join(words[: words.index("DIGIT")]) for words in signs if "DIGIT" in words}
    return name if len(letters) <= 1 and letters <= _SCRIPTS and len(digits) <= 1 else None


def clean_alias(text: str) -> str | None:
    """Return an ASCII name of a mailbox in lower case, or None when it is not one."""
    alias = text.strip().lower()
    return alias if _ALIAS.fullmatch(alias) and len(alias) <= LONGEST_MAILBOX else None


def clean_host(text: str) -> str | None:
    """Return where a server listens, a domain name in lower-case ASCII or an IP address, or None for anything else."""
    try:
        return str(ipaddress.ip_address(text.strip().strip("[]")))
    except ValueError:
        return "localhost" if text.strip().lower() == "localhost" else clean_domain(text)


def clean_domain(text: str) -> str | None:
    """Return a mail domain in lower-case ASCII (A-labels, RFC 5890), or None unless it is a name of two labels or more.

    >>> clean_domain("MOI.gov.example."), clean_domain("localhost"), clean_domain("a b.example")
    ('moi.gov.example', None, None)
    """
    try:
        domain = text.strip().removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = domain.split(".")
    sound = len(labels) >= 2 and len(domain) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    return domain if sound and not labels[-1].isdigit() else None
