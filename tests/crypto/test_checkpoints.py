"""Checkpoints as signed notes: what is written is read, and nothing else is."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.checkpoints import TreeHead, key_id, opened, parsed, signed
from crypto.digests import sha256
from crypto.errors import SignatureInvalid
from crypto.signatures import new_signing_key, public_of, sign

KEY, OTHER = new_signing_key(), new_signing_key()
PUBLIC = public_of(KEY)
STATED = TreeHead("log.gov.example/diwan", 20852163, sha256(b"root"))


def note_of(stated: TreeHead, key: bytes = KEY) -> str:
    return signed(stated, public_of(key), lambda data: sign(key, data))


NOTE = note_of(STATED)
TEXT, SIGNATURE = NOTE.split("\n\n")


def test_a_note_has_the_lines_of_the_specification() -> None:
    origin, size, root, empty, line, end = NOTE.split("\n")
    assert (origin, size, empty, end) == (STATED.origin, "20852163", "", "")
    assert base64.b64decode(root) == STATED.root
    dash, name, encoded = line.split(" ")
    assert (dash, name) == ("\N{EM DASH}", STATED.origin)
    assert base64.b64decode(encoded)[:4] == key_id(PUBLIC) == sha256(PUBLIC)[:4]


@given(st.integers(0, 2**63), st.binary(min_size=32, max_size=32))
def test_what_is_signed_is_read(size: int, root: bytes) -> None:
    stated = TreeHead("diwan/1", size, root)
    assert opened(note_of(stated), PUBLIC) == parsed(note_of(stated)) == stated


def test_signatures_of_witnesses_are_passed_over() -> None:
    theirs = note_of(TreeHead("witness.example", 1, STATED.root), OTHER).split("\n\n")[1]
    assert opened(NOTE + theirs, PUBLIC) == STATED
    assert opened(f"{TEXT}\n\n{theirs}{SIGNATURE}", PUBLIC) == STATED


@pytest.mark.parametrize(
    "note",
    [
        note_of(STATED, OTHER), NOTE.replace("20852163", "20852164"), NOTE.replace(TEXT[-6:], "AAAAA="),
        NOTE.replace("log.gov", "lag.gov"),
        f"{NOTE}\N{EM DASH} {STATED.origin} {base64.b64encode(key_id(PUBLIC) + sign(OTHER, b'text')).decode()}\n",
    ],
)  # fmt: skip
def test_what_the_key_did_not_sign_is_refused(note: str) -> None:
    with pytest.raises(SignatureInvalid, match="bad-checkpoint"):
        opened(note, PUBLIC)


@pytest.mark.parametrize(
    "note",
    [
        "", "\n", NOTE[:-1], NOTE + "\n", NOTE + NOTE, TEXT + "\n", TEXT + "\n\n", NOTE.replace("\n", "\r\n"),
        NOTE.replace("2085", " 2085"), NOTE.replace("2085", "02085"), NOTE.replace("20852163", "-1"),
        NOTE.replace("20852163", "+20852163"), NOTE.replace("20852163", "2085_2163"), NOTE.replace("2085", "٢085"),
        NOTE.replace("=\n\n", "=\nmore\n\n"), NOTE.replace("=\n\n", "\n\n"), NOTE.replace("\N{EM DASH}", "-"),
        NOTE.replace("log.gov", "log gov"), NOTE.replace("log.gov", "log+gov"), NOTE.replace("log.gov", "log\tgov"),
        NOTE + SIGNATURE * 16, f"{TEXT}\n\n\N{EM DASH} name AAAA\n", f"{TEXT}\n\n\N{EM DASH} name !!!!\n",
        note_of(TreeHead("diwan/1", 1, bytes(32))).replace("AAAA=", "AAA="),
    ],
)  # fmt: skip
def test_what_is_not_a_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(SignatureInvalid, match="bad-checkpoint"):
        parsed(note)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(SignatureInvalid):
        parsed(text)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\N{NO-BREAK SPACE}b"])
def test_a_log_whose_name_a_note_cannot_carry_is_refused(origin: str) -> None:
    with pytest.raises(SignatureInvalid, match="bad-checkpoint"):
        note_of(TreeHead(origin, 1, bytes(32)))
