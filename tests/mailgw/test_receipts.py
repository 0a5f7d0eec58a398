"""Receipts under the answering body's seal: openssl verifies them; what does not hold is kept and changes nothing."""

import subprocess
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import select

from edms.dispatch.models import Evidence, OutboxItem
from edms.dispatch.package import Receipt
from edms.entities import queries as entities
from edms.intake.models import ReceivedMessage
from mailgw.address import Address
from mailgw.envelope import Identity, Submitter
from mailgw.message import compose_note, read_message
from mailgw.outgoing import Sources, signer_of
from tests.factories.issued import issued_letter
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.arrivals import envelope, outbox
from tests.mailgw.packages import NOON, receipt
from tests.mailgw.test_handler import A, B, take


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def receipt_from_b(world: World) -> bytes:
    """Let A's letter be registered at B and return the octets of the receipt."""
    issued_letter(world)
    take(world, envelope(outbox(world)[1][0], A, B))
    return outbox(world)[1][1]


def from_home(world: World, raw: bytes) -> str:
    with world.database.read(OPERATOR) as uow:
        home = entities.home(uow).id
    [answer] = take(world, replace(envelope(raw, B, A), identity=Identity(tls=True, installation_id=home)))
    return answer


def facts(world: World) -> tuple[str, ReceivedMessage, list[tuple[str, bool]]]:
    """Return the state of A's consignment, the receipt's row and A's evidence from it."""
    with world.database.read(OPERATOR) as uow:
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "letter")).one()
        row = uow.session.scalars(select(ReceivedMessage).where(ReceivedMessage.kind == "receipt")).one()
        proofs = uow.session.execute(select(Evidence.event, Evidence.signed).where(Evidence.received_id == row.id))
        return item.state, row, [(event, signed) for event, signed in proofs]


def openssl(folder: Path, raw: bytes, root: bytes) -> subprocess.CompletedProcess[bytes]:
    (folder / "receipt.eml").write_bytes(raw)
    (folder / "root.der").write_bytes(root)
    subprocess.run(["openssl", "x509", "-inform", "DER", "-in", "root.der", "-out", "root.pem"], cwd=folder, check=True)
    return subprocess.run(
        ["openssl", "cms", "-verify", "-in", "receipt.eml", "-CAfile", "root.pem", "-purpose", "any", "-out", "told"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip


def test_openssl_verifies_a_receipt_and_refuses_a_changed_one(world: World, tmp_path: Path) -> None:
    raw = receipt_from_b(world)
    with world.database.read(OPERATOR) as uow:
        root = entities.home(uow).ca_certificate
    verified = openssl(tmp_path, raw, root)
    assert verified.returncode == 0, verified.stderr
    assert b"urn:diwan:letter:1" not in raw  # base64: the part is read out of what openssl gives back
    told = message_from_bytes((tmp_path / "told").read_bytes(), policy=policy.default)
    text, xml = told.iter_parts()
    assert "قُيّد كتابكم" in text.get_content()
    assert b"http://uri.etsi.org/19522/Event/ContentHandover" in xml.get_content()
    assert openssl(tmp_path, changed(raw), root).returncode != 0


def changed(raw: bytes) -> bytes:
    """Return a receipt with one letter of its text part changed."""
    start = raw.index(b"base64\r\n\r\n") + 10
    return raw[: start + 3] + (b"A" if raw[start + 3 : start + 4] != b"A" else b"B") + raw[start + 4 :]


def test_headers_say_what_is_answered(world: World) -> None:
    raw = receipt_from_b(world)
    message = message_from_bytes(raw, policy=policy.default)
    assert message.get_content_type() == "multipart/signed"
    assert message.get_param("micalg") == "sha-256"
    assert message.get_param("protocol") == "application/pkcs7-signature"
    with world.database.read(OPERATOR) as uow:
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "letter")).one()
    assert message["In-Reply-To"] == message["References"] == f"<{item.package_id}@moh.gov.example>"


def test_a_signed_receipt_is_applied_and_noted_as_signed(world: World) -> None:
    raw = receipt_from_b(world)
    found = read_message(raw)
    assert isinstance(found, Receipt)
    assert found.message_hash
    assert len(found.document_hashes) == 1
    assert found.submitted_at
    assert from_home(world, raw) == "250 2.0.0 Ok: message taken"
    state, row, proofs = facts(world)
    assert (state, row.flag, proofs) == ("registered", "", [("ContentHandover", True)])


@pytest.mark.parametrize("spoil", ["changed", "unsigned-from-a-person", "by-another-body", "emptied"])
def test_a_receipt_whose_signature_does_not_hold_is_kept_and_changes_nothing(world: World, spoil: str) -> None:
    raw = receipt_from_b(world)
    found = read_message(raw)
    assert isinstance(found, Receipt)
    common = {"mail_from": Address("diwan", B), "recipients_header": f"<diwan@{A}>", "message_id": f"1@{B}",
              "date": NOON, "hostname": "h.example"}  # fmt: skip
    flag = "intake.receipt-signature"
    if spoil == "changed":
        raw = changed(raw)
    elif spoil == "by-another-body":
        sources = Sources(world.database, world.store, world.keyring, "localhost")
        raw = compose_note(found, signer=signer_of(sources, world.entity_a.id), **common)  # type: ignore[arg-type]
    elif spoil == "emptied":
        raw = raw[: raw.rindex(b'smime.p7s"\r\n\r\n') + 14] + raw[raw.rindex(b"--=_s") :]
    else:
        raw, flag = compose_note(found, **common), "intake.receipt-unsigned"  # type: ignore[arg-type]
    if spoil == "unsigned-from-a-person":
        clerk = world.actor("b", "registry")
        assert clerk.employee_id
        person = Submitter(clerk.employee_id, clerk.employee_id, world.entity_b.id, "registry.b", registry=True)
        take(world, replace(envelope(raw, B, A), identity=Identity(tls=True, submitter=person)))
    else:
        from_home(world, raw)
    state, row, proofs = facts(world)
    assert (state, row.flag, proofs) == ("queued", flag, [])


def test_an_older_peer_may_still_answer_unsigned(world: World) -> None:
    found = read_message(receipt_from_b(world))
    assert isinstance(found, Receipt)
    raw = compose_note(
        found, mail_from=Address("diwan", B), recipients_header=f"<diwan@{A}>", message_id=f"1@{B}", date=NOON,
        hostname="h.example",
    )  # fmt: skip
    from_home(world, raw)
    state, row, proofs = facts(world)
    assert (state, row.flag, proofs) == ("registered", "", [("ContentHandover", False)])


def test_a_receipt_of_before_has_no_evidence_in_it() -> None:
    raw = compose_note(
        receipt(), mail_from=Address("diwan", B), recipients_header=f"<diwan@{A}>", message_id=f"1@{B}", date=NOON,
        hostname="h.example",
    )  # fmt: skip
    assert read_message(raw) == receipt()


def test_a_spoilt_receipt_does_not_keep_the_good_one_out(world: World) -> None:
    raw = receipt_from_b(world)
    from_home(world, changed(raw))
    from_home(world, raw)
    with world.database.read(OPERATOR) as uow:
        item = uow.session.scalars(select(OutboxItem).where(OutboxItem.kind == "letter")).one()
        flags = uow.session.scalars(select(ReceivedMessage.flag).where(ReceivedMessage.kind == "receipt")).all()
    assert item.state == "registered"
    assert sorted(flags) == ["", "intake.receipt-signature"]
