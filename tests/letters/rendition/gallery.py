"""The letters of the gallery: real official texts, and one letter for each thing that has gone wrong somewhere."""

# ruff: noqa: E501 - a sentence of a letter stands on one line

import itertools
import re
from dataclasses import replace
from typing import Final

from edms.letters.rendition.values import Block, HeadingBlock, ListBlock, ParagraphBlock, PrintedLetter, TableBlock
from tests.letters.rendition.samples import ENGLISH, LETTER
from tests.shared_data import official_texts

REAL: Final = (7, 13, 25, 33, 40, 47, 52, 58, 64, 71, 78, 85, 90, 97, 108, 115, 133, 139, 147, 151, 165, 174, 216, 279)
_LONG_PAGES: Final = 200
_LINES_A_PAGE: Final = 36
_PLAIN: Final = (
    "نود إعلامكم بأن اللجنة المشكلة بموجب الأمر الإداري ذي العدد (١٢٠٣) قد أنجزت تدقيق الكشوفات الفنية والمالية "
    "للمرحلة الثانية، وأوصت بالمصادقة عليها استناداً إلى أحكام المادة (٩/ثانياً) من تعليمات تنفيذ الموازنة."
)
_ROWS: Final = tuple(
    (str(n), f"أجهزة مسح ضوئي مزدوجة الوجه (A{n % 5}) للموقع رقم {n}", f"{n * 37:,}") for n in range(1, 61)
)
_VOWELLED: Final = (
    "بِسْمِ اللَّهِ الرَّحْمَٰنِ الرَّحِيمِ، وَقُلِ ٱعْمَلُوا۟ فَسَيَرَى ٱللَّهُ عَمَلَكُمْ. يُتَّخَذُ القَرَارُ وِفْقًا لِلمادّةِ الأُولى، "
    "ويُبلَّغُ مَن يلزمُ لتنفيذِه؛ إنَّ الـمُديرَ العامَّ مُخوَّلٌ بذلك."
)
_LAM_ALEF: Final = (
    "لا للإسراف ولأنّ الآلات والأولويات والإجراءات لا تُستكمل إلّا بالاطلاع؛ فلا بدّ من الإلغاء والاستثناء والآراء، "
    "ولِلآمر الصرف الصلاحيات كافة. الله، لله، بالله، محمد، ملايين، سلالم، الإلكترونية."
)


def gallery() -> dict[str, PrintedLetter]:
    """Return the letters by name."""
    texts = official_texts(max(REAL) + 1)
    real = {f"official-{number:03d}": _official(texts[number]) for number in REAL}
    return real | _special() | _digits() | _shapes() | {"pages-200": _long(texts)}


def _official(text: str) -> PrintedLetter:
    title, _, rest = text.partition("\n")
    return replace(LETTER, subject=title.strip()[:160], body=tuple(blocks(rest)), attachments=(), references=())


def blocks(text: str) -> list[Block]:
    """Return a Markdown text as blocks: headings are short lines without a full stop, rows between bars are tables."""
    found: list[Block] = []
    for part in re.split(r"\n{2,}", text):
        lines = [line.strip() for line in part.split("\n") if line.strip()]
        rows = [_cells(line) for line in lines if line.startswith("|")]
        if len(rows) > 1:
            found.append(
                TableBlock(rows[0], tuple(row for row in rows[1:] if not re.fullmatch(r"[-:|]*", "".join(row))))
            )
        elif re.fullmatch(r"المادة \S+( \S+){0,2}", part.strip()):
            found.append(HeadingBlock(part.strip(), 2))
        else:
            found += [ParagraphBlock(line.replace("**", "")) for line in lines]
    return found


def _cells(row: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in row.strip("|").split("|"))


def _body(*paragraphs: str) -> PrintedLetter:
    return replace(LETTER, body=tuple(ParagraphBlock(text) for text in paragraphs))


