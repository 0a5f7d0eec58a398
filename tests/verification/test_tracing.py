"""Whose copy a paper is: found by its visible code, told to those who may know, never guessed."""

import io
from dataclasses import replace

import pypdfium2
import pytest
from PIL import Image

from edms.core.actor import Actor
from edms.core.errors import Forbidden, Invalid
from edms.verification.tracing import trace
from tests.factories.issued import IssuedLetter, downloaded_copy, events
from tests.factories.world import OPERATOR, World


def auditor_of(world: World, body: str) -> Actor:
    return replace(world.actor(body, "registry"), roles=frozenset({"auditor"}))


def photo(pdf: bytes) -> bytes:
    page = pypdfium2.PdfDocument(pdf)[0].render(scale=2.4).to_pil().rotate(3, expand=True, fillcolor="white")
    out = io.BytesIO()
    page.convert("RGB").save(out, "JPEG", quality=70)
    return out.getvalue()


def test_a_copy_is_traced_to_the_person_from_the_file_and_from_a_photo(world: World, letter: IssuedLetter) -> None:
    pdf, copy = downloaded_copy(world, letter, ("a", "employee"))
    clerk = world.actor("a", "employee")
    for paper in (pdf, photo(pdf)):
        (found,) = trace(world.database, OPERATOR, paper)
        assert (found.copy_code, found.document_code) == (copy.code, letter.document_code)
        assert (found.entity_code, found.employee_code) == (world.entity_a.code, clerk.employee_code)
        assert (found.layers, found.false_accusation_probability) == (("visible",), None)


def test_two_people_have_two_copies(world: World, letter: IssuedLetter) -> None:
    codes = {downloaded_copy(world, letter, ("a", who))[1].code for who in ("employee", "registry")}
    assert len(codes) == 2


def test_the_original_and_blank_pages_accuse_nobody(world: World, letter: IssuedLetter) -> None:
    blank = io.BytesIO()
    Image.new("L", (800, 1100), 255).save(blank, "PNG")
    for paper in (letter.pdf, blank.getvalue()):
        assert trace(world.database, OPERATOR, paper) == ()


def test_an_auditor_learns_of_copies_of_his_own_body_only(world: World, letter: IssuedLetter) -> None:
    pdf, _ = downloaded_copy(world, letter, ("a", "employee"))
    assert len(trace(world.database, auditor_of(world, "a"), pdf)) == 1
    assert trace(world.database, auditor_of(world, "b"), pdf) == ()


@pytest.mark.parametrize("who", ["employee", "registry", "head", "administrator"])
def test_nobody_else_may_trace(world: World, letter: IssuedLetter, who: str) -> None:
    with pytest.raises(Forbidden):
        trace(world.database, world.actor("a", who), letter.pdf)


def test_what_is_neither_pdf_nor_picture_is_refused(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        trace(world.database, OPERATOR, "نص".encode())
    assert caught.value.code == "verification.unreadable"


def test_each_tracing_is_an_event(world: World, letter: IssuedLetter) -> None:
    with world.database.read(OPERATOR) as uow:
        before = events(uow, "verification.traced")
    trace(world.database, OPERATOR, letter.pdf)
    with world.database.read(OPERATOR) as uow:
        assert events(uow, "verification.traced") == before + 1
