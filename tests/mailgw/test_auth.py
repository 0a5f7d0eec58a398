"""Signing in by SMTP: the person's password or a mail password, one answer for whatever is wrong, nobody waits."""

import asyncio
import base64
import smtplib
import statistics
import threading
import time
from pathlib import Path
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import select

from edms.accounts import app_passwords, queries, second_factor, service
from edms.accounts.models import Account, AppPassword
from edms.accounts.passwords import generate_password, prepare
from edms.accounts.rules import DEFAULT_LIMITS
from edms.accounts.rules import Limits as SignInLimits
from edms.core.actor import Actor
from edms.core.errors import Unavailable
from mailgw.auth import Doorkeeper
from mailgw.envelope import Door, Limits, Submitter
from mailgw.replies import Reply
from tests.factories.world import OPERATOR, PASSWORD, World, make_world
from tests.mailgw.submission import QUICK, submission, trusting

LOGIN = "registry.a"


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


@pytest.fixture
def small_world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def sign_in(world: World, *tries: tuple[str, str], limits: SignInLimits = QUICK) -> list[Submitter | str]:
    """Try these logins and passwords in turn; a refusal is shown as its name."""

    async def run() -> list[Submitter | Reply]:
        keeper = Doorkeeper(world.database, limits)
        try:
            return [await keeper.authenticate(login, password, "192.0.2.1") for login, password in tries]
        finally:
            keeper.close()

    return [found.name if isinstance(found, Reply) else found for found in asyncio.run(run())]


def account(world: World, login: str = LOGIN) -> Account:
    with world.database.read(OPERATOR) as uow:
        found = queries.account_by_login(uow, login)
    assert found is not None
    return found


def mail_password(world: World, actor: Actor, name: str = "Outlook") -> tuple[str, UUID]:
    with world.database.work(actor) as uow:
        made = app_passwords.make_app_password(uow, name)
    with world.database.read(OPERATOR) as uow:
        query = select(AppPassword.id).order_by(AppPassword.created_at.desc(), AppPassword.id.desc()).limit(1)
        return made, uow.session.scalars(query).one()


def enrol(world: World, actor: Actor) -> None:
    with world.database.work(actor) as uow:
        secret, _ = second_factor.begin_totp(uow)
        second_factor.confirm_totp(uow, service.own_account(uow).password_hash, pyotp.TOTP(secret).at(uow.now))


def test_login_alone_or_as_address_of_the_own_body_proves_a_person(world: World) -> None:
    domain = world.entity_a.mail_domain
    found = sign_in(world, (LOGIN, PASSWORD), (f"{LOGIN}@{domain.upper()}", PASSWORD), (f" {LOGIN} ", PASSWORD))
    assert found[0] == found[1] == found[2]
    person = found[0]
    assert isinstance(person, Submitter)
    assert (person.login, person.entity_id, person.registry) == (LOGIN, world.entity_a.id, True)
    (other,) = sign_in(world, ("employee.b", PASSWORD))
    assert isinstance(other, Submitter)
    assert (other.entity_id, other.registry, other.app_password_id) == (world.entity_b.id, False, None)


@pytest.mark.parametrize(
    ("login", "password"),
    [
        (LOGIN, "خطأ خطأ خطأ خطأ"),
        ("nobody.a", PASSWORD),
        (f"{LOGIN}@moe.gov.example", PASSWORD),
        (f"{LOGIN}@", PASSWORD),
        ("@", PASSWORD),
        ("a" * 5000, "b" * 5000),
    ],
)
def test_whatever_is_wrong_is_answered_alike(small_world: World, login: str, password: str) -> None:
    assert sign_in(small_world, (login, password)) == ["smtp.auth-failed"]


def test_unknown_login_takes_as_long_as_a_wrong_password(small_world: World) -> None:
    made, _ = mail_password(small_world, small_world.actor("a", "head"))
    enrol(small_world, small_world.actor("a", "head"))  # from now on no password of one's own fits
    sign_in(small_world, ("nobody", "x"))  # the dummy hash is made once
    times: dict[str, list[float]] = {"nobody.a": [], LOGIN: [], "head.a": []}
    for _ in range(3):
        for login, taken in times.items():
            start = time.perf_counter()
            assert sign_in(small_world, (login, "wrong wrong wrong")) == ["smtp.auth-failed"]
            taken.append(time.perf_counter() - start)
    middle = [statistics.median(taken) for taken in times.values()]
    assert max(middle) < 2 * min(middle), times
    assert isinstance(sign_in(small_world, ("head.a", made))[0], Submitter)


