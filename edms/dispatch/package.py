"""The letter as it travels between entities, and the answers to it: pure values, known to both ends of the wire.

One ``package_id`` (UUIDv7) is given to a letter when it is issued and never changes, whatever the number of retries,
messages or paths. What one recipient entity receives of it is a *consignment*: its id is derived from the pair
(package, recipient entity) by :func:`consignment_id`, so both ends compute the same id without exchanging it, and a
repeat over any path meets the same unique key (DHX ``consignmentId``, xdomea ``ProzessID``).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID, uuid5

SCHEMA_VERSION = 1

PartRole = Literal["letter", "attachment"]
RecipientRole = Literal["to", "cc"]
ReceiptKind = Literal[
    "delivered", "registered", "updated", "opened", "settled", "refused", "annulled", "exception", "void"
]

# why a letter could not be taken as one, with the number that Segnatura 3.0 has for it (AnomalieEnum)
EXCEPTIONS: Final = MappingProxyType(
    {
        "package.version-unknown": "000",
        "package.xml-too-large": "000",
        "package.xml-doctype": "000",
        "package.xml-malformed": "000",
        "package.xml-invalid": "000",
        "package.xml-value": "000",
        "package.no-letter": "000",
        "package.hash-mismatch": "002",
        "package.part-missing": "003",
        "package.part-count": "003",
        "package.text-encoding": "003",
        "package.not-named": "000",
        "package.other": "000",
        "package.seal-doubtful": "006",
    }
)


@dataclass(frozen=True, slots=True)
class PackagePart:
    """One file of a package: the sealed PDF (``letter``) or an attachment; ``size`` in bytes, ``sha256`` lower hex.

    ``pages`` is known of the sealed PDF, 0 of other files.
    """

    role: PartRole
    name: str
    media_type: str
    size: int
    sha256: str
    content: bytes = field(repr=False)
    pages: int = 0


@dataclass(frozen=True, slots=True)
class PackageRecipient:
    """One addressee: the entity's 8-digit code, whether the letter is to it or a copy, and what the copy is for."""

    entity_code: str
    role: RecipientRole
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class LetterPackage:
    """An issued letter on the wire: the fields of ``letter.xml`` (urn:diwan:letter:1) and the files it lists.

    ``register_number`` is the sender's entry (``2026/1287``); ``signer_for`` and ``signer_for_name`` are of the holder
    of the post when a deputy signed.
    """

    package_id: UUID
    letter_id: UUID
    document_code: str
    number: str
    date: date
    hijri: str
    sender_code: str
    sender_unit: str | None
    recipients: tuple[PackageRecipient, ...]
    subject: str = field(repr=False)
    kind: str
    sensitivity: str
    precedence: str
    references: tuple[str, ...]
    verification_code: str
    signer_name: str
    signer_post: str
    signer_code: str
    body_text: str = field(repr=False)
    parts: tuple[PackagePart, ...]
    version: int = SCHEMA_VERSION
    created_at: datetime | None = None
    register_number: str = ""
    sender_name: str = ""
    sender_name_en: str = ""
    signed_at: datetime | None = None
    signer_for: str = ""
    signer_for_name: str = ""

    def consignment_for(self, entity_code: str) -> UUID:
        """Return the id of what ``entity_code`` receives of this package."""
        return consignment_id(self.package_id, entity_code)


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entity's answer to a consignment.

    ``delivered`` to its registry; ``registered`` with its number; ``updated``: another ``unit`` deals with it;
    ``opened``; ``settled``; ``refused``; ``annulled``: its registration was taken back; ``exception``: it could not be
    taken as a letter (``reason_code`` is one of EXCEPTIONS, ``document_code`` may be unknown); ``void`` comes from the
    sender, whose code ``entity_code`` then is. ``register_number`` is the answering entity's own (``2026/123``).
    ``event`` is its name in ETSI EN 319 522-3; ``message_id`` and ``message_hash`` name the message that it answers,
    ``document_hashes`` its files, the letter first (SHA-256, lower hex). ``signed``: it came under the answering body's
    seal; ``signature`` is that of ``signed_part`` (detached CMS), until it is judged.
    """

    kind: ReceiptKind
    package_id: UUID
    document_code: str
    entity_code: str
    at: datetime
    register_number: str = ""
    reason_code: str = ""
    reason_text: str = ""
    event: str = ""
    submitted_at: datetime | None = None
    message_id: str = ""
    message_hash: str = ""
    document_hashes: tuple[str, ...] = ()
    signed: bool = False
    signature: bytes = field(default=b"", repr=False)
    signed_part: bytes = field(default=b"", repr=False)
    unit: str = field(default="", repr=False)

    @property
    def consignment_id(self) -> UUID:
        """Return the id of the consignment that this receipt answers."""
        return consignment_id(self.package_id, self.entity_code)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A body's question to another, "did you issue this?" (طلب صحة صدور).

    ``verification_code`` (as printed) and ``file_sha256`` (lower hex, of the PDF in hand) prove possession;
    both may be empty.
    """

    inquiry_id: UUID
    asker_code: str
    issuer_code: str
    at: datetime
    document_code: str
    verification_code: str = field(default="", repr=False)
    file_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The answer to an inquiry, sealed by the issuer (تأييد صحة صدور).

    ``answer`` is one of ``confirmations.rules.Answer``; ``proof`` is a detached CMS (DER) by the issuer's seal over
    :func:`edms.dispatch.packing.statement_of`. What policy withholds is empty.
    """

    inquiry_id: UUID
    asker_code: str
    issuer_code: str
    at: datetime
    document_code: str
    file_sha256: str
    answer: str
    number: str = ""
    date: str = ""
    subject: str = field(default="", repr=False)
    reason: str = field(default="", repr=False)
    proof: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class UntypedMessage:
    """Mail without a valid package: registered as untyped incoming mail, never bounced.

    ``problems`` are stable codes (``package.hash-mismatch``); ``opaque`` says that not even its MIME could be read.
    ``notify_to`` is the address to which its writer asks for a notice of reading (RFC 8098).
    ``package_id`` and ``document_code`` are what a letter.xml says that could not be taken, where it says so.
    """

    problems: tuple[str, ...]
    opaque: bool = False
    message_id: str = ""
    sender: str = ""
    subject: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    report: bool = False
    notify_to: str = ""
    package_id: UUID | None = None
    document_code: str = ""


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """What a report says of one recipient: ``action`` of RFC 3464 §2.3.3 or disposition of RFC 8098 §3.2.6.

    ``address`` and ``original`` are without their type (``rfc822;``), ``status`` as in RFC 3463.
    """

    address: str
    action: str
    status: str = ""
    diagnostic: str = ""
    original: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery status (``dsn``, RFC 3464) or disposition (``mdn``, RFC 8098) notification of what we sent.

    ``original_id`` is the Message-ID of what it speaks of, without brackets; ``envelope_id`` the ENVID, decoded.
    """

    kind: Literal["dsn", "mdn"]
    original_id: str
    envelope_id: str
    recipients: tuple[ReportedRecipient, ...]
    message_id: str = ""
    reporter: str = ""


WireMessage = LetterPackage | Receipt | Inquiry | Confirmation | Report | UntypedMessage


def make_part(role: PartRole, name: str, media_type: str, content: bytes) -> PackagePart:
    """Return the part for ``content`` with its size and SHA-256 computed."""
    return PackagePart(role, name, media_type, len(content), hashlib.sha256(content).hexdigest(), content)


def consignment_id(package_id: UUID, entity_code: str) -> UUID:
    """Return the UUIDv5 (RFC 9562 §5.5) of ``entity_code`` in the namespace of the package."""
    return uuid5(package_id, entity_code)
