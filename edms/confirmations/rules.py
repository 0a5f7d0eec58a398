"""Answers to the question whether a body issued a letter, and who may ask; pure."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from edms.core.actor import permission

ASK = permission("confirmations.ask", {"employee", "signatory", "registry", "auditor"})
"""Who may ask another body in the own body's name, and see what was asked."""

AN_HOUR: Final = 120
"""Inquiries that one body may make in an hour: a register is not to be walked through by asking."""
HOUR: Final = timedelta(hours=1)


class Answer(StrEnum):
    """What the issuer says; ``UNPROVED`` is said by the asker's side when the answer's seal does not hold."""

    ISSUED = "issued"
    VOID = "void"
    SUPERSEDED = "superseded"
    DIFFERENT = "different"
    NOT_ISSUED = "not-issued"
    WITHHELD = "withheld"
    UNPROVED = "unproved"


class Side(StrEnum):
    """Whether the body of a row asked or answered."""

    ASKED = "asked"
    ANSWERED = "answered"
