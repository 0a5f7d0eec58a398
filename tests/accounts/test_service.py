"""Signing in, throttles, sessions, passwords, who keeps whose account, staff by table."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from edms.accounts import entry, passwords, queries, service
from edms.accounts.models import Account, LoginSession
from edms.accounts.rules import DEFAULT_LIMITS
from edms.accounts.staffing import STAFF_COLUMNS, STAFF_OPTIONAL
from edms.accounts.throttle import count_attempt, forget_attempts, network_of
from edms.audit.models import Event
from edms.core.actor import ANONYMOUS, Actor
from edms.core.errors import Forbidden, Invalid, NotFound, Unavailable
from edms.entities import queries as entities
from edms.entities.csv_import import Row, read_rows
from tests.factories.world import OPERATOR, PASSWORD, World, make_world

NEW = "قارب على ضفة دجلة"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def any_world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def enter(world: World, login: str, password: str = PASSWORD, address: str = "10.0.0.1") -> str:
    return entry.enter(world.database, login, password, client="test", address=address)


def who(world: World, token: str) -> Actor | None:
    with world.database.read(ANONYMOUS) as uow:
        return service.actor_for_token(uow, token)


def account_of(world: World, where: str, role: str) -> Account:
    with world.database.read(OPERATOR) as uow:
        found = queries.account_by_login(uow, world.logins[where, role])
    assert found is not None
    return found


def later(world: World, by: timedelta) -> None:
    world.database._clock = lambda: datetime.now(UTC) + by


def acts(world: World) -> list[str]:
    with world.database.read(OPERATOR) as uow:
        return list(uow.session.scalars(select(Event.act).order_by(Event.seq)))


def test_sign_in_gives_a_token_that_is_not_stored(any_world: World) -> None:
    token = enter(any_world, "employee.a")
    found = who(any_world, token)
    assert found is not None
    assert found.employee_id == any_world.actor("a", "employee").employee_id
    assert found.session_id is not None
    with any_world.database.read(OPERATOR) as uow:
        stored = uow.session.scalars(select(LoginSession.token_hash)).one()
    assert stored == queries.token_hash(token) != token.encode()
    assert acts(any_world)[-1] == "accounts.signed-in"


def test_wrong_password_and_unknown_login_get_one_answer_and_leave_an_event(any_world: World) -> None:
    with pytest.raises(service.SignInRefused) as wrong:
        enter(any_world, "employee.a", "كلمة أخرى تماماً")
    with pytest.raises(service.SignInRefused) as unknown:
        enter(any_world, "nobody.here")
    assert (wrong.value.code, wrong.value.params) == (unknown.value.code, unknown.value.params)
    assert acts(any_world)[-2:] == ["accounts.sign-in-refused"] * 2


def test_unknown_login_costs_the_same_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Counting:
        def verify(self, stored: str, _password: str) -> bool:
            seen.append(stored)
            return True

    stand_in = passwords.hash_password("x")
    monkeypatch.setattr(passwords, "_dummy", lambda: stand_in)
    monkeypatch.setattr(passwords, "_HASHER", Counting())
    assert passwords.fits("x", passwords.UNUSABLE) is False
    assert seen == [stand_in]
    assert stand_in.startswith("$argon2id$v=19$m=65536,t=3,p=1$")


def test_more_than_twenty_waiting_sign_ins_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    full = threading.BoundedSemaphore(1)
    full.acquire()
    monkeypatch.setattr(passwords, "_queue", full)
    with pytest.raises(Unavailable, match=r"accounts\.busy"):
        passwords.hash_password("x")


def attempt(world: World, login: str, address: str) -> timedelta | None:
    with world.database.work(ANONYMOUS) as uow:
        return count_attempt(uow, login, address, DEFAULT_LIMITS)


def about(wait: timedelta | None, minutes: int) -> bool:
    return wait is not None and timedelta() <= timedelta(minutes=minutes) - wait < timedelta(seconds=30)


def test_sixth_attempt_waits_whoever_waited_is_heard_and_the_wait_grows(any_world: World) -> None:
    waits = [attempt(any_world, "employee.a", "10.0.0.9") for _ in range(6)]
    assert waits[:5] == [None] * 5
    assert about(waits[5], 1)
    for passed, minutes in ((1, 2), (3, 4)):
        later(any_world, timedelta(minutes=passed, seconds=5))
        assert attempt(any_world, "employee.a", "10.0.0.9") is None
        assert about(attempt(any_world, "employee.a", "10.0.0.9"), minutes)
    later(any_world, timedelta(hours=2))
    assert attempt(any_world, "employee.a", "10.0.0.9") is None


def test_who_waited_and_signs_in_starts_afresh(world: World) -> None:
    for _ in range(5):
        attempt(world, "employee.a", "10.0.0.1")
    later(world, timedelta(seconds=61))
    assert enter(world, "employee.a")
    assert [attempt(world, "employee.a", "10.0.0.1") for _ in range(5)] == [None] * 5


def test_strangers_cannot_keep_out_a_person_from_a_known_address(world: World) -> None:
    with world.database.work(ANONYMOUS) as uow:
        forget_attempts(uow, "employee.a", "10.0.0.1")
    for number in range(25):
        attempt(world, "employee.a", f"192.0.2.{number}")
    assert attempt(world, "employee.a", "198.51.100.7") is not None
    assert attempt(world, "employee.a", "10.0.0.1") is None
    later(world, timedelta(seconds=61))
    assert attempt(world, "employee.a", "198.51.100.7") is None


def test_one_address_tries_thirty_a_minute(world: World) -> None:
    waits = [attempt(world, f"login{number}", f"2001:db8::{number:x}") for number in range(31)]
    assert waits[:30] == [None] * 30
    assert about(waits[30], 1)


def test_refused_attempt_is_counted_though_it_is_refused(world: World) -> None:
    for _ in range(5):
        attempt(world, "employee.a", "10.0.0.1")
    with pytest.raises(service.SignInRefused) as refused:
        enter(world, "employee.a")
    assert refused.value.code == "accounts.too-many-attempts"


def test_networks() -> None:
    assert network_of("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"
    assert network_of("::ffff:10.1.2.3") == "10.1.2.3"
    assert network_of("socket") == "unknown"


def test_fourth_session_ends_the_oldest(world: World) -> None:
    tokens: list[str] = []
    for _ in range(4):
        later(world, timedelta(seconds=len(tokens)))
        tokens.append(enter(world, "employee.a"))
    assert [who(world, token) is not None for token in tokens] == [False, True, True, True]


def test_session_ends_when_idle_and_at_twelve_hours(world: World) -> None:
    token = enter(world, "employee.a")
    later(world, timedelta(minutes=31))
    assert who(world, token) is None
    for minutes in range(0, 720, 25):
        later(world, timedelta(minutes=minutes))
        found = who(world, token)
        assert found is not None
        assert found.session_id is not None
        with world.database.work(found) as uow:
            service.touch_session(uow, found.session_id)
    later(world, timedelta(minutes=721))
    assert who(world, token) is None


def test_disabled_account_is_out_at_once(world: World) -> None:
    token = enter(world, "employee.a")
    with world.database.work(world.actor("a", "administrator")) as uow:
        service.disable_account(uow, account_of(world, "a", "employee").id)
    assert who(world, token) is None
    with pytest.raises(service.SignInRefused):
        enter(world, "employee.a")


def test_changed_password_ends_the_other_sessions(world: World) -> None:
    one, other = enter(world, "employee.a"), enter(world, "employee.a")
    actor = who(world, one)
    assert actor is not None
    with pytest.raises(Invalid) as refused:
        entry.change_password(world.database, actor, "ليست هذه الكلمة", NEW)
    assert refused.value.problems[0].where == "old"
    entry.change_password(world.database, actor, PASSWORD, NEW)
    assert (who(world, one) is not None, who(world, other)) == (True, None)
    assert enter(world, "employee.a", NEW)


def test_password_for_one_use_must_be_changed(world: World) -> None:
    account = account_of(world, "a", "employee")
    with world.database.work(world.actor("a", "administrator")) as uow:
        service.set_password(uow, account.id, passwords.prepare(passwords.generate_password()), one_time=True)
    assert service.must_change_password(account_of(world, "a", "employee"))
    assert not service.must_change_password(account_of(world, "a", "registry"))


def test_nobody_ends_the_session_of_another(world: World) -> None:
    theirs, mine = who(world, enter(world, "employee.b")), who(world, enter(world, "employee.a"))
    assert theirs is not None
    assert theirs.session_id is not None
    assert mine is not None
    with pytest.raises(NotFound), world.database.work(mine) as uow:
        service.sign_out(uow, theirs.session_id)


def test_administrator_of_another_body_sees_nothing(world: World) -> None:
    account = account_of(world, "b", "employee")
    for verb in (service.disable_account, service.enable_account):
        with pytest.raises(NotFound), world.database.work(world.actor("a", "administrator")) as uow:
            verb(uow, account.id)
    with pytest.raises(NotFound), world.database.work(world.actor("a", "administrator")) as uow:
        service.set_password(uow, account.id, passwords.NewPassword(NEW, passwords.UNUSABLE))


def test_administrator_makes_no_auditor_and_touches_none(world: World) -> None:
    mine = world.actor("a", "administrator")
    account = account_of(world, "a", "employee")
    with pytest.raises(Invalid) as refused, world.database.work(mine) as uow:
        service.set_roles(uow, account.id, {"auditor"})
    assert refused.value.problems[0].code == "accounts.role-not-yours"
    with world.database.work(OPERATOR) as uow:
        service.set_roles(uow, account.id, {"auditor"})
    with pytest.raises(Forbidden), world.database.work(mine) as uow:
        service.set_password(uow, account.id, passwords.NewPassword(NEW, passwords.UNUSABLE))


def test_operator_acts_for_a_person_by_login_or_code(world: World) -> None:
    head = world.actor("a", "head")
    with world.database.work(OPERATOR) as uow:
        assert service.actor_of_employee(uow, "HEAD.a") == head
        assert service.actor_of_employee(uow, f"{head.employee_code[:8]}.{head.employee_code[8:]}") == head
        with pytest.raises(NotFound):
            service.actor_of_employee(uow, "nobody")
    assert acts(world)[-1] == "accounts.acted-for"
    with pytest.raises(Forbidden), world.database.work(head) as uow:
        service.actor_of_employee(uow, "head.b")


def test_smtp_login_is_proved_without_a_session(world: World) -> None:
    found = entry.prove(world.database, "employee.a", PASSWORD, address="10.0.0.1")
    assert found.employee_id == world.actor("a", "employee").employee_id
    assert (found.entity_domain, found.registry) == (world.entity_a.mail_domain, False)
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalar(select(func.count()).select_from(LoginSession)) == 0
    with pytest.raises(service.SignInRefused):
        entry.prove(world.database, "employee.a", "خطأ خطأ خطأ خطأ", address="10.0.0.1")


def staff(*lines: str) -> list[tuple[int, Row]]:
    header = ",".join((*STAFF_COLUMNS, *STAFF_OPTIONAL))
    return read_rows("\n".join((header, *lines)).encode(), STAFF_COLUMNS, STAFF_OPTIONAL)


def test_staff_table_makes_units_posts_and_accounts(any_world: World) -> None:
    body = any_world.entity_a
    rows = staff(
        f"{body.code},قسم التخطيط,مدير القسم,مها رعد السامرائي,maha.raad,employee signatory,٢,",
        f"{body.mail_domain},قسم التخطيط,ملاحظ,قيس عدنان الدليمي,qais.adnan,employee|registry,,{NEW}",
        f"{body.code},الديوان,ملاحظ,رنا سعد العزاوي,rana.saad,registry,1,",
    )
    told: list[int] = []
    hashes = service.hash_passwords(rows)
    with any_world.database.work(OPERATOR) as uow:
        made = service.import_staff(uow, rows, hashes=hashes, keys=any_world.keyring, progress=told.append)
        maha = made[0].employee_id
        posts = entities.posts_held(uow, maha, body.id, uow.today)
        assert [(post.title, post.may_sign) for post in posts] == [("مدير القسم", True)]
        assert [unit.name for unit in entities.units_of(uow, body.id)].count("الديوان") == 1
    assert told == [1, 2, 3]
    assert enter(any_world, "qais.adnan", NEW)
    with pytest.raises(service.SignInRefused):
        enter(any_world, "maha.raad", "")


def test_every_bad_row_of_staff_is_reported_and_nobody_is_added(world: World) -> None:
    a, b = world.entity_a.code, world.entity_b.code
    rows = staff(
        f"{a},وحدة,منصب,اسم,new.one,employee,1,",
        "99999999,وحدة,منصب,اسم,new.two,employee,1,",
        f"{a},,منصب,,new.three,chief,9,",
        f"{a},وحدة,منصب,اسم,head.a,employee,1,",
        f"{a},وحدة,منصب,اسم,new.one,employee,1,123",
        f"{a},وحدة,منصب",
        f"{b},وحدة,منصب,اسم,لا,employee,3,",
    )
    mine = world.actor("a", "administrator")
    with pytest.raises(Invalid) as refused, world.database.work(mine) as uow:
        service.import_staff(uow, rows, hashes={}, keys=world.keyring)
    assert [(one.where, one.code) for one in refused.value.problems] == [
        ("line 3", "entities.unknown-code"),
        ("line 4", "csv.empty-cell"),
        ("line 4", "csv.empty-cell"),
        ("line 4", "accounts.bad-roles"),
        ("line 4", "entities.bad-clearance"),
        ("line 5", "accounts.duplicate-login"),
        ("line 6", "accounts.login-twice"),
        ("line 6", "accounts.password-short"),
        ("line 7", "csv.too-few-cells"),
        ("line 8", "entities.unknown-code"),
        ("line 8", "accounts.bad-login"),
        ("line 8", "entities.clearance-above-own"),
    ]
    with world.database.read(OPERATOR) as uow:
        assert uow.session.scalar(select(func.count()).select_from(Account)) == len(world.logins)
