"""Packages and receipts for tests, in real Arabic."""

from datetime import UTC, date, datetime
from uuid import UUID

from edms.dispatch.package import LetterPackage, PackageRecipient, Receipt, make_part

PACKAGE_ID = UUID("018f3a7e-1111-7aaa-8bbb-0123456789ab")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def letter_package(recipients: int = 2, **changes: object) -> LetterPackage:
    values: dict[str, object] = {
        "package_id": PACKAGE_ID,
        "letter_id": UUID("018f3a7e-2222-7aaa-8bbb-0123456789ab"),
        "document_code": "100234260001234571",
        "number": "ت/٤/١٢٨٧",
        "date": date(2026, 11, 21),
        "hijri": "١١ جمادى الآخرة ١٤٤٨",
        "sender_code": "10023496",
        "sender_unit": None,
        "recipients": tuple(
            PackageRecipient(f"{10023496 + n}", "cc" if n else "to", "للعلم" if n else "") for n in range(recipients)
        ),
        "subject": "تخصيص مبالغ الصيانة",
        "kind": "letter",
        "sensitivity": "normal",
        "precedence": "urgent",
        "references": ("100234260001234474", "كتابكم ٥٥ في ٢٠٢٦/١/٢"),
        "verification_code": "0123-4567-89AB-CDEF",
        "signer_name": "عبد الله كاظم",
        "signer_post": "مدير عام الدائرة",
        "signer_code": "0482176331",
        "body_text": "تحية طيبة\nيرجى التفضل بالموافقة.\n",
        "created_at": NOON,
        "register_number": "2026/1287",
        "sender_name": "وزارة الصحة",
        "sender_name_en": "Ministry of Health",
        "signed_at": NOON,
        "signer_for": "0482176428",
        "signer_for_name": "سعاد حسن",
        "parts": (
            make_part("letter", "كتاب ت-٤-١٢٨٧.pdf", "application/pdf", b"%PDF-1.7\n" + bytes(range(256)) * 40),
            make_part("attachment", 'جدول الكميات "نهائي" 100%.xlsx', "application/vnd.ms-excel", b"\r\n.\r\n" * 50),
            make_part("attachment", "empty.txt", "text/plain", b""),
        ),
    }
    return LetterPackage(**{**values, **changes})  # type: ignore[arg-type]


def receipt(**changes: object) -> Receipt:
    values: dict[str, object] = {
        "kind": "registered",
        "package_id": PACKAGE_ID,
        "document_code": "100234260001234571",
        "entity_code": "10023593",
        "at": NOON,
        "register_number": "2026/123",
    }
    return Receipt(**{**values, **changes})  # type: ignore[arg-type]
