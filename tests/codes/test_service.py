"""Document serials and issued copies."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pikepdf
import pytest
import zxingcpp
from sqlalchemy import func, select

from crypto import codes
from crypto.digests import sha256
from crypto.marks.keys import MarkKey
from crypto.marks.marking import HiddenMark
from crypto.marks.tint import Profile
from edms.audit.models import Event
from edms.codes import service
from edms.codes.models import IssuedCopy
from edms.codes.page_images import _render
from edms.codes.stamp import CopyMark, marked_pdf
from edms.core.actor import Actor
from edms.core.errors import Forbidden
from tests.factories import letters as make
from tests.factories.world import OPERATOR, World, make_world

KEY = MarkKey("2026-11", b"k" * 32)


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def copy(world: World, letter_id: UUID, actor: Actor, act: str = "view") -> str:
    rendition = make.letter(world, letter_id).rendition_id
    assert rendition is not None
    copied = service.Copied(letter_id, 1, "1" * 18, rendition, bytes(32))
    with world.database.work(actor) as uow:
        drawn = service.draw(uow, rendition, act, keys=world.keyring, hidden=False)
        return service.issue_copy(uow, drawn, copied, act, issued_hash=bytes(32)).code


def test_document_codes_run_by_body_and_year(world: World) -> None:
    def next_code(body: str, year: int) -> codes.Code:
        entity = world.entity_a if body == "a" else world.entity_b
        with world.database.work(OPERATOR) as uow:
            return codes.parse(service.assign(uow, entity.id, entity.code, year), year=2026)

    found = [next_code(body, year).digits for body, year in (("a", 2026), ("a", 2026), ("b", 2026), ("a", 2025))]
    assert len(set(found)) == 4
    assert [code[8:16] for code in found] == ["00000001", "00000002", "00000001", "00000001"]


def test_first_serial_is_given_once_under_contention(world: World) -> None:
    def take(_: int) -> str:
        with world.database.work(OPERATOR) as uow:
            return service.assign(uow, world.entity_a.id, world.entity_a.code, 2026)

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(take, range(12)))) == 12


def test_a_person_keeps_the_copy_code_of_one_way_of_reading(world: World) -> None:
    letter_id = make.issued(world).letter_id
    employee, colleague = world.actor("a", "employee"), world.actor("a", "colleague")
    first = copy(world, letter_id, employee)
    assert copy(world, letter_id, employee) == first
    assert len({first, copy(world, letter_id, employee, "print"), copy(world, letter_id, colleague)}) == 3
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalar(select(func.count()).select_from(IssuedCopy)) == 3
        views = select(func.count()).select_from(Event).where(Event.act == "codes.view")
        assert uow.session.scalar(views) == 3


def test_copies_are_for_people_only(world: World) -> None:
    with pytest.raises(Forbidden, match="person-required"):
        copy(world, make.issued(world).letter_id, OPERATOR)


def test_every_page_of_a_copy_carries_its_readable_code(world: World) -> None:
    from edms.letters import issuing, queries

    made = make.issued(world, markup="\n\n".join(["فقرة طويلة من كتاب رسمي. " * 12] * 14))
    with world.database.work(world.actor("a", "head")) as uow:
        letter = queries.letter(uow, made.letter_id)
        original = issuing.original(uow, letter, store=world.store, keys=world.keyring)
    hidden = HiddenMark.of(48_291_736_502, KEY, sha256(original), Profile.STANDARD)
    mark = CopyMark(codes.copy_code(codes.new_copy_number()), world.entity_a.code, "1000000017", hidden)
    stamped = marked_pdf(original, mark)
    assert marked_pdf(original, mark) == stamped
    with pikepdf.open(io.BytesIO(stamped)) as opened:
        pages = len(opened.pages)
        assert "/AcroForm" not in opened.Root
    assert pages > 1
    for number in range(1, pages + 1):
        read = {each.text for each in zxingcpp.read_barcodes(_render(stamped, number, 1654))}
        assert mark.copy_code in read
