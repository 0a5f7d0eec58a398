"""Deputies: who may name whom, on which days they hold, and that bodies never mix."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from edms.accounts import service
from edms.accounts.commands import staff
from edms.accounts.delegation import NewDelegation, delegate, revoke, state_of, visible_delegations
from edms.accounts.models import Delegation
from edms.accounts.step_up import StepUpNeeded
from edms.audit.models import Event
from edms.audit.service import facts_of
from edms.core.actor import Actor, Deputyship
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound
from edms.entities import service as register
from edms.entities.models import Assignment
from tests.factories.world import OPERATOR, World, make_world

TODAY = datetime.now(UTC).date() + timedelta(days=2)  # the people of a world have their posts from the real day on


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = make_world(tmp_path_factory.mktemp("deputies"))
    on(made, TODAY)
    return made


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    made = make_world(tmp_path, database_url)
    on(made, TODAY)
    return made


def on(world: World, day: date) -> None:
    world.database._clock = lambda: datetime(day.year, day.month, day.day, 8, tzinfo=UTC)


def post_of(world: World, where: str = "a") -> UUID:
    return next(iter(world.actor(where, "head").post_ids))


def person(world: World, where: str = "a", who: str = "employee") -> UUID:
    found = world.actor(where, who).employee_id
    assert found is not None
    return found


def new(world: World, first: int = 0, last: int = 6, **other: object) -> NewDelegation:
    values: dict[str, object] = {
        "post_id": post_of(world), "deputy_id": person(world), "valid_from": TODAY + timedelta(first),
        "valid_to": TODAY + timedelta(last), "reason": "إجازة اعتيادية", "max_sensitivity": 1,
    }  # fmt: skip
    return NewDelegation(**(values | other))  # type: ignore[arg-type]


def named(world: World, by: Actor | None = None, **given: object) -> UUID:
    with world.database.work(by or world.actor("a", "head")) as uow:
        return delegate(uow, new(world, **given)).id  # type: ignore[arg-type]


def now(world: World, where: str = "a", who: str = "employee") -> Actor:
    with world.database.work(OPERATOR) as uow:
        return service.actor_of_employee(uow, world.logins[where, who])


def test_holder_names_a_deputy_who_then_acts_for_him(world: World) -> None:
    head = world.actor("a", "head")
    named(world, kinds=frozenset({"letter"}))
    deputy = now(world)
    assert deputy.deputyships == (
        Deputyship(post_of(world), person(world, who="head"), head.employee_code, 1, frozenset({"letter"})),
    )
    assert "deputy" in deputy.roles
    assert post_of(world) not in deputy.post_ids
    assert deputy.deputyship(post_of(world), "letter", 1) is not None
    assert deputy.deputyship(post_of(world), "order", 0) is None
    assert deputy.deputyship(post_of(world), "letter", 2) is None
    assert now(world, "b", "employee").deputyships == ()
    with world.database.read(OPERATOR) as uow:
        told = uow.session.scalars(select(Event).where(Event.act == "accounts.delegated")).one()
        assert facts_of(told)["holder"] == head.employee_code
        assert "إجازة" not in str(uow.session.scalars(select(Delegation.reason_sealed)).one())


@given(first=st.integers(0, 9), length=st.integers(0, 9), day=st.integers(0, 20))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_delegation_holds_on_its_days_and_on_no_other(town: World, first: int, length: int, day: int) -> None:
    on(town, TODAY)
    made = named(town, first=first, last=first + length)
    try:
        on(town, TODAY + timedelta(day))
        assert bool(now(town).deputyships) == (first <= day <= first + length)
        with town.database.read(OPERATOR) as uow:
            state = state_of(uow.session.get_one(Delegation, made), uow.today)
        assert state == ("coming" if day < first else "now" if day <= first + length else "ended")
    finally:
        with town.database.work(OPERATOR) as uow:
            uow.session.get_one(Delegation, made).revoked_at = uow.now
    assert now(town).deputyships == ()


@pytest.mark.parametrize(
    ("given_", "code"),
    [
        ({"first": -1}, "accounts.delegation-past"),
        ({"first": 3, "last": 2}, "accounts.delegation-backwards"),
        ({"last": 367}, "accounts.delegation-too-long"),
        ({"reason": "  "}, "accounts.delegation-reason-missing"),
        ({"max_sensitivity": 2}, "accounts.deputy-clearance"),
        ({"deputy_id": UUID(int=7)}, "accounts.unknown-deputy"),
    ],
)
def test_delegation_is_refused_with_its_reason(town: World, given_: dict[str, object], code: str) -> None:
    on(town, TODAY)
    with pytest.raises(Invalid) as refused:
        named(town, **given_)  # type: ignore[arg-type]
    assert code in {each.code for each in refused.value.problems}


def test_another_bodys_people_and_posts_are_unknown(town: World) -> None:
    on(town, TODAY)
    with pytest.raises(Invalid) as refused:
        named(town, deputy_id=person(town, "b"))
    assert {each.code for each in refused.value.problems} == {"accounts.unknown-deputy"}
    for stranger in (("b", "head"), ("b", "administrator")):
        with pytest.raises(NotFound):
            named(town, by=town.actor(*stranger))


def test_only_holder_administrator_and_operator_delegate(town: World) -> None:
    on(town, TODAY)
    for who in ("employee", "registry"):
        with pytest.raises(Forbidden):
            named(town, by=town.actor("a", who))
    administrator = town.actor("a", "administrator")
    with pytest.raises(Forbidden, match="delegate-yourself"):
        named(town, by=administrator, deputy_id=administrator.employee_id)
    with pytest.raises(Invalid, match="bad-delegation"):
        named(town, deputy_id=person(town, who="head"))
    made = named(town, by=administrator, deputy_id=person(town, who="colleague"))
    with town.database.work(administrator) as uow:
        revoke(uow, made)


def test_deputy_cannot_delegate_further(world: World) -> None:
    named(world)
    deputy = now(world)
    for roles in (deputy.roles, deputy.roles | {"signatory"}):
        again = Actor(
            deputy.name, roles, deputy.employee_id, deputy.employee_code, deputy.entity_id,
            post_ids=deputy.post_ids, clearance=deputy.clearance, deputyships=deputy.deputyships,
        )  # fmt: skip
        with pytest.raises((Forbidden, NotFound)):
            named(world, by=again, deputy_id=person(world, who="colleague"))


def test_two_overlapping_delegations_to_one_person_are_refused(world: World) -> None:
    named(world, first=2, last=4)
    with pytest.raises(Conflict, match="overlaps"):
        named(world, first=4, last=8)
    named(world, first=5, last=8)


def test_delegation_ends_when_revoked_or_when_the_holder_leaves_the_post(world: World) -> None:
    made = named(world)
    with pytest.raises(Forbidden), world.database.work(now(world)) as uow:
        revoke(uow, made)
    with world.database.work(world.actor("a", "head")) as uow:
        revoke(uow, made)
    assert now(world).deputyships == ()
    with pytest.raises(Conflict, match="delegation-ended"), world.database.work(world.actor("a", "head")) as uow:
        revoke(uow, made)
    named(world)
    assert now(world).deputyships
    with world.database.work(OPERATOR) as uow:
        held = select(Assignment.id).where(Assignment.employee_id == person(world, who="head"))
        register.end_assignment(uow, uow.session.scalars(held).one())
    on(world, TODAY + timedelta(1))
    assert now(world).deputyships == ()


def test_change_of_delegations_needs_a_step_up_in_a_session(world: World) -> None:
    head = world.actor("a", "head")
    online = Actor(
        head.name, head.roles, head.employee_id, head.employee_code, head.entity_id, post_ids=head.post_ids,
        session_id=UUID(int=1),
    )  # fmt: skip
    with pytest.raises(StepUpNeeded):
        named(world, by=online)
    made = named(world)
    with pytest.raises(StepUpNeeded), world.database.work(online) as uow:
        revoke(uow, made)


def test_list_shows_each_what_concerns_him(world: World) -> None:
    named(world)
    for where, who, seen in (
        ("a", "head", 1), ("a", "employee", 1), ("a", "administrator", 1), ("a", "colleague", 0), ("b", "head", 0),
        ("b", "administrator", 0),
    ):  # fmt: skip
        with world.database.read(world.actor(where, who)) as uow:
            assert len(visible_delegations(uow, world.entity_a.id)) == seen


def test_operator_delegates_lists_and_ends_on_the_command_line(world: World) -> None:
    def run(*arguments: str) -> object:
        done = CliRunner().invoke(staff, [*arguments, "--json"], obj=world.parts, catch_exceptions=False)
        return json.loads(done.output)

    last = (TODAY + timedelta(3)).isoformat()
    given = ("--post", "رئيس الجهة", "--to", last, "--reason", "إيفاد")
    made = run("delegate", "employee.a", *given, "--kind", "letter")
    assert made == {
        "deputy": world.actor("a", "employee").employee_code, "on_behalf_of": world.actor("a", "head").employee_code,
        "post": "رئيس الجهة", "from": TODAY.isoformat(), "to": last, "kinds": ["letter"], "max_sensitivity": 1,
        "state": "now",
    }  # fmt: skip
    assert run("delegations", "--entity", world.entity_a.code) == [made]
    with pytest.raises(Invalid, match="unknown-kind"):
        run("delegate", "employee.a", *given, "--kind", "poem")
    assert run("undelegate", "employee.a") == {"login": "employee.a", "ended": 1}
    assert now(world).deputyships == ()
    assert run("reset-factors", "employee.a") == {"login": "employee.a"}