def _special() -> dict[str, PrintedLetter]:
    """Return the letters of mixed text."""
    return {
        "plain": LETTER,
        "english": ENGLISH,
        "english-long": replace(
            ENGLISH,
            body=(
                *ENGLISH.body,
                *(ParagraphBlock("The committee (اللجنة) met on 20 November 2025 and approved item 7.5 % of 120 TB. " * 5),)
                * 9,
            ),
        ),
        "brackets": _body(
            "استناداً إلى الفقرة (أ) من المادة ((٣) المعدلة [بالقانون (٢٢) لسنة ٢٠١٩ {المنشور في «الوقائع (٤٥٤٢)»}]) تقرر.",
            "الأنظمة (Duplex (A3) Scanner [v2.1]) و(e-Archive (الأرشفة)) والحقل [name=(أحمد)] و«نص \"مقتبس (داخل)\"».",
            "القائمة: (١) الأولى، (٢) الثانية [ب (ج {د})]، ثم (ISO (9001)) و((مزدوج)).",
        ),
        "addresses": _body(
            "التفاصيل على https://www.mop.gov.example/ar/letters?id=1287&lang=ar#top، أو مراسلة earchive+diwan@modp.example.",
            "الرابط https://portal.gov.example/" + "very/long/path/" * 12 + "index.html?query=" + "a1b2" * 20 + " متاح.",
            "هاتف +964 770 123 4567 أو 0770-123-4567، الملف C:\\diwan\\2025\\letter.pdf، والموقع verify.modp.example.",
        ),
        "units": _body(
            "وفق المواصفة ISO/IEC 27001:2022 وبسعة 120 TB وبنسبة 7.5 % من الكلفة، و7.5% و٧٫٥٪ و٪٧٫٥ و 40 °C و 3 GHz.",
            "الكلفة 1,250,000.50 USD (مليون و250 ألف دولار)، والنسبة ١٢٫٥ ٪ والمساحة ٤٥ م² والطول 12.5 km والتيار 16 A.",
            "المعيار ISO 9001:2015 / EN 50173-1، والطراز HP LaserJet M507dn (1PV87A)، بقدرة 2×750 W و±5 %.",
        ),
        "references": _body(
            "كتابكم ت/٤/١٢٨٧ في ٢٠/١١/٢٠٢٥ وكتابنا م.ن/د/٤/١٢٨٧ في ٢٩/٥/١٤٤٧هـ، والمرقم (أ/ ٣٢٥) بتاريخ ١١/ ٦ / ١٤٤٢هـ.",
            "الأعداد: ت/4/1287، 4/1287، ق/2/ب/٣٣، ٩/ثانياً، ش.م/١٢-٤/٢٠٢٥، 2025-11-20، 20/11/2025، ٢٠٢٥/١١/٢٠.",
            "للسنوات ٢٠٢٤-٢٠٢٥ والمواد ٣–٧ والبنود ١، ٢، ٣ و١٫٢٫٣ والرقم -٥ و+٥ والساعة ١٠:٣٠ ص.",
        ),
        "diacritics": _body(_VOWELLED, _VOWELLED * 3, _VOWELLED.replace("،", "")),
        "lam-alef": _body(_LAM_ALEF, _LAM_ALEF * 3),
        "rare-letters": _body(
            "حروف مضافة: گ چ پ ژ ڤ ک ی ۀ ے ڭ ڨ ۆ ێ ە، وأسماء: گەڕەک، هەولێر، چۆمان، پارێزگا، Şırnak، Ștefan، Łódź، Ωmega.",
            "علامات: © ® ™ € £ ¥ § ¶ † • … ‰ ← → ↔ ✓ ✗ ★ ☐ ☑ ½ ² ³ ° µ ∑ ≤ ≥ ≠ № ﷲ ﷺ ﷼ ﴾ ﴿.",
            "غريب: 漢字 한글 ไทย हिन्दी Кирилл ელ 👍 😀 𝒳 𐤀 وما بعدها.",
        ),
        "untrimmed": _body("  مسافات   كثيرة\tوتبويب \u200cو\u200dواصل\u00ad وصفري\u200bالعرض\ufeff  ", "سطر\nثانٍ\n\nورابع", "\u202eمقلوب\u202c و\u2067معزول\u2069"),
    }  # fmt: skip


