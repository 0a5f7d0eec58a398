"""A letter reserved for named readers: they open it, each by a passphrase of his own, and no key of the house does."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from crypto.passphrase_keys import open_private
from crypto.recipients import unwrap_with
from crypto.recovery import new_officer, open_officer
from edms.accounts.step_up import StepUpRefused
from edms.content import service as content
from edms.content.models import FileKey
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound
from edms.custody import queries, reserving, shredding
from edms.custody.models import ReaderWrap, ReadingKey, Reservation
from edms.custody.reading_keys import keep_escrow, make_key
from edms.custody.rules import clean_passphrase
from edms.dispatch.models import OutboxItem
from edms.letters import queries as letters
from edms.letters.models import Destruction
from edms.letters.rules import Sensitivity
from edms.operation.log_checks import check_all
from edms.search.follower import follow
from edms.search.indexes import Indexes
from edms.search.service import search
from tests.custody.readers import (
    OFFICER,
    PHRASES,
    SECRET,
    key_of,
    opened,
    person,
    reserve,
    shredder,
    top_secret,
)
from tests.factories.issued import events, issued_letter
from tests.factories.pages import make_app, post, sign_in
from tests.factories.world import OPERATOR, PASSWORD, World, make_world


def test_named_readers_open_it_and_nobody_else_does(world: World) -> None:
    letter = top_secret(world)
    reserve(world, letter)
    assert opened(world, "head", letter) == (SECRET, letter.pdf)
    with pytest.raises(Forbidden, match=r"custody\.no-reader"):
        opened(world, "registry", letter)
    with pytest.raises(NotFound):
        opened(world, "employee", letter, "x")
    with world.database.read(person(world, "head")) as uow:
        row = letters.letter(uow, letter.id)
        assert (row.subject, row.number) == ("", letter.number)
        assert letters.newest_version(uow, row.id).text == {"body": [], "text": ""}
        assert row.rendition_id is not None
        with pytest.raises(NotFound, match=r"content\.destroyed"):
            content.read(uow, row.rendition_id, entity_id=row.entity_id, store=world.store, keys=world.keyring)
        assert events(uow, "letters.reserved-opened") == 1
    with world.database.read(OPERATOR) as uow:
        file_id = uow.session.scalars(select(Reservation.file_id)).one()
        assert uow.session.scalars(select(FileKey).where(FileKey.file_id == file_id)).all() == []
    checked = check_all(world.parts, OPERATOR)
    assert checked.report.faults == []
    assert (checked.rows["reservations"], checked.rows["reader_wraps"], checked.rows["reading_keys"]) == (1, 2, 3)


def test_what_lies_on_disk_is_opened_by_the_passphrase_alone(world: World) -> None:
    """All keys of the installation and the vault are at hand here; what is missing is in a person's memory."""
    letter = top_secret(world)
    reserve(world, letter)
    with world.database.read(OPERATOR) as uow:
        key = uow.session.get_one(ReadingKey, key_of(world, "head"))
        wrap = uow.session.scalars(select(ReaderWrap).where(ReaderWrap.reading_key_id == key.id)).one()
        held = uow.session.get_one(Reservation, wrap.reservation_id)
        private = open_private(key.sealed, clean_passphrase(PHRASES["head"]).encode())
        for wrong in (world.settings.secret_file.read_bytes(), PASSWORD.encode(), b""):
            with pytest.raises(Exception, match=r"keystore\.wrong-secret"):
                open_private(key.sealed, wrong)
        assert unwrap_with(private, wrap.wrapped, reserving._context(held.file_id, key.id))
    assert PHRASES["head"].encode() not in b"".join(
        path.read_bytes() for path in world.settings.data.rglob("*") if path.is_file()
    )


def test_the_search_finds_it_no_more(world: World) -> None:
    letter, indexes = top_secret(world), world.parts[Indexes]

    def found() -> int:
        while follow(world.database, indexes):
            pass
        with world.database.read(person(world, "head")) as uow:
            return len(search(uow, "الطوارئ", indexes=indexes).hits)

    before = found()
    reserve(world, letter)
    assert found() == 0 <= before


