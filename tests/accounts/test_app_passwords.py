"""Mail passwords: whose they are, how many, and what ends them."""

from pathlib import Path

import pytest
from sqlalchemy import select

from edms.accounts import app_passwords, queries, second_factor, service
from edms.accounts.models import AppPassword
from edms.accounts.passwords import prepare
from edms.audit.models import Event
from edms.core.errors import Conflict, Forbidden, Invalid
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


def living(world: World, login: str) -> int:
    with world.database.read(OPERATOR) as uow:
        account = queries.account_by_login(uow, login)
        assert account is not None
        return len(app_passwords.app_passwords_of(uow, account.id))


def test_new_password_and_reset_of_the_factors_end_them(world: World) -> None:
    prepared = prepare("أرز لبنان العالي ٧٤")
    with world.database.read(OPERATOR) as uow:
        ids = {login: queries.account_by_login(uow, login).id for login in ("head.a", "registry.a")}  # type: ignore[union-attr]
    for who in ("head", "registry"):
        with world.database.work(world.actor("a", who)) as uow:
            app_passwords.make_app_password(uow, "  Outlook   2019 ")
    with world.database.work(world.actor("a", "administrator")) as uow:
        second_factor.reset_factors(uow, ids["head.a"])
        service.set_password(uow, ids["registry.a"], prepared)
    assert (living(world, "head.a"), living(world, "registry.a")) == (0, 0)
    with world.database.read(OPERATOR) as uow:
        assert set(uow.session.scalars(select(AppPassword.name))) == {"Outlook 2019"}
        acts = list(uow.session.scalars(select(Event.act)))
    assert acts.count("accounts.app-password-made") == 2


def test_nobody_makes_one_for_another_nor_without_end(world: World) -> None:
    with world.database.read(OPERATOR) as uow:
        account = queries.account_by_login(uow, "employee.a")
        assert account is not None
    for who in ("administrator", "head"):
        with pytest.raises(Forbidden), world.database.work(world.actor("a", who)) as uow:
            app_passwords.make_app_password(uow, "x", account_id=account.id)
    with world.database.work(world.actor("a", "employee")) as uow:
        for number in range(app_passwords.MOST):
            app_passwords.make_app_password(uow, str(number))
        with pytest.raises(Conflict):
            app_passwords.make_app_password(uow, "one more")
        with pytest.raises(Invalid):
            app_passwords.make_app_password(uow, " \n ")
