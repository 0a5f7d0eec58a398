"""The doctor's checks of the certificate authority: where its root is, how long it lasts, what it knows, its clock."""

from datetime import timedelta

from crypto.certificates import load_certificate
from crypto.errors import TimestampUnavailable
from crypto.revocation import read_crl
from crypto.timestamps import TimeStamper
from edms.core.database import Database
from edms.core.parts import Parts
from edms.entities import authority as authorities
from edms.entities import peers, queries
from edms.operation.finding import Finding, fail, ok, warn
from edms.operation.site import Site
from edms.operation.start import OPERATOR

_ISSUING_SOON, _LIST_SOON = timedelta(days=365), timedelta(days=60)
_OLD_LIST = timedelta(days=3)
_RENEW = "bring the root's file back for a moment: diwan authority renew --root FILE"


def root(_parts: Parts, site: Site) -> Finding:
    """Remind of the root's key while it is still on this machine."""
    if site.root_file.exists():
        shown = f"the root's key is still here: {site.root_file}"
        return warn("root", shown, "carry it to another place, such as a safe")
    return ok("root", "the root's key is not on this machine")


def authority(parts: Parts, _site: Site) -> Finding:
    """Check how long the issuing authority and the root's list last."""
    with parts[Database].read(OPERATOR) as uow:
        now, home = uow.now, queries.home(uow)
        issuing, root_certificate = authorities.authority_chain(uow)
    end = load_certificate(issuing).not_valid_after_utc
    shown = f"the issuing authority is certified until {end:%Y-%m-%d}"
    if end <= now:
        return fail("authority", shown, _RENEW)
    due = read_crl(home.root_crl, root_certificate).next_update if home.root_crl else now
    if due <= now:
        return warn("authority", "the root's list of revoked authorities is overdue", _RENEW)
    if end - now < _ISSUING_SOON or due - now < _LIST_SOON:
        return warn("authority", f"{shown}, the root's list is due on {due:%Y-%m-%d}", _RENEW)
    return ok("authority", shown)


def peer_lists(parts: Parts, _site: Site) -> Finding:
    """Check that what peers revoked is known here, and lately."""
    with parts[Database].read(OPERATOR) as uow:
        now = uow.now
        found = {one.name: peers.list_of(one) for one in queries.authorities(uow) if not one.is_home}
    old = [name for name, one in found.items() if one is None or one.made_at + _OLD_LIST < now]
    if old:
        remedy = "see that diwan worker reaches them, or: diwan installation crl FILE"
        return warn("peer-lists", f"no fresh list of revoked certificates of: {', '.join(old)}", remedy)
    return ok("peer-lists", f"{len(found)} peers, their lists are fresh")


def timestamp(parts: Parts, _site: Site) -> Finding:
    """Check that a time-stamp can be had now."""
    try:
        parts[TimeStamper].token(bytes(32))
    except TimestampUnavailable as error:
        remedy = "set the clock, or correct timestamp.url; letters are sealed without a time-stamp until then"
        return warn("timestamp", f"none can be had: {error}", remedy)
    return ok("timestamp", "the time-stamping authority answers")
