"""The order of mixed text on the line, by what a reader sees from left to right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edms.letters.rendition.bidi import Base, base_of, levels, visual_order
from edms.letters.rendition.directions import clean, protect

_MIRRORED = str.maketrans("()[]{}«»", ")(][}{»«")
_INVISIBLE = "\u200f\u200e\u2066\u2067\u2068\u2069"


def shown(text: str, base: Base) -> str:
    """Return the characters as they stand on the paper from left to right."""
    found = levels(text, base)
    ordered = []
    for index in visual_order(found):
        char = text[index]
        ordered.append(char.translate(_MIRRORED) if found[index] % 2 else char)
    return "".join(char for char in ordered if char not in _INVISIBLE).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ت/٤/١٢٨٧", "١٢٨٧/٤/ت"),
        ("العدد (ت/٤/١١٠٢) في", "يف (١١٠٢/٤/ت) ددعلا"),
        ("م/٤٥٦٧", "٤٥٦٧/م"),
        ("في ٥/١٠/٢٠٢٥، ثم", "مث ،٢٠٢٥/١٠/٥ يف"),
        ("المادة (٩/ثانياً) من", "نم (ًايناث/٩) ةداملا"),
        ("ت/4/1287", "1287/4/ت"),
        ("المواصفة ISO/IEC 27001:2022، و", "و ،ISO/IEC 27001:2022 ةفصاوملا"),
        ("بسعة 120 TB فقط", "طقف 120 TB ةعسب"),
        ("خزن (Storage Array 120 TB)", "(Storage Array 120 TB) نزخ"),
        ("بنسبة 7.5% من", "نم 7.5% ةبسنب"),
        ("بنسبة ٧٫٥٪ من", "نم ٪٧٫٥ ةبسنب"),
        ("مراسلة earchive@modp.example أو", "وأ earchive@modp.example ةلسارم"),
        ("الموقع https://verify.modp.example/a?b=1، و", "و ،https://verify.modp.example/a?b=1 عقوملا"),
        ("هاتف +964 770 123 4567.", ".+964 770 123 4567 فتاه"),
        ("هاتف 0770-123-4567", "0770-123-4567 فتاه"),
        ("بتاريخ 2025-11-20 و", "و 2025-11-20 خيراتب"),
        ("رمز التحقق: 4HTB-88PQ", "4HTB-88PQ :ققحتلا زمر"),
        ("ربط (37) دائرة", "ةرئاد (37) طبر"),
        ("مبلغ ١٨٥٬٠٠٠٬٠٠٠ دينار", "رانيد ١٨٥٬٠٠٠٬٠٠٠ غلبم"),
        ("الجدول [أ] و«ب»", "«ب»و [أ] لودجلا"),
        ("ISO 9001 هو", "وه ISO 9001"),
        ("نظام e-Archive (الأرشفة)", "(ةفشرألا) e-Archive ماظن"),
        ("النسخة v2.1", "v2.1 ةخسنلا"),
        ("Müller & Söhne شركة", "ةكرش Müller & Söhne"),
        ("1 - ISO 9001 هو", "وه ISO 9001 - 1"),
        ("شركة Siemens AG (Berlin) هي", "يه Siemens AG (Berlin) ةكرش"),
        ("مدينة Washington, DC في", "يف Washington, DC ةنيدم"),
        ("رقم (أ/ ٣٢٥) بتاريخ ١١/ ٦ / ١٤٤٢هـ", "ـه١٤٤٢ / ٦ /١١ خيراتب (٣٢٥ /أ) مقر"),
        ("ضوئي (Duplex (A3) Scanner [v2.1]) نوع", "عون (Duplex (A3) Scanner [v2.1]) يئوض"),
        ("وبنسبة 7.5 % من", "نم 7.5 % ةبسنبو"),
        ("و7.5% من", "نم 7.5%و"),
        ("بدقة ±5 % فقط", "طقف ±5 % ةقدب"),
        ("بقدرة 2×750 W", "2×750 W ةردقب"),
        ("حرارة -5 °C ليلاً", "ًاليل -5 °C ةرارح"),
        ("وفق المعيار وISO 9001", "ISO 9001و رايعملا قفو"),
        ("الملف C:\\diwan\\a.pdf، و", "و ،C:\\diwan\\a.pdf فلملا"),
        ("من ٢٠٢٤ إلى ٢٠٢٥", "٢٠٢٥ ىلإ ٢٠٢٤ نم"),
        ("٢٠ تشرين الثاني ٢٠٢٥ م", "م ٢٠٢٥ يناثلا نيرشت ٢٠"),
    ],
)
def test_mixed_text_stands_in_the_order_a_clerk_expects(text: str, expected: str) -> None:
    assert shown(protect(clean(text), "rtl"), "rtl") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Letter T/4/1287 of 2025", "Letter T/4/1287 of 2025"),
        ("Ministry (وزارة المالية) of", "Ministry (ةيلاملا ةرازو) of"),
        ("No. ت/٤ here", "No. ٤/ت here"),
    ],
)
def test_english_lines_keep_their_arabic_words_in_order(text: str, expected: str) -> None:
    assert shown(protect(clean(text), "ltr"), "ltr") == expected


def test_a_date_written_with_spaces_is_not_parted() -> None:
    assert " " not in protect("١١/ ٦ / ١٤٤٢", "rtl")


def test_a_character_outside_the_basic_plane_has_one_level() -> None:
    assert levels("أ😀ب", "rtl") == [1, 1, 1]
    assert levels("a😀b", "ltr") == [0, 0, 0]


def test_an_empty_line_has_no_levels() -> None:
    assert levels("", "rtl") == []
    assert visual_order([]) == []


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("ISO 27001 هو المعيار المعتمد", "rtl", "rtl"),
        ("The ministry (وزارة) replied", "rtl", "ltr"),
        ("Server (خادم)", "ltr", "ltr"),
        ("التفاصيل على https://www.mop.gov.example/ar/letters?id=1287", "rtl", "rtl"),
        ("See https://www.mop.gov.example/ar/letters?id=1287", "rtl", "ltr"),
        ("https://www.mop.gov.example/", "rtl", "ltr"),
        ("١٢٣", "rtl", "rtl"),
        ("123", "ltr", "ltr"),
    ],
)
def test_the_base_direction_follows_the_weight_of_the_letters(text: str, default: Base, expected: Base) -> None:
    assert base_of(text, default) == expected


def test_overrides_of_direction_are_dropped_and_isolates_kept() -> None:
    assert clean("أ\u202eب\u2066c\u2069") == "أب\u2066c\u2069"


def test_control_characters_are_dropped_and_line_breaks_kept() -> None:
    assert clean("أ\x00\x07\tب\r\nج\ud800") == "أ ب\nج\ufffd"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\x1c\x1d\x1e\x85\u2029")))
def test_reordering_loses_nothing(text: str) -> None:
    found = levels(text, "rtl")
    assert len(found) == len(text)
    assert sorted(visual_order(found)) == list(range(len(text)))


@given(st.text(), st.sampled_from(["rtl", "ltr"]))
def test_guarding_adds_only_invisible_marks(text: str, base: Base) -> None:
    cleaned = clean(text).replace("\u00a0", " ")
    kept = "".join(char for char in protect(cleaned, base) if char not in _INVISIBLE).replace("\u00a0", " ")
    assert kept == "".join(char for char in cleaned if char not in _INVISIBLE)
