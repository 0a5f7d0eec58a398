"""Deny by default, over every address of the application: strangers get nothing, other bodies get what nobody gets."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import AnyConverter, IntegerConverter, Rule
from werkzeug.test import TestResponse

from edms.accounts.delegation import NewDelegation, delegate
from edms.accounts.models import Account, AppPassword, Delegation, LoginSession
from edms.audit.models import Event
from edms.codes.models import IssuedCopy
from edms.confirmations.models import InquiryRow
from edms.core.actor import system_actor
from edms.core.database import UnitOfWork
from edms.custody.models import ReaderWrap, ReadingKey, Reservation
from edms.dispatch.models import Evidence, OutboxItem
from edms.entities import queries as entities
from edms.entities.dkim_keys import rotate_keys
from edms.entities.mailboxes import add_mailbox
from edms.entities.models import Assignment
from edms.entities.servers import add_server
from edms.intake.models import ReceivedMessage
from edms.letters.models import Attachment, LetterTemplate, StockPhrase
from edms.registry.models import Register, RegisterYear
from edms.verification.models import LeakCase, LeakFinding, LeakImage, LeakLookUp
from tests.entities.test_mail import certificate
from tests.factories.letters import drafted, issue, signed
from tests.factories.pages import make_app, sign_in, token_of
from tests.factories.world import World, make_world

PUBLIC = {
    "static", "healthz", "accounts.sign_in_form", "accounts.sign_in", "accounts.sign_out", "language.change",
    "accounts.code_form", "accounts.enter_code",
    "verification.form", "verification.verify", "verification_api.verify", "seal.scan", "seal.offline",
    "verification.trust_list", "verification.status_list",
    "authority.index", "authority.certificates", "authority.crl", "authority.root_crl", "authority.get_ocsp",
    "authority.ask_ocsp", "authority.ask_time",
    "metrics",  # to this machine or by a token of its own
}  # fmt: skip
"""Every endpoint that answers strangers; a new one is put here on purpose or not at all."""

OPEN_INSIDE = {"entities/code"}
"""Identifiers that everybody signed in may use: the register of bodies is known to all of them."""

PEOPLE = [("b", who) for who in ("head", "registry", "employee", "administrator")]
PEOPLE += [("centre", "auditor"), ("centre", "centre")]
CENTRE_KEEPS = {"staff/code", "assignment_id", "delegation_id", "entities/code", "selector", "alias", "server_id"}
"""What the centre keeps for every body, so that it is no stranger there."""

FORM = {
    "reason": "سبب مكتوب", "note": "ملاحظة", "text": "نص", "subject": "موضوع", "body": "نص", "version": "1",
    "clearance": "1", "roles": "employee", "unit": "وحدة", "post": "منصب", "name": "اسم", "authority": "رئيس",
    "code": "other", "number": "1", "action": "save",
}  # fmt: skip

_CHANGING = re.compile(
    r'[A-Za-z0-9_-]{16}[A-Za-z0-9_=-]{40,}|nonce-[A-Za-z0-9_=-]+|nonce="[^"]+"|[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}'
)
OPERATOR = system_actor("operator")


@dataclass(frozen=True, slots=True)
class Scene:
    """A world in which body A has one of everything: each identifier by name, those of body B's own, and the pages."""

    app: Flask
    world: World
    foreign: dict[str, str]
    own: dict[str, str]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    world = make_world(tmp_path_factory.mktemp("isolation"))
    app = make_app(world)
    sign_in(app, world.logins["a", "employee"])
    letter_id = issue(world, signed(world, files={"جدول.csv": b"1,2\n"})).letter_id
    own = drafted(world, by=world.actor("b", "employee"), to=(world.entity_a.id,), signer_post_id=None)
    with world.database.work(OPERATOR) as uow:
        a = world.entity_a.id
        attachment = uow.session.scalars(select(Attachment).where(Attachment.letter_id == letter_id)).one()
        message = ReceivedMessage(
            entity_id=a, key=b"k" * 32, kind="letter", state="waiting", sender_id=world.entity_b.id,
            raw_file_id=attachment.file_id, raw_hash=b"h" * 32, received_at=uow.now, peer="127.0.0.1",
        )  # fmt: skip
        message.meta = {}
        uow.session.add(message)
        uow.flush()
        employee = world.actor("a", "employee")
        session = select(LoginSession.id).join(Account).where(Account.employee_id == employee.employee_id)
        held = select(Assignment.id).where(Assignment.employee_id == employee.employee_id)
        template = LetterTemplate(entity_id=a, kind="letter", changed_at=uow.now)
        template.text = {"name": "قالب", "kind": "letter", "subject": "", "body": "نص", "to": [], "copies": []}
        phrase = StockPhrase(entity_id=a, place="text", text="صيغة", changed_at=uow.now)
        evidence = Evidence(entity_id=a, letter_id=letter_id, event="SubmissionAcceptance", at=uow.now)
        uow.session.add_all((template, phrase, evidence))
        uow.flush()
        item = select(OutboxItem.id).where(OutboxItem.entity_id == a)
        year = select(RegisterYear.id).join(Register).where(Register.entity_id == a, Register.direction == "outgoing")
        found: dict[str, UUID | str | None] = {
            "letter_id": letter_id, "attachment_id": attachment.id, "message_id": message.id,
            "item_id": uow.session.scalars(item).first(), "session_id": uow.session.scalars(session).first(),
            "assignment_id": uow.session.scalars(held).first(), "staff/code": employee.employee_code,
            "entities/code": world.entity_a.code, "delegation_id": delegated(uow, world).id,
            "template_id": template.id, "phrase_id": phrase.id, "inquiry_id": inquired(uow, world).id,
            **mailed(uow, world), "app_password_id": mail_password(uow, world).id,
            "evidence_id": evidence.id, **leaked(uow, world, letter_id, attachment.file_id),
            "year_id": uow.session.scalars(year).one(),
            "wrap_id": reserved(uow, world, letter_id, attachment.file_id).id,
        }  # fmt: skip
    assert None not in found.values()
    foreign = {name: str(value) for name, value in found.items()}
    mine = {"letter_id": str(own), "staff/code": world.actor("b", "employee").employee_code}
    return Scene(app, world, foreign, {**mine, "entities/code": world.entity_b.code})


