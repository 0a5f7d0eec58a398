"""The pages of صحة صدور: ask, wait, see the answer, take its proof along; and what a clumsy user is told."""

import io
import subprocess
from pathlib import Path

import pytest

from crypto.codes import format_code
from edms.confirmations import service
from edms.confirmations.models import InquiryRow
from edms.dispatch.models import OutboundPackage
from edms.dispatch.packing import confirmation_of, inquiry_of
from edms.dispatch.rules import PackageKind
from edms.entities import queries as entities
from tests.factories.issued import IssuedLetter, issued_letter
from tests.factories.pages import application, post, sign_in
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def letter(world: World) -> IssuedLetter:
    return issued_letter(world)


def carry(world: World) -> None:
    """Do what both gateways do with the newest inquiry."""
    with world.database.work(OPERATOR) as uow:
        asker, issuer = (entities.entity(uow, body.id) for body in (world.entity_b, world.entity_a))
        query = uow.session.query(OutboundPackage).filter(OutboundPackage.kind == PackageKind.INQUIRY)
        service.answer(uow, inquiry_of(query.one().meta), asker=asker, issuer=issuer, keys=world.keyring)
        answers = uow.session.query(OutboundPackage).filter(OutboundPackage.kind == PackageKind.CONFIRMATION)
        service.take_answer(uow, confirmation_of(answers.one().meta), issuer=issuer, asker=asker)


def test_a_clerk_asks_sees_the_answer_and_takes_its_proof_along(
    world: World, letter: IssuedLetter, tmp_path: Path
) -> None:
    browser = sign_in(application(world), world.logins["b", "employee"])
    sent = {"code": format_code(letter.document_code), "file": (io.BytesIO(letter.pdf), "كتاب.pdf")}
    answer = post(browser, "/confirmations", sent, form="/confirmations")
    assert answer.status_code == 303
    page = browser.get(answer.location)
    assert "بانتظار الجواب" in page.text
    assert 'hx-trigger="every' in page.text
    carry(world)
    page = browser.get(answer.location)
    assert "صحيح الصدور" in page.text
    assert "تخصيصات مشروع الأرشفة" in page.text
    assert 'hx-trigger="every' not in page.text
    assert "صحيح الصدور" in browser.get("/confirmations").text
    for part, suffix in (("statement", "json"), ("proof", "p7s")):
        (tmp_path / f"told.{suffix}").write_bytes(browser.get(f"{answer.location}/{part}").data)
    with world.database.read(OPERATOR) as uow:
        root = entities.home(uow).ca_certificate
    (tmp_path / "root.der").write_bytes(root)
    pem = ["openssl", "x509", "-inform", "DER", "-in", "root.der", "-out", "root.pem"]
    subprocess.run(pem, cwd=tmp_path, check=True)
    judged = subprocess.run(
        ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "told.p7s", "-content", "told.json",
         "-CAfile", "root.pem", "-purpose", "any", "-out", "seen.json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stderr


def test_a_mistyped_code_is_said_and_what_was_typed_stays(world: World, letter: IssuedLetter) -> None:
    browser = sign_in(application(world), world.logins["b", "employee"])
    wrong = letter.document_code[:-1] + str((int(letter.document_code[-1]) + 1) % 10)
    answer = post(browser, "/confirmations", {"code": wrong}, form="/confirmations")
    assert answer.status_code == 422
    assert wrong in answer.text
    assert "ثمانية عشر رقماً" in answer.text
    with world.database.read(OPERATOR) as uow:
        assert uow.session.query(InquiryRow).all() == []


def test_another_body_and_who_may_not_ask_see_nothing(world: World, letter: IssuedLetter) -> None:
    app = application(world)
    browser = sign_in(app, world.logins["b", "employee"])
    at = post(browser, "/confirmations", {"code": letter.document_code}, form="/confirmations").location
    for where, who, status in (("a", "employee", 404), ("b", "administrator", 403)):
        other = sign_in(app, world.logins[where, who])
        assert other.get(at).status_code == status
        assert other.get(f"{at}/proof").status_code == status
