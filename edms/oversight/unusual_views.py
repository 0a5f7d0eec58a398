"""The page of unusual reading on one day: each rule in words, and each finding with the way to its entries."""

from datetime import date, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, g, request

from edms.oversight import service
from edms.oversight.edge import HOME
from edms.oversight.rules import SEE_LOG, Kind, Thresholds, Unusual
from edms.oversight.watching import Watched, watch
from edms.web.edge import parts, reading, working
from edms.web.page import render


def install(blueprint: Blueprint) -> None:
    """Put the page of this module on the auditor's blueprint."""
    blueprint.add_url_rule(f"{HOME}/unusual", view_func=unusual)


def unusual() -> Response:
    """Show what is unusual in one day's reading, by default today's."""
    limits = parts()[Thresholds]
    with reading() as uow:
        uow.actor.require(SEE_LOG)
        today = uow.today
        day = min(_asked() or today, today)
        found = watch(uow, day, limits, ZoneInfo(str(g.time_zone)))
        page = render(
            "oversight/unusual.html", found=found, limits=limits, day=day,
            links={each: _entries(each, found) for each in found.findings},
            before=f"{HOME}/unusual?day={day - timedelta(days=1)}",
            after=f"{HOME}/unusual?day={day + timedelta(days=1)}" if day < today else None,
        )  # fmt: skip
    with working() as uow:
        service.note(uow, "oversight.unusual-seen", "log", None, day=day.isoformat(), found=len(found.findings))
    return page


def _entries(finding: Unusual, found: Watched) -> str:
    """Return the address of the entries behind a finding."""
    asked = {"from": str(found.day), "to": str(found.day), "kind": str(Kind.READING)}
    person = found.people.get(finding.employee_id) if finding.employee_id else None
    letter = found.letters.get(finding.letter_id) if finding.letter_id else None
    if person is not None:
        asked["person"] = person.code
    if letter is not None and letter.document_code:
        asked["letter"] = letter.document_code
        asked["act"] = "codes.print"
    return f"{HOME}?{urlencode(asked)}"


def _asked() -> date | None:
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return None
