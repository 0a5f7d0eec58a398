"""Issued copies of letters and attachments: on record before they leave, and naming their reader from a piece."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from uuid import UUID

import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image
from sqlalchemy import select

from crypto.digests import sha256
from crypto.marks.arrays import Image as Pixels
from crypto.marks.payload import TintCode
from crypto.marks.tint_reading import read_tint
from edms.audit.models import Event
from edms.audit.service import facts_of
from edms.codes import mark_keys
from edms.codes.models import IssuedCopy, MarkKeyRow
from edms.codes.page_images import page_png
from edms.core.actor import Actor, Deputyship
from edms.core.errors import Forbidden, NotFound
from edms.letters import copies, queries, service
from edms.letters.copies import IssuedFile
from edms.letters.rendition.letter import render_letter
from tests.factories import letters as make
from tests.factories.clock import with_set_clock
from tests.factories.world import OPERATOR, World, make_world
from tests.letters.rendition.samples import LETTER


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def sheet(world: World, letter_id: UUID, actor: Actor, act: copies.Act = "download") -> IssuedFile:
    return copies.issue_sheet(world.database, actor, letter_id, act, store=world.store, keys=world.keyring)


def on_record(world: World, code: str) -> IssuedCopy:
    with world.database.read(OPERATOR) as uow:
        return uow.session.scalars(select(IssuedCopy).where(IssuedCopy.code == code)).one()


def read_blind(world: World, image: Pixels) -> str | None:
    """Return the copy code that the tint of an image gives, looked for with the keys of all months."""
    with world.database.read(OPERATOR) as uow:
        codes = [TintCode(key) for key in mark_keys.known(uow, keys=world.keyring)]
    found = read_tint(image, codes, seconds=30).named
    return None if found is None else f"{found.number:012d}"


def corner(pdf: bytes) -> Pixels:
    bitmap = pypdfium2.PdfDocument(pdf)[0].render(scale=150 / 72, rev_byteorder=True)
    pixels = bitmap.to_numpy()[:, :, :3]
    return np.ascontiguousarray(pixels[200:600, 300:800])


@pytest.mark.parametrize("act", ["download", "print"])
def test_a_piece_of_a_copy_names_its_reader(world: World, act: copies.Act) -> None:
    letter_id = make.issued(world).letter_id
    found = {}
    for who in ("employee", "colleague"):
        actor = world.actor("a", who)
        issued = sheet(world, letter_id, actor, act)
        code = read_blind(world, corner(issued.data))
        assert code == issued.code[:12]
        found[who] = on_record(world, issued.code)
        assert found[who].employee_id == actor.employee_id
    assert found["employee"].code != found["colleague"].code


def test_what_left_is_on_record_with_its_hash(world: World) -> None:
    letter_id = make.issued(world).letter_id
    actor = world.actor("a", "employee")
    first, again = sheet(world, letter_id, actor), sheet(world, letter_id, actor)
    assert (first.code, first.data) == (again.code, again.data)
    row = on_record(world, first.code)
    letter = make.letter(world, letter_id)
    assert row.issued_hash == sha256(first.data)
    assert row.content_hash == letter.rendition_hash
    assert (row.letter_version, row.mark_key, row.on_behalf_of_id) == (letter.version, f"{row.issued_at:%Y-%m}", None)
    with world.database.read(OPERATOR) as uow:
        told = uow.session.scalars(select(Event).where(Event.act == "codes.download")).all()
        assert [facts_of(event)["hash"] for event in told] == [row.issued_hash.hex()] * 2


def test_page_images_keep_the_tint_and_a_view_is_made_once(world: World) -> None:
    letter_id = make.issued(world).letter_id
    actor = world.actor("a", "employee")

    def opened() -> str:
        return copies.issue_view(world.database, actor, letter_id, store=world.store, keys=world.keyring)

    code = opened()
    assert opened() == code
    with world.database.read(actor) as uow:
        letter = queries.letter(uow, letter_id)
        pdf = copies.view(uow, letter, store=world.store, keys=world.keyring).pdf
    assert on_record(world, code).issued_hash == sha256(pdf)
    for width in (794, 1588):
        image = np.asarray(Image.open(BytesIO(page_png(pdf, 1, width))).convert("RGB"))
        assert read_blind(world, np.ascontiguousarray(image[: image.shape[0] // 2])) == code[:12]


def test_readers_at_the_same_moment_get_one_code(world: World) -> None:
    letter_id = make.issued(world).letter_id
    actor = world.actor("a", "employee")
    with ThreadPoolExecutor(4) as pool:
        issued = list(pool.map(lambda _: sheet(world, letter_id, actor), range(4)))
    assert len({(each.code, each.data) for each in issued}) == 1


def test_every_month_has_its_key_and_old_copies_keep_theirs(world: World) -> None:
    clock = with_set_clock(world)
    letter_id = make.issued(world).letter_id
    actor = world.actor("a", "employee")
    first = sheet(world, letter_id, actor)
    clock.advance(hours=40 * 24)
    assert sheet(world, letter_id, actor).data == first.data
    later = sheet(world, letter_id, actor, "print")
    assert on_record(world, first.code).mark_key < on_record(world, later.code).mark_key
    assert read_blind(world, corner(first.data)) == first.code[:12]
    assert read_blind(world, corner(later.data)) == later.code[:12]
    with world.database.read(OPERATOR) as uow:
        wrapped = uow.session.scalars(select(MarkKeyRow.wrapped)).all()
        assert all(key.secret not in row for key in mark_keys.known(uow, keys=world.keyring) for row in wrapped)


def test_attached_pdfs_are_marked_and_other_files_are_given_as_they_are(world: World) -> None:
    locked = BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.save(locked, encryption=pikepdf.Encryption(owner="o", user="u"))
    files = {"minutes.pdf": render_letter(LETTER), "list.csv": b"a,b\n1,2\n", "locked.pdf": locked.getvalue()}
    letter_id = make.submitted(world, files=files)
    actor = world.actor("a", "employee")

    def given() -> dict[str, IssuedFile]:
        with world.database.read(actor) as uow:
            attached = {each.name: each.id for each in queries.attachments(uow, letter_id)}
        return {
            name: copies.issue_attachment(world.database, actor, letter_id, each, store=world.store, keys=world.keyring)
            for name, each in attached.items()
        }

    drafts = given()
    assert {name: each.data for name, each in drafts.items()} == files
    assert {each.code for each in drafts.values()} == {""}
    with world.database.work(world.actor("a", "head")) as uow:
        service.sign(uow, letter_id, keys=world.keyring)
    make.issue(world, letter_id)
    numbered = given()
    assert {name for name, each in numbered.items() if each.data != files[name]} == {"minutes.pdf"}
    assert read_blind(world, corner(numbered["minutes.pdf"].data)) == numbered["minutes.pdf"].code[:12]
    marked = {name: bool(on_record(world, each.code).mark_key) for name, each in numbered.items()}
    assert marked == {"minutes.pdf": True, "list.csv": False, "locked.pdf": False}


def test_nobody_but_a_reader_gets_a_copy(world: World) -> None:
    letter_id = make.issued(world).letter_id
    with pytest.raises(NotFound):
        sheet(world, letter_id, world.actor("b", "employee"))
    with pytest.raises(Forbidden, match="person-required"):
        sheet(world, letter_id, OPERATOR)
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalars(select(IssuedCopy)).all() == []


def test_a_deputys_copy_says_for_whom(world: World) -> None:
    letter_id = make.issued(world).letter_id
    letter, head = make.letter(world, letter_id), world.actor("a", "head")
    assert letter.signer_post_id is not None
    assert head.employee_id is not None
    standing_in = Deputyship(letter.signer_post_id, head.employee_id, head.employee_code, max_sensitivity=3)
    deputy = replace(world.actor("a", "colleague"), deputyships=(standing_in,))
    assert on_record(world, sheet(world, letter_id, deputy).code).on_behalf_of_id == head.employee_id
