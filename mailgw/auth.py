"""The people behind AUTH: login and password asked of the accounts, in threads of their own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from edms.accounts import app_passwords, entry
from edms.accounts.rules import DEFAULT_LIMITS, Limits
from edms.accounts.sessions import SignInRefused
from edms.core.database import Database
from edms.core.errors import EdmsError
from mailgw import maillog
from mailgw.address import AddressError, parse_mailbox
from mailgw.envelope import Submitter
from mailgw.replies import Reply, reply
from mailgw.taking import GATEWAY

THREADS: Final = 4
"""Two compare passwords, two ask the database; those who wait take no thread from messages."""


class Doorkeeper:
    """Proves persons to one gateway process, with the rules and the rate limits of the pages."""

    def __init__(self, database: Database, limits: Limits = DEFAULT_LIMITS) -> None:
        self._database = database
        self._limits = limits
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sign-in")

    async def authenticate(self, login: str, password: str, peer: str) -> Submitter | Reply:
        """Return the person; the login may be written as the mail address ``login@domain`` of the own body."""
        name, domain = _split(login)
        loop = asyncio.get_running_loop()
        try:
            user = await loop.run_in_executor(self._threads, self._prove, name, password, peer)
        except SignInRefused as error:
            if error.code == "accounts.too-many-attempts":
                return reply("smtp.auth-slowed", n=error.params["n"])
            return reply("smtp.auth-failed")
        except EdmsError as error:
            maillog.incident(error, code=error.code)
            return reply("smtp.auth-unavailable")
        if domain not in {"", user.entity_domain}:
            return reply("smtp.auth-failed")
        return Submitter(
            user.account_id, user.employee_id, user.entity_id, user.login, user.registry, user.app_password_id
        )

    async def stands(self, submitter: Submitter) -> bool:
        """Tell whether somebody who signed in on this connection still may send; raises Unavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._stands, submitter)

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False)

    def _prove(self, login: str, password: str, peer: str) -> entry.MailUser:
        return entry.prove(self._database, login, password, address=peer, limits=self._limits)

    def _stands(self, submitter: Submitter) -> bool:
        with self._database.read(GATEWAY) as uow:
            return app_passwords.still_valid(uow, submitter.account_id, submitter.app_password_id)


def _split(login: str) -> tuple[str, str]:
    """Return login and domain (lower-case A-labels, "" for none) of what was typed as the user name.

    Something that is no address is asked of the accounts as it is: they count it and take their time.
    """
    try:
        address = parse_mailbox(login.strip().encode("utf-8", "surrogatepass"), smtputf8=True)
    except AddressError:
        return login, ""
    return address.local, address.domain
