"""The tree hash of a log that only grows (RFC 6962 §2.1), and proofs about it that need not the log itself."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

from crypto.errors import CryptoError

HASH_BYTES = 32
MOST_PEAKS = 64
_Span = tuple[int, int]


def leaf_hash(entry: bytes) -> bytes:
    """Return the 32-byte hash of one entry as a leaf: SHA-256(0x00 ‖ entry) (RFC 6962 §2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Tree:
    """A log of ``size`` entries as its frontier: the hashes of the perfect subtrees, largest first, 64 at most."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def grown(self, leaves: Iterable[bytes]) -> "Tree":
        """Return the tree with more leaf hashes at its end; one leaf costs two hashes on average."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            merged, below = leaf, size
            while below & 1:
                merged, below = node_hash(peaks.pop(), merged), below >> 1
            peaks.append(merged)
            size += 1
        return Tree(size, tuple(peaks))

    def joined(self, other: "Tree", height: int) -> "Tree":
        """Return the tree with another behind it: of at most 2 to the power ``height`` entries, to which this one fills
        up a whole number of times. Raises CryptoError ``crypto.bad-tree``.
        """  # fmt: skip
        if self.size % (1 << height) or other.size > 1 << height:
            raise CryptoError("crypto.bad-tree", size=self.size)
        if other.size < 1 << height:
            return Tree(self.size + other.size, self.peaks + other.peaks)
        peaks, below, merged = list(self.peaks), self.size >> height, other.root()
        while below & 1:
            merged, below = node_hash(peaks.pop(), merged), below >> 1
        return Tree(self.size + other.size, (*peaks, merged))

    def root(self) -> bytes:
        """Return the 32-byte tree hash; that of an empty log is SHA-256 of nothing."""
        if not self.peaks:
            return sha256(b"").digest()
        *rest, root = self.peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root

    def packed(self) -> bytes:
        """Return the peaks as bytes, 32 for each."""
        return b"".join(self.peaks)


@dataclass(frozen=True, slots=True)
class Levels:
    """All perfect subtrees of some leaves, level by level: the tree at any of their sizes costs a few look-ups."""

    hashes: tuple[Sequence[bytes], ...]

    def tree(self, size: int) -> Tree:
        """Return the tree of the first ``size`` leaves; raises IndexError for more than there are."""
        peaks, start = [], 0
        for height in range(size.bit_length() - 1, -1, -1):
            if size >> height & 1:
                peaks.append(self.hashes[height][start >> height])
                start += 1 << height
        return Tree(size, tuple(peaks))


def levels(leaves: Sequence[bytes]) -> Levels:
    """Return the levels over some leaf hashes: one hash for each leaf, without the calls of growing one by one."""
    found: list[Sequence[bytes]] = [leaves]
    while len(found[-1]) > 1:
        pairs = zip(found[-1][::2], found[-1][1::2], strict=False)
        found.append([sha256(b"\x01" + left + right).digest() for left, right in pairs])
    return Levels(tuple(found))


def unpacked(size: int, packed: bytes) -> Tree:
    """Return the tree of packed peaks; CryptoError ``crypto.bad-tree`` when they cannot be those of ``size``."""
    if size < 0 or size >= 1 << MOST_PEAKS or len(packed) != HASH_BYTES * size.bit_count():
        raise CryptoError("crypto.bad-tree", size=size)
    return Tree(size, tuple(packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)))


def inclusion_proof(leaves: Iterable[bytes], index: int, size: int) -> list[bytes]:
    """Return the audit path of leaf ``index`` (from 0) among the first ``size`` leaf hashes (RFC 6962 §2.1.1).

    The leaves are read once and not kept. Raises CryptoError ``crypto.bad-proof-range`` when there are not so many.
    """
    if not 0 <= index < size:
        raise CryptoError("crypto.bad-proof-range", size=size)
    return _hashes(leaves, [(index, index + 1), *_beside(index, 0, size)], size)[1:]