def test_a_wrong_passphrase_counts_as_a_try(world: World) -> None:
    letter = top_secret(world)
    reserve(world, letter)
    for _ in range(5):
        with pytest.raises(Invalid, match=r"custody\.wrong-passphrase"):
            opened(world, "head", letter, "عبارة غير صحيحة البتة")
    with pytest.raises(StepUpRefused, match=r"accounts\.step-up-slowed"):
        opened(world, "head", letter)
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "accounts.step-up-alarm") == 1


def test_a_reader_gives_it_on_and_the_office_takes_it_away(world: World) -> None:
    letter = top_secret(world)
    reserve(world, letter)
    give = reserving.give
    with pytest.raises(Forbidden):
        give(world.database, person(world, "registry"), letter.id, key_of(world, "registry"), "x", keys=world.keyring)
    head = person(world, "head")
    give(world.database, head, letter.id, key_of(world, "registry"), PHRASES["head"], keys=world.keyring)
    assert opened(world, "registry", letter) == (SECRET, letter.pdf)
    with pytest.raises(Conflict, match=r"custody\.reader-already"):
        give(world.database, head, letter.id, key_of(world, "registry"), PHRASES["head"], keys=world.keyring)
    with world.database.read(head) as uow:
        wraps = {one.code: one.wrap_id for one in queries.readers(uow, queries.reservation(uow, letter.id))}
    first, second = wraps[head.employee_code], wraps[person(world, "registry").employee_code]
    assert first is not None
    assert second is not None
    with world.database.work(head) as uow:
        reserving.take(uow, letter.id, second)
    with pytest.raises(Forbidden, match=r"custody\.no-reader"):
        opened(world, "registry", letter)
    with pytest.raises(Conflict, match=r"custody\.one-way-in"), world.database.work(head) as uow:
        reserving.take(uow, letter.id, first)
    assert check_all(world.parts, OPERATOR).report.faults == []


def test_the_officer_of_the_escrow_key_gives_it_to_another(world: World) -> None:
    _, file = OFFICER
    with pytest.raises(Forbidden), world.database.work(person(world, "head")) as uow:
        keep_escrow(uow, world.entity_a.id, OFFICER[0])
    letter = top_secret(world)
    reserve(world, letter)
    private = open_officer(file, b"a passphrase of the officer").private
    other = new_officer("آخر", b"a passphrase of another", memory_kib=8192)
    stranger = open_officer(other[1], b"a passphrase of another").private
    give, to = reserving.give_by_officer, key_of(world, "registry")
    with pytest.raises(Invalid, match=r"custody\.no-escrow"):
        give(world.database, person(world, "head"), letter.id, to, stranger, keys=world.keyring)
    give(world.database, person(world, "head"), letter.id, to, private, keys=world.keyring)
    assert opened(world, "registry", letter)[0] == SECRET