def _digits() -> dict[str, PrintedLetter]:
    """Return the same letter in each digit set."""
    body = (
        ParagraphBlock(_PLAIN + " المبلغ ١٨٥٬٠٠٠٬٠٠٠ دينار، و 185,000,000 دينار، و ۱۸۵٬۰۰۰٬۰۰۰ ریال في ۲۰/۱۱/۲۰۲۵."),
        ListBlock(True, tuple(f"البند {n}: تسليم ({n * 3}) نسخ خلال {n} أيام." for n in range(1, 13))),
        ParagraphBlock("کتاب شماره ت/۴/۱۲۸۷ مورخ ۲۰/۱۱/۲۰۲۵ (۷٫۵٪) و 120 TB پیوست است."),
    )
    letter = replace(LETTER, body=body)
    return {
        "digits-arabic": replace(letter, digits="arab"),
        "digits-western": replace(letter, digits="latn", months="gulf"),
        "digits-persian": replace(letter, digits="arabext"),
    }


def _shapes() -> dict[str, PrintedLetter]:
    """Return the letters of unusual shape."""
    return {
        "table-60-rows": replace(LETTER, body=(*LETTER.body[:2], TableBlock(("ت", "الفقرة", "المبلغ (دينار)"), _ROWS))),
        "table-wide": replace(
            LETTER,
            body=(
                TableBlock(
                    tuple(f"العمود {n}" for n in range(1, 11)),
                    tuple(tuple(f"({n}/{m}) قيمة" for n in range(1, 11)) for m in range(1, 9)),
                ),
            ),
        ),
        "copies-30": replace(
            LETTER, copies=tuple((f"دائرة الخدمات رقم {n} / قسم المتابعة", "للتفضل بالاطلاع") for n in range(1, 31))
        ),
        "addressees-40": replace(LETTER, addressees=tuple(f"مديرية التربية في المحافظة رقم {n}" for n in range(1, 41))),
        "lists": replace(
            LETTER,
            body=(
                ListBlock(False, (_PLAIN, "قصير", "ISO/IEC 27001:2022", _PLAIN)),
                ListBlock(True, tuple(f"{_PLAIN[:90]} {n}" for n in range(1, 15))),
            ),
        ),
        "headings": replace(
            LETTER,
            body=tuple(
                block
                for n in range(1, 8)
                for block in (HeadingBlock(f"أولاً ({n}): نطاق العمل v{n}.0", 1 + n % 2), ParagraphBlock(_PLAIN * 2))
            ),
        ),
        "empty": PrintedLetter(LETTER.letterhead, "", None, "", "", "", (), "", ()),
        "empty-blocks": replace(
            LETTER,
            number="",
            date=None,
            subject="",
            addressees=(),
            body=(ParagraphBlock(""), ListBlock(True, ()), ListBlock(False, ("",)), TableBlock((), ()), HeadingBlock("")),
        ),
        "one-word": _body("تم."),
        "long-words": _body("ا" * 300, "W" * 300, "كلمة" * 60 + " ثم " + "m" * 200 + ".", "١٢٣٤٥٦٧٨٩٠" * 20),
        "circular": replace(
            LETTER, kind_title="إعمام", sensitivity="سري للغاية", watermark="مسودّة", on_behalf_of="الوزير", seal_mm=37.0
        ),
        "kashida": replace(_body(_PLAIN * 3, _LAM_ALEF * 2, _VOWELLED * 2, _PLAIN), kashida=True),
        "wide-column-english": replace(ENGLISH, body=(TableBlock(("No.", "Item", "الوصف"), (("1", "Storage 120 TB", "خزن"),)),)),
    }  # fmt: skip


def _long(texts: list[str]) -> PrintedLetter:
    """Return a letter of at least 200 pages."""
    paragraphs: list[Block] = []
    lines = 0
    for block in itertools.cycle(block for text in texts[100:] for block in blocks(text)):
        paragraphs.append(block)
        lines += 1 + len(block.text) // 100 if isinstance(block, ParagraphBlock) else 2
        if lines > _LONG_PAGES * _LINES_A_PAGE:
            break
    return replace(LETTER, body=tuple(paragraphs))
