"""The pages of deputies: who signs for whom, until when; a new one, and ending one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from flask import Blueprint, Response, current_app, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.accounts import delegation, queries
from edms.accounts.delegation import NewDelegation
from edms.accounts.forms import CLEARANCE_LABELS
from edms.accounts.guard import database
from edms.accounts.models import Delegation
from edms.accounts.rules import DELEGATE, LetterKinds
from edms.accounts.step_up_edge import About, StepUpState, ask_step_up, step_up_state
from edms.core.arabic import fold_digits
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, NotFound, Problem
from edms.core.parts import Parts
from edms.entities import queries as entities
from edms.entities.models import Employee, Post
from edms.web.formats import translate
from edms.web.guards import current_actor
from edms.web.page import go, render

blueprint = Blueprint("delegations", __name__, template_folder="templates")
PAGE = "/account/delegations"
_EVERY = max(CLEARANCE_LABELS)


@dataclass(frozen=True, slots=True)
class Typed:
    """The form of a new deputy as typed."""

    post: str = ""
    deputy: str = ""
    valid_from: str = ""
    valid_to: str = ""
    max_sensitivity: str = "1"
    kinds: tuple[str, ...] = ()
    reason: str = ""

    @classmethod
    def read(cls, sent: "MultiDict[str, str]") -> "Typed":
        """Take the known fields, cut short."""
        names = ("post", "deputy", "valid_from", "valid_to", "max_sensitivity", "reason")
        return cls(
            **{name: sent.get(name, "").strip()[:300] for name in names}, kinds=tuple(sent.getlist("kinds")[:20])
        )

    def value(self, deputy_id: UUID, known: LetterKinds) -> NewDelegation:
        """Return the delegation; raises Invalid ``accounts.bad-delegation`` for what is no date, post or kind."""
        problems: list[Problem] = []
        days = [_day(name, getattr(self, name), problems) for name in ("valid_from", "valid_to")]
        level = fold_digits(self.max_sensitivity)
        if level not in {str(key) for key in CLEARANCE_LABELS}:
            problems.append(Problem("max_sensitivity", "entities.bad-clearance"))
        if not set(self.kinds) <= set(known.labels):
            problems.append(Problem("kinds", "accounts.unknown-kind"))
        if problems or days[0] is None or days[1] is None:
            raise Invalid("accounts.bad-delegation", tuple(problems))
        return NewDelegation(
            _id(self.post), deputy_id, days[0], days[1], self.reason, int(level), frozenset(self.kinds)
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One delegation in the list."""

    row: Delegation
    post: str
    holder: str
    deputy: str
    state: str
    may_revoke: bool


@blueprint.get(PAGE)
def index() -> Response:
    """List the deputies of the body for who keeps it, else those that concern the person."""
    with database().read(current_actor()) as uow:
        return _page(uow, Typed(valid_from=uow.today.isoformat()), ())


@blueprint.post(PAGE)
def add() -> WerkzeugResponse:
    """Name a deputy, after a fresh step-up."""
    actor = current_actor()
    actor.require(DELEGATE)
    answer = ask_step_up(translate("Name a deputy"), lambda: About(back=PAGE))
    if answer is not None:
        return answer
    typed = Typed.read(request.form)
    try:
        with database().work(current_actor()) as uow:
            person = _person(uow, typed.deputy)
            delegation.delegate(uow, typed.value(person, _kinds()))
    except Invalid as error:
        return _again(typed, error.problems, 422)
    except Conflict as error:
        return _again(typed, (Problem("deputy", error.code, **error.params),), 409)
    return go(PAGE, notice="The deputy was named.")


@blueprint.post(f"{PAGE}/<uuid:delegation_id>/revoke")
def revoke(delegation_id: UUID) -> WerkzeugResponse:
    """End a delegation at once, after a fresh step-up."""
    with database().read(current_actor()) as uow:
        delegation.delegation(uow, delegation_id)
    answer = ask_step_up(translate("End the delegation"), lambda: About(back=PAGE))
    if answer is not None:
        return answer
    with database().work(current_actor()) as uow:
        delegation.revoke(uow, delegation_id)
    return go(PAGE, notice="The delegation was ended.")


def _kinds() -> LetterKinds:
    parts: Parts = current_app.extensions["diwan"]
    return parts[LetterKinds]


def _again(typed: Typed, problems: tuple[Problem, ...], status: int) -> Response:
    with database().read(current_actor()) as uow:
        return _page(uow, typed, problems, status)


def _page(uow: UnitOfWork, typed: Typed, problems: tuple[Problem, ...], status: int = 200) -> Response:
    actor = uow.actor
    if actor.entity_id is None:
        raise NotFound("entities.unknown")
    rows = delegation.visible_delegations(uow, actor.entity_id)
    posts = delegation.delegable_posts(uow, actor.entity_id) if actor.may(DELEGATE) else []
    people = _people(uow, actor.entity_id) if posts else []
    return render(
        "accounts/delegations.html", status, typed=typed, problems=problems, lines=_lines(uow, rows),
        posts=[(str(post.id), _titled(uow, post)) for post in posts], people=people, kinds=_kinds().labels,
        levels=[(str(key), translate(label)) for key, label in CLEARANCE_LABELS.items()],
        level_names=CLEARANCE_LABELS, every=_EVERY, step_up=step_up_state() if posts else StepUpState(True, True, True),
        today=uow.today.isoformat(),
    )  # fmt: skip


def _lines(uow: UnitOfWork, rows: Sequence[Delegation]) -> list[Line]:
    people = entities.employees_by_ids(uow, [key for row in rows for key in (row.holder_id, row.deputy_id)])
    return [
        Line(
            row, entities.post(uow, row.post_id).title, people[row.holder_id].name, people[row.deputy_id].name,
            delegation.state_of(row, uow.today), _running(row, uow.today) and delegation.may_revoke(uow, row),
        )
        for row in rows
    ]  # fmt: skip


def _running(row: Delegation, day: date) -> bool:
    return row.revoked_at is None and row.valid_to >= day


def _titled(uow: UnitOfWork, post: Post) -> str:
    return " – ".join([post.title, *(one.name for one in entities.holders(uow, post.id, uow.today))])


def _people(uow: UnitOfWork, entity_id: UUID) -> list[tuple[str, str]]:
    """Return the body's people who have an account in use, by employee code."""
    active = {one.employee_id for one in queries.accounts_of(uow, entity_id) if one.active}
    found: dict[str, str] = {}
    for person, post, _ in entities.staff_of(uow, entity_id, uow.today):
        if person.id in active and person.id != uow.actor.employee_id:
            found.setdefault(person.code, f"{person.name} – {post.title}")
    return list(found.items())


def _person(uow: UnitOfWork, code: str) -> UUID:
    """Return the inner key of a person by code; the service refuses those of other bodies."""
    try:
        found: Employee = entities.employee_by_code(uow, fold_digits(code)[:40])
    except NotFound:
        raise Invalid("accounts.bad-delegation", (Problem("deputy", "accounts.unknown-deputy"),)) from None
    return found.id


def _day(name: str, text: str, problems: list[Problem]) -> date | None:
    try:
        return date.fromisoformat(fold_digits(text))
    except ValueError:
        problems.append(Problem(name, "accounts.bad-day"))
        return None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
