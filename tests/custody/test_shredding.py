"""A destroyed letter: yesterday's backup does not open it, everything else does."""

import shutil
import sqlite3
import time
import weakref
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, update

from crypto.errors import KeyUnavailable
from crypto.stream import encrypt_chunks
from crypto.vault import LOOK_EVERY
from edms.audit.models import Event
from edms.audit.service import facts_of
from edms.confirmations.models import InquiryRow
from edms.content import service as content
from edms.content.models import FileKey, SmallFile, StoredFile
from edms.content.store import ContentStore
from edms.core.database import Database
from edms.core.errors import Conflict, Forbidden, NotFound, Unavailable
from edms.core.ids import new_id
from edms.core.parts import Parts
from edms.custody import shredding
from edms.custody.shredding import Shredder
from edms.dispatch.models import OutboundPackage, OutboxItem
from edms.entities.keyring import Keyring
from edms.letters import queries
from edms.letters.models import Attachment, Destruction, Letter
from edms.operation.log_checks import check_all
from edms.search.follower import follow
from edms.search.indexes import Indexes
from edms.search.service import search
from edms.wiring import parts_of
from tests.factories.issued import IssuedLetter, downloaded_copy, issued_letter
from tests.factories.pages import make_app, sign_in
from tests.factories.world import OPERATOR, World, make_world
from tests.verification.leaks import traced

SECRET = "مكان المستودع السري"


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def shredder(parts: Parts) -> Shredder:
    return Shredder(parts[Database], parts[ContentStore], parts[Keyring], parts[Indexes])


def delivered(world: World) -> None:
    """Everything that was to be sent has arrived."""
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(update(OutboxItem).values(state="delivered"))


def letters(world: World) -> tuple[IssuedLetter, IssuedLetter]:
    gone, kept = issued_letter(world, subject=SECRET), issued_letter(world, subject="كتاب باقٍ")
    delivered(world)
    return gone, kept


def destroy(world: World, letter: IssuedLetter, **more: str) -> shredding.Certificate:
    return shredding.destroy_letter(
        shredder(world.parts), world.actor("a", "registry"), letter.id, reason="court", **more
    )


def opened(parts: Parts, world: World, letter: IssuedLetter) -> tuple[str, str, bytes]:
    """What a body's head can see of a letter: subject, text, sheet."""
    with parts[Database].read(world.actor("a", "head")) as uow:
        row = queries.letter(uow, letter.id)
        assert row.rendition_id is not None
        return row.subject, str(queries.newest_version(uow, row.id).text["body"]), content.read(
            uow, row.rendition_id, entity_id=row.entity_id, store=parts[ContentStore], keys=parts[Keyring]
        )  # fmt: skip


def assert_gone(parts: Parts, world: World, letter: IssuedLetter) -> None:
    with parts[Database].read(world.actor("a", "head")) as uow:
        row = queries.letter(uow, letter.id)
        assert row.number == letter.number
        assert row.subject == ""
        assert row.verification_code == ""
        assert queries.newest_version(uow, row.id).text == {"body": [], "text": ""}
        assert all(each.purpose == "" for each in queries.addressees(uow, row.id))
        packages = select(OutboundPackage).join(OutboxItem, OutboxItem.package_id == OutboundPackage.id)
        for package in uow.session.scalars(packages.where(OutboxItem.letter_id == row.id)):
            assert package.meta == {}
        for file_id in uow.session.scalars(select(FileKey.file_id).where(FileKey.entity_id == row.entity_id)):
            if file_id == row.rendition_id:
                with pytest.raises(NotFound, match=r"content\.destroyed"):
                    content.read(
                        uow, file_id, entity_id=row.entity_id, store=parts[ContentStore], keys=parts[Keyring]
                    )  # fmt: skip


def test_whose_copy_leaked_is_still_told_of_a_destroyed_letter(world: World) -> None:
    gone, _ = letters(world)
    pdf, copy = downloaded_copy(world, gone, ("a", "employee"))
    destroy(world, gone)
    (named,) = traced(world, OPERATOR, pdf).named
    assert (named.copy_code, named.layers[-1]) == (copy.code, "tint")


