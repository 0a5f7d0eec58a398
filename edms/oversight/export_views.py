"""Taking along what a search found, signed, and the proof of one entry."""

import json

from flask import Blueprint, Response, request

from edms.audit import exporting as proofs
from edms.audit.log_seal import LogSeal
from edms.audit.queries import sealed_size
from edms.core.errors import Conflict
from edms.oversight import exporting, queries, service
from edms.oversight.edge import HOME
from edms.oversight.forms import FIELDS, read_search
from edms.oversight.rules import SEE_LOG
from edms.oversight.wording import act_words
from edms.web.edge import parts, reading, working
from edms.web.security import attachment_response


def install(blueprint: Blueprint) -> None:
    """Put the downloads of this module on the auditor's blueprint."""
    blueprint.add_url_rule(f"{HOME}/export", view_func=export, methods=["POST"])
    blueprint.add_url_rule(f"{HOME}/entries/<int:seq>/proof", view_func=proof)
    blueprint.add_url_rule(f"{HOME}/log-key.pem", view_func=log_key)


def export() -> Response:
    """Give what fits a search as a signed ZIP; that it was taken is an event before the first byte leaves."""
    typed = {name: request.form.get(name, "")[:100] for name in FIELDS}
    with reading() as uow:
        uow.actor.require(SEE_LOG)
        wanted = read_search(uow, typed)
        asked = {name: value for name, value in typed.items() if value}
        taken = exporting.take(uow, wanted, parts()[LogSeal], asked=asked, words=act_words)
        name = f"log-selection-{uow.today}.zip"
    with working() as uow:
        service.note_search(uow, wanted, taken.entries, act="oversight.exported")
    return attachment_response(taken.content, name, "application/zip", length=len(taken.content))


def log_key() -> Response:
    """Give the log's public key, which proofs and exports are checked with."""
    with reading() as uow:
        uow.actor.require(SEE_LOG)
    data = proofs.public_pem(parts()[LogSeal])
    return attachment_response(data, "log-key.pem", "application/x-pem-file", length=len(data))


def proof(seq: int) -> Response:
    """Give the proof that an entry is in the log, for check_log.py."""
    with reading() as uow:
        uow.actor.require(SEE_LOG)
        queries.entry(uow, seq)
        size = sealed_size(uow)
        if seq > size:
            raise Conflict("oversight.not-sealed-yet", seq=seq)
        told = proofs.proof_of(uow, seq, parts()[LogSeal])
    with working() as uow:
        service.note(uow, "oversight.proof-taken", "log", None, seq=seq)
    data = (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()
    return attachment_response(data, f"entry-{seq}.json", "application/json", length=len(data))