def mailed(uow: UnitOfWork, world: World) -> dict[str, UUID | str | None]:
    """What the register holds of body A's mail: a mailbox, a key, and a server that waits for a body."""
    body = entities.entity(uow, world.entity_a.id)
    server = add_server(uow, [], name="خادم", host="mail.example", port=25, certificate=certificate())
    (key, _) = rotate_keys(uow, body)
    return {"alias": add_mailbox(uow, body, "legal-affairs").alias, "selector": key.selector, "server_id": server.id}


def leaked(uow: UnitOfWork, world: World, letter_id: UUID, file_id: UUID) -> dict[str, UUID | str | None]:
    """A leak case of body A with a file of it and a copy that was found."""
    a, employee = world.entity_a.id, world.actor("a", "employee").employee_id
    case = LeakCase(entity_id=a, number=1, state="open", opened_at=uow.now, opened_by_id=employee)
    case.title = "صورة متداولة"
    copy = IssuedCopy(
        code="04829173650212", letter_id=letter_id, file_id=file_id, entity_id=a, employee_id=employee, act="print",
        document_code="1" * 18, issued_at=uow.now, content_hash=b"h" * 32, issued_hash=b"h" * 32, letter_version=1,
    )  # fmt: skip
    uow.session.add_all((case, copy))
    uow.flush()
    image = LeakImage(
        entity_id=a, case_id=case.id, file_id=file_id, size=1, hash=b"h" * 32, added_at=uow.now, added_by_id=employee
    )
    image.name = "صورة.jpg"
    asked = LeakLookUp(entity_id=a, case_id=case.id, asked_at=uow.now, asked_by_id=employee, state="done")
    uow.session.add_all((image, asked))
    uow.flush()
    finding = LeakFinding(
        entity_id=a, case_id=case.id, look_up_id=asked.id, copy_id=copy.id, layers="tint", chance="1e-12", by_two=True
    )
    uow.session.add(finding)
    uow.flush()
    return {"case_id": case.id, "image_id": image.id, "file_id": file_id, "finding_id": finding.id}


