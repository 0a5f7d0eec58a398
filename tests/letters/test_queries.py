"""Who may know of which letter; lists, counts and registers."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from edms.core.errors import NotFound
from edms.letters import listing, queries, reading
from edms.letters.rules import NUMBERED, Sensitivity, State
from edms.registry.rules import Direction
from tests.factories import letters as make
from tests.factories.world import OPERATOR, World


def sees(world: World, letter_id: UUID, where: str, who: str) -> bool:
    try:
        make.letter(world, letter_id, world.actor(where, who))
    except NotFound:
        return False
    return True


def test_another_body_never_sees_a_letter(world: World) -> None:
    kept = [make.drafted(world), make.submitted(world), make.signed(world), make.issued(world).letter_id]
    people = [(where, who) for where, who in world.actors if where != "a"]
    assert [(letter_id, one) for letter_id in kept for one in people if sees(world, letter_id, *one)] == []
    for where, who in people:
        with world.database.read(world.actor(where, who)) as uow:
            assert queries.letters(uow) == []
            assert queries.count(uow, direction="outgoing", states=tuple(State)) == 0


@pytest.mark.parametrize(
    ("stage", "readers"),
    [
        ("drafted", {"employee"}),
        ("submitted", {"employee", "head"}),
        ("signed", {"employee", "head", "registry"}),
        ("issued", {"employee", "head", "registry", "colleague"}),
    ],
)
def test_readers_grow_with_the_stage(world: World, stage: str, readers: set[str]) -> None:
    made = getattr(make, stage)(world)
    letter_id = made if isinstance(made, UUID) else made.letter_id
    people = [who for where, who in world.actors if where == "a"]
    assert {who for who in people if sees(world, letter_id, "a", who)} == readers


def test_sensitive_letters_are_for_offices_with_clearance_and_for_those_concerned(world: World) -> None:
    letter_id = make.issued(world, by=world.actor("a", "head"), sensitivity=Sensitivity.TOP_SECRET).letter_id
    assert sees(world, letter_id, "a", "head")
    assert not any(sees(world, letter_id, "a", who) for who in ("registry", "employee", "colleague", "administrator"))
    restricted = make.issued(world, sensitivity=Sensitivity.RESTRICTED).letter_id
    assert sees(world, restricted, "a", "registry")
    assert sees(world, restricted, "a", "employee")
    assert not sees(world, restricted, "a", "colleague")


def test_pages_of_a_list_follow_without_repeat_or_gap(world: World) -> None:
    made = [make.drafted(world, subject=f"كتاب {n}") for n in range(7)]
    employee = world.actor("a", "employee")
    seen: list[UUID] = []
    with world.database.read(employee) as uow:
        while page := queries.letters(uow, before=seen[-1] if seen else None, limit=3):
            seen += [letter.id for letter in page]
    assert seen == made[::-1]


def test_unread_is_each_persons_own(world: World) -> None:
    letter_id = make.received(world)
    with world.database.work(world.actor("b", "employee")) as uow:
        assert reading.note_opening(uow, queries.letter(uow, letter_id))
        assert not reading.note_opening(uow, queries.letter(uow, letter_id))
    states = tuple(NUMBERED)
    for who, unread in (("employee", 0), ("colleague", 1)):
        with world.database.read(world.actor("b", who)) as uow:
            assert len(queries.letters(uow, direction="incoming", unread=True)) == unread
            assert queries.count(uow, direction="incoming", states=states, unread=True) == unread
            assert listing.rows(uow, queries.letters(uow))[0].unread is bool(unread)


def test_counts_stop_at_the_cap(world: World) -> None:
    for n in range(4):
        make.drafted(world, subject=f"كتاب {n}")
    with world.database.read(world.actor("a", "employee")) as uow:
        assert queries.count(uow, direction="outgoing", states=(State.DRAFT,), cap=3) == 3


def test_a_page_of_rows_costs_the_same_few_reads_however_long(world: World) -> None:
    def reads(limit: int) -> int:
        statements: list[str] = []
        with world.database.read(world.actor("a", "employee")) as uow:
            found = queries.letters(uow, limit=limit)

            def listener(*given: Any) -> None:
                statements.append(given[2])

            event.listen(world.database.engine, "before_cursor_execute", listener)
            try:
                rows = listing.rows(uow, found)
            finally:
                event.remove(world.database.engine, "before_cursor_execute", listener)
        assert len(rows) == limit
        return len(statements)

    for n in range(6):
        make.drafted(world, subject=f"كتاب {n}", files={"a.txt": b"a"}, copies=(world.centre.id,))
    reads(1)  # the body's key is unwrapped once
    assert reads(6) == reads(2) <= 6


def test_rows_tell_party_others_attachments_and_first_words(world: World) -> None:
    make.drafted(world, to=(world.entity_b.id, world.centre.id), files={"a.txt": b"a"})
    with world.database.read(world.actor("a", "employee")) as uow:
        row = listing.rows(uow, queries.letters(uow))[0]
    assert (row.party, row.more, row.attachments, row.unread) == (world.entity_b.name_ar, 1, 1, False)
    assert row.snippet.startswith("تهديكم وزارتنا")


def test_register_lines_keep_every_number_and_hide_what_may_not_be_read(world: World) -> None:
    make.issued(world)
    make.issued(world, by=world.actor("a", "head"), sensitivity=Sensitivity.TOP_SECRET)
    with world.database.read(world.actor("a", "registry")) as uow:
        lines = queries.register_lines(
            uow, entity_id=world.entity_a.id, direction=Direction.OUTGOING, day_from=date.min, day_to=date.max
        )
        assert [(entry.number, may) for entry, _, may in lines] == [(1, True), (2, False)]


def test_nobody_without_a_body_or_role_sees_anything(world: World) -> None:
    letter_id = make.issued(world).letter_id
    head = world.actor("a", "head")
    for actor in (replace(head, entity_id=None), replace(head, roles=frozenset())):
        with pytest.raises(NotFound), world.database.read(actor) as uow:
            queries.letter(uow, letter_id)
    assert make.letter(world, letter_id, OPERATOR).id == letter_id