def test_a_destroyed_letter_is_gone_and_the_others_stay(world: World) -> None:
    gone, kept = letters(world)
    assert opened(world.parts, world, gone)[0] == SECRET
    certificate = destroy(world, gone, order="١٢/٢٠٢٦")
    assert_gone(world.parts, world, gone)
    assert opened(world.parts, world, kept)[2] == kept.pdf
    with world.database.read(OPERATOR) as uow:
        row = uow.session.get_one(Letter, gone.id)
        with pytest.raises(NotFound, match=r"content\.missing-blob"):
            world.store.open(row.rendition_id or new_id())
        told = {one.act: facts_of(one) for one in uow.session.scalars(select(Event).where(Event.object_id == gone.id))}
        assert told["letters.destroyed"]["key_hash"] == certificate.key_hash == told["letters.destroying"]["key_hash"]
        assert told["letters.destroyed"]["keys"] == certificate.keys >= 3
        assert told["letters.destroyed"]["reason"] == "court"
        assert queries.destruction(uow, gone.id) is not None
    assert world.parts[Indexes].requested() == [world.entity_a.id]
    assert destroy(world, gone) == certificate  # once is enough
    checked = check_all(world.parts, OPERATOR)
    assert (checked.report.faults, checked.rows["destructions"]) == ([], 1)


def test_what_repeats_the_subject_goes_with_it(world: World) -> None:
    gone, kept = letters(world)
    rows = []
    with world.database.work(OPERATOR) as uow:
        for letter in (gone, kept):
            row = InquiryRow(
                id=new_id(), inquiry_id=new_id(), entity_id=world.entity_a.id, other_id=world.entity_b.id,
                side="answered", document_code=letter.document_code, asked_at=uow.now, answer="issued",
            )  # fmt: skip
            row.told = {"subject": SECRET}
            uow.session.add(row)
            rows.append(row.id)
    destroy(world, gone)
    with world.database.read(OPERATOR) as uow:
        assert [uow.session.get_one(InquiryRow, one).told for one in rows] == [{}, {"subject": SECRET}]


def test_no_search_finds_it_and_no_index_holds_its_words(world: World) -> None:
    gone, _ = letters(world)
    indexes = world.parts[Indexes]

    def found(words: str) -> int:
        while follow(world.database, indexes):
            pass
        with world.database.read(world.actor("a", "head")) as uow:
            return len(search(uow, words, indexes=indexes).hits)

    def places() -> set[str]:
        return {path.name for path in indexes.folder_of(world.entity_a.id).iterdir()}

    assert (found("المستودع"), found("باقٍ")) == (1, 1)
    before = places()
    destroy(world, gone)
    assert (found("المستودع"), found("باقٍ")) == (0, 1)
    assert indexes.requested() == []  # it was rebuilt, and the files of the one before are gone
    assert places() & before == {"current.json"}


def test_what_another_body_holds_stays(world: World) -> None:
    gone, _ = letters(world)
    with world.database.work(OPERATOR) as uow:
        row = uow.session.get_one(Letter, gone.id)
        assert row.rendition_id is not None
        content.share(uow, row.rendition_id, holder=row.entity_id, entities=[world.entity_b.id], keys=world.keyring)
        file_id = row.rendition_id
    destroy(world, gone)
    assert_gone(world.parts, world, gone)
    with world.database.read(OPERATOR) as uow:
        read = content.read(uow, file_id, entity_id=world.entity_b.id, store=world.store, keys=world.keyring)
    assert read == gone.pdf


def test_yesterdays_backup_does_not_open_it(tmp_path: Path) -> None:
    world = make_world(tmp_path / "live")
    gone, kept = letters(world)
    with world.database.work(world.actor("a", "employee")) as uow:
        small = content.adopt(
            uow, content.stage_small(b"a small secret", kind="test", now=uow.now, store=world.store),
            entities=[world.entity_a.id], keys=world.keyring,
        )  # fmt: skip
        uow.session.add(
            Attachment(letter_id=gone.id, entity_id=world.entity_a.id, file_id=small.id, position=9,
                       name="خريطة.txt", media_type="text/plain", size=14, hash="00")
        )  # fmt: skip
    data, backup = world.settings.data, tmp_path / "backup"
    shutil.copytree(data, backup, ignore=shutil.ignore_patterns("diwan.sqlite3*"))
    with sqlite3.connect(data / "diwan.sqlite3") as live, sqlite3.connect(backup / "diwan.sqlite3") as copy:
        live.backup(copy)
    live.close()
    copy.close()
    destroy(world, gone)
    world.database.dispose()
    shutil.rmtree(data)
    shutil.copytree(backup, data)  # database, content folder, key file: all as yesterday; only the vault is of today
    restored = parts_of(world.settings)
    weakref.finalize(restored[Database], restored[Database].dispose)
    with restored[Database].read(OPERATOR) as uow:
        assert uow.session.get(Destruction, new_id()) is None
        assert uow.session.scalars(select(Destruction)).all() == []
        row = uow.session.get_one(Letter, gone.id)
        assert row.rendition_id is not None
        restored[ContentStore].open(row.rendition_id).close()  # the ciphertext is back
        assert uow.session.get(SmallFile, small.id) is not None
        (attached,) = queries.attachments(uow, gone.id)
        assert attached.name == ""
        for file_id in (row.rendition_id, small.id):
            with pytest.raises(NotFound, match=r"content\.destroyed"):
                content.read(
                    uow, file_id, entity_id=row.entity_id, store=restored[ContentStore], keys=restored[Keyring]
                )
    assert_gone(restored, world, gone)
    assert opened(restored, world, kept)[2] == kept.pdf
    assert opened(restored, world, kept)[0] == "كتاب باقٍ"