def reserved(uow: UnitOfWork, world: World, letter_id: UUID, file_id: UUID) -> ReaderWrap:
    """Who can open a letter of body A that is reserved for named readers."""
    a, employee = world.entity_a.id, world.actor("a", "employee").employee_id
    key = ReadingKey(entity_id=a, employee_id=employee, public=b"p", sealed=b"s", made_at=uow.now)
    held = Reservation(entity_id=a, letter_id=letter_id, file_id=file_id, employee_id=employee, reserved_at=uow.now)
    uow.session.add_all((key, held))
    uow.flush()
    wrap = ReaderWrap(reservation_id=held.id, reading_key_id=key.id, wrapped=b"w", given_at=uow.now)
    uow.session.add(wrap)
    uow.flush()
    return wrap


def inquired(uow: UnitOfWork, world: World) -> InquiryRow:
    """What body A has asked body B."""
    row = InquiryRow(
        inquiry_id=uuid4(), entity_id=world.entity_a.id, other_id=world.entity_b.id, side="asked",
        document_code="1" * 18, asked_at=uow.now, answered_at=uow.now, answer="issued",
    )  # fmt: skip
    row.told = {"proof": "eA=="}
    uow.session.add(row)
    uow.flush()
    return row


def mail_password(uow: UnitOfWork, world: World) -> AppPassword:
    """What a mail program of body A's employee signs in with."""
    account = select(Account.id).where(Account.login == world.logins["a", "employee"])
    row = AppPassword(
        account_id=uow.session.scalars(account).one(), name="Outlook", secret_hash=b"h" * 32, created_at=uow.now
    )
    uow.session.add(row)
    uow.flush()
    return row


def delegated(uow: UnitOfWork, world: World) -> Delegation:
    """A deputy of body A."""
    post_id, deputy = next(iter(world.actor("a", "head").post_ids)), world.actor("a", "employee").employee_id
    assert deputy is not None
    return delegate(uow, NewDelegation(post_id, deputy, uow.today, uow.today, "إجازة", 0))


def kind_of(rule: Rule, argument: str) -> str:
    """The name under which the table knows an argument: ``code`` means something else in each part of the site."""
    return f"{rule.rule.split('/')[1]}/{argument}" if argument == "code" else argument


def numbers(rule: Rule) -> dict[str, str]:
    """The arguments of a rule that count (pages) or choose (an answer) instead of naming something."""
    counted = {name: "1" for name, converter in rule._converters.items() if isinstance(converter, IntegerConverter)}
    chosen = {name: min(kind.items) for name, kind in rule._converters.items() if isinstance(kind, AnyConverter)}
    return counted | chosen


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"})


def address(rule: Rule, values: dict[str, str]) -> str:
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", lambda part: values[part[1]], rule.rule)


def identifying(app: Flask) -> Iterator[tuple[Rule, list[str]]]:
    """Every rule with the arguments by which it names something that belongs to a body."""
    for rule in app.url_map.iter_rules():
        names = sorted(rule.arguments - set(numbers(rule)))
        if names and rule.endpoint not in PUBLIC and not {kind_of(rule, name) for name in names} <= OPEN_INSIDE:
            yield rule, names


def ask(client: FlaskClient, method: str, path: str, token: str) -> TestResponse:
    return client.open(path, method=method, data={**FORM, "csrf_token": token} if method != "GET" else None)


def comparable(answer: TestResponse, values: dict[str, str]) -> tuple[int, str, str | None]:
    """What an answer tells, without what differs in every answer and without the identifiers asked for."""
    readable = answer.mimetype in {"text/html", "application/json"}
    text = answer.get_data(as_text=True) if readable else str(answer.mimetype)
    for value in sorted(values.values(), key=len, reverse=True):
        text = text.replace(value, "ID") if len(value) >= 8 else text
    return answer.status_code, _CHANGING.sub("…", text), answer.headers.get("Location")


