"""Registering bodies and staff: codes, refusals, seals, certificates."""

import ssl
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from crypto.certificates import is_issued_by, load_certificate, public_key_of
from crypto.codes import CodeKind, entity_code, parse
from crypto.root_file import new_root_key
from crypto.signatures import verify
from edms.audit.models import Event
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound
from edms.entities import queries, service
from edms.entities.csv_import import ENTITY_COLUMNS, Row, read_rows
from edms.entities.models import Entity, EntityKey, Post
from edms.entities.rules import EntityType, NewEntity, clean_domain, clean_name
from tests.factories.world import OPERATOR, World, make_world

DEMO = Path(__file__).parents[2] / "edms/demo/data/entities.csv"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def any_world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url, domains=("health.home.example", "education.home.example"))


def body(**changed: object) -> NewEntity:
    told: dict[str, object] = {
        "name_ar": "وزارة النقل", "type": EntityType.MINISTRY, "mail_domain": "mot.gov.example",
        "valid_from": date(2020, 1, 1),
    }  # fmt: skip
    return NewEntity(**{**told, **changed})  # type: ignore[arg-type]


def test_installation_begins_once(world: World) -> None:
    with pytest.raises(Conflict, match=r"entities\.initialised"), world.database.work(OPERATOR) as uow:
        service.initialise(
            uow, name="x", gateway_host="127.0.0.1", gateway_port=25, keys=world.keyring, root=new_root_key()
        )


def test_codes_follow_each_other_and_skip_one_given_by_hand(any_world: World) -> None:
    with any_world.database.work(any_world.actor("centre", "centre")) as uow:
        taken = service.add_entity(uow, body(code=entity_code(100_003)), keys=any_world.keyring)
        after = service.add_entity(uow, body(mail_domain="other.gov.example"), keys=any_world.keyring)
    assert [taken.code, after.code] == [entity_code(100_003), entity_code(100_004)]
    assert parse(after.code).kind is CodeKind.ENTITY


@pytest.mark.parametrize(
    ("changed", "where", "code"),
    [
        ({"name_ar": " "}, "name_ar", "entities.bad-name"),
        ({"mail_domain": "no domain"}, "mail_domain", "entities.bad-domain"),
        ({"mail_domain": "MOH.gov.example"}, "mail_domain", "entities.duplicate-domain"),
        ({"code": entity_code(100_000)}, "code", "entities.duplicate-code"),
        ({"code": "10023469"}, "code", "entities.bad-code"),
        ({"valid_to": date(2019, 1, 1)}, "valid_to", "entities.ends-before-it-begins"),
    ],
)
def test_bad_body_is_refused_by_field_and_changes_nothing(
    world: World, changed: dict[str, object], where: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused, world.database.work(OPERATOR) as uow:
        service.add_entity(uow, body(**changed), keys=world.keyring)
    assert [(one.where, one.code) for one in refused.value.problems] == [(where, code)]
    with world.database.read(OPERATOR) as uow:
        assert queries.count_entities(uow) == 3


def test_only_the_centre_registers_bodies(world: World) -> None:
    with pytest.raises(Forbidden), world.database.work(world.actor("a", "administrator")) as uow:
        service.add_entity(uow, body(), keys=world.keyring)


def test_every_change_is_an_event(world: World) -> None:
    with world.database.read(OPERATOR) as uow:
        acts = set(uow.session.scalars(select(Event.act)))
    assert {
        "entities.initialised", "entities.added", "entities.unit-added", "entities.post-added",
        "entities.employee-added", "entities.assigned", "accounts.opened",
    } <= acts  # fmt: skip


def test_seal_is_made_once_and_opens_again(any_world: World) -> None:
    with any_world.database.work(any_world.actor("a", "head")) as uow:
        seal = service.ensure_seal(uow, any_world.entity_a.id, keys=any_world.keyring)
    with any_world.database.work(any_world.actor("a", "head")) as uow:
        again = service.ensure_seal(uow, any_world.entity_a.id, keys=any_world.keyring)
    assert again == seal
    certificate = load_certificate(seal.certificate)
    names = {one.rfc4514_attribute_name: one.value for one in certificate.subject}
    assert names["CN"] == any_world.entity_a.name_ar
    assert names["2.5.4.5"] == any_world.entity_a.code
    assert verify(public_key_of(seal.certificate), b"x", any_world.keys.sign(seal.key_name, b"x"))
    assert is_issued_by(seal.certificate, seal.chain[0])
    assert is_issued_by(seal.chain[0], seal.chain[1])
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=3 * 365)


