"""A witness over HTTP: cosigns what goes on from what it saw, remembers over a restart, and gives a rollback away."""

import base64
import http.client
import secrets
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crypto.checkpoints import TreeHead, opened, parsed, signed
from crypto.cosignatures import cosigned_at, witness_key
from crypto.errors import SignatureInvalid
from crypto.merkle import Tree, consistency_proof, is_consistent, leaf_hash
from edms.audit.checkpoints import follow
from edms.audit.log_seal import LogSeal
from edms.audit.rules import LogPlan, WitnessPlace
from edms.audit.witness_client import last_known
from edms.audit.witness_server import LARGEST, Witness, serve
from edms.core.errors import Conflict, Unavailable
from tests.audit.kept import told
from tests.audit.test_checkpoints import checkpoints, cut, note
from tests.factories.world import World, make_world

NAME = "witness.example"
ORIGIN = "diwan/test"


class Log:
    """A log of our own for the protocol alone."""

    def __init__(self) -> None:
        self.key = generate_private_key(SECP256R1())
        self.public = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.leaves = [leaf_hash(b"%d" % number) for number in range(40)]

    def head(self, size: int) -> TreeHead:
        return TreeHead(ORIGIN, size, Tree().grown(self.leaves[:size]).root())

    def request(self, old: int, size: int, *, head: TreeHead | None = None, claimed: int | None = None) -> str:
        proof = consistency_proof(self.leaves, old, size) if 0 < old < size else []
        lines = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
        signed_note = signed(head or self.head(size), self.public, lambda data: self.key.sign(data, ECDSA(SHA256())))
        return f"old {old if claimed is None else claimed}\n{lines}\n{signed_note}"


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def kept(tmp_path: Path, log: Log) -> Witness:
    return Witness(tmp_path / "witness", NAME, {ORIGIN: [log.public]}, clock=lambda: 1_800_000_000.0)


def test_it_cosigns_what_goes_on_and_its_word_verifies(kept: Witness, log: Log) -> None:
    for old, size in ((0, 7), (7, 7), (7, 8), (8, 33)):
        answer = kept.add(log.request(old, size))
        assert answer.status == 200, answer
        text = f"{log.head(size).text()}\n{answer.body}"
        assert cosigned_at(text, kept.key()) == 1_800_000_000
    last = kept.latest(ORIGIN).body
    assert opened(last, log.public) == log.head(33)
    assert cosigned_at(last, kept.key()) == 1_800_000_000
    assert witness_key(kept.key().text()) == kept.key()


def test_what_does_not_go_on_is_refused_with_the_status_of_the_protocol(kept: Witness, log: Log) -> None:
    assert kept.add(log.request(0, 20)).status == 200
    fork = Log()
    fork.key, fork.public = log.key, log.public
    fork.leaves[3] = leaf_hash(b"rewritten")
    cases = {
        "a size that it does not know": (log.request(8, 30), 409),
        "an older tree": (log.request(0, 8), 409),
        "another tree of the same size": (fork.request(20, 20), 409),
        "a fork": (fork.request(20, 30), 422),
        "no proof": (log.request(0, 30, claimed=20), 422),
        "another key": (Log().request(20, 30), 403),
        "another log": (log.request(20, 30, head=TreeHead("diwan/other", 30, bytes(32))), 404),
        "an old size above the new": (log.request(0, 10, claimed=20), 400),
        "nothing": ("", 400),
        "a number with a zero before it": (log.request(20, 30).replace("old 20", "old 020"), 400),
    }
    for name, (request, status) in cases.items():
        assert kept.add(request).status == status, name
    assert kept.add(log.request(8, 30)).body == "20\n"
    assert parsed(kept.latest(ORIGIN).body) == log.head(20)


def test_it_remembers_over_a_restart_and_keeps_its_key_to_itself(kept: Witness, log: Log) -> None:
    assert kept.add(log.request(0, 20)).status == 200
    again = Witness(kept.folder, NAME, kept.logs)
    assert again.add(log.request(0, 8)).status == 409
    assert again.key() == kept.key()
    assert {path.stat().st_mode & 0o077 for path in kept.folder.iterdir()} == {0}


