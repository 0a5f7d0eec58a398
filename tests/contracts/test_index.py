"""What every search engine promises, run on both: Whoosh over sealed files and SQLite FTS5 in encrypted pages."""

import base64
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edms.core.arabic import words
from edms.core.errors import Invalid, Unavailable
from edms.core.ids import new_id
from edms.search.fts5_engine import Fts5Index
from edms.search.index import Index, IndexDocument, SearchQuery
from edms.search.whoosh_engine import WhooshIndex

KEY = bytes(range(32))
OFFICIAL = Path(__file__).parents[3] / "shared" / "data" / "ar-official-texts"
Open = Callable[..., Index]


@pytest.fixture(params=["whoosh", "fts5"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    opened: list[Index] = []

    def open_again(key: bytes = KEY) -> Index:
        path = tmp_path / "index"
        opened.append(WhooshIndex(path, key) if request.param == "whoosh" else Fts5Index(path / "index.db", key))
        return opened[-1]

    yield open_again
    for index in opened:
        index.close()


@pytest.fixture
def index(reopen: Open) -> Index:
    return reopen()


BASE = IndexDocument(
    id=UUID(int=1),
    subject="صيانة المولدات في المدارس",
    body="نرفق لكم تقارير لجنة الصيانة، ويرجى صرف المبالغ من موازنة المديرية قبل نهاية السنة المالية.",
    numbers=("ت/٤/١٢٨٧", "123456789012345678"),
    parties=("وزارة التربية", "المديرية العامة لتربية نينوى"),
    day=date(2025, 3, 9),
    direction="incoming",
    kind="letter",
    sensitivity=1,
    acl=("registry", "u7"),
)


def document(**changes: object) -> IndexDocument:
    return replace(BASE, **{"id": new_id(), **changes})  # type: ignore[arg-type]


def found(index: Index, text: str, **changes: object) -> tuple[UUID, ...]:
    return index.search(replace(SearchQuery(text, ("registry",)), **changes)).ids  # type: ignore[arg-type]


OTHER = document(
    id=UUID(int=2), subject="دعوة إلى اجتماع", body="يعقد الاجتماع يوم الأحد.", numbers=("م/٩/٣٣",),
    parties=("جامعة البصرة",), day=date(2025, 4, 1), direction="outgoing",
)  # fmt: skip


def test_new_index_is_empty_at_position_zero(index: Index) -> None:
    assert (index.position(), index.count(), found(index, "")) == (0, 0, ())


def test_position_and_documents_stay_after_reopening(reopen: Open) -> None:
    first = reopen()
    first.write([BASE, OTHER], position=42)
    first.close()
    again = reopen()
    assert (again.position(), again.count()) == (42, 2)
    assert found(again, "اجتماع") == (OTHER.id,)


def test_open_reader_sees_what_another_handle_writes(reopen: Open) -> None:
    reader, writer = reopen(), reopen()
    assert reader.count() == 0
    writer.write([BASE], position=1)
    assert found(reader, "صيانة") == (BASE.id,)
    writer.write([document(subject=f"كتاب {number}") for number in range(60)], position=2)
    assert (reader.count(), reader.position()) == (61, 2)
    assert found(reader, "مولدات") == (BASE.id,)


def test_same_id_again_replaces(index: Index) -> None:
    index.write([BASE], position=1)
    index.write([replace(BASE, subject="إلغاء التكليف")], position=2)
    assert index.count() == 1
    assert found(index, "المولدات") == ()
    assert found(index, "تكليف") == (BASE.id,)


def test_same_id_twice_in_one_write_keeps_the_last(index: Index) -> None:
    index.write([BASE, replace(BASE, subject="إلغاء التكليف")], position=1)
    assert index.count() == 1
    assert found(index, "تكليف") == (BASE.id,)


def test_deleted_document_is_gone(index: Index) -> None:
    index.write([BASE, OTHER], position=1)
    index.write([], [BASE.id, new_id()], position=2)
    assert (index.count(), index.position()) == (1, 2)
    assert found(index, "صيانة") == ()


def test_delete_comes_before_add_in_one_write(index: Index) -> None:
    index.write([BASE], position=1)
    index.write([BASE], [BASE.id], position=2)
    assert index.count() == 1


def test_empty_write_moves_the_position(index: Index) -> None:
    index.write([], position=7)
    assert (index.position(), index.count()) == (7, 0)


def test_many_single_writes_are_all_found(index: Index) -> None:
    documents = [document(subject=f"تعميم رقم {number}", numbers=(f"ق/{number}",)) for number in range(70)]
    for position, one in enumerate(documents, 1):
        index.write([one], position=position)
    assert (index.count(), index.position()) == (70, 70)
    for number in (0, 23, 24, 25, 49, 69):
        assert found(index, f"ق/{number}")[0] == documents[number].id


def test_failed_write_changes_nothing(index: Index) -> None:
    index.write([BASE], position=1)

    def broken() -> Iterator[IndexDocument]:
        yield OTHER
        raise RuntimeError

    with pytest.raises(RuntimeError):
        index.write(broken(), position=2)
    assert (index.count(), index.position()) == (1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "مولدات", "المولدة", "وبالمدارس", "مدرسة", "تقرير", "التقارير", "مبلغ الصيانة", "صيانه", "صِيَانَة", "الصيانــة",
        "لجان", "السنة المالية", "تربية نينوي", "نينوى صيانة تقرير", "في المدارس",
    ],
)  # fmt: skip
def test_words_are_found_whatever_their_form(index: Index, text: str) -> None:
    index.write([BASE, OTHER], position=1)
    assert found(index, text) == (BASE.id,)


@pytest.mark.parametrize(
    "text", ["ت/٤/١٢٨٧", "ت/4/1287", "1287/4/ت", "۱۲۸۷", "١٢٨٧", "4/1287", "ت 4 1287", "ت-4-1287", "ت / ٤ / ١٢٨٧"]
)
def test_number_is_found_in_any_digit_set_and_order(index: Index, text: str) -> None:
    index.write([BASE, OTHER], position=1)
    assert found(index, text) == (BASE.id,)


@pytest.mark.parametrize(
    "text", ["123456789012345678", "١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨", "123456 789012 345678", "123456-789012-345678"]
)
def test_document_code_is_found_whole_or_grouped(index: Index, text: str) -> None:
    index.write([BASE, OTHER], position=1)
    assert found(index, text) == (BASE.id,)


def test_reference_in_the_body_is_found_in_any_order(index: Index) -> None:
    answer = document(body="إشارة إلى كتابكم ذي العدد م/٥/٧٧١ في ٢٠٢٥/٢/١", numbers=())
    index.write([answer, OTHER], position=1)
    for text in ("771/5/م", "م/5/771", "2025/2/1", "٥/٧٧١"):
        assert found(index, text) == (answer.id,)


def test_another_number_is_not_found(index: Index) -> None:
    index.write([BASE, OTHER], position=1)
    assert found(index, "ت/4/1288") == ()
    assert found(index, "33/4/م") == ()


def test_all_words_must_match(index: Index) -> None:
    index.write([BASE, OTHER], position=1)
    assert found(index, "صيانة اجتماع") == ()


def test_words_may_match_in_different_places(index: Index) -> None:
    index.write([BASE, OTHER], position=1)
    assert found(index, "مولدات موازنة نينوى 1287") == (BASE.id,)


def test_phrase_asks_for_neighbours_in_order(index: Index) -> None:
    index.write([BASE, OTHER], position=1)
    assert found(index, '"تقارير لجنة الصيانة"') == (BASE.id,)
    assert found(index, "«لجنة الصيانة» مولدات") == (BASE.id,)
    assert found(index, '"الصيانة لجنة"') == ()


def test_phrase_does_not_run_over_two_parties(index: Index) -> None:
    index.write([BASE], position=1)
    assert found(index, '"وزارة التربية"') == (BASE.id,)
    assert found(index, '"التربية المديرية"') == ()


@pytest.mark.parametrize("text", ["المول", "مول", "صيانة المد", "نين", "128", "البص", "12345"])
def test_last_word_may_be_a_beginning(index: Index, text: str) -> None:
    index.write([BASE, OTHER], position=1)
    assert len(found(index, text)) == 1


def test_long_beginning_is_found(index: Index) -> None:
    letter = document(subject="كلية المستنصرية")
    index.write([letter, OTHER], position=1)
    assert found(index, "المستنصري") == (letter.id,)


def test_beginning_in_the_body_is_not_asked(index: Index) -> None:
    index.write([BASE], position=1)
    assert found(index, "مواز") == ()


def test_subject_ranks_before_body(index: Index) -> None:
    in_body = document(subject="كتاب", body="بخصوص المستودعات المركزية ومتابعتها", day=date(2025, 9, 1))
    in_subject = document(subject="المستودعات المركزية", body="نرجو المتابعة", day=date(2024, 1, 1))
    index.write([in_body, in_subject], position=1)
    assert found(index, "مستودعات") == (in_subject.id, in_body.id)


def test_ties_are_newest_first(index: Index) -> None:
    letters = [document(day=date(2025, 1, 1) + timedelta(days=number)) for number in (3, 9, 1, 5)]
    index.write(letters, position=1)
    assert found(index, "مولدات") == tuple(letters[place].id for place in (1, 3, 0, 2))


@pytest.mark.parametrize("text", ["", "   ", "...", '""', "/ - *", "؟ ، ؛", "\u200f", "«»", "'", "( )"])
def test_query_without_words_lists_newest_first(index: Index, text: str) -> None:
    index.write([BASE, OTHER], position=1)
    assert found(index, text) == (OTHER.id, BASE.id)


def test_only_who_carries_a_token_finds(index: Index) -> None:
    index.write([BASE, document(acl=("e5",))], position=1)
    for text in ("", "مولدات"):
        assert index.search(SearchQuery(text, ("u7",))).total == 1
        assert index.search(SearchQuery(text, ("u7", "e5"))).total == 2
        assert index.search(SearchQuery(text, ("u70", "e", "Registry"))).total == 0
        assert index.search(SearchQuery(text, ())).total == 0


def test_tokens_and_directions_are_no_words(index: Index) -> None:
    index.write([BASE], position=1)
    for text in ("registry", "incoming", "u7", "tags:u7"):
        assert found(index, text) == ()


def test_strange_tokens_are_only_compared(index: Index) -> None:
    index.write([document(acl=('a" OR "b', "وحدة ٣"))], position=1)
    assert index.search(SearchQuery("", ('a" OR "b',))).total == 1
    assert index.search(SearchQuery("", ("وحدة ٣",))).total == 1
    assert index.search(SearchQuery("", ("a", "b", "وحدة"))).total == 0


def test_direction_and_days_filter(index: Index) -> None:
    index.write([BASE, OTHER], position=1)
    assert found(index, "", direction="incoming") == (BASE.id,)
    assert found(index, "اجتماع", direction="incoming") == ()
    assert found(index, "", since=date(2025, 3, 10)) == (OTHER.id,)
    assert found(index, "", until=date(2025, 3, 9)) == (BASE.id,)
    assert found(index, "", since=date(2025, 3, 9), until=date(2025, 4, 1)) == (OTHER.id, BASE.id)
    assert found(index, "صيانة", since=date(2025, 3, 10)) == ()


def test_pages_are_cut_from_one_order(index: Index) -> None:
    index.write([document(day=date(2025, 1, 1) + timedelta(days=number)) for number in range(55)], position=1)
    for text in ("", "مولدات"):
        whole = found(index, text, limit=100)
        assert len(set(whole)) == 55
        pages = [index.search(SearchQuery(text, ("u7",), limit=20, offset=offset)) for offset in (0, 20, 40, 60)]
        assert tuple(id for page in pages for id in page.ids) == whole
        assert {page.total for page in pages} == {55}


def test_query_of_ten_kilobytes_is_refused(index: Index) -> None:
    with pytest.raises(Invalid) as refusal:
        index.search(SearchQuery("صيانة " * 1700, ("registry",)))
    assert refusal.value.code == "search.query-too-long"
    assert refusal.value.params == {"limit": 1000}


def test_longest_query_is_answered(index: Index) -> None:
    index.write([BASE], position=1)
    assert found(index, " ".join(f"ك{number}" for number in range(300))[:1000]) == ()
    assert found(index, " ".join("ابتثجح" * 80)[:1000]) == ()
    assert found(index, "مولدات " * 140) == (BASE.id,)


@pytest.mark.parametrize(
    "text",
    [
        '"', 'a"b', "AND", "NOT OR", "subject:x", "NEAR(a b)", "صيانة*", "^مولدات", "-1", "a OR", "{x}", "\x00", "%",
        "a\\", "[1 TO 2]", "\ud800",
    ],
)  # fmt: skip
def test_signs_of_query_languages_are_only_text(index: Index, text: str) -> None:
    index.write([BASE], position=1)
    found(index, text)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from('"/*-:()«»ت٤اة 12\n')), max_size=60))
