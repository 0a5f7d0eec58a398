"""The printed names of kinds, sensitivity and precedence, and standing phrases of the sheet, in both languages."""

from typing import Final

from edms.core.calendar import Locale

TITLES: Final[dict[Locale, dict[str, str]]] = {
    "ar": {
        "letter": "",
        "circular": "إعمام",
        "memo": "مذكرة داخلية",
        "order": "أمر إداري",
        "reminder": "تأكيد",
        "reply": "",
        "confirmation": "تأييد صحة صدور",
    },
    "en": {
        "letter": "",
        "circular": "Circular",
        "memo": "Internal Memorandum",
        "order": "Administrative Order",
        "reminder": "Reminder",
        "reply": "",
        "confirmation": "Confirmation of Authenticity",
    },
}
SENSITIVITIES: Final[dict[Locale, tuple[str, ...]]] = {
    "ar": ("عادي", "محدود", "سري", "سري للغاية"),
    "en": ("Ordinary", "Restricted", "Confidential", "Top Secret"),
}
PRECEDENCES: Final[dict[Locale, dict[str, str]]] = {
    "ar": {"ordinary": "عادي", "urgent": "عاجل", "immediate": "فوري"},
    "en": {"ordinary": "Routine", "urgent": "Urgent", "immediate": "Immediate"},
}
DRAFT_MARKS: Final[dict[Locale, str]] = {"ar": "مسودة", "en": "DRAFT"}
COPY_PURPOSES: Final[dict[Locale, str]] = {"ar": "للتفضل بالاطلاع", "en": "for your kind information"}

_OURS: Final[dict[Locale, dict[str, str]]] = {
    "ar": {
        "": "إشارة إلى كتابنا ذي العدد {number} في {date}",
        "circular": "إلحاقاً بكتابنا ذي العدد {number} في {date}",
        "order": "استناداً إلى كتابنا ذي العدد {number} في {date}",
        "reminder": "تأكيداً لكتابنا ذي العدد {number} في {date}",
        "confirmation": "بشأن صحة صدور كتابنا ذي العدد {number} في {date}",
    },
    "en": {
        "": "With reference to our letter No. {number} of {date}",
        "circular": "Further to our letter No. {number} of {date}",
        "order": "Pursuant to our letter No. {number} of {date}",
        "reminder": "Reminder of our letter No. {number} of {date}",
        "confirmation": "On the authenticity of our letter No. {number} of {date}",
    },
}
_YOURS: Final[dict[Locale, dict[str, str]]] = {
    "ar": {
        "": "إشارة إلى كتابكم ذي العدد {number} في {date}",
        "reply": "جواباً على كتابكم ذي العدد {number} في {date}",
        "order": "استناداً إلى كتابكم ذي العدد {number} في {date}",
    },
    "en": {
        "": "With reference to your letter No. {number} of {date}",
        "reply": "In reply to your letter No. {number} of {date}",
        "order": "Pursuant to your letter No. {number} of {date}",
    },
}
_THEIRS: Final[dict[Locale, dict[str, str]]] = {
    "ar": {
        "": "إشارة إلى كتاب {sender} ذي العدد {number} في {date}",
        "order": "استناداً إلى كتاب {sender} ذي العدد {number} في {date}",
    },
    "en": {
        "": "With reference to letter No. {number} of {date} of {sender}",
        "order": "Pursuant to letter No. {number} of {date} of {sender}",
    },
}

KIND_TITLES: Final = TITLES["ar"]
SENSITIVITY: Final = SENSITIVITIES["ar"]
PRECEDENCE: Final = PRECEDENCES["ar"]
DRAFT_MARK: Final = DRAFT_MARKS["ar"]
VOID_MARK: Final = "ملغى"
COPY_PURPOSE: Final = COPY_PURPOSES["ar"]
REFERENCE_OURS: Final = _OURS["ar"][""]
REFERENCE_YOURS: Final = _YOURS["ar"][""]


def reference_line(kind: str, locale: Locale, *, number: str, date: str, incoming: bool, sender: str = "") -> str:
    """Return how a letter of some kind names an earlier one: ours, the addressee's, or that of ``sender``.

    A reminder confirms our letter, an order rests on one («استناداً إلى»), a reply answers the addressee's.
    """
    phrases = (_THEIRS if sender else _YOURS if incoming else _OURS)[locale]
    return phrases.get(kind, phrases[""]).format(number=number, date=date, sender=sender)
