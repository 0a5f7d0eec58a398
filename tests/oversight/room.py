"""Auditors of body A, of body B, and of the centre over all, in a world with letters."""

from dataclasses import dataclass
from datetime import date

from flask import Flask
from flask.testing import FlaskClient

from edms.accounts import service as accounts
from edms.accounts.passwords import hash_password
from edms.core.actor import Actor
from edms.entities.rules import Role
from tests.factories.pages import make_app, sign_in
from tests.factories.world import OPERATOR, PASSWORD, World, make_world

__all__ = ["Room", "make_room", "make_world"]


@dataclass(frozen=True, slots=True)
class Room:
    """A world with its pages and auditors by name: ``a``, ``b`` and ``all``."""

    world: World
    app: Flask
    auditors: dict[str, Actor]

    def browser(self, who: str, language: str = "en") -> FlaskClient:
        """A browser that an auditor signed in with."""
        client = sign_in(self.app, f"auditor.{who}")
        client.set_cookie("lang", language)
        return client


def make_room(world: World) -> Room:
    """Add the auditors to a world."""
    bodies = {"a": world.entity_a, "b": world.entity_b, "all": world.centre}
    hashed = hash_password(PASSWORD)
    with world.database.work(OPERATOR) as uow:
        for who, body in bodies.items():
            roles = {Role.AUDITOR, Role.CENTRE} if who == "all" else {Role.AUDITOR}
            new = accounts.NewPerson(
                body.id, "قسم التدقيق", "مدقق", f"مها جاسم {who}", f"auditor.{who}", frozenset(roles), 2
            )
            _, account = accounts.add_person(uow, new)
            account.password_hash = hashed
    with world.database.work(OPERATOR) as uow:
        auditors = {who: accounts.actor_of_employee(uow, f"auditor.{who}") for who in bodies}
    return Room(world, make_app(world), auditors)


def today(world: World) -> date:
    """The day that the world's calendar shows."""
    return world.database.today()
