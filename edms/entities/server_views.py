"""The pages of the mail servers that bodies run themselves: the list, one more or another certificate, taking away."""

from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, NotFound, Problem
from edms.entities import servers
from edms.entities.edge import body_at, named
from edms.entities.keyring import Keyring
from edms.entities.mail_forms import LARGEST_FILE, ServerForm
from edms.entities.mail_showing import shown_server
from edms.entities.models import Installation
from edms.entities.rules import KEEP_SERVERS
from edms.web.edge import parts, reading, working
from edms.web.guards import current_actor
from edms.web.page import go, render

blueprint = Blueprint("mail_servers", __name__, template_folder="templates")
PAGE = "/entities/servers"


@blueprint.get(PAGE)
def index() -> Response:
    """List the servers with their certificates and the bodies behind them."""
    current_actor().require(KEEP_SERVERS)
    with reading() as uow:
        rows = [(shown_server(uow, row), servers.bodies_behind(uow, row)) for row in servers.servers(uow)]
        return render("entities/servers.html", rows=rows, named=named)


@blueprint.get(f"{PAGE}/new")
def new() -> Response:
    """Show the form of a server, for the body that was asked for if one was."""
    current_actor().require(KEEP_SERVERS)
    code = request.args.get("body", "")
    with reading() as uow:
        return _form(ServerForm(bodies=body_at(uow, code).code if code else ""))


@blueprint.post(f"{PAGE}/new")
def add() -> WerkzeugResponse:
    """Register a server or change one known by its name, or show the form again with everything that is wrong."""
    current_actor().require(KEEP_SERVERS)
    file = request.files.get("file")
    form = ServerForm.read(request.form, file.read(LARGEST_FILE) if file else b"")
    try:
        with working() as uow:
            name = form.keep(uow).name
    except Invalid as error:
        return _form(form, error.problems, 422)
    return go(PAGE, notice="The server %(name)s was registered.", name=name)


@blueprint.get(f"{PAGE}/<uuid:server_id>")
def edit(server_id: UUID) -> Response:
    """Show the form filled with a server, to change where it listens, its certificate or what stands behind it."""
    current_actor().require(KEEP_SERVERS)
    with reading() as uow:
        return _form(ServerForm.of(_server(uow, server_id)))


@blueprint.get(f"{PAGE}/<uuid:server_id>/remove")
def removal(server_id: UUID) -> Response:
    """Ask before a server is taken away."""
    current_actor().require(KEEP_SERVERS)
    with reading() as uow:
        row = _server(uow, server_id)
        return render("entities/confirm.html", act="server", server=row, bodies=servers.bodies_behind(uow, row),
                      at=f"{PAGE}/{row.id}/remove", back=PAGE, named=named, problems=())  # fmt: skip


@blueprint.post(f"{PAGE}/<uuid:server_id>/remove")
def remove(server_id: UUID) -> WerkzeugResponse:
    """Take a server away; its bodies are served here again."""
    current_actor().require(KEEP_SERVERS)
    with working() as uow:
        name = _server(uow, server_id).name
        servers.remove_server(uow, name, keys=parts()[Keyring])
    return go(PAGE, notice="The server %(name)s was taken away. Its bodies are served here again.", name=name)


def _server(uow: UnitOfWork, server_id: UUID) -> Installation:
    found = next((row for row in servers.servers(uow) if row.id == server_id), None)
    if found is None:
        raise NotFound("entities.unknown-server", installation=str(server_id))
    return found


def _form(form: ServerForm, problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    changed = any(problem.code == "entities.server-certificate-changed" for problem in problems)
    return render(
        "entities/server.html", status, form=form, problems=problems, may_replace=changed or form.replace == "1"
    )