def test_a_restored_vault_forgets_again(world: World) -> None:
    gone, kept = letters(world)
    vault = world.settings.vault_file
    before = vault.read_bytes()
    destroy(world, gone)
    vault.write_bytes(before)
    time.sleep(LOOK_EVERY)
    with world.database.read(OPERATOR) as uow:
        assert queries.letter(uow, gone.id).subject == SECRET  # why a copy of the vault must not lie about for long
        assert shredding.not_destroyed(uow, keys=world.keyring) >= 3
    assert shredding.repeat_all(shredder(world.parts), OPERATOR) >= 3
    assert_gone(world.parts, world, gone)
    assert opened(world.parts, world, kept)[2] == kept.pdf
    with world.database.read(OPERATOR) as uow:
        assert shredding.not_destroyed(uow, keys=world.keyring) == 0


def test_broken_off_before_the_vault_the_same_call_finishes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, kept = letters(world)

    def dies(*_: object) -> int:
        raise KeyUnavailable("vault.unwritable", path="")

    monkeypatch.setattr(type(world.keyring.vault()), "destroy", dies)
    with pytest.raises(KeyUnavailable):
        destroy(world, gone)
    monkeypatch.undo()
    assert opened(world.parts, world, gone)[0] == SECRET
    destroy(world, gone)
    assert_gone(world.parts, world, gone)
    assert opened(world.parts, world, kept)[2] == kept.pdf


