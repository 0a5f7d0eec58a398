"""Sealed columns: ciphertext in the database, bound to table, column, row and owner; times aware and in UTC."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary, bindparam, select, text
from sqlalchemy.exc import StatementError

from crypto.errors import DecryptionError
from edms.core.actor import system_actor
from edms.entities.models import Employee
from edms.letters.models import Letter, Version
from tests.core.letters import add_letter
from tests.factories.world import World, make_world

OPERATOR = system_actor("operator")
SUBJECT = "تجهيز مستشفى البصرة بالأدوية"


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


@pytest.fixture
def letter_id(world: World) -> UUID:
    with world.database.work(OPERATOR) as uow:
        return add_letter(uow, world.entity_a.id, SUBJECT).id


def stored(world: World, column: str, letter_id: UUID) -> bytes:
    with world.database.read(OPERATOR) as uow:
        return bytes(uow.session.scalars(select(getattr(Letter, column)).where(Letter.id == letter_id)).one())


def overwrite(world: World, statement: str, **values: object) -> None:
    with world.database.work(OPERATOR) as uow:
        sealed = [bindparam(name, type_=LargeBinary) for name, value in values.items() if isinstance(value, bytes)]
        uow.session.execute(text(statement).bindparams(*sealed), values)


def test_only_ciphertext_is_stored(world: World, letter_id: UUID) -> None:
    kept = stored(world, "subject_sealed", letter_id)
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        for word in SUBJECT.split():
            assert word.encode(encoding) not in kept


def test_equal_texts_have_different_ciphertexts(world: World, letter_id: UUID) -> None:
    with world.database.work(OPERATOR) as uow:
        other = add_letter(uow, world.entity_a.id, SUBJECT).id
    assert stored(world, "subject_sealed", letter_id) != stored(world, "subject_sealed", other)


def test_a_value_moved_to_another_row_does_not_open(world: World, letter_id: UUID) -> None:
    with world.database.work(OPERATOR) as uow:
        other = add_letter(uow, world.entity_a.id, "كتاب آخر").id
    overwrite(world, "UPDATE letters SET subject_sealed = :sealed WHERE state = 'draft'",
              sealed=stored(world, "subject_sealed", letter_id))  # fmt: skip
    with world.database.read(OPERATOR) as uow:
        assert uow.session.get_one(Letter, letter_id).subject == SUBJECT
        with pytest.raises(DecryptionError):
            _ = uow.session.get_one(Letter, other).subject


def test_a_value_moved_to_another_column_does_not_open(world: World, letter_id: UUID) -> None:
    overwrite(world, "UPDATE letters SET return_reason_sealed = subject_sealed")
    with world.database.read(OPERATOR) as uow, pytest.raises(DecryptionError):
        _ = uow.session.get_one(Letter, letter_id).return_reason


def test_a_value_moved_to_another_table_does_not_open(world: World, letter_id: UUID) -> None:
    with world.database.work(OPERATOR) as uow:
        letter = uow.session.get_one(Letter, letter_id)
        version = Version(id=letter_id, letter_id=letter_id, entity_id=letter.entity_id, no=1, created_at=uow.now)
        version.text = {"subject": SUBJECT}
        uow.session.add(version)
    overwrite(world, "UPDATE versions SET text_sealed = :sealed", sealed=stored(world, "subject_sealed", letter_id))
    with world.database.read(OPERATOR) as uow, pytest.raises(DecryptionError):
        _ = uow.session.get_one(Version, letter_id).text


def test_a_row_given_to_another_owner_does_not_open(world: World, letter_id: UUID) -> None:
    with world.database.work(OPERATOR) as uow:
        uow.session.get_one(Letter, letter_id).entity_id = world.entity_b.id
    with world.database.read(OPERATOR) as uow, pytest.raises(DecryptionError):
        _ = uow.session.get_one(Letter, letter_id).subject


@pytest.mark.parametrize("place", [0, 2, 20, -1])
def test_one_changed_bit_is_noticed(world: World, letter_id: UUID, place: int) -> None:
    sealed = bytearray(stored(world, "subject_sealed", letter_id))
    sealed[place] ^= 1
    overwrite(world, "UPDATE letters SET subject_sealed = :sealed", sealed=bytes(sealed))
    with world.database.read(OPERATOR) as uow, pytest.raises(Exception, match=r"(?i)decrypt|keys\.no-key|crypto"):
        _ = uow.session.get_one(Letter, letter_id).subject


def test_shared_rows_are_sealed_under_the_installation_itself(world: World) -> None:
    with world.database.read(OPERATOR) as uow:
        person = uow.session.scalars(select(Employee)).first()
        assert person is not None
        assert Employee.sealed_owner is None
        assert len(person.name.split()) >= 3
        sealed = person.name_sealed
        assert sealed is not None
        assert person.name.split()[0].encode() not in sealed


def test_reading_after_the_unit_of_work_ended_raises(world: World, letter_id: UUID) -> None:
    with world.database.read(OPERATOR) as uow:
        unread = uow.session.get_one(Letter, letter_id)
    with pytest.raises(RuntimeError, match="unit of work had ended"):
        _ = unread.subject


def test_what_was_read_stays_readable_afterwards(world: World, letter_id: UUID) -> None:
    with world.database.read(OPERATOR) as uow:
        read = uow.session.get_one(Letter, letter_id)
        assert read.subject == SUBJECT
    assert read.subject == SUBJECT


def test_a_value_set_but_not_flushed_is_read_back(world: World, letter_id: UUID) -> None:
    with world.database.work(OPERATOR) as uow:
        letter = uow.session.get_one(Letter, letter_id)
        letter.subject = "موضوع جديد"
        assert letter.subject == "موضوع جديد"
    with world.database.read(OPERATOR) as uow:
        assert uow.session.get_one(Letter, letter_id).subject == "موضوع جديد"


def test_a_rollback_brings_the_stored_value_back(world: World, letter_id: UUID) -> None:
    with world.database.work(OPERATOR) as uow:
        letter = uow.session.get_one(Letter, letter_id)
        assert letter.subject == SUBJECT
        letter.subject = "لم يُحفظ"
        uow.session.rollback()
        assert letter.subject == SUBJECT
        letter.subject = "لم يُحفظ أيضا"
        uow.flush()
        uow.session.rollback()
        assert letter.subject == SUBJECT
    with world.database.read(OPERATOR) as uow:
        assert uow.session.get_one(Letter, letter_id).subject == SUBJECT


def test_a_value_set_again_to_the_same_text_is_kept(world: World, letter_id: UUID) -> None:
    with world.database.work(OPERATOR) as uow:
        uow.session.get_one(Letter, letter_id).subject = SUBJECT
    with world.database.read(OPERATOR) as uow:
        assert uow.session.get_one(Letter, letter_id).subject == SUBJECT


def test_an_empty_column_reads_as_nothing(world: World, letter_id: UUID) -> None:
    with world.database.read(OPERATOR) as uow:
        letter = uow.session.get_one(Letter, letter_id)
        assert letter.return_reason_sealed is None
        assert letter.return_reason == ""


def test_json_keeps_arabic_and_structure(world: World, letter_id: UUID) -> None:
    value = {"body": [{"type": "list", "ordered": False, "items": ["أولا", "ثانيا ١٢٨٧"]}], "none": None}
    with world.database.work(OPERATOR) as uow:
        version = Version(letter_id=letter_id, entity_id=world.entity_a.id, no=1, created_at=uow.now)
        version.text = value
        uow.session.add(version)
        uow.flush()
        made = version.id
    with world.database.read(OPERATOR) as uow:
        assert uow.session.get_one(Version, made).text == value


def test_times_come_back_aware_and_in_utc(world: World) -> None:
    baghdad = datetime(2026, 11, 21, 2, 30, 15, 123456, tzinfo=timezone(timedelta(hours=3)))
    with world.database.work(OPERATOR) as uow:
        letter = add_letter(uow, world.entity_a.id)
        letter.issued_at = baghdad
        made = letter.id
    with world.database.read(OPERATOR) as uow:
        found = uow.session.get_one(Letter, made).issued_at
    assert found is not None
    assert found.isoformat() == "2026-11-20T23:30:15.123456+00:00"


def test_naive_times_are_refused(world: World) -> None:
    with pytest.raises(StatementError, match="naive datetime"), world.database.work(OPERATOR) as uow:
        add_letter(uow, world.entity_a.id).issued_at = datetime(2026, 11, 21)  # noqa: DTZ001
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(Letter)).all() == []