def test_nobody_locks_a_letter_up_for_himself_alone(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    make_key(world.database, world.actor("a", "head"), PASSWORD, PHRASES["head"], PHRASES["head"])
    letter = top_secret(world)
    with pytest.raises(Invalid, match=r"custody\.one-way-in"):
        reserve(world, letter)
    with world.database.read(person(world, "head")) as uow:
        assert letters.letter(uow, letter.id).subject == SECRET


def test_a_new_reading_key_does_not_open_what_the_old_one_did(world: World) -> None:
    letter = top_secret(world)
    reserve(world, letter)
    make_key(world.database, person(world, "head"), PASSWORD, "عبارة جديدة مختلفة", "عبارة جديدة مختلفة")
    with pytest.raises(Invalid, match=r"custody\.wrong-passphrase"):
        opened(world, "head", letter, "عبارة جديدة مختلفة")
    assert opened(world, "head", letter)[0] == SECRET


@pytest.mark.parametrize(("phrase", "again", "where"), [
    ("قصيرة", "قصيرة", "passphrase"), ("ا" * 30, "ا" * 30, "passphrase"), ("ن" * 500, "ن" * 500, "passphrase"),
    (PHRASES["head"], "غيرها", "again"),
])  # fmt: skip
def test_a_weak_or_mistyped_passphrase_is_told(world: World, phrase: str, again: str, where: str) -> None:
    with pytest.raises(Invalid) as told:
        make_key(world.database, world.actor("a", "employee"), PASSWORD, phrase, again)
    assert [problem.where for problem in told.value.problems] == [where]
    with world.database.read(OPERATOR) as uow:
        assert len(uow.session.scalars(select(ReadingKey)).all()) == 3


def test_who_may_not_read_it_is_no_reader_and_lesser_letters_are_not_reserved(world: World) -> None:
    clerk = world.actor("a", "employee")
    make_key(world.database, clerk, PASSWORD, "عبارة موظف لا يطلع عليه", "عبارة موظف لا يطلع عليه")
    letter = top_secret(world)
    with world.database.read(clerk) as uow:
        key = queries.own_key(uow)
        assert key is not None
    head = person(world, "head")
    for keys, code in (([key.id], "unknown-reader"), ([], "no-readers")):
        with pytest.raises(Invalid, match=rf"custody\.{code}"):
            reserving.reserve(shredder(world), head, letter.id, keys)
    ordinary = issued_letter(world)
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(update(OutboxItem).values(state="delivered"))
    with pytest.raises(Conflict, match=r"custody\.not-top-secret"):
        reserving.reserve(shredder(world), head, ordinary.id, [key_of(world, "head")])
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(Destruction)).all() == []


def test_broken_off_before_the_vault_the_same_call_finishes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = top_secret(world)

    def dies(*_: object) -> int:
        raise OSError("broken off")

    monkeypatch.setattr(type(world.keyring.vault()), "destroy", dies)
    with pytest.raises(OSError, match="broken off"):
        reserve(world, letter)
    monkeypatch.undo()
    assert opened(world, "head", letter) == (SECRET, letter.pdf)
    head, page = sign_in(make_app(world), world.logins["a", "head"]), f"/letters/{letter.id}"
    assert f'action="{page}/reserve"' in head.get(f"{page}/reserved").text
    assert post(head, f"{page}/reserve", {"sure": "1"}, form=f"{page}/reserved").status_code == 303
    assert f'action="{page}/reserve"' not in head.get(f"{page}/reserved").text
    with world.database.read(person(world, "head")) as uow:
        assert letters.letter(uow, letter.id).subject == ""
        done = letters.destruction(uow, letter.id)
        assert done is not None
        assert done.done_at is not None
        assert len(uow.session.scalars(select(ReaderWrap)).all()) == 2
    assert opened(world, "head", letter) == (SECRET, letter.pdf)


def test_what_fails_before_it_is_committed_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = issued_letter(world, subject=SECRET, sensitivity=Sensitivity.TOP_SECRET)
    before = {path for path in world.settings.content_folder.rglob("*") if path.is_file()}
    with pytest.raises(Conflict, match=r"letters\.destroy-on-the-way"):
        reserve(world, letter)
    assert {path for path in world.settings.content_folder.rglob("*") if path.is_file()} == before
    with world.database.read(person(world, "head")) as uow:
        assert letters.letter(uow, letter.id).subject == SECRET


def test_destroyed_it_opens_for_its_readers_no_more(world: World) -> None:
    letter = top_secret(world)
    reserve(world, letter, "head", "registry")
    assert opened(world, "registry", letter)[0] == SECRET
    shredding.destroy_letter(shredder(world), person(world, "registry"), letter.id, reason="court", order="٥")
    for who in PHRASES:
        with pytest.raises(NotFound, match=r"content\.destroyed"):
            opened(world, who, letter)
    with world.database.read(OPERATOR) as uow:
        row = letters.destruction(uow, letter.id)
        assert row is not None
        assert (row.reason, row.order_number) == ("court", "٥")
        assert shredding.not_destroyed(uow, keys=world.keyring) == 0
        with pytest.raises(NotFound):
            world.store.open(uow.session.scalars(select(Reservation.file_id)).one())
    assert check_all(world.parts, OPERATOR).report.faults == []
