"""PINs that are too easy, codes that work once, the step-up that holds five minutes, tries that slow down."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pyotp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, select

from edms.accounts import entry, queries, second_factor, service
from edms.accounts.factor_rules import FRESH, clean_recovery_code, new_recovery_code, pin_problem, step_up_delay
from edms.accounts.models import LoginSession, RecoveryCode, SigningPin, Throttle
from edms.accounts.pin import choose_pin
from edms.accounts.rules import DEFAULT_LIMITS
from edms.accounts.step_up import StepUpNeeded, StepUpRefused, is_fresh, means_of, require_step_up, step_up
from edms.audit.models import Event
from edms.core.actor import ANONYMOUS, Actor
from edms.core.errors import Conflict, Forbidden, Invalid, NotFound
from tests.factories.world import OPERATOR, PASSWORD, PIN, World, make_world

START = datetime(2026, 11, 22, 9, 0, 10, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    at(made, timedelta())
    return made


@pytest.fixture
def any_world(tmp_path: Path, database_url: str) -> World:
    made = make_world(tmp_path, database_url)
    at(made, timedelta())
    return made


def at(world: World, after: timedelta) -> None:
    world.database._clock = lambda: START + after


def signed_in(world: World, login: str = "head.a") -> tuple[str, Actor]:
    token = entry.enter(world.database, login, PASSWORD, client="test", address="10.0.0.1")
    return token, actor_of(world, token)


def actor_of(world: World, token: str) -> Actor:
    with world.database.read(ANONYMOUS) as uow:
        found = service.actor_for_token(uow, token)
    assert found is not None
    return found


def may(world: World, actor: Actor) -> bool:
    with world.database.read(actor) as uow:
        try:
            require_step_up(uow)
        except StepUpNeeded:
            return False
    return True


def acts(world: World) -> list[str]:
    with world.database.read(OPERATOR) as uow:
        return list(uow.session.scalars(select(Event.act).order_by(Event.seq)))


def enrolled(world: World, actor: Actor) -> tuple[pyotp.TOTP, list[str]]:
    with world.database.work(actor) as uow:
        secret, _ = second_factor.begin_totp(uow)
        clock = pyotp.TOTP(secret)
        proved = service.own_account(uow).password_hash
        codes = second_factor.confirm_totp(uow, proved, clock.at(uow.now))
    return clock, list(codes)


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        ("12345", "form"), ("1234567890123", "form"), ("12a456", "form"), ("", "form"),
        ("000000", "simple"), ("123456", "simple"), ("987654", "simple"), ("121212", "simple"), ("123123", "simple"),
        ("112211", "simple"), ("123321", "simple"), ("147258", "simple"), ("246802", "simple"), ("890123", "simple"),
        ("198507", "date"), ("071985", "date"), ("150385", "date"), ("850315", "date"), ("15031985", "date"),
        ("19850315", "date"),
    ],
)  # fmt: skip
def test_easy_pin_is_refused(pin: str, code: str) -> None:
    assert pin_problem(pin) == f"accounts.pin-{code}"


def test_pin_is_not_the_employee_code() -> None:
    assert pin_problem("739158", known=("10073915842",)) == "accounts.pin-known"
    assert pin_problem("739158", known=("10200300",)) is None


@given(st.integers(0, 10**8 - 1))
def test_most_pins_of_eight_digits_are_allowed_and_none_of_one_digit(number: int) -> None:
    pin = f"{number:08}"
    if len(set(pin)) < 3:
        assert pin_problem(pin) == "accounts.pin-simple"
    assert pin_problem(pin) in {None, "accounts.pin-simple", "accounts.pin-date"}


def test_at_least_nine_of_ten_pins_of_six_digits_are_allowed() -> None:
    allowed = sum(pin_problem(f"{number:06}") is None for number in range(0, 1_000_000, 97))
    assert allowed / len(range(0, 1_000_000, 97)) > 0.9


@given(st.integers(0, 80))
def test_delay_only_grows(wrong: int) -> None:
    before, after = step_up_delay(wrong) or timedelta(), step_up_delay(wrong + 1) or timedelta()
    assert before <= after <= timedelta(hours=1)


@given(st.builds(new_recovery_code))
def test_recovery_code_is_read_in_any_writing(code: str) -> None:
    assert clean_recovery_code(code.lower().replace("-", " ")) == code.replace("-", "")
    assert clean_recovery_code(code[:-1]) is None


def test_pin_is_set_after_the_password_and_only_its_hash_is_kept(world: World) -> None:
    _, actor = signed_in(world)
    with pytest.raises(Invalid) as refused:
        choose_pin(world.database, actor, "ليست هي", "826497", "826497")
    assert [each.where for each in refused.value.problems] == ["old"]
    with pytest.raises(Invalid) as refused:
        choose_pin(world.database, actor, PASSWORD, "826497", "826479")
    assert [each.code for each in refused.value.problems] == ["accounts.pin-differs"]
    choose_pin(world.database, actor, PASSWORD, "٨٢٦٤٩٧", "826 497")
    with world.database.read(actor) as uow:
        stored = uow.session.get_one(SigningPin, service.own_account(uow).id).pin_hash
    assert stored.startswith("$argon2id$")
    assert "826497" not in stored
    step_up(world.database, actor, "826497")


def test_step_up_gives_a_new_token_and_holds_five_minutes_in_its_session_alone(any_world: World) -> None:
    world = any_world
    old, actor = signed_in(world)
    other, _ = signed_in(world)
    assert not may(world, actor)
    new = step_up(world.database, actor, PIN)
    with world.database.read(ANONYMOUS) as uow:
        assert service.actor_for_token(uow, old) is None
    assert not may(world, actor_of(world, other))
    fresh = actor_of(world, new)
    assert (may(world, fresh), means_of(fresh)) == (True, "pin")
    at(world, FRESH)
    assert may(world, fresh)
    at(world, FRESH + timedelta(seconds=1))
    assert not may(world, fresh)
    assert acts(world)[-1] == "accounts.stepped-up"


@given(st.integers(-3600, 3600))
def test_step_up_is_fresh_neither_before_nor_long_after(seconds: int) -> None:
    class Now:
        now = START + timedelta(seconds=seconds)

    actor = replace(ANONYMOUS, stepped_up_at=START, stepped_up_by="pin")
    assert is_fresh(actor, Now()) == (-30 <= seconds <= 300)  # type: ignore[arg-type]


def test_acts_without_a_session_are_the_operators(world: World) -> None:
    head = world.actor("a", "head")
    assert may(world, head)
    assert means_of(head) == "command-line"
    with pytest.raises(NotFound):
        step_up(world.database, head, PIN)


def test_five_wrong_pins_begin_a_growing_delay_and_an_alarm(any_world: World) -> None:
    world = any_world
    _, actor = signed_in(world)
    for _ in range(5):
        with pytest.raises(StepUpRefused, match="step-up-refused"):
            step_up(world.database, actor, "826497")
    assert acts(world)[-1] == "accounts.step-up-alarm"
    assert acts(world).count("accounts.step-up-refused") == 4
    with pytest.raises(StepUpRefused, match="slowed") as slowed:
        step_up(world.database, actor, PIN)
    assert slowed.value.params == {"n": 1}
    at(world, timedelta(seconds=61))
    with pytest.raises(StepUpRefused, match="step-up-refused"):
        step_up(world.database, actor, "826497")
    at(world, timedelta(seconds=100))
    with pytest.raises(StepUpRefused, match="slowed") as slowed:
        step_up(world.database, actor, PIN)
    assert slowed.value.params == {"n": 2}
    at(world, timedelta(seconds=182))
    actor = actor_of(world, step_up(world.database, actor, PIN))
    with pytest.raises(StepUpRefused, match="step-up-refused"):
        step_up(world.database, actor, "826497")
    step_up(world.database, actor, PIN)


def test_totp_code_works_once_and_one_step_about_now(any_world: World) -> None:
    world = any_world
    _, actor = signed_in(world)
    clock, _ = enrolled(world, actor)
    used = clock.at(START)
    with pytest.raises(StepUpRefused):
        step_up(world.database, actor, used)
    at(world, timedelta(seconds=90))
    with pytest.raises(StepUpRefused):
        step_up(world.database, actor, clock.at(START + timedelta(seconds=150)))
    early = clock.at(START + timedelta(seconds=120))
    actor = actor_of(world, step_up(world.database, actor, early))
    assert means_of(actor) == "totp"
    with pytest.raises(StepUpRefused):
        step_up(world.database, actor, early)
    with pytest.raises(StepUpRefused):
        step_up(world.database, actor, clock.at(START + timedelta(seconds=90)))


def test_recovery_code_works_once_and_new_ones_end_the_old(any_world: World) -> None:
    world = any_world
    _, actor = signed_in(world)
    _, codes = enrolled(world, actor)
    assert len(set(codes)) == 10
    with world.database.read(OPERATOR) as uow:
        kept = uow.session.scalars(select(RecoveryCode.code_hash)).all()
    assert not {code.encode() for code in codes} & set(kept)
    actor = actor_of(world, step_up(world.database, actor, codes[3].lower()))
    with pytest.raises(StepUpRefused):
        step_up(world.database, actor, codes[3])
    with world.database.work(actor) as uow:
        assert second_factor.factors_of(uow, service.own_account(uow).id).recovery_left == 9
        fresh = second_factor.renew_recovery_codes(uow)
    with pytest.raises(StepUpRefused):
        step_up(world.database, actor, codes[4])
    step_up(world.database, actor, fresh[0])


def test_unconfirmed_app_counts_for_nothing(world: World) -> None:
    _, actor = signed_in(world)
    with world.database.work(actor) as uow:
        secret, address = second_factor.begin_totp(uow)
        assert second_factor.begin_totp(uow)[0] == secret
        assert address.startswith("otpauth://totp/Diwan:head.a?secret=")
    with pytest.raises(StepUpRefused):
        step_up(world.database, actor, pyotp.TOTP(secret).at(START))
    with world.database.work(actor) as uow, pytest.raises(Invalid, match="bad-password"):
        second_factor.confirm_totp(uow, "another hash", pyotp.TOTP(secret).at(START))


def test_sign_in_asks_for_the_code_of_an_enrolled_app(any_world: World) -> None:
    world = any_world
    _, actor = signed_in(world)
    clock, codes = enrolled(world, actor)
    at(world, timedelta(minutes=2))
    pending = entry.enter(world.database, "head.a", PASSWORD, client="test", address="10.0.0.1")
    with world.database.read(ANONYMOUS) as uow:
        assert service.actor_for_token(uow, pending) is None
    assert entry.awaits_code(world.database, pending)
    with pytest.raises(StepUpRefused):
        entry.enter_code(world.database, pending, "000000")
    token = entry.enter_code(world.database, pending, clock.at(START + timedelta(minutes=2)))
    assert token is not None
    assert may(world, actor_of(world, token))
    assert entry.enter_code(world.database, pending, codes[0]) is None
    late = entry.enter(world.database, "head.a", PASSWORD, client="test", address="10.0.0.1")
    at(world, timedelta(minutes=13))
    assert entry.enter_code(world.database, late, codes[0]) is None


def test_administrator_resets_factors_unseen_and_the_person_is_told(any_world: World) -> None:
    world = any_world
    token, actor = signed_in(world)
    enrolled(world, actor)
    with world.database.read(actor) as uow:
        account_id = service.own_account(uow).id
    for stranger in (("b", "administrator"), ("a", "head"), ("a", "employee")):
        with pytest.raises((NotFound, Forbidden)), world.database.work(world.actor(*stranger)) as uow:
            second_factor.reset_factors(uow, account_id)
    with world.database.work(world.actor("a", "administrator")) as uow:
        second_factor.reset_factors(uow, account_id)
    assert acts(world)[-1] == "accounts.factors-reset"
    with world.database.read(ANONYMOUS) as uow:
        assert service.actor_for_token(uow, token) is None
    _, actor = signed_in(world)
    with world.database.read(actor) as uow:
        assert not second_factor.factors_of(uow, account_id).any
        assert service.own_account(uow).factors_reset_at is not None
        assert queries.sessions_of(uow, account_id, DEFAULT_LIMITS)
    with pytest.raises(Conflict, match="no-factor"):
        step_up(world.database, actor, PIN)


def test_ended_session_cannot_step_up(world: World) -> None:
    _, actor = signed_in(world)
    with world.database.work(actor) as uow:
        uow.session.get_one(LoginSession, actor.session_id).revoked_at = uow.now
    with pytest.raises(NotFound):
        step_up(world.database, actor, PIN)


class OnePerson(RuleBasedStateMachine):
    """A person who types right and wrong PINs while time goes by, against a model of three numbers."""

    world: ClassVar[World]
    actor: ClassVar[Actor]

    def __init__(self) -> None:
        super().__init__()
        self.now, self.wrong, self.blocked, self.fresh_until = 0, 0, -1, -1
        with self.world.database.work(OPERATOR) as uow:
            uow.session.execute(delete(Throttle))
            session = uow.session.get_one(LoginSession, self.actor.session_id)
            session.stepped_up_at = None
        at(self.world, timedelta())

    @rule(seconds=st.sampled_from([1, 20, 59, 61, 130, 240, 301, 3700]))
    def time_goes_by(self, seconds: int) -> None:
        self.now += seconds
        at(self.world, timedelta(seconds=self.now))

    @rule(right=st.booleans())
    def types_a_pin(self, right: bool) -> None:
        slowed = self.now < self.blocked
        if right and not slowed:
            step_up(self.world.database, self.actor, PIN)
        else:
            with pytest.raises(StepUpRefused, match="slowed" if slowed else "refused"):
                step_up(self.world.database, self.actor, PIN if right else "826497")
        if slowed:
            return
        if right:
            self.wrong, self.blocked, self.fresh_until = 0, -1, self.now + 300
        else:
            self.wrong += 1
            delay = step_up_delay(self.wrong)
            self.blocked = self.now + int(delay.total_seconds()) if delay else -1

    @invariant()
    def fresh_is_what_the_model_says(self) -> None:
        with self.world.database.read(OPERATOR) as uow:
            session = uow.session.get_one(LoginSession, self.actor.session_id)
            told = replace(self.actor, stepped_up_at=session.stepped_up_at)
            assert is_fresh(told, uow) == (self.now <= self.fresh_until)


def test_step_up_follows_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edms.accounts.step_up.fits", lambda typed, _stored: typed == "739158")
    OnePerson.world = make_world(tmp_path)
    at(OnePerson.world, timedelta())
    OnePerson.actor = signed_in(OnePerson.world)[1]
    run_state_machine_as_test(
        OnePerson, settings=settings(max_examples=15, stateful_step_count=25, deadline=None, database=None)
    )
