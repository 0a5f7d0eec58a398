"""Time-stamps of an outside authority that is asked over HTTP; its tokens are judged before they are used."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from asn1crypto import cms, tsp, x509
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko_certvalidator import ValidationContext

from crypto import asn1_tables
from crypto.asking import NoAnswer, ask
from crypto.cms_parts import finished, loaded
from crypto.errors import TimestampUnavailable
from crypto.timestamp_tokens import Response, new_request, time_of
from crypto.timestamps import DIGEST_BYTES, REPLY_TYPE, REQUEST_TYPE, Clock, utc_now

asn1_tables.fill()

_LARGEST_REPLY: Final = 64 * 1024
_MOST_APART: Final = timedelta(minutes=5)


class RemoteTimeStamper:
    """An outside authority at one address, believed only under ``roots`` (DER); ``timeout`` seconds for everything.

    Nothing else is ever asked: no redirect is followed, no proxy used, no address inside an answer fetched.
    """

    def __init__(self, url: str, timeout: float, roots: Sequence[bytes], *, clock: Clock = utc_now) -> None:
        self._url = url
        self._timeout = timeout
        self._roots = tuple(roots)
        self._clock = clock

    def token(self, digest: bytes) -> bytes:
        """Return a token over a SHA-256 digest, its answer checked from the status to the root.

        Raises TimestampUnavailable ``timestamp.unreachable``, ``.refused``, ``.bad-answer`` or ``.clocks-differ`` (by
        more than five minutes: one of the two is wrong, and nobody can say which).
        """
        if len(digest) != DIGEST_BYTES:
            raise ValueError("a SHA-256 digest has 32 bytes")
        request, nonce = new_request(digest)
        token = checked_token(self._ask(request), digest, nonce, self._roots, now=self._clock())
        apart = abs(time_of(token) - self._clock())
        if apart > _MOST_APART:
            raise TimestampUnavailable("timestamp.clocks-differ", seconds=int(apart.total_seconds()))
        return token

    def _ask(self, request: bytes) -> bytes:
        try:
            return ask(
                self._url, accept=REPLY_TYPE, timeout=self._timeout, largest=_LARGEST_REPLY, body=request,
                content_type=REQUEST_TYPE,
            )  # fmt: skip
        except NoAnswer as error:
            raise TimestampUnavailable("timestamp.unreachable", why=error.why) from error


def checked_token(response_der: bytes, digest: bytes, nonce: int, roots: Sequence[bytes], *, now: datetime) -> bytes:
    """Return the token of an answer after everything in it was checked, for a SHA-256 digest.

    Granted; for our digest and our nonce; signed by one certificate that the token names, is good for time-stamping
    alone (critical) and chains to one of ``roots`` (DER). Raises TimestampUnavailable ``timestamp.refused`` or
    ``timestamp.bad-answer`` with what is wrong.
    """
    try:
        return _checked(Response.load(response_der, strict=True), digest, nonce, roots, now=now)
    except TimestampUnavailable:
        raise
    except Exception as error:  # the readers raise anything for hostile bytes
        raise _bad(type(error).__name__) from error


def _checked(response: Response, digest: bytes, nonce: int, roots: Sequence[bytes], *, now: datetime) -> bytes:
    status = response["status"]["status"].native
    if status not in ("granted", "granted_with_mods"):
        raise TimestampUnavailable("timestamp.refused", status=str(status))
    content = response["time_stamp_token"]
    data = content["content"]
    if content["content_type"].native != "signed_data" or len(data["signer_infos"]) != 1:
        raise _bad("form")
    info = data["encap_content_info"]["content"].parsed
    if not isinstance(info, tsp.TSTInfo):
        raise _bad("form")
    imprint = info["message_imprint"]
    if imprint["hash_algorithm"]["algorithm"].native != "sha256" or imprint["hashed_message"].native != digest:
        raise _bad("imprint")
    if info["nonce"].native != nonce:
        raise _bad("nonce")
    _check_signer(data, digest, roots, now=now)
    return bytes(content.dump())


def _check_signer(data: cms.SignedData, digest: bytes, roots: Sequence[bytes], *, now: datetime) -> None:
    """Raise TimestampUnavailable unless the signature, the chain and the purpose of its certificate hold."""
    context = ValidationContext(trust_roots=[loaded(root) for root in roots], allow_fetching=False, moment=now)
    status = finished(validate_tst_signed_data(data, context, lambda _algorithm: digest))
    if not (status["intact"] and status["valid"]):
        raise _bad("signature")
    certificate: x509.Certificate = status["signing_cert"]
    named = {each["type"].native for each in data["signer_infos"][0]["signed_attrs"]}
    if not named & {"signing_certificate", "signing_certificate_v2"}:
        raise _bad("signer-not-named")
    if status["trust_problem_indic"] is not None or status["validation_path"] is None:
        raise _bad("chain")
    purpose = certificate.extended_key_usage_value
    if (
        purpose is None
        or purpose.native != ["time_stamping"]
        or "extended_key_usage" not in certificate.critical_extensions
    ):
        raise _bad("purpose")


def _bad(why: str) -> TimestampUnavailable:
    return TimestampUnavailable("timestamp.bad-answer", why=why)
