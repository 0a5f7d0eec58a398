"""The tree hash against published vectors and its definition; proofs that hold, and forged ones that never do."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.errors import CryptoError
from crypto.merkle import (
    Tree,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    unpacked,
)

# The eight leaves of the reference implementation of certificate transparency, and the roots of their first 1 to 8.
LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
VECTOR = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
SIZES = st.integers(1, 130)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def defined(found: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word, over leaf hashes."""
    if len(found) == 1:
        return found[0]
    half = 1
    while half * 2 < len(found):
        half *= 2
    return node_hash(defined(found[:half]), defined(found[half:]))


def test_roots_are_those_of_certificate_transparency() -> None:
    assert Tree().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [Tree().grown(VECTOR[:size]).root().hex() for size in range(1, 9)] == list(ROOTS)


def test_proofs_are_those_of_certificate_transparency() -> None:
    assert [each.hex()[:8] for each in inclusion_proof(VECTOR, 5, 8)] == ["bc1a0643", "ca854ea1", "d37ee418"]
    assert [each.hex()[:8] for each in consistency_proof(VECTOR, 6, 8)] == ["0ebc5d34", "ca854ea1", "d37ee418"]


@given(SIZES, st.lists(st.integers(0, 130), max_size=5))
def test_a_tree_grown_in_any_steps_has_the_defined_root(size: int, cuts: list[int]) -> None:
    found, tree = leaves(size), Tree()
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), size], strict=True):
        tree = unpacked(tree.size, tree.packed()).grown(found[start:end])
    assert tree.root() == defined(found)
    assert len(tree.peaks) == size.bit_count()


@given(SIZES, st.data())
def test_proofs_hold(size: int, data: st.DataObject) -> None:
    found = leaves(size)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    root, before = defined(found), defined(found[:old])
    assert is_included(found[index], index, size, inclusion_proof(iter(found), index, size), root)
    assert is_consistent(old, before, size, root, consistency_proof(iter(found), old, size))


def test_no_forged_proof_is_accepted() -> None:
    """10,000 proofs, each with one thing wrong: a bit, a length, an order, an index, a size, a root, or its sides."""
    chance, accepted = random.Random(6962), 0
    for _ in range(5000):
        size = chance.randint(2, 70)
        found = leaves(size)
        index, old = chance.randrange(size), chance.randrange(1, size)
        root, before = defined(found), defined(found[:old])
        path, bridge = inclusion_proof(found, index, size), consistency_proof(found, old, size)
        accepted += is_included(*forged_inclusion(chance, found[index], index, size, path, root))
        accepted += is_consistent(*forged_consistency(chance, old, before, size, root, bridge))
    assert accepted == 0


def flipped(chance: random.Random, value: bytes) -> bytes:
    bit = chance.randrange(256)
    return (int.from_bytes(value) ^ (1 << bit)).to_bytes(32)


def spoilt(chance: random.Random, proof: list[bytes]) -> list[bytes]:
    """Return a proof that differs from the one given."""
    at = chance.randrange(len(proof))
    ways = [
        [*proof[:at], flipped(chance, proof[at]), *proof[at + 1 :]], proof[:at] + proof[at + 1 :], [*proof, proof[at]],
        [proof[at], *proof], proof[:at], [*proof[:at], proof[at][:31], *proof[at + 1 :]],
        [*proof, chance.randbytes(32)],
    ]  # fmt: skip
    if proof != proof[::-1]:
        ways.append(proof[::-1])
    return chance.choice(ways)


def forged_inclusion(
    chance: random.Random, leaf: bytes, index: int, size: int, path: list[bytes], root: bytes
) -> tuple[bytes, int, int, list[bytes], bytes]:
    other = (index + chance.randrange(1, size)) % size
    return chance.choice([
        (leaf, index, size, spoilt(chance, path), root), (flipped(chance, leaf), index, size, path, root),
        (leaf, index, size, path, flipped(chance, root)), (leaf, other, size, path, root),
        (leaf, index, index, path, root), (leaf, -1 - index, size, path, root), (root, index, size, path, leaf),
        (leaf, size, size, path, root),
    ])  # fmt: skip


def forged_consistency(
    chance: random.Random, old: int, before: bytes, size: int, root: bytes, bridge: list[bytes]
) -> tuple[int, bytes, int, bytes, list[bytes]]:
    return chance.choice([
        (old, before, size, root, spoilt(chance, bridge)), (old, flipped(chance, before), size, root, bridge),
        (old, before, size, flipped(chance, root), bridge), (size, before, old, root, bridge),
        (old, root, size, before, bridge), (size, root, old, before, bridge), (-old, before, size, root, bridge),
        (0, before, size, root, bridge), (size, before, size, root, bridge),
    ])  # fmt: skip


def test_an_empty_tree_is_the_beginning_of_every_other() -> None:
    tree = Tree().grown(VECTOR)
    assert is_consistent(0, Tree().root(), 8, tree.root(), [])
    assert not is_consistent(0, tree.root(), 8, tree.root(), [])
    assert is_consistent(8, tree.root(), 8, tree.root(), [])


def test_what_cannot_be_proved_or_unpacked_is_refused() -> None:
    for index, size in ((8, 8), (-1, 8), (0, 9), (8, 9), (0, 0)):
        with pytest.raises(CryptoError, match="bad-proof-range"):
            inclusion_proof(VECTOR, index, size)
    for old, size in ((0, 8), (9, 8), (4, 9)):
        with pytest.raises(CryptoError, match="bad-proof-range"):
            consistency_proof(VECTOR, old, size)
    packed = Tree().grown(VECTOR[:7]).packed()
    for size, octets in ((8, packed), (7, packed[:-1]), (-7, packed), (3, packed), (1 << 70, packed)):
        with pytest.raises(CryptoError, match="bad-tree"):
            unpacked(size, octets)
