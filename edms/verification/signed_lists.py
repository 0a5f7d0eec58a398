"""The trust list and the status list as anybody may fetch them: JSON in a COSE_Sign1 of the issuing authority."""

import json
from typing import Any, Final, Literal

import cbor2

from crypto.paper_seal import raw_signature, to_be_signed
from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.entities.authority import authority_chain
from edms.entities.keyring import Keyring
from edms.verification.offline import lists

ListKind = Literal["trust-list", "status-list"]

_TOLD: Final[dict[ListKind, tuple[str, ...]]] = {"trust-list": ("keys", "names"), "status-list": ("status",)}
_SIGN1: Final = b"\xd2"
_ALGORITHM, _CHAIN, _ES256 = 1, 33, -7


def signed_list(uow: UnitOfWork, kind: ListKind, *, keys: Keyring) -> bytes:
    """Return a list (docs/formats/paper-seal.md) signed by the issuing authority, whose chain stands in ``x5chain``.

    COSE_Sign1 of RFC 9052 with the header of RFC 9360. Raises Unavailable ``authority.no-issuing``.
    """
    known = lists(uow)
    told: dict[str, Any] = {"format": f"diwan/{kind}/1"}
    told |= {name: known[name] for name in ("made_at", "installation", *_TOLD[kind])}
    payload = json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    protected = cbor2.dumps({_ALGORITHM: _ES256, _CHAIN: list(authority_chain(uow))}, canonical=True)
    name = entities.home(uow).issuing_key or ""
    signature = raw_signature(keys.keys.sign(name, to_be_signed(protected, payload)))
    return _SIGN1 + cbor2.dumps([protected, {}, payload, signature])
