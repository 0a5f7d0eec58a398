"""Searching: only one's own body, only what one may read, by every way a letter is asked for."""

from datetime import date

import pytest
from sqlalchemy import select

from crypto import codes
from edms.audit.models import Event
from edms.audit.service import facts_of
from edms.core.actor import Actor
from edms.core.errors import Forbidden, Invalid
from edms.letters import issuing
from edms.letters import service as writing
from edms.letters.checks import AddresseeText, LetterText
from edms.letters.printing_plan import Printing
from edms.letters.rules import Kind, Sensitivity
from edms.registry.service import TurnQueue
from edms.search.follower import catch_up
from edms.search.indexes import Indexes
from edms.search.service import Results, note_found, search
from tests.factories.world import OPERATOR, World, make_world
from tests.search.letters import DAY, arrive, package


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Letters of body «a»: three incoming, one of each other sensitivity; of body «b» one."""
    world = make_world(tmp_path_factory.mktemp("search"))
    arrive(world, world.entity_a.id, [
        package(world, 1, "صيانة المولدات في المستشفيات"),
        package(world, 2, "تقرير لجنة الكشف", "مضمون عن الأدوية", date=date(2025, 1, 5)),
        package(world, 3, "تعليمات العمل الجديدة", kind="circular"),
        package(world, 4, "شأن مكتوم", "مضمون سرّي للغاية كلمته طاووس", sensitivity="top_secret"),
        package(world, 5, "شأن سري", "مضمون كلمته عندليب", sensitivity="confidential"),
        package(world, 6, "شأن محدود", "مضمون كلمته هدهد", sensitivity="restricted"),
    ])  # fmt: skip
    arrive(world, world.entity_b.id, [package(world, 1, "صيانة المولدات في المستشفيات")])
    catch_up(world.database, world.parts[Indexes])
    return world


def ask(world: World, text: str, who: Actor | None = None, **given: object) -> Results:
    with world.database.read(who or world.actor("a", "registry")) as uow:
        return search(uow, text, indexes=world.parts[Indexes], **given)  # type: ignore[arg-type]


def subjects(results: Results) -> set[str]:
    return {hit.letter.subject for hit in results.hits}


@pytest.mark.parametrize(
    "text",
    ["المولدة", "صيانه مولدات", '"صيانة المولدات"', "م.م/٤/١", "1/4/م.م", "مركز المراسلات", "الأدويه", "هدهد"],
)
def test_letter_is_found_by(world: World, text: str) -> None:
    assert ask(world, text).hits


def test_bodies_never_see_each_others_letters_or_counts(world: World) -> None:
    in_a, in_b = ask(world, "صيانة"), ask(world, "صيانة", world.actor("b", "registry"))
    assert (in_a.total, in_b.total) == (1, 1)
    assert in_a.hits[0].letter.id != in_b.hits[0].letter.id
    assert ask(world, "هدهد", world.actor("b", "registry")).total == 0
    assert ask(world, "", world.actor("b", "head")).total == 1


@pytest.mark.parametrize(
    ("who", "sees"),
    [("employee", set()), ("registry", {"شأن سري", "شأن محدود"}), ("head", {"شأن مكتوم", "شأن سري", "شأن محدود"})],
)
def test_sensitive_letters_are_found_only_by_the_cleared(world: World, who: str, sees: set[str]) -> None:
    results = ask(world, "شأن", world.actor("a", who))
    assert subjects(results) == sees
    assert results.total == len(sees)


def test_words_of_the_highest_level_are_not_indexed(world: World) -> None:
    assert ask(world, "طاووس", world.actor("a", "head")).total == 0


def test_finding_confidential_letters_is_an_event_without_words(world: World) -> None:
    results = ask(world, "عندليب")
    with world.database.work(world.actor("a", "registry")) as uow:
        note_found(uow, results)
        note_found(uow, ask(world, "صيانة"))
    with world.database.read(OPERATOR) as uow:
        (event,) = uow.session.scalars(select(Event).where(Event.act == "search.searched"))
        assert facts_of(event) == {"total": 1, "confidential": 1}
        assert "عندليب" not in event.entry.decode()


def test_who_belongs_to_no_body_cannot_search(world: World) -> None:
    with pytest.raises(Forbidden):
        ask(world, "صيانة", OPERATOR)
    with pytest.raises(Forbidden):
        ask(world, "صيانة", world.actor("centre", "centre"))


def test_body_without_an_index_finds_nothing(world: World) -> None:
    assert ask(world, "صيانة", world.actor("centre", "auditor")).total == 0


def test_query_of_ten_kilobytes_is_refused(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        ask(world, "كتاب " * 2048)
    assert refused.value.code == "search.query-too-long"


def test_filters_narrow(world: World) -> None:
    assert ask(world, "", direction="outgoing").total == 0
    assert ask(world, "", direction="incoming").total == 5
    assert subjects(ask(world, "", until=date(2025, 12, 31))) == {"تقرير لجنة الكشف"}
    assert "تقرير لجنة الكشف" not in subjects(ask(world, "", since=DAY))


def test_page_past_the_end_gives_the_last(world: World) -> None:
    last = ask(world, "", page=900, size=2)
    assert (last.page, last.total, len(last.hits)) == (3, 5, 1)


def test_found_words_are_marked_in_the_subject(world: World) -> None:
    (hit,) = ask(world, "مستشفيات").hits
    assert "".join(piece for piece, _ in hit.marked) == hit.letter.subject
    assert [piece for piece, marked in hit.marked if marked] == ["المستشفيات"]


def test_document_code_leads_to_its_letter(world: World) -> None:
    code = codes.document_code(world.centre.code[:6], 2026, 2)
    for typed in (code, codes.format_code(code), codes.format_code(code).replace(".", "-")):
        assert ask(world, typed).exact == ask(world, "الكشف").hits[0].letter.id


def test_document_code_of_a_letter_one_may_not_read_leads_nowhere(world: World) -> None:
    code = codes.document_code(world.centre.code[:6], 2026, 4)
    hidden = ask(world, code, world.actor("a", "employee"))
    unknown = ask(world, codes.document_code(world.centre.code[:6], 2026, 999), world.actor("a", "employee"))
    assert hidden == unknown
    assert (hidden.exact, hidden.total, hidden.bad_code) == (None, 0, False)


def test_swapped_groups_of_a_document_code_are_suggested(world: World) -> None:
    code = codes.format_code(codes.document_code(world.centre.code[:6], 2026, 2))
    results = ask(world, "-".join(reversed(code.split("."))))
    assert results.bad_code
    assert results.suggestion == code


def test_issued_restricted_letter_is_found_by_its_author_and_the_offices_only(world: World) -> None:
    author, head = world.actor("a", "employee"), world.actor("a", "head")
    (post,) = head.post_ids
    with world.database.work(author) as uow:
        letter = writing.draft(uow, LetterText(
            Kind.LETTER, "طلب تخصيص مركبة", [{"type": "paragraph", "text": "يرجى التخصيص لأغراض الإسعاف."}],
            (AddresseeText(world.entity_b.id),), sensitivity=Sensitivity.RESTRICTED, signer_post_id=post,
        )).id  # fmt: skip
        writing.submit(uow, letter)
    with world.database.work(head) as uow:
        writing.sign(uow, letter, keys=world.keyring)
    parts = world.parts
    issued = issuing.issue(
        world.database, head, letter, turns=parts[TurnQueue], store=world.store, keys=world.keyring,
        printing=parts[Printing],
    )  # fmt: skip
    catch_up(world.database, parts[Indexes])
    for text in ("الاسعاف", issued.number, "وزارة التربية مركبات", issued.document_code):
        assert [hit.letter.id for hit in ask(world, text, author).hits] == [letter]
    assert ask(world, "الاسعاف", world.actor("a", "colleague")).total == 0
    assert ask(world, "الاسعاف", world.actor("a", "registry")).total == 1
    assert ask(world, "الاسعاف", world.actor("b", "registry")).total == 0
