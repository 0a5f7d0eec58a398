"""A person's signature: what it covers, when it holds, and who signs for whom."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pypdfium2 import PdfDocument
from sqlalchemy import select

from crypto.cms_judging import verify_detached
from edms.accounts import service as accounts
from edms.accounts.delegation import NewDelegation, delegate, revoke
from edms.accounts.models import Delegation
from edms.accounts.step_up import StepUpNeeded
from edms.audit.models import Event
from edms.audit.service import facts_of
from edms.core.actor import Actor
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Forbidden, NotFound
from edms.entities import queries as entities
from edms.entities.models import IssuedCertificate
from edms.entities.revoking import revoke_person
from edms.letters import closing, issuing, queries, service, signing
from edms.letters.models import Letter, Signature
from edms.letters.printing_plan import Printing
from edms.letters.rules import Kind, Sensitivity, State
from edms.letters.signing_sheet import sheet_to_sign
from tests.factories import letters as make
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("signing"))


@pytest.fixture
def any_world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def signature(uow: UnitOfWork, letter_id: UUID) -> Signature:
    found = queries.signature(uow, letter_id)
    assert found is not None
    return found


def deputy(world: World, who: str = "employee", **given: object) -> Actor:
    """Body A's employee as the head's deputy, for all kinds up to «restricted» unless said otherwise."""
    person = world.actor("a", who).employee_id
    assert person is not None
    with world.database.work(world.actor("a", "head")) as uow:
        values = {"reason": "إيفاد", "max_sensitivity": 1, "kinds": frozenset[str]()} | given
        post = next(iter(world.actor("a", "head").post_ids))
        delegate(uow, NewDelegation(post, person, uow.today, uow.today, **values))  # type: ignore[arg-type]
    with world.database.work(OPERATOR) as uow:
        return accounts.actor_of_employee(uow, world.logins["a", who])


def end_deputyships(world: World) -> None:
    with world.database.work(OPERATOR) as uow:
        for row in uow.session.scalars(select(Delegation).where(Delegation.revoked_at.is_(None))):
            revoke(uow, row.id)


def test_signature_is_a_detached_cms_that_anybody_can_check_against_our_root(any_world: World) -> None:
    letter_id = make.signed(any_world, files={"جدول.csv": b"a,b\n"}, references=("كتابكم ت/٤ في ٢٠٢٦/٣/١٥",))
    head = any_world.actor("a", "head")
    with any_world.database.read(head) as uow:
        letter = queries.letter(uow, letter_id)
        content, held = signing.signed_content(uow, letter), signature(uow, letter_id)
        root = entities.home(uow).ca_certificate
        told = verify_detached(content, held.signature, [root])
        assert told.genuine
        assert told.signer_serial == head.employee_code
        assert told.certificate == held.certificate
        assert signing.valid_signature(uow, letter).means == "command-line"
        inner = {
            str(letter.signer_post_id),
            str(any_world.entity_a.id),
            str(any_world.entity_b.id),
            str(head.employee_id),
        }
    said = json.loads(content)
    assert (said["sender"], said["to"]) == (any_world.entity_a.code, [any_world.entity_b.code])
    assert said["letter"] == str(letter_id)
    assert said["signer"] == {"employee": head.employee_code, "post": "رئيس الجهة"}
    assert said["attachments"][0]["name"] == "جدول.csv"
    assert said["referred"] == [{"document_code": None, "text": "كتابكم ت/٤ في ٢٠٢٦/٣/١٥"}]
    assert said["text"]["subject"] == make.SUBJECT
    assert said["sensitivity"] == "ordinary"
    assert not any(str(key) in content.decode() for key in inner)


@pytest.mark.parametrize("what", ["subject", "sensitivity", "purpose", "reference", "hash", "signer"])
def test_signature_lapses_with_any_change_of_what_it_covers(town: World, what: str) -> None:
    letter_id = make.signed(
        town, files={"جدول.csv": b"a,b\n"}, references=("كتابكم",), to=(town.entity_b.id,), copies=(town.centre.id,)
    )
    with pytest.raises(Conflict, match="signature-invalid"), town.database.work(town.actor("a", "head")) as uow:
        letter = queries.letter(uow, letter_id)
        signing.valid_signature(uow, letter)
        if what == "subject":
            version = queries.newest_version(uow, letter_id)
            version.text = {**version.text, "subject": "موضوع آخر"}
        elif what == "sensitivity":
            letter.sensitivity = 1
        elif what == "purpose":
            queries.addressees(uow, letter_id)[1].purpose = "لاتخاذ اللازم"
        elif what == "reference":
            queries.references(uow, letter_id)[0].text = "كتابنا"
        elif what == "hash":
            queries.attachments(uow, letter_id)[0].hash = "00" * 32
        else:
            signature(uow, letter_id).on_behalf_of_id = town.actor("a", "colleague").employee_id
        uow.flush()
        signing.valid_signature(uow, letter)


def test_another_persons_signature_does_not_pass(town: World) -> None:
    first, second = make.signed(town), make.signed(town)
    with town.database.work(town.actor("a", "head")) as uow:
        one, two = signature(uow, first), signature(uow, second)
        one.signature = two.signature
        uow.flush()
        with pytest.raises(Conflict, match="signature-invalid"):
            signing.valid_signature(uow, queries.letter(uow, first))


def test_certificate_revoked_before_signing_is_refused_and_after_it_not(any_world: World) -> None:
    letter_id = make.signed(any_world)
    head = any_world.actor("a", "head")
    assert head.employee_id is not None
    with any_world.database.work(OPERATOR) as uow:
        assert revoke_person(uow, head.employee_id) == 1
    with any_world.database.work(head) as uow:
        signing.valid_signature(uow, queries.letter(uow, letter_id))
        row = uow.session.scalars(
            select(IssuedCertificate).where(IssuedCertificate.employee_id == head.employee_id)
        ).one()
        row.revoked_at = signature(uow, letter_id).signed_at - timedelta(seconds=1)
        uow.flush()
        with pytest.raises(Conflict, match="signature-invalid"):
            signing.valid_signature(uow, queries.letter(uow, letter_id))
    again = make.signed(any_world)
    with any_world.database.read(head) as uow:
        signing.valid_signature(uow, queries.letter(uow, again))


def test_signing_and_voiding_in_a_session_need_a_fresh_step_up(town: World) -> None:
    online = replace(town.actor("a", "head"), session_id=UUID(int=5))
    letter_id = make.submitted(town)
    with pytest.raises(StepUpNeeded), town.database.work(online) as uow:
        service.sign(uow, letter_id, keys=town.keyring)
    with town.database.work(online) as uow:
        uow.actor = replace(online, stepped_up_at=uow.now - timedelta(minutes=6), stepped_up_by="pin")
        with pytest.raises(StepUpNeeded):
            service.sign(uow, letter_id, keys=town.keyring)
        uow.actor = replace(online, stepped_up_at=uow.now, stepped_up_by="totp")
        assert service.sign(uow, letter_id, keys=town.keyring).means == "totp"
    issued = make.issued(town)
    with pytest.raises(StepUpNeeded), town.database.work(online) as uow:
        closing.void(uow, issued.letter_id, "خطأ")


def test_signing_refuses_another_content_than_the_one_seen(town: World) -> None:
    letter_id, head = make.submitted(town), town.actor("a", "head")
    with town.database.read(head) as uow:
        seen = signing.fingerprint(uow, queries.letter(uow, letter_id))
    with town.database.work(head) as uow:
        service.return_(uow, letter_id, "يُعدَّل")
    employee = town.actor("a", "employee")
    with town.database.work(employee) as uow:
        service.save(uow, letter_id, make.letter_text(town, subject="موضوع معدّل"), expected_version=1)
        service.submit(uow, letter_id)
    with pytest.raises(Conflict, match="changed-since-seen"), town.database.work(head) as uow:
        service.sign(uow, letter_id, keys=town.keyring, seen=seen)
    assert make.letter(town, letter_id).state == State.SUBMITTED


def test_deputy_signs_on_behalf_of_the_holder_and_every_trace_says_so(any_world: World) -> None:
    head, acting = any_world.actor("a", "head"), deputy(any_world)
    letter_id = make.submitted(any_world, by=any_world.actor("a", "colleague"))
    with any_world.database.work(acting) as uow:
        held = service.sign(uow, letter_id, keys=any_world.keyring)
        assert (held.employee_id, held.on_behalf_of_id) == (acting.employee_id, head.employee_id)
    make.issue(any_world, letter_id, acting)
    with any_world.database.read(acting) as uow:
        letter = queries.letter(uow, letter_id)
        assert letter.state == State.ISSUED
        said = json.loads(signing.signed_content(uow, letter))["signer"]
        assert (said["employee"], said["on_behalf_of"]) == (acting.employee_code, head.employee_code)
    with any_world.database.read(OPERATOR) as uow:
        event = uow.session.scalars(select(Event).where(Event.act == "letters.signed")).one()
        assert facts_of(event)["on_behalf_of"] == head.employee_code
        assert event.employee_id == acting.employee_id
        issued = uow.session.scalars(select(Event).where(Event.act == "letters.issued")).one()
        assert facts_of(issued)["on_behalf_of"] == head.employee_code


def test_deputy_sees_and_signs_only_what_was_delegated_while_it_lasts(town: World) -> None:
    acting = deputy(town, kinds=frozenset({"letter"}), max_sensitivity=0)
    colleague = town.actor("a", "colleague")
    inside = make.submitted(town, by=colleague)
    order = make.submitted(town, by=colleague, kind=Kind.ORDER)
    above = make.submitted(town, by=colleague, sensitivity=Sensitivity.RESTRICTED)
    with town.database.read(acting) as uow:
        waiting = {each.id for each in queries.letters(uow, states=(State.SUBMITTED,), to_sign=True)}
    assert inside in waiting
    assert not {order, above} & waiting
    for outside in (order, above):
        with pytest.raises(NotFound), town.database.work(acting) as uow:
            service.sign(uow, outside, keys=town.keyring)
    end_deputyships(town)
    with town.database.work(OPERATOR) as uow:
        ended = accounts.actor_of_employee(uow, town.logins["a", "employee"])
    with pytest.raises((NotFound, Forbidden)), town.database.work(ended) as uow:
        service.sign(uow, inside, keys=town.keyring)


def test_deputy_returns_a_letter_and_the_event_names_the_holder(town: World) -> None:
    acting, letter_id = deputy(town), make.submitted(town, by=town.actor("a", "colleague"))
    with town.database.work(acting) as uow:
        service.return_(uow, letter_id, "تُضاف المرفقات")
    with town.database.read(OPERATOR) as uow:
        event = uow.session.scalars(
            select(Event).where(Event.act == "letters.returned", Event.object_id == letter_id)
        ).one()
        assert facts_of(event)["on_behalf_of"] == town.actor("a", "head").employee_code
        assert uow.session.get_one(Letter, letter_id).returned_version == 1
    end_deputyships(town)


def test_deputy_reads_later_what_he_signed_and_nothing_else_of_the_post(town: World) -> None:
    signed_by_head = make.issued(town, sensitivity=Sensitivity.RESTRICTED)
    acting = deputy(town, "colleague")
    letter_id = make.submitted(town, sensitivity=Sensitivity.RESTRICTED)
    with town.database.work(acting) as uow:
        service.sign(uow, letter_id, keys=town.keyring)
    make.issue(town, letter_id)
    end_deputyships(town)
    with town.database.work(OPERATOR) as uow:
        later = accounts.actor_of_employee(uow, town.logins["a", "colleague"])
    with town.database.read(later) as uow:
        assert queries.letter(uow, letter_id).id == letter_id
        with pytest.raises(NotFound):
            queries.letter(uow, signed_by_head.letter_id)


def test_deputy_looks_at_the_sheet_that_will_be_signed(town: World) -> None:
    acting, letter_id = deputy(town), make.submitted(town, by=town.actor("a", "colleague"))
    printing = town.parts[Printing]
    with town.database.read(acting) as uow:
        before = words(sheet_to_sign(uow, queries.letter(uow, letter_id), printing))
    assert "نيابة" in before
    with town.database.work(acting) as uow:
        service.sign(uow, letter_id, keys=town.keyring)
    with town.database.read(town.actor("a", "registry")) as uow:
        assert words(sheet_to_sign(uow, queries.letter(uow, letter_id), printing)) == before
    end_deputyships(town)


def words(pdf: bytes) -> str:
    document = PdfDocument(pdf)
    try:
        return str(document[0].get_textpage().get_text_bounded())
    finally:
        document.close()


def test_pages_break_in_the_sheet_to_sign_as_in_the_issued_letter(town: World) -> None:
    for count in range(14, 26, 2):
        markup = "\n\n".join(f"الفقرة {n} من الكتاب، ونصها لا يزيد على سطر واحد." for n in range(1, count))
        letter_id = make.signed(town, markup=markup)
        with town.database.read(town.actor("a", "registry")) as uow:
            seen = numbered_paragraphs(sheet_to_sign(uow, queries.letter(uow, letter_id), town.parts[Printing]))
        make.issue(town, letter_id)
        with town.database.work(town.actor("a", "registry")) as uow:
            letter = queries.letter(uow, letter_id)
            sealed = issuing.original(uow, letter, store=town.store, keys=town.keyring)
        assert seen == numbered_paragraphs(sealed)


def numbered_paragraphs(pdf: bytes) -> list[list[str]]:
    """Return the numbers of the paragraphs on each page."""
    document = PdfDocument(pdf)
    try:
        return [re.findall(r"الفقرة (\d+)", str(page.get_textpage().get_text_bounded())) for page in document]
    finally:
        document.close()
