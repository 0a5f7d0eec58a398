"""What two installations tell each other: gateway, root certificate and the bodies served, as one JSON document."""

import base64
import binascii
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from crypto.certificates import is_issued_by, load_certificate
from crypto.errors import SignatureInvalid
from crypto.revocation import read_crl
from edms.audit import service as audit
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, Problem
from edms.core.ids import new_id
from edms.entities import exchange_mail, peers, queries
from edms.entities.authority import authority_chain
from edms.entities.csv_import import read_day, read_entity_code
from edms.entities.keyring import Keyring
from edms.entities.models import Entity, Installation
from edms.entities.revoking import keep_crl
from edms.entities.rules import KEEP_INSTALLATIONS, LONGEST_NAME, EntityType, clean_domain, clean_name

FORMAT = "diwan-installation/1"
_MOST = 100_000


def export_installation(uow: UnitOfWork, *, keys: Keyring) -> dict[str, Any]:
    """Return this installation and its bodies as JSON values; the file must travel by a way that both sides trust."""
    uow.actor.require(KEEP_INSTALLATIONS)
    home = queries.home(uow)
    issuing, root = authority_chain(uow)
    bodies = queries.all_entities(uow, home_only=True)
    codes = {body.id: body.code for body in queries.all_entities(uow)}
    mail = exchange_mail.told_mail(uow, [body.id for body in bodies])
    audit.record(uow, "entities.installation-exported", "installation", home.id, bodies=len(bodies))
    return {
        "format": FORMAT,
        "name": home.name,
        "gateway": {"host": home.gateway_host, "port": home.gateway_port},
        "root_certificate": _base64(root),
        "authority": {
            "url": keys.pointers.base if keys.pointers else "",
            "issuing_certificate": _base64(issuing),
            "crl": _base64(keep_crl(uow, keys=keys)),
        },
        "entities": [{**_told(body, codes), **mail.get(body.id, exchange_mail.NOTHING)} for body in bodies],
    }


def _base64(der: bytes) -> str:
    return base64.b64encode(der).decode()


def _told(body: Entity, codes: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "code": body.code, "name_ar": body.name_ar, "name_en": body.name_en, "type": body.type,
        "parent": codes.get(body.parent_id) if body.parent_id else None, "mail_domain": body.mail_domain,
        "short_mark": body.short_mark, "valid_from": body.valid_from.isoformat(),
        "valid_to": body.valid_to.isoformat() if body.valid_to else None,
    }  # fmt: skip


def import_installation(uow: UnitOfWork, data: object, *, keys: Keyring, replace_root: bool = False) -> Installation:
    """Take over a peer as it told itself: create or update it and its bodies, all or nothing.

    Raises Invalid ``entities.bad-exchange`` with every finding, among them a code or domain that another installation
    holds; Conflict ``entities.own-installation`` for our own file, ``entities.root-changed`` for another certificate
    than before unless ``replace_root``.
    """
    uow.actor.require(KEEP_INSTALLATIONS)
    home = queries.home(uow)
    name, host, port, root, listed = _envelope(data)
    told = _authority(data, root)
    if name == home.name or root == home.ca_certificate:
        raise Conflict("entities.own-installation", installation=name)
    peer = uow.session.scalars(select(Installation).where(Installation.name == name)).one_or_none()
    if peer is not None and peer.ca_certificate != root and not replace_root:
        raise Conflict("entities.root-changed", installation=name)
    if peer is None:
        peer = Installation(id=new_id(), name=name, is_home=False)
        uow.session.add(peer)
    if peer.ca_certificate != root:
        peer.crl = peer.issuing_certificate = None
    peer.gateway_host, peer.gateway_port, peer.ca_certificate = host, port, root
    uow.flush()
    if told is not None:
        _keep_authority(uow, peer, *told)
    _Taking(uow, peer).take(listed)
    audit.record(uow, "entities.installation-imported", "installation", peer.id, row=peer, bodies=len(listed))
    return peer


def _envelope(data: object) -> tuple[str, str, int, bytes, list[Mapping[str, Any]]]:
    """Return name, gateway host and port, root certificate (DER) and the bodies of a document."""
    try:
        if not isinstance(data, dict) or data["format"] != FORMAT:
            raise _bad("file", "entities.exchange-format")
        name, host, port = data["name"], data["gateway"]["host"], data["gateway"]["port"]
        root, listed = base64.b64decode(data["root_certificate"], validate=True), data["entities"]
        load_certificate(root)
    except (KeyError, TypeError, binascii.Error, ValueError, SignatureInvalid):
        raise _bad("file", "entities.exchange-format") from None
    texts = all(isinstance(text, str) and 0 < len(text) <= limit for text, limit in ((name, 100), (host, 255)))
    sound = texts and isinstance(port, int) and 0 < port < 65_536 and clean_name(name) == name
    if not sound or not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise _bad("file", "entities.exchange-format")
    if len(listed) > _MOST:
        raise _bad("file", "entities.exchange-too-many", limit=_MOST)
    return name, host, port, root, listed


