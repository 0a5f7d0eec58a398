"""Secrets that are derived and can be destroyed one by one: a punctured tree (Goldreich, Goldwasser, Micali 1986).

One seed at the top gives every secret below it, and nothing has to be stored when a new one is needed. To destroy one,
the nodes above it are replaced by their other children down to it: what is left derives every other secret and not
this one (Aviram, Gellert, Jager: Session Resumption Protocols and Efficient Forward Security for TLS 1.3 0-RTT, 2019).
A path has 40 steps of 16 ways: 20 for the bucket and 20 for the item in it, each 80 bits of a SHA-256.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

STEPS: Final = 20
NODE_BYTES: Final = 32
_WAYS: Final = 16
_HASHED: Final = STEPS // 2
_MARK: Final = b"edms/1/tree|"
_STEP: Final = tuple(bytes((step,)) for step in range(_WAYS))
_DIGIT: Final = bytes.maketrans(b"0123456789abcdef", bytes(range(_WAYS)))

Path = bytes
"""Steps from the top, an octet of 0 to 15 each."""
Nodes = dict[Path, bytes]
"""What is left of a tree: nodes of which none lies below another."""


def path_of(bucket: bytes, item: bytes | None = None) -> Path:
    """Return the path of an item in a bucket, or of the whole bucket."""
    return _steps(bucket) if item is None else _steps(bucket) + _steps(item)


def child(node: bytes, step: int) -> bytes:
    """Return what lies one step below a node."""
    return sha256(_MARK + node + _STEP[step]).digest()


def derive_node(nodes: Mapping[Path, bytes], path: Path) -> bytes | None:
    """Return the node at ``path``, or None when it was destroyed."""
    for length in range(len(path) + 1):
        node = nodes.get(path[:length])
        if node is not None:
            for step in path[length:]:
                node = sha256(_MARK + node + _STEP[step]).digest()  # child(), without a call for each step
            return node
    return None


def puncture(nodes: Nodes, path: Path) -> bool:
    """Destroy the node at ``path`` and all below it, in place; say whether anything of it was left."""
    for length in range(len(path) + 1):
        node = nodes.pop(path[:length], None)
        if node is not None:
            for at in range(length, len(path)):
                taken, here = path[at], node
                nodes.update({path[:at] + bytes((one,)): child(here, one) for one in range(_WAYS) if one != taken})
                node = child(here, taken)
            return True
    below = [each for each in nodes if each.startswith(path)]
    for each in below:
        del nodes[each]
    return bool(below)


def packed(path: Path) -> bytes:
    """Return a path as octets of two steps each."""
    return bytes(path[at] << 4 | path[at + 1] for at in range(0, len(path), 2))


def unpacked(told: bytes) -> Path:
    """Return what :func:`packed` was given."""
    return told.hex().encode("ascii").translate(_DIGIT)


def _steps(name: bytes) -> Path:
    return unpacked(sha256(name).digest()[:_HASHED])
