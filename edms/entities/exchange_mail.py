"""What the exchange of installations tells of bodies' mail: DKIM keys in force and further mailboxes, both optional."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from crypto.dkim_keys import read_dkim_public
from crypto.errors import SignatureInvalid
from edms.core.database import UnitOfWork
from edms.core.errors import Invalid, Problem
from edms.entities.dkim_keys import clean_selector, take_keys
from edms.entities.mailboxes import take_mailboxes
from edms.entities.models import DkimKey, Entity, Mailbox
from edms.entities.rules import clean_alias, clean_mailbox

NOTHING: Final[Mapping[str, Any]] = {"dkim": [], "mailboxes": []}
_MOST = 50
_CHUNK = 500


def told_mail(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """Return, of those bodies that have any, the public keys in force and the mailboxes as JSON values."""
    found: dict[UUID, dict[str, Any]] = {}
    for at in range(0, len(ids), _CHUNK):
        some = ids[at : at + _CHUNK]
        keys = select(DkimKey).where(DkimKey.entity_id.in_(some), DkimKey.revoked_at.is_(None)).order_by(DkimKey.id)
        for key in uow.session.scalars(keys):
            told = {"selector": key.selector, "key": base64.b64encode(key.public_key).decode()}
            _of(found, key.entity_id)["dkim"].append(told)
        for box in uow.session.scalars(select(Mailbox).where(Mailbox.entity_id.in_(some)).order_by(Mailbox.local)):
            _of(found, box.entity_id)["mailboxes"].append({"local": box.local, "alias": box.alias})
    return found


def problems_of(where: str, told: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with a body's keys and mailboxes as a peer tells them."""
    try:
        _keys(told)
    except (Invalid, SignatureInvalid, KeyError, TypeError, AttributeError, binascii.Error, ValueError):
        yield Problem(where, "entities.bad-dkim-key")
    try:
        _boxes(told)
    except (KeyError, TypeError, AttributeError, ValueError):
        yield Problem(where, "entities.bad-mailbox-name")


def take_mail(uow: UnitOfWork, body: Entity, told: Mapping[str, Any]) -> None:
    """Take a body's keys and mailboxes over, in which nothing is wrong; an older file without them changes nothing."""
    if "dkim" in told:
        take_keys(uow, body, _keys(told))
    if "mailboxes" in told:
        take_mailboxes(uow, body, _boxes(told))


def _of(found: dict[UUID, dict[str, Any]], owner: UUID) -> dict[str, Any]:
    return found.setdefault(owner, {"dkim": [], "mailboxes": []})


def _keys(told: Mapping[str, Any]) -> list[tuple[str, str, bytes]]:
    found = [
        (clean_selector(one["selector"]), *read_dkim_public(base64.b64decode(one["key"], validate=True)))
        for one in _listed(told, "dkim")
    ]
    if len({selector for selector, _, _ in found}) != len(found):
        raise ValueError("selector")
    return found


def _boxes(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [(one["local"], one["alias"]) for one in _listed(told, "mailboxes")]
    sound = all(clean_mailbox(local) == local and clean_alias(alias) == alias for local, alias in found)
    if (
        not sound
        or len({local for local, _ in found}) != len(found)
        or len({alias for _, alias in found}) != len(found)
    ):
        raise ValueError("mailbox")
    return found


def _listed(told: Mapping[str, Any], name: str) -> list[Any]:
    found = told.get(name, [])
    if not isinstance(found, list) or len(found) > _MOST:
        raise ValueError(name)
    return found
