"""Letters to print in tests, and what their pages show."""

from dataclasses import replace
from datetime import date

import pypdfium2 as pdfium

from edms.letters.rendition.values import Letterhead, ListBlock, ParagraphBlock, PrintedLetter, TableBlock

CODE = "100234260001234571"

LETTER = PrintedLetter(
    letterhead=Letterhead(
        ("جمهورية العراق", "وزارة التخطيط الرقمي", "دائرة تقنية المعلومات", "قسم الأرشفة الإلكترونية"),
        ("Republic of Iraq", "Ministry of Digital Planning", "Directorate of Information Technology"),
    ),
    number="ت/٤/١٢٨٧",
    date=date(2025, 11, 20),
    sensitivity="عادي",
    precedence="عاجل",
    kind_title="",
    addressees=("وزارة المالية – دائرة الموازنة العامة",),
    subject="تمويل المرحلة الثانية من مشروع الأرشفة (e-Archive)",
    body=(
        ParagraphBlock("تحية طيبة ...", "start"),
        ParagraphBlock(
            "إشارة إلى كتابكم المرقم (م/٤٥٦٧) في ٥/١٠/٢٠٢٥، وإلحاقاً بكتابنا ذي العدد (ت/٤/١١٠٢) نود إعلامكم بأن "
            "اللجنة قد أنجزت تدقيق الكشوفات وفق المواصفة ISO/IEC 27001:2022 بسعة 120 TB وبنسبة 7.5% من الكلفة."
        ),
        ListBlock(True, ("تسمية ممثل عنكم خلال (٧) أيام.", "تزويدنا بالأوليات كافة.")),
        TableBlock(("ت", "الفقرة", "الكمية"), (("١", "أجهزة مسح ضوئي (A3)", "٧٤"), ("٢", "خوادم", "٢"))),
        ParagraphBlock("مع التقدير.", "center"),
    ),
    references=("إلحاقاً بكتابنا ذي العدد م/٩٩ في ١٢ أيلول ٢٠٢٥",),
    attachments=("محضر اللجنة.pdf",),
    signer_name="د. سلمان عبد الحميد الهاشمي",
    signer_post="المدير العام",
    signed_on=date(2025, 11, 20),
    copies=(("مكتب السيد الوزير", "للتفضل بالاطلاع"), ("قسم الحسابات", "")),
    document_code=CODE,
    verification_code="K7QX-29MD-4HTB-88PQ",
    verify_url="https://verify.modp.example",
)

ENGLISH = replace(
    LETTER,
    number="T/4/1287",
    digits="latn",
    sensitivity="",
    precedence="Urgent",
    addressees=("World Bank, Iraq Country Office",),
    subject="Funding of phase two of the e-Archive project",
    body=(ParagraphBlock("With reference to your letter M/4567 of 5 October 2025 (وزارة المالية), we agree."),),
    references=(),
    signer_name="Dr. Salman Al-Hashimi",
    signer_post="Director General",
    copies=(("Office of the Minister", "for information"),),
)


def page_texts(pdf: bytes) -> list[str]:
    """Return the text of each page, as pdfium finds it, without invisible controls."""
    document = pdfium.PdfDocument(pdf)
    try:
        texts = []
        for number in range(len(document)):
            text_page = document[number].get_textpage()
            texts.append(text_page.get_text_range().replace("\u2060", ""))
            text_page.close()
        return texts
    finally:
        document.close()
