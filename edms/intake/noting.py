"""Acting on what needs no clerk: receipts, reports, inquiries (answered at once) and the answers to ours."""

from edms.audit.service import record
from edms.confirmations import service as confirmations
from edms.core.database import UnitOfWork
from edms.dispatch import service as dispatch
from edms.dispatch.package import Confirmation, Inquiry, Receipt, Report
from edms.dispatch.reported import apply_report
from edms.entities.keyring import Keyring
from edms.entities.models import Entity
from edms.intake.models import ReceivedMessage
from edms.intake.rules import MessageState
from edms.letters import closing

Note = Receipt | Report | Inquiry | Confirmation


def take_note(
    uow: UnitOfWork, row: ReceivedMessage, note: Note, *, sender: Entity, body: Entity, keys: Keyring
) -> None:
    """Note a message that is no letter and act on it; ``row`` is in the unit of work.

    A flagged one (a receipt whose signature does not hold) is kept and changes nothing.
    """
    row.state = MessageState.NOTED
    if row.flag:
        record(uow, row.flag, "message", row.id, entity_id=row.entity_id, row=row)
    elif isinstance(note, Inquiry):
        confirmations.answer(uow, note, asker=sender, issuer=body, keys=keys)
    elif isinstance(note, Confirmation):
        confirmations.take_answer(uow, note, issuer=sender, asker=body)
    elif isinstance(note, Report):
        item = apply_report(uow, note, from_entity=sender.id, to_entity=body.id, received_id=row.id)
        row.letter_id = item.letter_id if item else None
        if item is None:
            record(uow, "intake.report-unmatched", "message", row.id, entity_id=row.entity_id, row=row)
    elif note.kind == "void":
        closing.void_by_sender(uow, note, entity_id=body.id, sender_id=sender.id)
    else:
        item = dispatch.apply_receipt(uow, note, from_entity=sender.id, to_entity=body.id, received_id=row.id)
        row.letter_id = item.letter_id if item else None
