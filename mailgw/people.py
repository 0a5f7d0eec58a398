"""Whose login a mailbox is: one indexed question at RCPT, and no list of all people in memory."""

from uuid import UUID

from edms.accounts import queries as accounts
from edms.core.actor import Actor
from edms.core.database import Database


class People:
    """Knows by the register of accounts whether somebody of a body has a login."""

    def __init__(self, database: Database, actor: Actor) -> None:
        self._database = database
        self._actor = actor

    def has(self, entity_id: UUID, login: str) -> bool:
        """Tell whether an active account of a body has this login; raises Unavailable."""
        with self._database.read(self._actor) as uow:
            return accounts.is_login_of(uow, login, entity_id)
