"""How kinds, states, sensitivity and precedence are named on the pages (msgids) and coloured (badge classes)."""

from typing import Final

from edms.letters.rules import Kind, Precedence, Sensitivity, State
from edms.web.locale import msgid

KINDS: Final[dict[str, str]] = {
    Kind.LETTER: msgid("Official letter"),
    Kind.CIRCULAR: msgid("Circular"),
    Kind.MEMO: msgid("Internal memo"),
    Kind.ORDER: msgid("Administrative order"),
    Kind.REMINDER: msgid("Reminder"),
    Kind.REPLY: msgid("Reply"),
    Kind.CONFIRMATION: msgid("Confirmation of authenticity"),
}
SENSITIVITIES: Final[dict[int, str]] = {
    Sensitivity.ORDINARY: msgid("Ordinary"),
    Sensitivity.RESTRICTED: msgid("Restricted"),
    Sensitivity.CONFIDENTIAL: msgid("Confidential"),
    Sensitivity.TOP_SECRET: msgid("Top secret"),
}
PRECEDENCES: Final[dict[str, str]] = {
    Precedence.ORDINARY: msgid("Ordinary"),
    Precedence.URGENT: msgid("Urgent"),
    Precedence.IMMEDIATE: msgid("Immediate"),
}
STATES: Final[dict[str, tuple[str, str]]] = {
    State.DRAFT: (msgid("Draft"), ""),
    State.SUBMITTED: (msgid("Awaiting signature"), "amber"),
    State.SIGNED: (msgid("Signed, awaiting number"), "blue"),
    State.ISSUED: (msgid("Issued"), "green"),
    State.REGISTERED: (msgid("Registered"), "blue"),
    State.SETTLED: (msgid("Dealt with"), "green"),
    State.VOID: (msgid("Void"), "red"),
}
RETURNED: Final = msgid("Returned")
SENSITIVITY_COLOURS: Final[dict[int, str]] = {0: "", 1: "amber", 2: "red", 3: "red"}
PRECEDENCE_COLOURS: Final[dict[str, str]] = {Precedence.URGENT: "amber", Precedence.IMMEDIATE: "red"}
COPY_PURPOSES: Final = (
    msgid("for your kind information"),
    msgid("for action"),
    msgid("for information"),
    msgid("for opinion"),
    msgid("for follow-up"),
)