def test_closed_account_and_password_for_one_use_are_refused(small_world: World) -> None:
    given = generate_password()
    prepared = prepare(given)
    with small_world.database.work(OPERATOR) as uow:
        service.set_password(uow, account(small_world).id, prepared, one_time=True)
        service.disable_account(uow, account(small_world, "employee.a").id)
    assert sign_in(small_world, (LOGIN, given), ("employee.a", PASSWORD)) == ["smtp.auth-failed"] * 2


def test_attempts_are_slowed_as_at_the_pages(world: World) -> None:
    tries = [(LOGIN, "خطأ خطأ خطأ خطأ")] * 5 + [(LOGIN, PASSWORD), ("employee.a", PASSWORD)]
    found = sign_in(world, *tries, limits=DEFAULT_LIMITS)
    assert found[:6] == ["smtp.auth-failed"] * 5 + ["smtp.auth-slowed"]
    assert isinstance(found[6], Submitter)


def test_with_an_authenticator_app_only_mail_passwords_work(world: World) -> None:
    head = world.actor("a", "head")
    made, row_id = mail_password(world, head)
    before, with_mail_password = sign_in(world, ("head.a", PASSWORD), ("head.a", made))
    assert isinstance(before, Submitter)
    assert isinstance(with_mail_password, Submitter)
    assert (before.app_password_id, with_mail_password.app_password_id) == (None, row_id)
    enrol(world, head)
    typed = made.replace("-", " ").upper()
    after = sign_in(world, ("head.a", PASSWORD), ("head.a", typed), ("registry.a", made))
    assert after[0] == after[2] == "smtp.auth-failed"
    assert after[1] == with_mail_password
    with world.database.work(head) as uow:
        assert app_passwords.app_passwords_of(uow, service.own_account(uow).id)[0].last_used_at is not None
        app_passwords.revoke_app_password(uow, row_id)
    assert sign_in(world, ("head.a", made)) == ["smtp.auth-failed"]


def test_who_signed_in_stands_until_account_or_mail_password_ends(small_world: World) -> None:
    made, row_id = mail_password(small_world, small_world.actor("a", "registry"))
    own, mail = sign_in(small_world, (LOGIN, PASSWORD), (LOGIN, made))
    assert isinstance(own, Submitter)
    assert isinstance(mail, Submitter)
    keeper = Doorkeeper(small_world.database)

    def standing() -> list[bool]:
        async def run() -> list[bool]:
            return [await keeper.stands(one) for one in (own, mail)]

        return asyncio.run(run())

    assert standing() == [True, True]
    with small_world.database.work(small_world.actor("a", "registry")) as uow:
        app_passwords.revoke_app_password(uow, row_id)
    assert standing() == [True, False]
    with small_world.database.work(OPERATOR) as uow:
        service.disable_account(uow, own.account_id)
    assert standing() == [False, False]
    keeper.close()


def test_database_that_is_away_is_a_temporary_failure(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable("core.database-unreachable")

    monkeypatch.setattr("edms.accounts.entry.service.begin_sign_in", away)
    assert sign_in(small_world, (LOGIN, PASSWORD)) == ["smtp.auth-unavailable"]


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_noop_stays_quick_while_passwords_are_compared(small_world: World, loop_name: str) -> None:
    def guess() -> None:
        with smtplib.SMTP_SSL("127.0.0.1", ports[Door.IMPLICIT], context=trusting(small_world)) as client:
            client.ehlo()
            answers.extend(client.docmd("AUTH", f"PLAIN {wrong}")[0] for _ in range(2))

    wrong = base64.b64encode(b"\0registry.a\0wrong wrong wrong").decode()
    answers: list[int] = []
    slowest = 0.0
    with submission(small_world, Limits(idle_commands=100_000), loop_name=loop_name) as ports:
        threads = [threading.Thread(target=guess) for _ in range(4)]
        with smtplib.SMTP("127.0.0.1", ports[Door.PEERS]) as client:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                start = time.perf_counter()
                assert client.noop()[0] == 250
                slowest = max(slowest, time.perf_counter() - start)
                time.sleep(0.02)
    assert answers == [535] * 8
    assert slowest < 0.5