def _authority(data: Any, root: bytes) -> tuple[str, bytes, bytes] | None:
    """Return the authority's address, issuing certificate and list, checked under the root; None in an older file."""
    told = data.get("authority")
    if told is None:
        return None
    try:
        url = told["url"]
        issuing, crl = (base64.b64decode(told[name], validate=True) for name in ("issuing_certificate", "crl"))
        read_crl(crl, issuing)
    except (KeyError, TypeError, ValueError, SignatureInvalid):
        raise _bad("file", "entities.exchange-format") from None
    sound = isinstance(url, str) and len(url) <= 255 and (not url or url.startswith(("http://", "https://")))
    if not sound or not is_issued_by(issuing, root):
        raise _bad("file", "entities.exchange-format")
    return url, issuing, crl


def _keep_authority(uow: UnitOfWork, peer: Installation, url: str, issuing: bytes, crl: bytes) -> None:
    peer.authority_url = url
    if peer.issuing_certificate is None:
        peer.issuing_certificate = issuing
    peers.take_crl(uow, peer, crl, issuing=issuing)


class _Taking:
    """Takes over the bodies of one peer; every finding is kept until all are looked at."""

    def __init__(self, uow: UnitOfWork, peer: Installation) -> None:
        self._uow, self._peer = uow, peer
        rows = queries.all_entities(uow)
        self._by_code = {row.code: row for row in rows}
        self._domains = {row.mail_domain: row.code for row in rows}
        self._problems: list[Problem] = []

    def take(self, listed: list[Mapping[str, Any]]) -> None:
        """Create or update all bodies; raises Invalid ``entities.bad-exchange``."""
        checked = [self._checked(number, told) for number, told in enumerate(listed, start=1)]
        counts = Counter(row[0] for row in checked if row)
        for code, times in counts.items():
            if times > 1:
                self._wrong(code, "entities.duplicate-code", entity=code)
        if self._problems:
            raise Invalid("entities.bad-exchange", tuple(self._problems), count=len(self._problems))
        rows = [self._row(code, domain, begin, told) for code, domain, begin, told in filter(None, checked)]
        self._uow.flush()
        for row, told in zip(rows, listed, strict=True):
            parent = self._by_code.get(str(told.get("parent")))
            row.parent_id = parent.id if parent and parent is not row else None
        self._uow.flush()
        for row, told in zip(rows, listed, strict=True):
            exchange_mail.take_mail(self._uow, row, told)
            audit.record(self._uow, "entities.peer-entity", "entity", row.id, entity_id=row.id, row=row, code=row.code)

    def _checked(self, number: int, told: Mapping[str, Any]) -> tuple[str, str, date, Mapping[str, Any]] | None:
        """Return code, domain, first day and the body as told, or None when something is wrong with it."""
        before = len(self._problems)
        where = str(told.get("code") or f"#{number}")[:40]
        code, wrong = read_entity_code(str(told.get("code")))
        if wrong or code is None:
            self._wrong(where, "entities.bad-code", written=where)
        elif code in self._by_code and self._by_code[code].installation_id != self._peer.id:
            self._wrong(where, "entities.code-not-theirs", entity=code)
        domain = clean_domain(str(told.get("mail_domain")))
        if domain is None:
            self._wrong(where, "entities.bad-domain", domain=str(told.get("mail_domain"))[:253])
        elif self._domains.setdefault(domain, code or where) != code:
            self._wrong(where, "entities.duplicate-domain", domain=domain)
        if not isinstance(told.get("name_ar"), str) or not 0 < len(clean_name(told["name_ar"])) <= LONGEST_NAME:
            self._wrong(where, "entities.bad-name", limit=LONGEST_NAME)
        if told.get("type") not in set(EntityType):
            self._wrong(where, "entities.unknown-type", type=str(told.get("type"))[:40])
        begin = read_day(str(told.get("valid_from")))
        if begin is None:
            self._wrong(where, "csv.bad-date", column="valid_from", value=str(told.get("valid_from"))[:40])
        self._problems += exchange_mail.problems_of(where, told)
        sound = len(self._problems) == before and code and domain and begin
        return (code, domain, begin, told) if sound and code and domain and begin else None

    def _wrong(self, where: str, code: str, **params: object) -> None:
        self._problems.append(Problem(where, code, **params))

    def _row(self, code: str, domain: str, begin: date, told: Mapping[str, Any]) -> Entity:
        row = self._by_code.get(code)
        if row is None:
            row = Entity(id=new_id(), code=code, installation_id=self._peer.id, registers_by_rule=False)
            self._by_code[code] = row
            self._uow.session.add(row)
        row.type, row.mail_domain, row.valid_from = told["type"], domain, begin
        row.valid_to = read_day(str(told.get("valid_to") or ""))
        row.short_mark = clean_name(str(told.get("short_mark") or ""))[:40]
        row.name_ar = clean_name(told["name_ar"])
        row.name_en = clean_name(str(told.get("name_en") or ""))[:LONGEST_NAME]
        return row


def _bad(where: str, code: str, **params: object) -> Invalid:
    return Invalid("entities.bad-exchange", (Problem(where, code, **params),), count=1)
