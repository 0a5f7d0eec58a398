"""The page of verifying: a code, and the years of the registers."""

from uuid import UUID

from flask import Blueprint, Response, request

from crypto.codes import format_code
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, Problem, Unavailable
from edms.entities import queries as entities
from edms.oversight import codes, registers, service
from edms.oversight.edge import HOME
from edms.oversight.forms import read_code
from edms.oversight.rules import SEE_LOG
from edms.web.edge import reading, working
from edms.web.errors import status_of
from edms.web.page import render


def install(blueprint: Blueprint) -> None:
    """Put the pages of this module on the auditor's blueprint."""
    blueprint.add_url_rule(f"{HOME}/verify", view_func=verify_form)
    blueprint.add_url_rule(f"{HOME}/verify", view_func=verify_code, methods=["POST"])
    blueprint.add_url_rule(f"{HOME}/registers/<uuid:year_id>", view_func=register_year)


def verify_form() -> Response:
    """Show the form and the registers' years."""
    with reading() as uow:
        return _page(uow)


def verify_code() -> Response:
    """Say what a code is of; it stands in no address, and the question is an event."""
    typed = request.form.get("code", "").strip()[:100]
    if not typed:
        with reading() as uow:
            return _page(uow, (Problem("code", "oversight.no-code"),), 422)
    try:
        with reading() as uow:
            uow.actor.require(SEE_LOG)
            found = codes.known(uow, read_code(typed, uow.now.year, "code"))
            bodies = entities.entities_by_ids(uow, [each.entity_id for each in found.letters])
            page = _page(uow, typed=typed, found=found, bodies=bodies)
    except (Invalid, Unavailable) as error:
        problems = error.problems if isinstance(error, Invalid) else (Problem("code", error.code, **error.params),)
        with reading() as uow:
            return _page(uow, problems, status_of(error), typed=typed)
    with working() as uow:
        codes.count_guess(uow, found)
        service.note(uow, "oversight.code-verified", "code", None, kind=str(found.code.kind), found=found.found)
    return page


def register_year(year_id: UUID) -> Response:
    """Show whether a register's year is whole, with its cancelled numbers."""
    with reading() as uow:
        found = registers.check_year(uow, year_id)
        page = render("oversight/register.html", found=found)
        body, year = found.body.id, found.year.year
    with working() as uow:
        service.note(
            uow, "oversight.register-checked", "register-year", year_id, entity_id=body, ok=found.whole, year=year
        )
    return page


def _page(uow: UnitOfWork, problems: tuple[Problem, ...] = (), status: int = 200, **shown: object) -> Response:
    given = {"found": None, "typed": "", "bodies": {}, "years": registers.years(uow), **shown}
    return render("oversight/verify.html", status, problems=problems, format_code=format_code, **given)