def test_gateway_certificate_is_trusted_by_the_root(world: World, tmp_path: Path) -> None:
    with world.database.work(OPERATOR) as uow:
        root = queries.home(uow).ca_certificate
        chain, key = service.gateway_certificate(
            uow, keys=world.keyring, dns_names=["gateway.gov.example"], ips=["127.0.0.1"]
        )
    (tmp_path / "chain.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    load_certificate(root).public_key()


def test_administrator_keeps_only_the_own_staff(world: World) -> None:
    mine = world.actor("a", "administrator")
    with world.database.work(mine) as uow:
        unit = service.add_unit(uow, world.entity_a.id, "قسم الأجهزة الطبية")
        post = service.add_post(uow, unit, "مهندس")
        person = service.add_employee(uow, "نور صباح الزبيدي")
        service.assign(uow, person, post)
    with pytest.raises(NotFound), world.database.work(mine) as uow:
        service.add_unit(uow, world.entity_b.id, "قسم")
    theirs = world.actor("b", "employee")
    with world.database.work(mine) as uow:
        other = queries.employee_by_code(uow, theirs.employee_code)
        own_post = uow.session.get_one(Post, post.id)
        with pytest.raises(NotFound):
            service.assign(uow, other, own_post)
        held = queries.assignments_of(uow, theirs.employee_id or person.id, uow.today)
        with pytest.raises(NotFound):
            service.end_assignment(uow, held[0].id)


def test_assignment_twice_and_end_twice_are_conflicts(any_world: World) -> None:
    head = any_world.actor("a", "head")
    assert head.employee_id is not None
    with any_world.database.work(OPERATOR) as uow:
        post, person = queries.signing_posts(uow, any_world.entity_a.id)[0], queries.employee_by_code(uow, head.name)
        with pytest.raises(Conflict, match="already-assigned"):
            service.assign(uow, person, post)
    with any_world.database.work(OPERATOR) as uow:
        held = queries.assignments_of(uow, head.employee_id, uow.today)
        service.end_assignment(uow, held[0].id)
        assert queries.posts_held(uow, head.employee_id, any_world.entity_a.id, uow.today) == []
    with pytest.raises(Conflict, match="assignment-ended"), any_world.database.work(OPERATOR) as uow:
        service.end_assignment(uow, held[0].id)


def test_clearance_above_the_own_is_refused(world: World) -> None:
    mine = world.actor("a", "administrator")
    with pytest.raises(Invalid, match="clearance-above-own"), world.database.work(mine) as uow:
        service.add_employee(uow, "علي", clearance=3)


def test_demo_table_of_all_bodies_is_imported_in_two_seconds(any_world: World) -> None:
    rows = read_rows(DEMO.read_bytes(), ENTITY_COLUMNS)
    told: list[int] = []
    begun = time.process_time()
    with any_world.database.work(OPERATOR) as uow:
        made = service.import_entities(uow, rows, keys=any_world.keyring, progress=told.append)
    assert time.process_time() - begun < 4  # of this process alone: 0.7 s on a quiet core
    assert len(made) == len(rows) >= 859
    assert told[-1] == len(rows)
    with any_world.database.read(OPERATOR) as uow:
        assert queries.count_entities(uow) == len(rows) + 3
        keys = uow.session.scalar(select(func.count()).select_from(EntityKey))
        assert keys == len(rows) + 4
        orphan = uow.session.scalars(select(Entity).where(Entity.mail_domain == "moi.gov.example")).one()
        assert orphan.name_ar == "وزارة الداخلية"
        assert orphan.parent_id is not None


HEADER = ",".join(ENTITY_COLUMNS)


def table(*lines: str, header: str = HEADER) -> list[tuple[int, Row]]:
    return read_rows("\n".join((header, *lines)).encode(), ENTITY_COLUMNS, ("code", "valid_to", "installation"))


def test_every_bad_row_is_reported_and_nothing_is_kept(world: World) -> None:
    rows = table(
        "a,جامعة دجلة,Tigris University,independent,,tigris.gov.example,ج.د,2020-01-01",
        "b,جامعة دجلة,,university,,tigris.gov.example,,2020-01-01",
        "a,,,branch,zz,,,٢٠٢٠-١٣-٠١",
        "c,جامعة,,branch,d,c.gov.example,,2020-01-01",
        "d,جامعة,,branch,c,d.gov.example,,2020-01-01",
        "e,جامعة,,branch",
        "f,جامعة,,branch,,moh.gov.example,,2020-01-01,extra",
        f"{entity_code(100_000)},جامعة,,branch,,g.gov.example,,2020-01-01",
        "h,جامعة,,branch,,moh.gov.example,,2020-01-01",
    )
    with pytest.raises(Invalid) as refused, world.database.work(OPERATOR) as uow:
        service.import_entities(uow, rows, keys=world.keyring)
    found = [(one.where, one.code) for one in refused.value.problems]
    assert found == [
        ("line 3", "entities.unknown-type"),
        ("line 3", "entities.domain-twice"),
        ("line 4", "entities.duplicate-key"),
        ("line 4", "csv.empty-cell"),
        ("line 4", "entities.unknown-parent"),
        ("line 4", "entities.bad-domain"),
        ("line 4", "csv.bad-date"),
        ("line 5", "entities.parent-cycle"),
        ("line 6", "entities.parent-cycle"),
        ("line 7", "csv.too-few-cells"),
        ("line 8", "csv.too-many-cells"),
        ("line 9", "entities.duplicate-code"),
        ("line 10", "entities.duplicate-domain"),
    ]
    with world.database.read(OPERATOR) as uow:
        assert queries.count_entities(uow) == 3


def test_parents_may_come_later_or_be_registered_codes(any_world: World) -> None:
    above = f"{any_world.entity_a.code[:6]}.{any_world.entity_a.code[6:]}"
    rows = table(
        "child,قسم التخطيط,,branch,top,child.gov.example,,٢٠٢٤-٠٢-٢٩",
        f"top,مديرية التخطيط,,directorate,{above},top.gov.example,,2020-01-01",
    )
    with any_world.database.work(OPERATOR) as uow:
        made = {one.mail_domain: one for one in service.import_entities(uow, rows, keys=any_world.keyring)}
    assert made["child.gov.example"].parent_id == made["top.gov.example"].id
    assert made["top.gov.example"].parent_id == any_world.entity_a.id
    assert made["child.gov.example"].valid_from == date(2024, 2, 29)


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (b"\xff\xfe", ["csv.not-utf8"]),
        (b"a\0b", ["csv.not-text"]),
        (HEADER.encode(), ["csv.no-rows"]),
        (HEADER.replace("type", "kind").encode() + b"\n1", ["csv.missing-column", "csv.unknown-column"]),
        ((HEADER + ",key").encode() + b"\n1", ["csv.double-column"]),
    ],
)
def test_wrong_table_is_refused_whole(data: bytes, codes: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        read_rows(data, ENTITY_COLUMNS)
    assert [one.code for one in refused.value.problems] == codes


def test_table_from_a_spreadsheet_with_semicolons_and_mark_is_read() -> None:
    data = ("\ufeff" + HEADER.replace(",", ";") + "\r\nx;أ;;branch;;x.gov.example;;2020-01-01\r\n").encode()
    assert read_rows(data, ENTITY_COLUMNS)[0][1]["name_ar"] == "أ"


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("MOH.Gov.Example.", "moh.gov.example"), ("صحة.عراق", "xn--ogbhx.xn--mgbtx2b"), ("localhost", None),
        ("a..b", None), ("-a.example", None), ("a_b.example", None), ("1.2.3.4", None), ("a@b.example", None),
        ("", None),
        (f"{'a' * 64}.example", None),
    ],
)  # fmt: skip
def test_domains_have_one_ascii_form(text: str, domain: str | None) -> None:
    assert clean_domain(text) == domain


def test_names_lose_direction_marks_and_double_spaces() -> None:
    assert clean_name(" وزارة \u202e الصحة\n\x07 ") == "وزارة الصحة"


def test_names_are_not_readable_in_the_database(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.database.dispose()
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    for name in ("وزارة الصحة", "الخفاجي", "مسؤول الديوان"):
        assert name.encode() not in stored
        assert name.encode("utf-16-le") not in stored
