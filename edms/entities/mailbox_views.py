"""The page of a body's mailboxes, kept by its administrator and by the centre."""

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, NotFound, Problem
from edms.entities import mailboxes
from edms.entities.edge import body_at, named
from edms.entities.mail_showing import shown_mail
from edms.entities.models import Entity
from edms.entities.rules import BUILT_IN_MAILBOXES, KEEP_MAILBOXES, LONGEST_MAILBOX
from edms.web.edge import reading, working
from edms.web.page import go, render

blueprint = Blueprint("mailboxes", __name__, url_prefix="/entities/<code>/mailboxes", template_folder="templates")


@blueprint.get("")
def index(code: str) -> Response:
    """List a body's mailboxes, those that every body has first, with the form for one more."""
    return _page(code)


@blueprint.post("")
def add(code: str) -> WerkzeugResponse:
    """Give the body a mailbox, or show the form again with everything that is wrong."""
    try:
        with working() as uow:
            local, alias = (request.form.get(name, "")[:300] for name in ("local", "alias"))
            row = mailboxes.add_mailbox(uow, _own(uow, code), local, alias)
            name = row.local
    except Invalid as error:
        return _page(code, error.problems, 422)
    return go(f"/entities/{code}/mailboxes", notice="The mailbox %(name)s was added.", name=name)


@blueprint.get("/<alias>/remove")
def removal(code: str, alias: str) -> Response:
    """Ask before a mailbox is taken away."""
    with reading() as uow:
        body = _own(uow, code)
        row = next((one for one in mailboxes.mailboxes_of(uow, body.id) if one.alias == alias), None)
        if row is None:
            raise NotFound("entities.unknown-mailbox", mailbox=alias[:LONGEST_MAILBOX])
        back = f"/entities/{body.code}/mailboxes"
        return render("entities/confirm.html", act="mailbox", entity=body, mailbox=row, named=named, problems=(),
                      at=f"{back}/{row.alias}/remove", back=back)  # fmt: skip


@blueprint.post("/<alias>/remove")
def remove(code: str, alias: str) -> WerkzeugResponse:
    """Take a mailbox away."""
    with working() as uow:
        mailboxes.remove_mailbox(uow, _own(uow, code), alias)
    return go(f"/entities/{code}/mailboxes", notice="The mailbox %(name)s was taken away.", name=alias)


def _own(uow: UnitOfWork, code: str) -> Entity:
    """Return the body of an address whose mailboxes the actor keeps; NotFound for another's administrator."""
    uow.actor.require(KEEP_MAILBOXES)
    body = body_at(uow, code)
    if not mailboxes.may_keep_mailboxes(uow, body):
        raise NotFound("entities.unknown-code", entity=code[:40])
    return body


def _page(code: str, problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    with reading() as uow:
        body = _own(uow, code)
        return render(
            "entities/mailboxes.html", status, entity=body, named=named, problems=problems,
            built_in=BUILT_IN_MAILBOXES, rows=mailboxes.mailboxes_of(uow, body.id),
            kept_here=shown_mail(uow, body).served != "peer", longest=LONGEST_MAILBOX,
            local=request.form.get("local", ""), alias=request.form.get("alias", ""),
        )  # fmt: skip
