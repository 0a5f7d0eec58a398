"""Secrets that are derived and can be destroyed one by one: a punctured tree (Goldreich, Goldwasser, Micali 1986).

A node gives every secret below it, and nothing has to be stored when a new one is needed. To destroy one, the nodes
above it are replaced by their other children down to it: what is left derives every other secret and not this one
(Aviram, Gellert, Jager: Session Resumption Protocols and Efficient Forward Security for TLS 1.3 0-RTT, 2019).
A path has 32 steps of 16 ways: 16 for the bucket and 16 for the item in it, each 64 bits of a SHA-256. Among a million
items of a bucket, one that is destroyed takes another with it in one of 2^44 cases.
"""

from collections.abc import Mapping
from hashlib import sha256
from secrets import token_bytes
from typing import Final

STEPS: Final = 16
NODE_BYTES: Final = 32
_WAYS: Final = 16
_HASHED: Final = STEPS // 2
_GONE: Final = bytes(NODE_BYTES)
_MARK: Final = b"edms/1/tree|"
_STEP: Final = tuple(bytes((step,)) for step in range(_WAYS))
_DIGIT: Final = bytes.maketrans(b"0123456789abcdef", bytes(range(_WAYS)))

Path = bytes
"""Steps from the top, an octet of 0 to 15 each."""
Nodes = dict[Path, bytes]
"""What is left of a tree: under a path its 16 children, 32 octets each, zeros where one is gone or goes on below."""


def fresh() -> Nodes:
    """Return a tree that nothing was destroyed in."""
    return {b"": token_bytes(_WAYS * NODE_BYTES)}


def path_of(bucket: bytes, item: bytes | None = None) -> Path:
    """Return the path of an item in a bucket, or of the whole bucket."""
    return _steps(bucket) if item is None else _steps(bucket) + _steps(item)


def child(node: bytes, step: int) -> bytes:
    """Return what lies one step below a node."""
    return sha256(_MARK + node + _STEP[step]).digest()


def derive_below(node: bytes, path: Path) -> bytes:
    """Return what lies a path below a node."""
    for step in path:
        node = sha256(_MARK + node + _STEP[step]).digest()  # child(), without a call for each step
    return node


def derive_node(nodes: Mapping[Path, bytes], path: Path) -> bytes | None:
    """Return the node at ``path``, or None when it was destroyed or is no longer one."""
    for length in range(len(path)):
        children = nodes.get(path[:length])
        if children is not None:
            node = _of(children, path[length])
            if node != _GONE:
                return derive_below(node, path[length + 1 :])
    return None


def puncture(nodes: Nodes, path: Path) -> bool:
    """Destroy the node at ``path`` and all below it, in place; say whether anything of it was left."""
    for length in range(len(path)):
        children = nodes.get(path[:length])
        node = _GONE if children is None else _of(children, path[length])
        if children is None or node == _GONE:
            continue
        _put(nodes, path[:length], _without(children, path[length]))
        for at in range(length + 1, len(path)):
            _put(nodes, path[:at], _without(b"".join(child(node, one) for one in range(_WAYS)), path[at]))
            node = child(node, path[at])
        return True
    below = [each for each in nodes if each.startswith(path)]
    for each in below:
        del nodes[each]
    return bool(below)


def left_of(nodes: Mapping[Path, bytes], path: Path) -> bool:
    """Say whether anything can still be derived at a path or below it."""
    return derive_node(nodes, path) is not None or any(each.startswith(path) for each in nodes)


def packed(path: Path) -> bytes:
    """Return a path as octets of two steps each."""
    return bytes(path[at] << 4 | path[at + 1] for at in range(0, len(path), 2))


def unpacked(told: bytes) -> Path:
    """Return what :func:`packed` was given."""
    return told.hex().encode("ascii").translate(_DIGIT)


def _of(children: bytes, step: int) -> bytes:
    return children[step * NODE_BYTES : (step + 1) * NODE_BYTES]


def _without(children: bytes, step: int) -> bytes:
    return children[: step * NODE_BYTES] + _GONE + children[(step + 1) * NODE_BYTES :]


def _put(nodes: Nodes, path: Path, children: bytes) -> None:
    """Keep the children of a path, unless none is left."""
    if any(children):
        nodes[path] = children
    else:
        nodes.pop(path, None)


def _steps(name: bytes) -> Path:
    return unpacked(sha256(name).digest()[:_HASHED])
