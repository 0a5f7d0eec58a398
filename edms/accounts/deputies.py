"""``diwan staff delegate …``: deputies from the command line."""

from datetime import date
from typing import Any

import click

from edms.accounts import delegation, queries
from edms.accounts.delegation import NewDelegation
from edms.accounts.models import Account, Delegation
from edms.accounts.rules import LetterKinds
from edms.accounts.second_factor import reset_factors
from edms.core.actor import system_actor
from edms.core.arabic import normalize
from edms.core.database import Database, UnitOfWork
from edms.core.errors import Invalid, NotFound, Problem
from edms.core.output import emit
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.entities.finding import entity_by_typed_code
from edms.entities.models import Employee
from edms.entities.rules import CLEARANCES

_OPERATOR = system_actor("operator")


@click.command("delegate")
@click.argument("login")
@click.option("--post", required=True, help="The title of the signing post.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="The first day; default: today.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The last day.")
@click.option("--reason", required=True)
@click.option("--max-sensitivity", type=click.IntRange(CLEARANCES[0], CLEARANCES[-1]), default=1, show_default=True)
@click.option("--kind", "kinds", multiple=True, help="A kind of letters; repeat for more, none for all.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def delegate(parts: Parts, /, login: str, as_json: bool, **given: Any) -> None:
    """Let a person sign for the holder of a post of the same body, from one day to another."""
    unknown = sorted(set(given["kinds"]) - set(parts[LetterKinds].labels))
    if unknown:
        raise Invalid("accounts.unknown-kind", (Problem("kinds", "accounts.unknown-kind", kinds=unknown),))
    with parts[Database].work(_OPERATOR) as uow:
        account = _account(uow, login)
        titled = [
            post
            for post in entities.signing_posts(uow, account.entity_id)
            if normalize(post.title) == normalize(given["post"])
        ]
        if not titled:
            raise NotFound("entities.unknown-post")
        new = NewDelegation(
            titled[0].id, account.employee_id, given["first"].date() if given["first"] else uow.today,
            given["last"].date(), given["reason"], given["max_sensitivity"], frozenset(given["kinds"]),
        )  # fmt: skip
        shown = _shown(uow, delegation.delegate(uow, new), uow.today)
    emit(shown, as_json, lambda: _line(shown))


@click.command("delegations")
@click.option("--entity", required=True, help="Code or mail domain of the body.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def delegations(parts: Parts, entity: str, as_json: bool) -> None:
    """List who signs for whom in a body, the newest first."""
    with parts[Database].read(_OPERATOR) as uow:
        body = entity_by_typed_code(uow, entity)
        found = [_shown(uow, row, uow.today) for row in queries.delegations(uow, body.id)]
    emit(found, as_json, lambda: "\n".join(map(_line, found)))


@click.command("undelegate")
@click.argument("login")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def undelegate(parts: Parts, login: str, as_json: bool) -> None:
    """End at once whatever a person signs for others."""
    with parts[Database].work(_OPERATOR) as uow:
        account = _account(uow, login)
        running = [
            row
            for row in queries.delegations(uow, account.entity_id, concerning=account.employee_id)
            if row.deputy_id == account.employee_id and row.revoked_at is None and row.valid_to >= uow.today
        ]
        if not running:
            raise NotFound("accounts.unknown-delegation")
        for row in running:
            delegation.revoke(uow, row.id)
        found = {"login": account.login, "ended": len(running)}
    emit(found, as_json, lambda: f"{found['login']}  {found['ended']}")


@click.command("reset-factors")
@click.argument("login")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def reset(parts: Parts, login: str, as_json: bool) -> None:
    """Take a person's PIN, authenticator app and recovery codes away; the person is told and sets new ones."""
    with parts[Database].work(_OPERATOR) as uow:
        account = _account(uow, login)
        reset_factors(uow, account.id)
        found = {"login": account.login}
    emit(found, as_json, lambda: f"{found['login']}: PIN, app and recovery codes are gone.")


deputy_commands: tuple[click.Command, ...] = (delegate, delegations, undelegate, reset)


def _account(uow: UnitOfWork, login: str) -> Account:
    found = queries.account_by_login(uow, login)
    if found is None:
        raise NotFound("accounts.no-account", employee=login)
    return found


def _shown(uow: UnitOfWork, row: Delegation, day: date) -> dict[str, Any]:
    holder, deputy = (uow.session.get_one(Employee, key) for key in (row.holder_id, row.deputy_id))
    return {
        "deputy": deputy.code, "on_behalf_of": holder.code, "post": entities.post(uow, row.post_id).title,
        "from": row.valid_from.isoformat(), "to": row.valid_to.isoformat(), "kinds": row.kinds.split(),
        "max_sensitivity": row.max_sensitivity, "state": delegation.state_of(row, day),
    }  # fmt: skip


def _line(shown: dict[str, Any]) -> str:
    days = f"{shown['from']} … {shown['to']}"
    return f"{shown['deputy']}  for {shown['on_behalf_of']} ({shown['post']})  {days}  {shown['state']}"
