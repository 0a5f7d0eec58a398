"""Evidence on the pages and the command line: what was proved, with its hashes, and a file that openssl verifies."""

import json
import subprocess
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from edms.core.actor import system_actor
from edms.core.errors import Forbidden, NotFound
from edms.dispatch import refused
from edms.dispatch.evidence import Proof, Refused, prove, prove_refusals
from edms.dispatch.models import Evidence, OutboxItem
from edms.dispatch.rules import RECORDERS, ErdsEvent
from edms.entities import queries as entities
from edms.tracking import proofs
from tests.factories.issued import issued_letter
from tests.factories.pages import application, sign_in
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.arrivals import envelope, outbox
from tests.mailgw.test_handler import A, B, take
from tests.mailgw.test_receipts import from_home


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A letter of A, registered at B, whose receipt has come back."""
    made = make_world(tmp_path_factory.mktemp("proofs"))
    issued_letter(made)
    take(made, envelope(outbox(made)[1][0], A, B))
    from_home(made, outbox(made)[1][1])
    return made


@pytest.fixture(scope="module")
def letter_id(world: World) -> UUID:
    with world.database.read(OPERATOR) as uow:
        found = uow.session.scalars(select(OutboxItem.letter_id).where(OutboxItem.kind == "letter")).one()
    assert found is not None
    return found


def test_both_sides_have_their_own_evidence_of_the_same_bytes(world: World) -> None:
    with world.database.read(OPERATOR) as uow:
        rows = uow.session.scalars(select(Evidence).order_by(Evidence.at, Evidence.id)).all()
    told = [(row.entity_id == world.entity_a.id, row.event, row.signed) for row in rows]
    assert told == [
        (True, "SubmissionAcceptance", False), (False, "ContentConsignment", False), (False, "ContentHandover", False),
        (True, "ContentHandover", True),
    ]  # fmt: skip
    assert len({row.document_hashes for row in rows}) == 1
    assert len({row.message_id for row in rows}) == 1
    assert all(row.submitted_at and row.policy == "urn:diwan:policy:evidence:1" for row in rows)


def test_the_registry_reads_it_and_takes_it_along(world: World, letter_id: UUID, tmp_path: Path) -> None:
    browser = sign_in(application(world), world.logins["a", "registry"])
    assert f"/letters/{letter_id}/evidence" in browser.get(f"/letters/{letter_id}/track").text
    page = browser.get(f"/letters/{letter_id}/evidence").text
    assert "سُلّم للجهة وقُيّد" in page
    assert "إشعار بختم الجهة" in page
    with world.database.read(OPERATOR) as uow:
        row = uow.session.scalars(select(Evidence).where(Evidence.signed)).one()
        root = entities.home(uow).ca_certificate
    page = browser.get(f"/evidence/{row.id}").text
    assert row.document_hashes in page
    (tmp_path / "evidence.p7m").write_bytes(browser.get(f"/evidence/{row.id}/file").data)
    (tmp_path / "root.der").write_bytes(root)
    subprocess.run(
        ["openssl", "x509", "-inform", "DER", "-in", "root.der", "-out", "root.pem"], cwd=tmp_path, check=True
    )
    subprocess.run(
        ["openssl", "cms", "-verify", "-inform", "DER", "-purpose", "any", "-CAfile", "root.pem", "-in", "evidence.p7m",
         "-out", "evidence.xml"], cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    xml = (tmp_path / "evidence.xml").read_text("utf-8")
    for wanted in (str(row.id), "http://uri.etsi.org/19522/Event/ContentHandover", row.document_hashes, row.message_id,
                   "RecipientDetails", "وزارة التربية"):  # fmt: skip
        assert wanted in xml
    assert browser.get(f"/evidence/{row.id}/receipt").data == outbox_receipt(world)


def outbox_receipt(world: World) -> bytes:
    from edms.content import service as content
    from edms.intake.models import ReceivedMessage

    with world.database.read(OPERATOR) as uow:
        row = uow.session.scalars(select(ReceivedMessage).where(ReceivedMessage.kind == "receipt")).one()
        return content.read(uow, row.raw_file_id, entity_id=row.entity_id, store=world.store, keys=world.keyring)


def test_nobody_else_sees_it(world: World, letter_id: UUID) -> None:
    with world.database.read(OPERATOR) as uow:
        of_a = uow.session.scalars(select(Evidence.id).where(Evidence.entity_id == world.entity_a.id).limit(1)).one()
    assert sign_in(application(world), world.logins["b", "registry"]).get(f"/evidence/{of_a}").status_code == 404
    assert sign_in(application(world), world.logins["a", "employee"]).get(f"/evidence/{of_a}").status_code == 403
    with world.database.read(world.actor("b", "registry")) as uow, pytest.raises(NotFound):
        proofs.one(uow, of_a)


def test_the_command_line_tells_and_exports(world: World, letter_id: UUID, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from edms.letters.models import Letter
    from edms.tracking.commands import evidence, reconcile, track

    with world.database.read(OPERATOR) as uow:
        code = uow.session.get_one(Letter, letter_id).document_code or ""
    run = CliRunner().invoke
    told = run(track, [code, "--evidence", "--as", world.logins["a", "registry"], "--json"], obj=world.parts)
    lines = json.loads(told.output)["evidence"]
    assert [line["event"] for line in lines] == ["SubmissionAcceptance", "ContentHandover"]
    assert lines[1]["documents_sha256"]
    shown = run(evidence, ["show", lines[1]["id"], "--json"], obj=world.parts)
    assert json.loads(shown.output) == lines[1]
    file = tmp_path / "one.p7m"
    assert run(evidence, ["export", lines[1]["id"], "-o", str(file)], obj=world.parts).exit_code == 0
    assert file.stat().st_size > 1000
    balanced = run(reconcile, ["--json"], obj=world.parts)
    assert balanced.exit_code == 0
    assert json.loads(balanced.output)["pairs"][0]["sent"] == 1


def test_only_those_whose_act_it_is_record_it(world: World) -> None:
    for event in ErdsEvent:
        with world.database.work(system_actor("nobody")) as uow, pytest.raises(Forbidden):
            prove(uow, Proof(event, world.entity_a.id, reason="x"))
    assert set(RECORDERS) == set(ErdsEvent)
    with world.database.work(system_actor("relay")) as uow, pytest.raises(ValueError, match="needs a reason"):
        prove(uow, Proof(ErdsEvent.RELAY_FAILURE, world.entity_a.id))


def test_the_registry_sees_what_the_gateway_refused_of_its_body_once_as_new(world: World) -> None:
    with world.database.work(system_actor("gateway")) as uow:
        prove_refusals(uow, [Refused(
            world.entity_a.id, "smtp.mailbox-unknown", "login:omar", "10.0.0.7", ("hall@moe.gov.example",), bytes(32),
        )])  # fmt: skip
    browser = sign_in(application(world), world.logins["a", "registry"])
    assert "ما رُفض عند البوابة" in browser.get("/queue").text
    with world.database.read(world.actor("a", "registry")) as uow:
        assert refused.count_new(uow) == 1
    page = browser.get("/queue/refused-at-the-gateway").text
    for words in ("لا يوجد صندوق بريد بهذا الاسم", "دليل الجهات", "omar", "hall@moe.gov.example", "10.0.0.7"):
        assert words in page
    with world.database.read(world.actor("a", "registry")) as uow:
        assert refused.count_new(uow) == 0
    other = sign_in(application(world), world.logins["b", "registry"]).get("/queue/refused-at-the-gateway").text
    assert "hall@moe.gov.example" not in other
    assert (
        sign_in(application(world), world.logins["a", "employee"]).get("/queue/refused-at-the-gateway").status_code
        == 403
    )


def test_the_balance_has_a_page_for_the_registry_and_the_centre(world: World) -> None:
    for who in (("a", "registry"), ("b", "registry"), ("centre", "centre")):
        page = sign_in(application(world), world.logins[who]).get("/balance")
        assert page.status_code == 200
        assert "كل ما أُرسل معلوم المصير." in page.text
        assert "وزارة التربية" in page.text
    empty = sign_in(application(world), world.logins["a", "registry"]).get("/balance?day=2020-01-01")
    assert "لم يُرسَل ولم يرد شيء" in empty.text
    assert sign_in(application(world), world.logins["a", "employee"]).get("/balance").status_code == 403
