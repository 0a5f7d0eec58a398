"""A sample letter on which a body looks at its letterhead before anybody writes on it."""

import datetime
import re
from typing import Final, Literal

from edms.core.calendar import Digits, Locale, MonthNames, to_digits
from edms.letters.rendition import labels
from edms.letters.rendition.values import Block, Letterhead, ListBlock, ParagraphBlock, PrintedLetter, TableBlock

Sample = Literal["letter", "order", "memo", "english"]

SEAL_MM: Final = 37.0

_BRACKETED: Final = re.compile(r"\([0-9]+\)")

_BODIES: Final[dict[Sample, tuple[Block, ...]]] = {
    "letter": (
        ParagraphBlock("تحية طيبة ..."),
        ParagraphBlock(
            "نود إعلامكم بأن اللجنة المشكلة لدراسة احتياجات الأرشفة الإلكترونية قد أنجزت أعمالها، وأوصت باعتماد "
            "المواصفة ISO/IEC 27001:2022 في المرحلة الثانية، على أن تُنجز الأعمال خلال مدة لا تتجاوز (180) يوماً "
            "وبنسبة احتياط قدرها 7.5% من الكلفة الكلية، وكما مبيّن في الجدول الآتي:"
        ),
        TableBlock(
            ("ت", "الفقرة", "الكمية", "الكلفة (دينار)"),
            (
                ("1", "أجهزة مسح ضوئي (A3)", "74", "185,000,000"),
                ("2", "تدريب الملاكات", "6", "45,000,000"),
            ),
        ),
        ParagraphBlock("يُرجى التفضل بالاطلاع وإعلامنا بما يُتخذ بهذا الشأن."),
        ParagraphBlock("مع فائق الشكر والتقدير."),
    ),
    "order": (
        ParagraphBlock("بناءً على مقتضيات المصلحة العامة، تقرر ما يأتي:"),
        ListBlock(
            True,
            ("تأليف لجنة برئاسة مدير قسم الأرشفة وعضوية ممثلي الأقسام.", "تُنجز اللجنة أعمالها خلال (30) يوماً."),
        ),
        ParagraphBlock("يُنفذ هذا الأمر من تاريخ صدوره."),
    ),
    "memo": (
        ParagraphBlock("تحية طيبة ..."),
        ParagraphBlock("يُرجى تزويدنا بكشف الأجهزة العاملة في قسمكم خلال (7) أيام من تاريخه."),
        ParagraphBlock("مع التقدير."),
    ),
    "english": (
        ParagraphBlock("Dear Sirs,"),
        ParagraphBlock(
            "We are pleased to inform you that the committee has finished its study of phase two of the electronic "
            "archive and recommends ISO/IEC 27001:2022. The work will take no longer than 180 days."
        ),
        ParagraphBlock("Yours faithfully,"),
    ),
}
_SUBJECTS: Final[dict[Sample, str]] = {
    "letter": "تمويل المرحلة الثانية من مشروع الأرشفة",
    "order": "تأليف لجنة",
    "memo": "كشف الأجهزة",
    "english": "Phase Two of the Electronic Archive",
}


def specimen(
    sample: Sample,
    letterhead: Letterhead,
    *,
    number: str,
    day: datetime.date,
    digits: Digits,
    months: MonthNames,
    hijri: bool,
    kashida: bool,
    hijri_adjust: int,
    verify_url: str,
) -> PrintedLetter:
    """Return a sample letter under a letterhead, marked as a draft, with room for the seal."""
    locale: Locale = "en" if sample == "english" else "ar"
    kind = "letter" if sample == "english" else sample
    set_of: Digits = "latn" if locale == "en" else digits
    return PrintedLetter(
        letterhead=letterhead,
        number=number,
        date=day,
        sensitivity=labels.SENSITIVITIES[locale][0],
        precedence=labels.PRECEDENCES[locale]["urgent"],
        kind_title=labels.TITLES[locale][kind],
        addressees=_addressees(sample),
        sender="مدير قسم الأرشفة الإلكترونية" if kind == "memo" else "",
        subject=_SUBJECTS[sample],
        body=tuple(_in_digits(block, set_of) for block in _BODIES[sample]),
        signer_name="" if locale == "en" else "د. سلمان عبد الكريم الهاشمي",
        signer_post="Director General" if locale == "en" else "المدير العام",
        signed_on=day,
        copies=() if locale == "en" else (("الصادرة", "الأضبارة العامة"),),
        document_code="",
        verify_url=verify_url,
        watermark=labels.DRAFT_MARKS[locale],
        digits=set_of,
        hijri_adjust=hijri_adjust,
        months=months,
        seal_mm=SEAL_MM,
        kashida=kashida,
        hijri=hijri,
    )


def _addressees(sample: Sample) -> tuple[str, ...]:
    if sample == "english":
        return ("The World Bank, Country Office",)
    names = {"letter": "وزارة المالية", "order": "أقسام الوزارة كافة", "memo": "مدير قسم الشؤون الإدارية"}
    return (names[sample],)


def _in_digits(block: Block, digits: Digits) -> Block:
    """Return a block whose plain numbers are in the body's digits; Latin phrases keep theirs."""
    match block:
        case TableBlock(header, rows):
            return TableBlock(header, tuple(tuple(_number(cell, digits) for cell in row) for row in rows))
        case ParagraphBlock(text, align):
            return ParagraphBlock(_BRACKETED.sub(lambda found: to_digits(found.group(), digits), text), align)
        case ListBlock(ordered, items):
            return ListBlock(
                ordered, tuple(_BRACKETED.sub(lambda found: to_digits(found.group(), digits), each) for each in items)
            )
        case _:
            return block


def _number(cell: str, digits: Digits) -> str:
    return to_digits(cell, digits).replace(",", "," if digits == "latn" else "٬") if cell[:1].isdigit() else cell
