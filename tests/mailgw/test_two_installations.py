"""Letters between two installations over SMTP, with processes killed at every step: never lost, never doubled."""

import smtplib
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from crypto.certificates import chain_pem
from edms.confirmations import queries as inquiries
from edms.confirmations import service as confirmations
from edms.content import service as content
from edms.dispatch import queries as dispatch_queries
from edms.dispatch.models import Evidence, OutboxItem, RefusalCount
from edms.dispatch.rules import ItemState
from edms.entities.models import Installation
from edms.entities.queries import entity_by_code, units_of
from edms.entities.sealing import trust_list
from edms.intake.models import ReceivedMessage
from edms.letters import closing
from edms.letters.models import Letter
from tests.factories.issued import IssuedLetter, issued_letter
from tests.factories.world import OPERATOR, World
from tests.mailgw.processes import Cast, two_worlds, until

SIGKILLED = -9
SECONDS = 180


@dataclass(frozen=True, slots=True)
class Two:
    """Two installations that know each other, and the processes that run."""

    north: World
    south: World
    cast: Cast
    far_id: UUID

    def letter(self) -> IssuedLetter:
        """Issue a letter of the north to the south's ministry."""
        return issued_letter(self.north, subject="تجهيز المستلزمات المدرسية", to=[self.far_id])

    def run(self, *roles: tuple[World, str]) -> None:
        """See that these processes run."""
        for world, verb in roles:
            self.cast.run(world, verb)

    def run_all(self) -> None:
        """See that both gateways and both relays run."""
        for world in (self.south, self.north):
            self.run((world, "receive"), (world, "relay"))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Two installations; what one test leaves running serves the next."""
    north, south = two_worlds(tmp_path_factory.mktemp("two"))
    with north.database.read(OPERATOR) as uow:
        far_id = entity_by_code(uow, south.entity_b.code).id
    cast = Cast()
    try:
        yield Two(north, south, cast, far_id)
    finally:
        cast.close()


def item_of(north: World, letter: IssuedLetter) -> OutboxItem:
    with north.database.read(OPERATOR) as uow:
        return dispatch_queries.items_of(uow, letter.id)[0]


def taken(south: World, letter: IssuedLetter) -> tuple[list[str], list[int]]:
    """Return the register numbers that the document has in the south, and how often its message came."""
    with south.database.read(OPERATOR) as uow:
        letters = uow.session.scalars(select(Letter).where(Letter.document_code == letter.document_code)).all()
        messages = uow.session.scalars(
            select(ReceivedMessage).where(ReceivedMessage.letter_id.in_([row.id for row in letters]))
        )
        return [row.register_number for row in letters], [row.times_received for row in messages]


def registered(north: World, letter: IssuedLetter) -> bool:
    return until(lambda: item_of(north, letter).state == ItemState.REGISTERED, SECONDS)


def test_letter_is_registered_far_away_and_its_number_comes_back(two: Two) -> None:
    letter = two.letter()
    two.run_all()
    assert registered(two.north, letter)
    item = item_of(two.north, letter)
    numbers, times = taken(two.south, letter)
    assert [item.far_number] == numbers
    assert times == [1]
    assert item.taken_at
    assert item.delivered_at
    assert item.registered_at
    with two.south.database.read(OPERATOR) as uow:
        noted = [one for one in trust_list(uow) if one.installation == "north"]
    assert [one.entity_code for one in noted] == [two.north.entity_a.code]


def test_openssl_verifies_the_receipts_that_came_over_the_wire(two: Two, tmp_path: Path) -> None:
    letter = two.letter()
    two.run_all()
    assert registered(two.north, letter)
    with two.north.database.read(OPERATOR) as uow:
        proofs = uow.session.scalars(
            select(Evidence).where(Evidence.letter_id == letter.id).order_by(Evidence.at, Evidence.id)
        ).all()
        told = [proof for proof in proofs if proof.item_id and proof.received_id]
        rows = [uow.session.get_one(ReceivedMessage, proof.received_id) for proof in told]
        files = [
            content.read(uow, row.raw_file_id, entity_id=row.entity_id, store=two.north.store, keys=two.north.keyring)
            for row in rows
        ]
        root = entity_by_code(uow, two.south.entity_b.code).installation_id
        authority = uow.session.get_one(Installation, root).ca_certificate
    assert [proof.event for proof in proofs] == ["SubmissionAcceptance", "RelayAcceptance", "ContentHandover"]
    assert [(proof.event, proof.signed) for proof in told] == [("ContentHandover", True)]
    assert len({proof.document_hashes for proof in proofs}) == 1
    (tmp_path / "root.pem").write_bytes(chain_pem(authority))
    for raw in files:
        (tmp_path / "receipt.eml").write_bytes(raw)
        verify = ["openssl", "cms", "-verify", "-in", "receipt.eml", "-CAfile", "root.pem", "-purpose", "any"]
        done = subprocess.run(verify, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("point", ["after-stage", "before-commit", "after-commit-before-250"])
def test_a_killed_gateway_loses_and_doubles_nothing(two: Two, point: str) -> None:
    two.run_all()
    dying = two.cast.run_until_killed(two.south, "receive", point)
    two.cast.end(two.south, "relay")  # no receipt may come before the repeat
    letter = two.letter()
    assert dying.wait(SECONDS) == SIGKILLED
    two.run((two.south, "receive"))
    assert until(lambda: item_of(two.north, letter).state == ItemState.ACCEPTED)
    assert item_of(two.north, letter).attempts >= 2
    numbers, times = taken(two.south, letter)
    two.run((two.south, "relay"))
    assert registered(two.north, letter)
    assert [item_of(two.north, letter).far_number] == numbers == taken(two.south, letter)[0]
    assert times == [2 if point == "after-commit-before-250" else 1]


@pytest.mark.parametrize(("point", "times_received"), [("after-claim", 1), ("after-250-before-commit", 2)])
def test_a_killed_relay_loses_and_doubles_nothing(two: Two, point: str, times_received: int) -> None:
    two.run((two.south, "receive"), (two.north, "receive"))
    for world in (two.south, two.north):
        two.cast.end(world, "relay")  # one that still runs would take the letter before the one that is killed
    letter = two.letter()
    assert two.cast.run_until_killed(two.north, "relay", point).wait(SECONDS) == SIGKILLED
    assert item_of(two.north, letter).state == ItemState.SENDING
    two.run((two.north, "relay"))  # takes its dead predecessor's leases over at once
    assert until(lambda: item_of(two.north, letter).state == ItemState.ACCEPTED)
    numbers, times = taken(two.south, letter)
    two.run((two.south, "relay"))
    assert registered(two.north, letter)
    assert [item_of(two.north, letter).far_number] == numbers == taken(two.south, letter)[0]
    assert times == [times_received]


def test_exception_update_and_annulment_come_back_over_smtp(two: Two) -> None:
    letter, spoilt = two.letter(), two.letter()
    with two.north.database.work(OPERATOR) as uow:  # the second letter loses its file's right hash before it is sent
        item = dispatch_queries.items_of(uow, spoilt.id)[0]
        package = dispatch_queries.package(uow, item.package_id)
        package.meta = {**package.meta, "parts": [{**part, "sha256": "0" * 64} for part in package.meta["parts"]]}
    two.run_all()
    assert registered(two.north, letter)
    assert until(lambda: far_of(two.north, spoilt).get("exception") == "package.hash-mismatch", SECONDS)
    assert item_of(two.north, spoilt).state == ItemState.ACCEPTED
    with two.south.database.work(two.south.actor("b", "registry")) as uow:
        row = uow.session.scalars(select(Letter).where(Letter.document_code == letter.document_code)).one()
        unit = units_of(uow, row.entity_id)[0]
        closing.assign(uow, row.id, unit.id)
        name, letter_id = unit.name, row.id
    assert until(lambda: far_of(two.north, letter).get("unit") == name, SECONDS)
    with two.south.database.work(two.south.actor("b", "registry")) as uow:
        closing.annul(uow, letter_id, "قُيّد سهواً")
    assert until(lambda: item_of(two.north, letter).state == ItemState.REFUSED, SECONDS)
    found = item_of(two.north, letter)
    assert (found.refusal, found.far_number) == ("قُيّد سهواً", taken(two.south, letter)[0][0])


def far_of(north: World, letter: IssuedLetter) -> dict[str, str]:
    """Return what the far registry told of a letter beside the facts."""
    with north.database.read(OPERATOR) as uow:
        return dict(dispatch_queries.items_of(uow, letter.id)[0].far or {})


def test_a_body_far_away_is_asked_whether_it_issued_a_letter_and_answers_by_itself(two: Two) -> None:
    letter = two.letter()
    two.run_all()
    with two.south.database.work(two.south.actor("b", "employee")) as uow:
        row_id = confirmations.ask(uow, letter.document_code, file=letter.pdf).id

    def answer() -> str:
        with two.south.database.read(two.south.actor("b", "employee")) as uow:
            return inquiries.inquiry(uow, row_id).answer

    assert until(lambda: bool(answer()))
    assert answer() == "issued"


def test_strangers_are_refused_and_counted(two: Two) -> None:
    north = two.north
    two.run((north, "receive"))
    with smtplib.SMTP("127.0.0.1", north.settings.gateway.port, timeout=20) as client:
        client.starttls(context=_any_server())
        client.ehlo("stranger.test")
        code, text = client.mail("someone@stranger.test")
        assert (code, text[:5]) == (550, b"5.7.1")
        client.rset()
        assert client.mail("diwan@basra.gov.example")[0] == 250
        code, text = client.rcpt("diwan@stranger.test")
        assert (code, text[:5]) == (550, b"5.7.1")
        code, _text = client.rcpt("diwan@moh.gov.example")
        assert code == 530

    def counted() -> dict[str, int]:
        with north.database.read(OPERATOR) as uow:
            return {row.code: row.count for row in uow.session.scalars(select(RefusalCount))}

    wanted = {"smtp.sender-unregistered": 1, "smtp.recipient-unregistered": 1, "smtp.certificate-required": 1}
    assert until(lambda: counted() == wanted)


def test_no_log_line_tells_what_letters_say(two: Two) -> None:
    for log in [path for world in (two.north, two.south) for path in Path(world.settings.data).glob("*.log")]:
        text = log.read_text("utf-8")
        assert "message." in text or "relay." in text
        assert "المستلزمات" not in text
        assert "Traceback" not in text


def _any_server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
