"""What the authority tells anybody over plain HTTP: its certificates, lists, answers (OCSP) and the time (TSA)."""

import base64
import binascii
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_to_bytes

from flask import Blueprint, Response, current_app, request

from crypto.certificates import chain_pem
from crypto.errors import TimestampUnavailable
from crypto.revocation import LARGEST_REQUEST
from crypto.timestamp_tokens import unavailable
from crypto.timestamps import REPLY_TYPE, REQUEST_TYPE
from edms.core.actor import ANONYMOUS, system_actor
from edms.core.database import Database
from edms.core.errors import NotFound
from edms.core.parts import Parts
from edms.entities import authority, queries, revoking
from edms.entities.allowance import Allowance
from edms.entities.keyring import Keyring
from edms.entities.showing import shown_certificate
from edms.entities.stamping import OwnTimeStamper
from edms.web.guards import public
from edms.web.page import render

blueprint = Blueprint("authority", __name__, url_prefix="/authority", template_folder="templates")

_AUTHORITY = system_actor("authority")
_LISTS_A_MINUTE, _ANSWERS_A_MINUTE, _STAMPS_A_MINUTE = 600, 600, 120
_LIST_TYPE: Final = "application/pkix-crl"
_CERTIFICATES_TYPE: Final = "application/pem-certificate-chain"
_QUESTION_TYPE, _ANSWER_TYPE = "application/ocsp-request", "application/ocsp-response"
_allowance: Final = Allowance()


@blueprint.url_value_preprocessor
def _limit_body(_endpoint: str | None, _values: object) -> None:
    """Refuse a larger body before any of it is read."""
    request.max_content_length = LARGEST_REQUEST


@blueprint.get("")
@public
def index() -> Response:
    """Show anybody whom to trust: the fingerprints to be compared by another way, and the files to take."""
    parts = _parts()
    with parts[Database].read(ANONYMOUS) as uow:
        chain = authority.authority_chain(uow)
        found = [shown_certificate(each) for each in reversed(chain)]
        name = queries.home(uow).name
    return render("entities/authority.html", certificates=found, installation=name)


@blueprint.get("/certificates")
@public
def certificates() -> Response:
    """Give the root and the issuing authority (PEM)."""

    def make() -> bytes:
        with _parts()[Database].read(ANONYMOUS) as uow:
            issuing, root = authority.authority_chain(uow)
        return chain_pem(root, issuing)

    return _sparingly("lists", _LISTS_A_MINUTE, _CERTIFICATES_TYPE, make)


@blueprint.get("/crl")
@public
def crl() -> Response:
    """Give the issuing authority's list of revoked certificates (DER, RFC 5280 §5, RFC 2585)."""
    return _sparingly("lists", _LISTS_A_MINUTE, _LIST_TYPE, _current_crl)


@blueprint.get("/root-crl")
@public
def root_crl() -> Response:
    """Give the root's list of revoked issuing authorities (DER)."""

    def make() -> bytes:
        with _parts()[Database].read(ANONYMOUS) as uow:
            found = queries.home(uow).root_crl
        if found is None:
            raise NotFound("authority.no-issuing")
        return found

    return _sparingly("lists", _LISTS_A_MINUTE, _LIST_TYPE, make)


@blueprint.post("/ocsp")
@public
def ask_ocsp() -> Response:
    """Answer whether certificates are good, revoked or unknown (RFC 6960 Appendix A.1)."""
    if request.mimetype != _QUESTION_TYPE:
        return _refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    return _ocsp(request.get_data())


@blueprint.get("/ocsp/<path:question>")
@public
def get_ocsp(question: str) -> Response:
    """Answer the same to a question in the address: base64 of the request, escaped or not."""
    if len(question) > LARGEST_REQUEST:
        return _refused(HTTPStatus.REQUEST_URI_TOO_LONG)
    try:
        return _ocsp(base64.b64decode(unquote_to_bytes(question), validate=True))
    except binascii.Error:
        return _ocsp(b"")


@blueprint.post("/tsa")
@public
def ask_time() -> Response:
    """Time-stamp a digest (RFC 3161 §3.4)."""
    if request.mimetype != REQUEST_TYPE:
        return _refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    question = request.get_data()

    def make() -> bytes:
        try:
            return _parts()[OwnTimeStamper].answer(question)
        except TimestampUnavailable:
            return unavailable()

    return _sparingly("stamps", _STAMPS_A_MINUTE, REPLY_TYPE, make)


def _ocsp(question: bytes) -> Response:
    def make() -> bytes:
        parts = _parts()
        with parts[Database].read(ANONYMOUS) as uow:
            return authority.ocsp_response(uow, question, keys=parts[Keyring])

    return _sparingly("answers", _ANSWERS_A_MINUTE, _ANSWER_TYPE, make)


def _current_crl() -> bytes:
    """Return the list that is kept, or keep a new one when it is due."""
    parts = _parts()
    with parts[Database].read(ANONYMOUS) as uow:
        found = authority.current_crl(uow, keys=parts[Keyring])
        if found == queries.home(uow).crl:
            return found
    with parts[Database].work(_AUTHORITY) as uow:
        return revoking.keep_crl(uow, keys=parts[Keyring])


def _sparingly(kind: str, most: int, media_type: str, make: Callable[[], bytes]) -> Response:
    """Answer with what ``make`` returns unless the asker's network has asked too often."""
    wait = _allowance.take(kind, request.remote_addr or "", most)
    if wait:
        response = _refused(HTTPStatus.TOO_MANY_REQUESTS)
        response.headers["Retry-After"] = str(wait)
        return response
    response = Response(make())
    response.headers["Content-Type"] = media_type
    return response


def _refused(status: HTTPStatus) -> Response:
    return Response(f"{status.phrase}\n", status, mimetype="text/plain")


def _parts() -> Parts:
    found: Parts = current_app.extensions["diwan"]
    return found
