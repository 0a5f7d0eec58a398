"""What each kind of letter is for, in a line beside the choice (msgids)."""

from typing import Final

from edms.letters.rules import Kind
from edms.web.locale import msgid

KIND_HINTS: Final[dict[str, str]] = dict.fromkeys(Kind, "") | {
    Kind.LETTER: msgid("From one body to another: asks, informs, decides."),
    Kind.CIRCULAR: msgid("The same instruction to many bodies."),
    Kind.MEMO: msgid("Between the units of one body."),
    Kind.ORDER: msgid("A decision about staff or work, with copies to all concerned."),
    Kind.REMINDER: msgid("Asks again for the answer to an earlier letter."),
    Kind.REPLY: msgid("Answers a letter that came; it settles that letter."),
    "confirmation": msgid("Tells another body whether a letter was really issued by us."),
}