def test_anything_typed_is_answered(index: Index, text: str) -> None:
    if index.count() == 0:
        index.write([BASE, document(subject='"صيانة" AND (x)', body="a*b:c")], position=1)
    assert index.search(SearchQuery(text, ("registry",))).total <= 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(codec=None), max_size=80), st.text(max_size=30))
def test_anything_written_is_kept(index: Index, body: str, number: str) -> None:
    one = document(id=UUID(int=9), body=body, numbers=(number,), parties=(body,))
    index.write([one], position=1)
    assert index.count() == 1


@pytest.mark.parametrize("grown", [1, 40])
def test_no_word_is_readable_in_the_folder(index: Index, tmp_path: Path, grown: int) -> None:
    canary = ["زرافةسرية", "canaryword", "وزارةالغموض", "990017990018"]
    letter = document(subject=canary[0], body=canary[1], parties=(canary[2],), numbers=(canary[3],))
    for position in range(grown):
        index.write([replace(letter, id=new_id())], position=position)
    assert index.search(SearchQuery("canaryword", ("registry",))).total == grown
    data = b"".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    assert len(data) > 300
    for word in canary + [folded for plain in canary for folded in words(plain)]:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            raw = word.encode(encoding)
            assert raw not in data
            for shift in range(3):  # the middle of the three base64 forms a word can take
                assert base64.b64encode(b"\0" * shift + raw)[4:-4] not in data


