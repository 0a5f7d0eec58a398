"""The printed names of kinds, sensitivity and precedence, and standing phrases of the sheet."""

from typing import Final

KIND_TITLES: Final[dict[str, str]] = {
    "letter": "",
    "circular": "إعمام",
    "memo": "مذكرة داخلية",
    "order": "أمر إداري",
    "reminder": "تأكيد",
    "reply": "",
}
SENSITIVITY: Final[tuple[str, ...]] = ("عادي", "محدود", "سري", "سري للغاية")
PRECEDENCE: Final[dict[str, str]] = {"ordinary": "عادي", "urgent": "عاجل", "immediate": "فوري"}
DRAFT_MARK: Final = "مسودة"
VOID_MARK: Final = "ملغى"
COPY_PURPOSE: Final = "للتفضل بالاطلاع"
REFERENCE_OURS: Final = "إشارة إلى كتابنا ذي العدد {number} في {date}"
REFERENCE_YOURS: Final = "إشارة إلى كتابكم ذي العدد {number} في {date}"
