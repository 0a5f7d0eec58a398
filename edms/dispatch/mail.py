"""Mail that a client or a body's own server handed in, carried as it came, and what is reported of it; pure values."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

ReportKind = Literal["delayed", "failed", "expired", "delivered"]
NoticeKind = ReportKind | Literal["displayed", "refused"]


@dataclass(frozen=True, slots=True)
class SubmittedMail:
    """The meta of a ``PackageKind.MAIL``: the stored raw file, and what MAIL FROM said (RFC 3461 RET and ENVID).

    ``mail_from`` is the envelope's sender (``local@domain``), ``message_id`` without brackets, ``sha256`` lower hex.
    """

    file_id: UUID
    size: int
    sha256: str
    mail_from: str
    message_id: str
    submitted_at: datetime
    subject: str = field(default="", repr=False)
    envid: str = ""
    ret: str = ""
    smtputf8: bool = False
    eight_bit: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told of a mail: the meta of a ``PackageKind.REPORT``, to ``to`` from the null sender.

    Of a mail that a body's own server handed in: ``to`` is its envelope sender, ``recipient`` the address that the
    report speaks of, ``reply`` the last answer of the next hop, ``file_id`` the mail as it came (RET says how much of
    it goes back). ``displayed``: a person of ``recipient`` tells the writer that the mail was opened (MDN).
    ``refused``: the registry of ``recipient`` sends it back, and ``reply`` says why.
    """

    kind: NoticeKind
    to: str
    recipient: str
    at: datetime
    arrived_at: datetime
    message_id: str
    file_id: UUID | None = None
    orcpt: str = ""
    envid: str = ""
    ret: str = ""
    reply: str = ""
    retry_until: datetime | None = None
    smtputf8: bool = False


def mail_meta(mail: SubmittedMail) -> dict[str, Any]:
    """Return a submitted mail's values."""
    return {**asdict(mail), "file_id": str(mail.file_id), "submitted_at": mail.submitted_at.isoformat()}


def mail_of(meta: dict[str, Any]) -> SubmittedMail:
    """Return the submitted mail of stored values."""
    moment = datetime.fromisoformat(meta["submitted_at"])
    return SubmittedMail(**{**meta, "file_id": UUID(meta["file_id"]), "submitted_at": moment})


def notice_meta(notice: Notice) -> dict[str, Any]:
    """Return a notice's values."""
    until = notice.retry_until.isoformat() if notice.retry_until else None
    return {
        **asdict(notice), "file_id": str(notice.file_id) if notice.file_id else None, "at": notice.at.isoformat(),
        "arrived_at": notice.arrived_at.isoformat(), "retry_until": until,
    }  # fmt: skip


def notice_of(meta: dict[str, Any]) -> Notice:
    """Return the notice of stored values."""
    until = datetime.fromisoformat(meta["retry_until"]) if meta["retry_until"] else None
    return Notice(**{
        **meta, "file_id": UUID(meta["file_id"]) if meta["file_id"] else None,
        "at": datetime.fromisoformat(meta["at"]),
        "arrived_at": datetime.fromisoformat(meta["arrived_at"]), "retry_until": until,
    })  # fmt: skip
