"""Packages and receipts as JSON values (stored files in place of bytes), and back; pure."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from crypto.digests import canonical
from edms.dispatch.package import Confirmation, Inquiry, LetterPackage, PackagePart, PackageRecipient, Receipt


def package_meta(package: LetterPackage, files: tuple[UUID, ...]) -> dict[str, Any]:
    """Return a package's values with ``files`` (in the order of its parts) in place of the parts' bytes."""
    return {
        "letter_id": str(package.letter_id),
        "document_code": package.document_code,
        "number": package.number,
        "date": package.date.isoformat(),
        "hijri": package.hijri,
        "sender_code": package.sender_code,
        "sender_unit": package.sender_unit,
        "recipients": [[each.entity_code, each.role, each.purpose] for each in package.recipients],
        "subject": package.subject,
        "kind": package.kind,
        "sensitivity": package.sensitivity,
        "precedence": package.precedence,
        "references": list(package.references),
        "verification_code": package.verification_code,
        "signer_name": package.signer_name,
        "signer_post": package.signer_post,
        "signer_code": package.signer_code,
        "body_text": package.body_text,
        "parts": [
            {
                "role": part.role,
                "name": part.name,
                "media_type": part.media_type,
                "size": part.size,
                "sha256": part.sha256,
                "pages": part.pages,
                "file_id": str(file_id),
            }
            for part, file_id in zip(package.parts, files, strict=True)
        ],
        "created_at": _iso(package.created_at),
        "register_number": package.register_number,
        "sender_name": package.sender_name,
        "sender_name_en": package.sender_name_en,
        "signed_at": _iso(package.signed_at),
        "signer_for": package.signer_for,
        "signer_for_name": package.signer_for_name,
    }


def package_of(
    package_id: UUID, meta: dict[str, Any], content_of: Callable[[UUID], bytes] = lambda _file: b""
) -> LetterPackage:
    """Return the package of stored values; ``content_of`` gives the bytes of a stored file (none by default)."""
    return LetterPackage(
        package_id=package_id,
        letter_id=UUID(meta["letter_id"]),
        document_code=meta["document_code"],
        number=meta["number"],
        date=date.fromisoformat(meta["date"]),
        hijri=meta["hijri"],
        sender_code=meta["sender_code"],
        sender_unit=meta["sender_unit"],
        recipients=tuple(PackageRecipient(code, role, purpose) for code, role, purpose in meta["recipients"]),
        subject=meta["subject"],
        kind=meta["kind"],
        sensitivity=meta["sensitivity"],
        precedence=meta["precedence"],
        references=tuple(meta["references"]),
        verification_code=meta["verification_code"],
        signer_name=meta["signer_name"],
        signer_post=meta["signer_post"],
        signer_code=meta["signer_code"],
        body_text=meta["body_text"],
        parts=tuple(
            PackagePart(
                part["role"],
                part["name"],
                part["media_type"],
                part["size"],
                part["sha256"],
                content_of(UUID(part["file_id"])),
                part.get("pages", 0),
            )
            for part in meta["parts"]
        ),
        created_at=_moment(meta.get("created_at")),
        signed_at=_moment(meta.get("signed_at")),
        **{name: meta.get(name, "") for name in _LATER},
    )


def files_of(meta: dict[str, Any]) -> tuple[UUID, ...]:
    """Return the stored files of a package's parts, in their order."""
    return tuple(UUID(part["file_id"]) for part in meta["parts"])


def receipt_meta(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt's values."""
    return {
        "kind": receipt.kind,
        "package_id": str(receipt.package_id),
        "document_code": receipt.document_code,
        "entity_code": receipt.entity_code,
        "at": receipt.at.isoformat(),
        "register_number": receipt.register_number,
        "reason_code": receipt.reason_code,
        "reason_text": receipt.reason_text,
        "event": receipt.event,
        "submitted_at": receipt.submitted_at.isoformat() if receipt.submitted_at else "",
        "message_id": receipt.message_id,
        "message_hash": receipt.message_hash,
        "document_hashes": list(receipt.document_hashes),
        "unit": receipt.unit,
    }


def receipt_of(meta: dict[str, Any]) -> Receipt:
    """Return the receipt of stored values."""
    return Receipt(
        kind=meta["kind"],
        package_id=UUID(meta["package_id"]),
        document_code=meta["document_code"],
        entity_code=meta["entity_code"],
        at=datetime.fromisoformat(meta["at"]),
        register_number=meta["register_number"],
        reason_code=meta["reason_code"],
        reason_text=meta["reason_text"],
        event=meta.get("event", ""),
        submitted_at=datetime.fromisoformat(meta["submitted_at"]) if meta.get("submitted_at") else None,
        message_id=meta.get("message_id", ""),
        message_hash=meta.get("message_hash", ""),
        document_hashes=tuple(meta.get("document_hashes", ())),
        unit=meta.get("unit", ""),
    )


def inquiry_meta(inquiry: Inquiry) -> dict[str, Any]:
    """Return an inquiry's values."""
    return {**asdict(inquiry), "inquiry_id": str(inquiry.inquiry_id), "at": inquiry.at.isoformat()}


def inquiry_of(meta: dict[str, Any]) -> Inquiry:
    """Return the inquiry of stored values."""
    return Inquiry(**{**meta, "inquiry_id": UUID(meta["inquiry_id"]), "at": datetime.fromisoformat(meta["at"])})


def confirmation_meta(confirmation: Confirmation) -> dict[str, Any]:
    """Return a confirmation's values, its proof in base64."""
    return {
        **asdict(confirmation),
        "inquiry_id": str(confirmation.inquiry_id),
        "at": confirmation.at.isoformat(),
        "proof": b64encode(confirmation.proof).decode(),
    }


def confirmation_of(meta: dict[str, Any]) -> Confirmation:
    """Return the confirmation of stored values."""
    values = {**meta, "inquiry_id": UUID(meta["inquiry_id"]), "at": datetime.fromisoformat(meta["at"])}
    return Confirmation(**{**values, "proof": b64decode(meta["proof"])})


def statement_of(confirmation: Confirmation) -> bytes:
    """Return what a confirmation's proof is made over: its values without the proof, as canonical JSON."""
    values = confirmation_meta(confirmation)
    del values["proof"]
    return canonical({"type": "urn:diwan:confirmation:1", **values})


_LATER = ("register_number", "sender_name", "sender_name_en", "signer_for", "signer_for_name")


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