def test_another_key_is_refused(reopen: Open) -> None:
    reopen().write([BASE], position=1)
    with pytest.raises(Unavailable, match=r"search\.index-damaged"):
        reopen(bytes(32)).search(SearchQuery("", ("registry",)))


def test_altered_files_are_refused(reopen: Open, tmp_path: Path) -> None:
    first = reopen()
    first.write([document() for _ in range(40)], position=1)
    first.close()
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.stat().st_size > 200:
            data = bytearray(path.read_bytes())
            for place in range(100, len(data), 997):
                data[place] ^= 0x40
            path.write_bytes(data)
    with pytest.raises(Unavailable, match=r"search\.index-damaged"):
        reopen().search(SearchQuery("مولدات", ("registry",)))


def test_close_is_safe_twice(index: Index) -> None:
    index.close()
    index.close()


def official(limit: int) -> list[tuple[str, str]]:
    """Return title and text of the first ``limit`` official texts."""
    texts: list[tuple[str, str]] = []
    with tarfile.open(next(OFFICIAL.glob("*.tar.xz"))) as archive:
        while len(texts) < limit and (member := archive.next()) is not None:
            file = archive.extractfile(member)
            parts = file.read().decode().split("---\n", 2) if file else []
            if len(parts) == 3 and (title := re.search(r'^title: "(.+)"$', parts[1], re.MULTILINE)):
                texts.append((title[1], parts[2][:4000]))
    return texts


@pytest.mark.skipif(not OFFICIAL.exists(), reason="needs ../shared/data/ar-official-texts")
def test_known_item_is_in_the_first_ten_for_nine_in_ten(index: Index) -> None:
    texts = official(150)
    letters = [document(subject=title, body=body, numbers=(f"ق/{place}",)) for place, (title, body) in enumerate(texts)]
    index.write(letters, position=1)
    hits = 0
    for letter in letters:
        asked = [word for word in letter.subject.split() if len(word) > 2][-4:]
        hits += letter.id in found(index, " ".join(asked), limit=10)
    assert hits / len(letters) >= 0.9