def test_what_was_broken_off_is_counted_and_finished_by_the_operator(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, _ = letters(world)
    monkeypatch.setattr(type(world.keyring.vault()), "destroy", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        destroy(world, gone)
    monkeypatch.undo()
    with world.database.work(OPERATOR) as uow:
        assert shredding.unfinished(uow) == 0  # it may be at it right now
        uow.now += timedelta(hours=1)
        assert shredding.unfinished(uow) == 1
    shredding.repeat_all(shredder(world.parts), OPERATOR)
    assert_gone(world.parts, world, gone)
    with world.database.read(OPERATOR) as uow:
        row = queries.destruction(uow, gone.id)
        assert row is not None
        assert row.done_at is not None


def test_only_the_registry_of_the_body_destroys_a_letter(world: World) -> None:
    gone, _ = letters(world)
    at = shredder(world.parts)
    for who in ("head", "employee", "administrator"):
        with pytest.raises(Forbidden):
            shredding.destroy_letter(at, world.actor("a", who), gone.id, reason="mistake")
    with pytest.raises(Forbidden):
        shredding.destroy_letter(at, OPERATOR, gone.id, reason="mistake")
    with pytest.raises(NotFound):
        shredding.destroy_letter(at, world.actor("b", "registry"), gone.id, reason="mistake")
    assert opened(world.parts, world, gone)[0] == SECRET


def test_what_cannot_be_destroyed_whole_is_refused(world: World) -> None:
    gone, kept = issued_letter(world, subject=SECRET), issued_letter(world)
    with pytest.raises(Conflict, match=r"letters\.destroy-on-the-way"):
        destroy(world, gone)
    delivered(world)
    with world.database.work(OPERATOR) as uow:
        row = uow.session.get_one(Letter, gone.id)
        assert row.rendition_id is not None
        shared = Attachment(letter_id=kept.id, entity_id=row.entity_id, file_id=row.rendition_id, position=1, name="n",
                            media_type="application/pdf", size=1, hash="00")  # fmt: skip
        uow.session.add(shared)
    with pytest.raises(Conflict, match=r"letters\.destroy-shared"):
        destroy(world, gone)
    with world.database.work(OPERATOR) as uow:
        uow.session.delete(uow.session.get_one(Attachment, shared.id))
        old = bytes(61)  # as long as a wrap was before there was a vault
        uow.session.execute(update(FileKey).where(FileKey.file_id == row.rendition_id).values(wrapped=old))
    with pytest.raises(Conflict, match=r"letters\.destroy-older"):
        destroy(world, gone)
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(Destruction)).all() == []


def test_a_year_that_is_over_is_destroyed_whole(world: World) -> None:
    now, a, b = 2021, world.entity_a.id, world.entity_b.id
    stamp = 1_630_000_000_000  # August 2021

    def old_file(data: bytes) -> UUID:
        file_id = UUID(int=stamp << 80 | new_id().int & (1 << 80) - 1)
        with world.database.work(OPERATOR) as uow:
            made = content.stage_small(data, kind="test", now=uow.now, store=world.store)
            header = content.blob_header(file_id, len(data), "test", uow.now)
            blob = b"".join(encrypt_chunks([data], made.key, header))
            content.adopt(uow, replace(made, id=file_id, blob=blob), entities=[a, b], keys=world.keyring)
        return file_id

    files = [old_file(b"one"), old_file(b"two")]
    letter = issued_letter(world)
    at = shredder(world.parts)
    with pytest.raises(Forbidden):
        shredding.destroy_year(at, world.actor("a", "registry"), now, reason="retention")
    with pytest.raises(Conflict, match=r"letters\.destroy-year-open"):
        shredding.destroy_year(at, world.actor("a", "administrator"), 9999, reason="retention")
    with world.database.work(OPERATOR) as uow:
        draft = Letter(
            id=UUID(int=stamp << 80 | new_id().int & (1 << 80) - 1), entity_id=a, direction="outgoing", kind="letter",
            state="draft", sensitivity=0, precedence="ordinary", created_at=uow.now, changed_at=uow.now,
        )  # fmt: skip
        uow.session.add(draft)
    with pytest.raises(Conflict, match=r"letters\.destroy-year-unfinished"):
        shredding.destroy_year(at, world.actor("a", "administrator"), now, reason="retention")
    with world.database.work(OPERATOR) as uow:
        uow.session.delete(uow.session.get_one(Letter, draft.id))
    shredding.destroy_year(at, world.actor("a", "administrator"), now, reason="retention")
    with world.database.read(OPERATOR) as uow:
        for file_id in files:
            with pytest.raises(NotFound, match=r"content\.destroyed"):
                content.read(uow, file_id, entity_id=a, store=world.store, keys=world.keyring)
            assert content.read(uow, file_id, entity_id=b, store=world.store, keys=world.keyring) in (b"one", b"two")
    assert opened(world.parts, world, letter)[2] == letter.pdf


def test_without_its_vault_nothing_is_written_and_nothing_lost(world: World) -> None:
    letter = issued_letter(world)
    vault = world.settings.vault_file
    aside = vault.with_name("aside")
    vault.rename(aside)
    other = parts_of(world.settings)
    weakref.finalize(other[Database], other[Database].dispose)
    with pytest.raises(Unavailable, match=r"keys\.no-vault"), other[Database].work(OPERATOR) as uow:
        content.put(uow, b"x", kind="test", entities=[world.entity_a.id], store=other[ContentStore],
                    keys=other[Keyring])  # fmt: skip
    with pytest.raises((Unavailable, KeyUnavailable)):
        opened(other, world, letter)
    aside.rename(vault)
    assert opened(other, world, letter)[2] == letter.pdf
    with other[Database].read(OPERATOR) as uow:
        assert uow.session.scalars(select(StoredFile.id).where(StoredFile.kind == "test")).all() == []


def test_pages_say_that_a_letter_was_destroyed(world: World) -> None:
    gone, kept = letters(world)
    destroy(world, gone)
    client = sign_in(make_app(world), world.logins["a", "head"])
    listed = client.get("/outgoing")
    assert listed.status_code == 200
    assert "كتاب باقٍ" in listed.text
    page = client.get(f"/letters/{gone.id}")
    assert page.status_code == 200
    assert "أُتلف هذا الكتاب" in page.text
    assert SECRET not in page.text
    assert client.get(f"/letters/{gone.id}/copy.pdf").status_code == 404
    assert "أُتلف هذا الكتاب" not in client.get(f"/letters/{kept.id}").text
