"""core/arabic: spellings, stems, plurals and references as a registry clerk types them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edms.core import arabic

VECTORS = Path(__file__).parents[1] / "vectors" / "arabic-pairs.tsv"


def pairs(*kinds: str) -> list[tuple[str, str]]:
    lines = [line.split("\t") for line in VECTORS.read_text("utf-8").splitlines() if not line.startswith("#")]
    return [(word, variant) for kind, word, variant in lines if kind in kinds]


def same(word: str, variant: str) -> bool:
    return bool(set(arabic.analyze(word)) & set(arabic.analyze(variant)))


def test_recall_on_the_pairs_is_at_least_93_percent() -> None:
    found = pairs("match-spelling", "match-inflection", "match-broken-plural")
    assert len(found) == 133
    assert sum(same(*pair) for pair in found) / len(found) >= 0.93


def test_false_matches_on_the_pairs_are_at_most_8_percent() -> None:
    found = pairs("differ")
    assert len(found) == 60
    assert sum(same(*pair) for pair in found) / len(found) <= 0.08


@pytest.mark.parametrize(("word", "variant"), pairs("match-spelling"))
def test_one_word_in_two_spellings_is_one_term(word: str, variant: str) -> None:
    assert same(word, variant)


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("تقارير", "تقرير"), ("والتقارير", "تقرير"), ("كتبكم", "كتاب"), ("الدوائر", "دائرة"), ("أقسامنا", "قسم"),
        ("للجان", "لجنة"), ("للجنة", "اللجان"), ("الشعب", "شعبة"), ("جهات", "الجهة"), ("المديريات", "مديرية"),
        ("موظفين", "موظف"), ("قرارات", "قرار"), ("أوامر", "الأمر"), ("التعاميم", "تعميم"), ("نسخ", "نسخة"),
        ("عقودها", "عقد"), ("المبالغ", "مبلغ"), ("ووثائق", "الوثيقة"), ("بالضوابط", "ضابط"), ("مناقصات", "المناقصة"),
    ],
)  # fmt: skip
def test_plural_and_singular_share_a_term(plural: str, singular: str) -> None:
    assert same(plural, singular)


def test_list_of_broken_plurals_has_no_doubles_and_no_chains() -> None:
    lexicon = arabic._lexicon()
    assert 150 <= len(lexicon.plurals) <= 320
    assert all(lexicon.plurals.get(singular, singular) == singular for singular in lexicon.plurals.values())


@pytest.mark.parametrize(
    "typed", ["ت/٤/١٢٨٧", "1287/4/ت", "۱۲۸۷/۴/ت", "ت-4-1287", "ت / 4 / 1287", "\u200fت/٤/١٢٨٧\u200e"]
)
def test_reference_has_one_term_in_any_digit_set_and_order(typed: str) -> None:
    assert arabic.reference_terms(typed)[0] == arabic.reference_terms("ت/4/1287")[0]


def test_reference_is_found_in_parts_too() -> None:
    assert set(arabic.reference_terms("كتابكم ذو العدد ت/٤/١٢٨٧")[1:]) == {"ت", "4", "1287"}


def test_words_joined_without_a_number_are_no_reference() -> None:
    assert arabic.reference_terms("و/أو") == []


def test_grouped_long_number_is_one_number() -> None:
    assert arabic.whole_reference(["123456", "789012", "345678"]) == "123456789012345678"


def test_leading_zeros_of_short_numbers_do_not_count() -> None:
    assert arabic.words("٠٠٤٥ 045 0") == ["45", "45", "0"]
    assert arabic.words("001234567890") == ["001234567890"]


def test_fold_digits_leaves_letters() -> None:
    assert arabic.fold_digits("أ١٢۳4") == "أ1234"


def test_edge_ngrams_are_two_to_seven_signs() -> None:
    assert arabic.edge_ngrams("محافظه") == ["مح", "محا", "محاف", "محافظ", "محافظه"]
    assert arabic.edge_ngrams("ا") == []
    assert arabic.edge_ngrams("abcdefghij")[-1] == "abcdefg"


def test_stem_of_a_latin_word_is_itself_in_lower_case() -> None:
    assert arabic.analyze("PDF Report 2024") == ["pdf", "report", "2024"]


def test_analysis_keeps_one_term_a_word() -> None:
    text = "إشارة إلى كتابكم المرقم ١٢٨٧ في ٢٠٢٤/٥/١"
    assert len(arabic.analyze(text)) == len(arabic.words(text)) == 9


def test_stem_cache_is_bounded() -> None:
    assert arabic.stem.cache_info().maxsize == 1 << 17


@given(st.text(max_size=200))
def test_any_text_gives_words_without_signs_or_spaces(text: str) -> None:
    for term in [*arabic.words(text), *arabic.analyze(text)]:
        assert term
        assert not set(term) & set(" \t\n\"'()*/\\")
    arabic.reference_terms(text)


@given(st.text(alphabet="ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإآؤئء", min_size=1, max_size=14))
def test_normalising_twice_changes_nothing(word: str) -> None:
    once = arabic.normalize(word)
    assert arabic.normalize(once) == once
    assert arabic.stem(word) == arabic.stem(once)