def test_ten_thousand_forged_proofs_are_refused(kept: Witness, log: Log) -> None:
    assert kept.add(log.request(0, 20)).status == 200
    request = log.request(20, 37)
    before, _, after = request.partition("\n\n")
    first, *proof = before.split("\n")
    for number in range(10_000):
        forged = list(proof)
        raw = bytearray(base64.b64decode(forged[number % len(forged)]))
        raw[secrets.randbelow(32)] ^= 1 << secrets.randbelow(8)
        forged[number % len(forged)] = base64.b64encode(raw).decode()
        old, head = 20, log.head(37)
        hashes = [base64.b64decode(each) for each in forged]
        assert not is_consistent(old, log.head(20).root, 37, head.root, hashes)
        if number % 1000 == 0:
            assert kept.add("\n".join([first, *forged]) + "\n\n" + after).status == 422
    assert kept.add(request).status == 200


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> World:
    return make_world(tmp_path, database_url)


@pytest.fixture
def server(world: World, tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    seal = world.parts[LogSeal]
    follow(world.database, seal)
    made = Witness(tmp_path / "witness", NAME, {seal.origin: [seal.public_key()]})
    running = serve(made, "127.0.0.1", 0)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    place = WitnessPlace(f"http://127.0.0.1:{running.server_address[1]}", made.key())
    plan = LogPlan(places=(place,))
    world.parts.put(LogSeal, LogSeal(seal.origin, seal.keys, plan))
    yield running
    running.shutdown()
    running.server_close()


def test_every_checkpoint_carries_its_word_and_a_rollback_is_refused_and_named(
    world: World, server: ThreadingHTTPServer
) -> None:
    seal = world.parts[LogSeal]
    (place,) = seal.plan.places
    early = checkpoints(world)[-1].size
    for count in (3, 5):
        note(world, count)
        follow(world.database, seal, now=True)
    rows = checkpoints(world)
    assert [cosigned_at(row.note, place.key) is not None for row in rows] == [False, True, True]
    assert told(world) == []
    known = last_known(place, seal.origin, seal.public_key())
    assert known is not None
    assert known.size == rows[-1].size
    cut(world, early)
    assert any(f"the checkpoint of the witness speaks of {known.size} entries" in what for what in told(world))
    with pytest.raises(Conflict, match=r"audit\.behind-witness"):
        follow(world.database, seal, now=True)
    note(world, known.size)  # the log grows past what the witness knows, with other entries
    with pytest.raises(Conflict, match=r"audit\.unlike-witness"):
        follow(world.database, seal, now=True)
    assert [row.size for row in checkpoints(world)] == [early]
    assert any("are not those that the checkpoint of the witness was signed over" in what for what in told(world))


def test_a_witness_that_is_away_is_left_out_and_catches_up(world: World, server: ThreadingHTTPServer) -> None:
    seal = world.parts[LogSeal]
    (place,) = seal.plan.places
    away = LogSeal(seal.origin, seal.keys, LogPlan(places=(WitnessPlace("http://127.0.0.1:1", place.key),)))
    note(world, 2)
    assert follow(world.database, away, now=True) == 2
    assert cosigned_at(checkpoints(world)[-1].note, place.key) is None
    with pytest.raises(Unavailable, match=r"audit\.no-answer"):
        last_known(away.plan.places[0], seal.origin, seal.public_key())
    note(world, 2)
    assert follow(world.database, seal, now=True) == 2
    assert cosigned_at(checkpoints(world)[-1].note, place.key) is not None


def test_a_word_that_another_key_gave_is_not_taken(world: World, server: ThreadingHTTPServer, tmp_path: Path) -> None:
    seal = world.parts[LogSeal]
    (place,) = seal.plan.places
    other = Witness(tmp_path / "other", NAME, {}).key()
    false = LogSeal(seal.origin, seal.keys, LogPlan(places=(WitnessPlace(place.url, other),)))
    note(world)
    with pytest.raises(Conflict, match=r"audit\.bad-cosignature"):
        follow(world.database, false, now=True)
    with pytest.raises(SignatureInvalid):
        witness_key(other.text()[:-4] + "AAA=")


def test_the_server_bounds_what_it_reads_and_knows_two_paths(world: World, server: ThreadingHTTPServer) -> None:
    def ask(method: str, path: str, **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
        connection.request(method, path, headers=headers)
        status = connection.getresponse().status
        connection.close()
        return status

    assert ask("POST", "/add-checkpoint", **{"Content-Length": str(LARGEST + 1)}) == 413
    assert ask("POST", "/add-checkpoint", **{"Content-Length": "x"}) == 411
    assert ask("POST", "/other") == 404
    assert ask("GET", "/") == 404
    assert ask("GET", f"/latest?origin={quote('diwan/none', safe='')}") == 404
