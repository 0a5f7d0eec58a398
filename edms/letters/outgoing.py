"""What an outgoing letter says of itself to machines: the data sealed into its PDF, and the package that is sent."""

from datetime import date
from typing import Any

from edms.core.calendar import hijri_iso
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.letters import body as bodies
from edms.letters import queries
from edms.letters.models import Letter, Signature
from edms.letters.printing_plan import Printing
from edms.letters.rules import AddresseeRole, Sensitivity
from edms.letters.sealed_files import LetterData, Party
from edms.letters.sealing import SealedSheet


def letter_data(uow: UnitOfWork, letter: Letter, signature: Signature, printing: Printing, *, day: date) -> LetterData:
    """Gather what ``letter.xml`` says of a letter that has its codes and not yet its number."""
    addressed = queries.addressees(uow, letter.id)
    known = entities.entities_by_ids(uow, [letter.entity_id, *(each.recipient_id for each in addressed)])
    holder = signature.on_behalf_of_id
    people = entities.employees_by_ids(uow, [signature.employee_id, *([holder] if holder else [])])
    signer = people[signature.employee_id]
    own = known[letter.entity_id]

    def parties(role: AddresseeRole) -> tuple[Party, ...]:
        chosen = [each for each in addressed if each.role == role]
        return tuple(
            Party(known[each.recipient_id].code, known[each.recipient_id].name_ar, each.purpose) for each in chosen
        )

    return LetterData(
        facts={
            "code": letter.document_code or "",
            "date": day.isoformat(),
            "hijri": hijri_iso(day, printing.hijri_adjust),
            "kind": letter.kind,
            "precedence": letter.precedence,
            "sensitivity": Sensitivity(letter.sensitivity).name.lower(),
        },
        sender=Party(own.code, own.name_ar),
        signer={
            "code": signer.code,
            "name": signer.name,
            "post": entities.post(uow, signature.post_id).title,
            "on-behalf-of": people[holder].code if holder else "",
        },
        to=parties(AddresseeRole.TO),
        copies=parties(AddresseeRole.COPY),
        subject=letter.subject,
        references=tuple((each.document_code or "", each.text) for each in queries.references(uow, letter.id)),
        attachments=tuple(
            {"name": each.name, "sha256": each.hash, "size": str(each.size), "type": each.media_type}
            for each in queries.attachments(uow, letter.id)
        ),
        body=tuple(queries.newest_version(uow, letter.id).text["body"]),
    )


def package_meta(uow: UnitOfWork, letter: Letter, signature: Signature, rendition: SealedSheet) -> dict[str, Any]:
    """Return the values of ``dispatch.package.LetterPackage``, with stored files in place of bytes."""
    holder = signature.on_behalf_of_id
    people = entities.employees_by_ids(uow, [signature.employee_id, *([holder] if holder else [])])
    signer = people[signature.employee_id]
    addressed = queries.addressees(uow, letter.id)
    bodies_by_id = entities.entities_by_ids(uow, [letter.entity_id, *(each.recipient_id for each in addressed)])
    own, code = bodies_by_id[letter.entity_id], letter.document_code or ""
    parts: list[dict[str, Any]] = [
        {
            "role": "letter",
            "name": f"{code}.pdf",
            "media_type": "application/pdf",
            "size": rendition.file.size,
            "sha256": rendition.digest.hex(),
            "pages": rendition.pages,
            "file_id": str(rendition.file.id),
        }
    ]
    parts += [
        {
            "role": "attachment",
            "name": each.name,
            "media_type": each.media_type,
            "size": each.size,
            "sha256": each.hash,
            "file_id": str(each.file_id),
        }
        for each in queries.attachments(uow, letter.id)
    ]
    return {
        "letter_id": str(letter.id),
        "document_code": code,
        "number": letter.number,
        "date": letter.letter_date.isoformat() if letter.letter_date else "",
        "hijri": rendition.hijri,
        "created_at": uow.now.isoformat(),
        "register_number": letter.register_number,
        "sender_code": own.code,
        "sender_name": own.name_ar,
        "sender_name_en": own.name_en or "",
        "sender_unit": None,
        "recipients": [[bodies_by_id[a.recipient_id].code, a.role, a.purpose] for a in addressed],
        "subject": letter.subject,
        "kind": letter.kind,
        "sensitivity": Sensitivity(letter.sensitivity).name.lower(),
        "precedence": letter.precedence,
        "references": [each.document_code or each.text for each in queries.references(uow, letter.id)],
        "verification_code": letter.verification_code,
        "signer_name": signer.name,
        "signer_post": entities.post(uow, signature.post_id).title,
        "signer_code": signer.code,
        "signed_at": signature.signed_at.isoformat(),
        "signer_for": people[holder].code if holder else "",
        "signer_for_name": people[holder].name if holder else "",
        "body_text": bodies.to_markup(queries.newest_version(uow, letter.id).text["body"]),
        "parts": parts,
    }