def test_every_identifier_in_an_address_is_known_to_this_test(scene: Scene) -> None:
    unknown = {
        f"{rule.rule}: {name}"
        for rule, names in identifying(scene.app)
        for name in names
        if kind_of(rule, name) not in scene.foreign
    }
    assert not unknown, f"teach scene() an identifier of body A for: {sorted(unknown)}"


def test_strangers_get_nothing_but_the_public_pages(scene: Scene) -> None:
    client = scene.app.test_client()
    token = token_of(client)
    for rule in scene.app.url_map.iter_rules():
        values = {**{name: scene.foreign.get(kind_of(rule, name), "x") for name in rule.arguments}, **numbers(rule)}
        for method in methods(rule):
            if rule.endpoint in PUBLIC:
                continue
            answer = ask(client, method, address(rule, values), token)
            to_sign_in = answer.status_code == 303 and answer.headers["Location"].startswith("/sign-in")
            assert to_sign_in or answer.status_code == 401, f"{method} {rule.rule} answers strangers"


def test_forms_without_their_token_are_refused(scene: Scene) -> None:
    client = sign_in(scene.app, scene.world.logins["a", "head"])
    for rule in scene.app.url_map.iter_rules():
        values = {**{name: scene.foreign.get(kind_of(rule, name), "x") for name in rule.arguments}, **numbers(rule)}
        for method in set(methods(rule)) - {"GET"}:
            answer = client.open(address(rule, values), method=method, data=FORM)
            assert answer.status_code == 403, f"{method} {rule.rule} takes a form without its token"


@pytest.mark.parametrize("person", PEOPLE, ids=".".join)
def test_other_bodies_things_are_the_same_as_nothing(scene: Scene, person: tuple[str, str]) -> None:
    client = sign_in(scene.app, scene.world.logins[person])
    token = token_of(client, "/account")
    before = events_of_a(scene)
    for rule, names in identifying(scene.app):
        kinds = {name: kind_of(rule, name) for name in names}
        if person == ("centre", "centre") and set(kinds.values()) <= CENTRE_KEEPS:
            continue
        for values, nothing in cases(scene, rule, kinds):
            for method in methods(rule):
                theirs = comparable(ask(client, method, address(rule, values), token), values)
                missing = comparable(ask(client, method, address(rule, nothing), token), nothing)
                assert theirs == missing, f"{method} {rule.rule} tells {person} that another body's thing exists"
                assert theirs[0] in {400, 403, 404, 409, 422}, f"{method} {rule.rule} serves {person}: {theirs[0]}"
    assert events_of_a(scene) == before, "something was done to body A"


def cases(scene: Scene, rule: Rule, kinds: dict[str, str]) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Arguments that name body A's things (under A's or under the own parent), each with as many that name nothing."""
    fixed = numbers(rule)
    fresh = {name: str(uuid4()) if len(scene.foreign[kind]) == 36 else "0" * len(scene.foreign[kind])
             for name, kind in kinds.items()}  # fmt: skip
    yield {**fixed, **{name: scene.foreign[kind] for name, kind in kinds.items()}}, {**fixed, **fresh}
    parents = [name for name, kind in kinds.items() if kind in scene.own]
    for parent, child in itertools.product(parents, set(kinds) - set(parents)):
        mine = {**fixed, parent: scene.own[kinds[parent]]}
        yield {**mine, child: scene.foreign[kinds[child]]}, {**mine, child: fresh[child]}


def events_of_a(scene: Scene) -> int:
    wanted = select(func.count()).select_from(Event).where(Event.entity_id == scene.world.entity_a.id)
    with scene.world.database.read(OPERATOR) as uow:
        return uow.session.scalar(wanted) or 0


@pytest.mark.parametrize("person", [("a", "head"), *PEOPLE], ids=".".join)
def test_no_page_breaks_for_any_role(scene: Scene, person: tuple[str, str]) -> None:
    client = sign_in(scene.app, scene.world.logins[person])
    for rule in scene.app.url_map.iter_rules():
        if not rule.arguments and "GET" in methods(rule):
            status = client.get(rule.rule).status_code
            assert status < 500, f"{rule.rule} breaks for {person}: {status}"
