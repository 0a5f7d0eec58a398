"""The trust list and the status list can be fetched by anybody and prove who made them."""

import json

import cbor2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509 import load_der_x509_certificate

from crypto.paper_seal import read_seal, to_be_signed
from edms.letters import closing
from edms.verification.paper_reader import read_page
from edms.verification.signed_lists import ListKind, signed_list
from tests.factories.issued import issued_letter
from tests.factories.scanning import printed
from tests.factories.world import OPERATOR, World


def told(world: World, kind: ListKind) -> dict[str, dict[str, dict[str, object]]]:
    with world.database.read(OPERATOR) as uow:
        data = signed_list(uow, kind, keys=world.keyring)
    protected, _, payload, signature = cbor2.loads(data).value
    issuing, root = cbor2.loads(protected)[33]
    load_der_x509_certificate(issuing).verify_directly_issued_by(load_der_x509_certificate(root))
    key = load_der_x509_certificate(issuing).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    numbers = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    key.verify(numbers, to_be_signed(protected, payload), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(numbers, to_be_signed(protected, payload + b" "), ec.ECDSA(hashes.SHA256()))
    value = json.loads(payload)
    assert value["format"] == f"diwan/{kind}/1"
    lists: dict[str, dict[str, dict[str, object]]] = value
    return lists


def test_the_trust_list_has_the_key_that_a_paper_names(world: World) -> None:
    seal = read_page(printed(issued_letter(world).pdf)[0]).seals[0]
    entry = told(world, "trust-list")["keys"][read_seal(seal).key_id.hex()]
    assert (entry["entity"], entry["revoked"]) == (world.entity_a.code, None)


def test_the_status_list_has_void_and_superseded_letters_by_their_serials(world: World) -> None:
    gone, old, new = issued_letter(world), issued_letter(world), issued_letter(world)
    with world.database.work(world.actor("a", "head")) as uow:
        closing.void(uow, gone.id, "صدر سهوًا")
        closing.supersede(uow, old.id, new.document_code)
    status = next(iter(told(world, "status-list")["status"].values()))
    assert status == {"void": [int(gone.document_code[8:16])], "superseded": [int(old.document_code[8:16])]}