def consistency_proof(leaves: Iterable[bytes], old: int, size: int) -> list[bytes]:
    """Return the proof that the tree of ``old`` leaves is the beginning of that of ``size`` (RFC 6962 §2.1.2).

    The leaves are read once and not kept. Raises CryptoError ``crypto.bad-proof-range`` when there are not so many.
    """
    if not 0 < old <= size:
        raise CryptoError("crypto.bad-proof-range", size=size)
    return _hashes(leaves, list(_between(old, 0, size, whole=True)), size)


def inclusion_spans(index: int, size: int) -> list[tuple[int, int]]:
    """Return the runs of leaves (first, end) whose tree hashes are the audit path of leaf ``index``, from below.

    Raises CryptoError ``crypto.bad-proof-range``.
    """
    if not 0 <= index < size:
        raise CryptoError("crypto.bad-proof-range", size=size)
    return list(_beside(index, 0, size))


def consistency_spans(old: int, size: int) -> list[tuple[int, int]]:
    """Return the runs of leaves whose tree hashes prove that the tree of ``old`` leaves begins that of ``size``.

    Raises CryptoError ``crypto.bad-proof-range``.
    """
    if not 0 < old <= size:
        raise CryptoError("crypto.bad-proof-range", size=size)
    return list(_between(old, 0, size, whole=True))


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether a leaf hash stands at ``index`` (from 0) of the tree of that size and root; never raises.

    RFC 9162 §2.1.3.2, which RFC 6962 leaves to the reader; a proof that is too short or too long proves nothing.
    """
    if not 0 <= index < size or not _are_hashes([leaf, root, *proof]):
        return False
    node, last, found = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(other, found)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, other)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether one tree is the beginning of another, larger one; never raises (RFC 9162 §2.1.4.2)."""
    if not 0 <= old <= size or not _are_hashes([old_root, root, *proof]):
        return False
    if old in {0, size}:
        return not proof and old_root == (root if old else Tree().root())
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = after = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            before, after = node_hash(other, before), node_hash(other, after)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            after = node_hash(after, other)
        node, last = node >> 1, last >> 1
    return last == 0 and before == old_root and after == root


def _are_hashes(values: Sequence[object]) -> bool:
    return all(isinstance(each, bytes) and len(each) == HASH_BYTES for each in values)


def _half(start: int, end: int) -> int:
    """Return where a tree over leaves ``start`` to ``end`` is split: the largest power of two below its width."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _beside(index: int, start: int, end: int) -> Iterator[_Span]:
    """Yield the spans of leaves whose hashes lead from a leaf to the root, from below."""
    if end - start > 1:
        half = _half(start, end)
        near, far = ((start, half), (half, end)) if index < half else ((half, end), (start, half))
        yield from _beside(index, *near)
        yield far


def _between(old: int, start: int, end: int, *, whole: bool) -> Iterator[_Span]:
    """Yield the spans of a consistency proof; ``whole`` while the older tree's own root is not yet needed."""
    if old == end:
        if not whole:
            yield start, end
        return
    half = _half(start, end)
    if old <= half:
        yield from _between(old, start, half, whole=whole)
        yield half, end
    else:
        yield from _between(old, half, end, whole=False)
        yield start, half


def _hashes(leaves: Iterable[bytes], spans: Sequence[_Span], size: int) -> list[bytes]:
    """Return the tree hashes of spans that do not overlap, in one pass over the leaves."""
    found: dict[_Span, bytes] = {}
    rest, at = iter(leaves), 0
    for start, end in sorted(spans):
        for _ in islice(rest, start - at):
            pass
        tree = Tree().grown(islice(rest, end - start))
        if tree.size != end - start:
            raise CryptoError("crypto.bad-proof-range", size=size)
        found[start, end], at = tree.root(), end
    return [found[span] for span in spans]
