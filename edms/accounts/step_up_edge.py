"""The page that asks for PIN or second factor in the middle of an act, and then lets the act go on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from flask import Response, g, request

from edms.accounts.factor_rules import FRESH
from edms.accounts.guard import database, keep_token, load_actor
from edms.accounts.keeping import own_account
from edms.accounts.second_factor import factors_of
from edms.accounts.step_up import StepUpRefused, is_fresh, step_up
from edms.core.errors import Problem
from edms.web.csrf import FIELD as CSRF_FIELD
from edms.web.guards import current_actor
from edms.web.page import render

FIELD: Final = "step_up"
_NOT_KEPT: Final = frozenset({FIELD, CSRF_FIELD})


@dataclass(frozen=True, slots=True)
class StepUpState:
    """What a page that holds the field needs to know: whether it must ask, and for what."""

    fresh: bool
    pin: bool
    totp: bool

    @property
    def able(self) -> bool:
        """Whether the person has any factor."""
        return self.pin or self.totp


@dataclass(frozen=True, slots=True)
class About:
    """What the asking page shows beside the question: the thing that is acted on and its page images."""

    title: str = ""
    images: Sequence[str] = ()
    back: str = "/"


def step_up_state() -> StepUpState:
    """Return whether the person of this request must be asked."""
    actor = current_actor()
    if actor.employee_id is None:
        return StepUpState(fresh=False, pin=False, totp=False)
    with database().read(actor) as uow:
        found = factors_of(uow, own_account(uow).id)
        return StepUpState(is_fresh(actor, uow), found.pin_set_at is not None, found.totp_since is not None)


def ask_step_up(act: str, about: Callable[[], About] = About) -> Response | None:
    """Return None when the step-up is fresh or was given with this form, else the page that asks for it.

    ``act`` names the act (translated). Everything else that the form held comes along, so that nothing is lost: the
    page sends it again to the same address.
    """
    state = step_up_state()
    if state.fresh:
        return None
    problems: tuple[Problem, ...] = ()
    typed = request.form.get(FIELD, "")[:100]
    if typed.strip() and state.able:
        try:
            token = step_up(database(), current_actor(), typed)
        except StepUpRefused as error:
            problems = (Problem(FIELD, error.code, **error.params),)
        else:
            keep_token(token)
            g.actor = load_actor()
            return None
    slowed = any("n" in problem.params for problem in problems)
    return render(
        "accounts/step_up.html", (429 if slowed else 422) if problems else 200, act=act, about=about(), state=state,
        problems=problems, kept=kept_fields(), minutes=int(FRESH.total_seconds()) // 60,
    )  # fmt: skip


def kept_fields() -> list[tuple[str, str]]:
    """Return the fields of this form that come along when it is sent again after the question."""
    return [(name, value) for name, value in request.form.items(multi=True) if name not in _NOT_KEPT]


def stepped_up(act: Callable[[], str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a view run only after a fresh step-up; ``act`` gives the words for what it does."""

    def wrap(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def asked(*arguments: Any, **named: Any) -> Any:
            answer = ask_step_up(act())
            return view(*arguments, **named) if answer is None else answer

        return asked

    return wrap
