"""Checks an exported log of Diwan, or the proof of one entry, without Diwan: Python 3.11 and ``cryptography`` only.

    python check_log.py FOLDER [--older FILE]        the whole export, and that it goes on from an older checkpoint
    python check_log.py --proof FILE [--older FILE]  the proof of one entry
    python check_log.py --selection FOLDER           what a search found: each entry, the table, who signed for it

``--key FILE`` is the log's first public key, by default log-key.pem in the folder or beside the proof: take one that
you were given on another way; later keys are introduced by the ones before them (log-keys.txt). FILE of ``--older`` is
a checkpoint or a witness file, of which the last checkpoint counts.
Nothing is written. Exit status: 0 all is well, 1 something is wrong, 2 it could not be checked.
"""

import argparse
import base64
import json
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

DASH = "\N{EM DASH} "
Keys = list[tuple[int, "Key"]]  # each with the size after which it signs


class Bad(Exception):
    """Something is wrong with the log; ``seq`` is the number of the first entry concerned."""

    def __init__(self, what: str, seq: int | None = None) -> None:
        super().__init__(what)
        self.seq = seq


class Head(NamedTuple):
    """What a checkpoint states."""

    origin: str
    size: int
    root: bytes


class Key(NamedTuple):
    """The log's public key and the four octets that name it in signatures."""

    public: EllipticCurvePublicKey
    name: bytes


def read_key(path: Path) -> Key:
    """Read a P-256 key from a PEM file."""
    public = load_pem_public_key(path.read_bytes())
    if not isinstance(public, EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise ValueError(f"{path} is not a P-256 key")
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Key(public, sha256(der).digest()[:4])


def read_keys(first: Key, text: str) -> Keys:
    """Read the notes that introduce later keys, each signed by the key before it, from the first on."""
    keys: Keys = [(0, first)]
    lines = text.split("\n")[:-1]
    while lines:
        body, signatures, lines = lines[:4], lines[5:7], lines[7:]
        der = base64.b64decode(body[3], validate=True)
        public = load_der_public_key(der)
        if not isinstance(public, EllipticCurvePublicKey) or int(body[2]) <= keys[-1][0]:
            raise ValueError("log-keys.txt names something that is no later key")
        new, by, signed = Key(public, sha256(der).digest()[:4]), {}, "".join(f"{each}\n" for each in body).encode()
        for line in signatures:
            raw = base64.b64decode(line.removeprefix(DASH).split(" ")[1], validate=True)
            by[raw[:4]] = raw[4:]
        try:
            for key in (keys[-1][1], new):
                key.public.verify(by[key.name], signed, ECDSA(SHA256()))
        except (InvalidSignature, KeyError):
            raise Bad(f"key {body[1]} of the log was not introduced by the key before it") from None
        keys.append((int(body[2]), new))
    return keys


def key_for(keys: Keys, size: int) -> Key:
    """Return the key that signs a checkpoint of so many entries."""
    return next((key for after, key in reversed(keys) if size > after), keys[0][1])


def read_heads(text: str, keys: Keys) -> list[Head]:
    """Read checkpoints that stand one after another (C2SP tlog-checkpoint), each signed by the key of its time."""
    heads, lines = [], text.split("\n")[:-1]
    while lines:
        body, lines = lines[:3], lines[4:]
        signatures = []
        while lines and lines[0].startswith(DASH):
            signatures.append(lines.pop(0))
        heads.append(read_head(body, signatures, keys))
    return heads


def read_head(body: list[str], signatures: list[str], keys: Keys) -> Head:
    """Read one checkpoint; the key of its time must have signed it."""
    good = False
    try:
        head = Head(body[0], int(body[1]), base64.b64decode(body[2], validate=True))
        key = key_for(keys, head.size)
        for line in signatures:
            name, encoded = line.removeprefix(DASH).split(" ")
            raw = base64.b64decode(encoded, validate=True)
            if (name, raw[:4]) == (head.origin, key.name):
                key.public.verify(raw[4:], "".join(f"{each}\n" for each in body).encode(), ECDSA(SHA256()))
                good = True
    except (ValueError, IndexError, InvalidSignature):
        good = False
    if not good:
        raise Bad(f"a checkpoint is not one, or was not signed by the log's key ({' '.join(body[:2])[:80]})")
    return head


def leaf(entry: bytes) -> bytes:
    """RFC 6962 section 2.1."""
    return sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """RFC 6962 section 2.1."""
    return sha256(b"\1" + left + right).digest()


def root_of(peaks: Iterable[bytes]) -> bytes:
    """Join the perfect subtrees, largest first, to the root."""
    *rest, root = peaks
    for peak in reversed(rest):
        root = node(peak, root)
    return root


def check_export(folder: Path, keys: Keys, older: Head | None) -> dict[str, Any]:
    """Check every entry, its number, and every checkpoint of an export."""
    about = json.loads((folder / "log.json").read_text("utf-8"))
    heads = read_heads((folder / "checkpoints.txt").read_text("utf-8"), keys)
    peaks, size = [bytes.fromhex(peak) for peak in about["before"]], about["first"] - 1
    if about["format"] != "diwan-log-1" or len(peaks) != size.bit_count():
        raise ValueError("log.json is not that of a log")
    if older and older.size < size:
        raise ValueError(f"this export begins with entry {size + 1}, the older checkpoint is of {older.size} entries")
    marks: dict[int, list[Head]] = {}
    for head in [*heads, *([older] if older else [])]:
        if head.origin != about["origin"]:
            raise Bad("a checkpoint is that of another log")
        marks.setdefault(head.size, []).append(head)
    sealed = compare(marks.get(size, []), peaks, size, 0)
    if sealed != size:
        raise Bad("no checkpoint seals what was before the first entry")
    with (folder / "entries.jsonl").open("rb") as file:
        for line in file:
            entry, carry = line.removesuffix(b"\n"), size
            peak, size = leaf(entry), size + 1
            if number_of(entry) != size:
                raise Bad(f"what stands as entry {size} was not written as entry {size}", size)
            while carry & 1:
                peak, carry = node(peaks.pop(), peak), carry >> 1
            peaks.append(peak)
            sealed = compare(marks.get(size, []), peaks, size, sealed)
    last = max([about["size"], *marks])
    if (size, sealed) != (last, last):
        raise Bad(f"there are {size} entries of {last}, and checkpoints up to {sealed}", min(size, sealed) + 1)
    return {"ok": True, "entries": size - about["first"] + 1, "size": size}


def number_of(entry: bytes) -> object:
    """Return the number that an entry was written with."""
    try:
        told = json.loads(entry)
        return told["seq"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def compare(heads: list[Head], peaks: list[bytes], size: int, sealed: int) -> int:
    """Compare the tree with the checkpoints of its size; return how many entries are sealed."""
    for head in heads:
        if head.root != root_of(peaks):
            raise Bad(f"entries {sealed + 1} to {size} are not those that a checkpoint was signed over", sealed + 1)
    return size if heads else sealed


def check_proof(path: Path, keys: Keys, older: Head | None) -> dict[str, Any]:
    """Check that one entry is in the log of a checkpoint, and that this goes on from an older one."""
    told = json.loads(path.read_text("utf-8"))
    (head,) = read_heads(told["checkpoint"], keys)
    entry, seq = told["entry"].encode(), told["seq"]
    bad = Bad(f"entry {seq} is not proved to be in the log of {head.size} entries", seq)
    if number_of(entry) != seq or not 0 < seq <= head.size:
        raise bad
    if climb(seq - 1, head.size - 1, leaf(entry), told["path"])[0] != head.root:
        raise bad
    if older and (older.origin, older.size, older.root) != (head.origin, head.size, head.root):
        bridge = told.get("older")
        if bridge is None or bridge["size"] != older.size:
            raise ValueError(f"the proof says nothing of a checkpoint of {older.size} entries")
        if older.origin != head.origin or not goes_on(older, head, bridge["proof"]):
            raise Bad(f"the log of {head.size} entries does not go on from the checkpoint of {older.size}")
    return {"ok": True, "seq": seq, "size": head.size, "entry": json.loads(entry)}


def check_selection(folder: Path, keys: Keys) -> dict[str, Any]:
    """Check what a search found: the signature over it, its files, and that each entry is in the log."""
    about = (folder / "selection.json").read_bytes()
    told = json.loads(about)
    if told["format"] != "diwan-log-selection-1":
        raise ValueError("selection.json is not that of a search")
    text, _, line = (folder / "selection.note").read_text("utf-8").partition("\n\n")
    name, encoded = line.removeprefix(DASH).removesuffix("\n").split(" ")
    raw, key = base64.b64decode(encoded, validate=True), keys[-1][1]
    stated = f"{told['origin']}/selection\n{told['entries']}\n{base64.b64encode(sha256(about).digest()).decode()}"
    try:
        key.public.verify(raw[4:], f"{text}\n".encode(), ECDSA(SHA256()))
    except InvalidSignature:
        text = ""
    if (text, name, raw[:4]) != (stated, told["origin"], key.name):
        raise Bad("selection.json is not what the log's key signed")
    for file in ("entries.jsonl", "paths.jsonl", "entries.csv", "checkpoint.txt"):
        if sha256((folder / file).read_bytes()).hexdigest() != told["sha256"][file]:
            raise Bad(f"{file} is not the file that was signed")
    (head,) = read_heads((folder / "checkpoint.txt").read_text("utf-8"), keys)
    entries, paths = ((folder / file).read_bytes().split(b"\n")[:-1] for file in ("entries.jsonl", "paths.jsonl"))
    if head.origin != told["origin"] or not len(entries) == len(paths) == told["entries"]:
        raise Bad("the entries and their proofs do not belong together")
    for entry, path in zip(entries, map(json.loads, paths), strict=True):
        seq = path["seq"]
        included = 0 < seq <= head.size and climb(seq - 1, head.size - 1, leaf(entry), path["path"])[0] == head.root
        if not included or number_of(entry) != seq:
            raise Bad(f"entry {seq} is not proved to be in the log of {head.size} entries", seq)
    return {"ok": True, "entries": len(entries), "size": head.size, "by": told["by"], "search": told["search"]}


def goes_on(older: Head, head: Head, proof: list[str]) -> bool:
    """RFC 9162 section 2.1.4.2."""
    if not 0 < older.size < head.size:
        return False
    path = proof if older.size & (older.size - 1) else [older.root.hex(), *proof]
    place, last = older.size - 1, head.size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not path:
        return False
    after, before = climb(place, last, bytes.fromhex(path[0]), path[1:])
    return (before, after) == (older.root, head.root)


def climb(place: int, last: int, start: bytes, path: list[str]) -> tuple[bytes, bytes]:
    """Go up to the root (RFC 9162 section 2.1.3.2): with all that stands beside, and with what stands to the left."""
    whole = left = start
    for other in map(bytes.fromhex, path):
        if last == 0 or len(other) != 32:
            return b"", b""
        if place & 1 or place == last:
            whole, left = node(other, whole), node(other, left)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            whole = node(whole, other)
        place, last = place >> 1, last >> 1
    return (whole, left) if last == 0 else (b"", b"")


def later_keys(folder: Path, proof: Path | None) -> str:
    """Return the notes that introduce later keys: those in a proof, or in the folder."""
    if proof:
        return "".join(json.loads(proof.read_text("utf-8")).get("keys", []))
    path = folder / "log-keys.txt"
    return path.read_text("utf-8") if path.exists() else ""


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Check an exported log of Diwan, or the proof of one entry.")
    parser.add_argument("folder", nargs="?", type=Path)
    for name in ("--proof", "--older", "--key"):
        parser.add_argument(name, type=Path, metavar="FILE")
    parser.add_argument("--selection", type=Path, metavar="FOLDER")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if sum(each is not None for each in (asked.folder, asked.proof, asked.selection)) != 1:
        parser.error("name a folder, a proof or a selection")
    try:
        folder = asked.folder or asked.selection or asked.proof.parent
        keys = read_keys(read_key(asked.key or folder / "log-key.pem"), later_keys(folder, asked.proof))
        older = read_heads(asked.older.read_text("utf-8"), keys)[-1] if asked.older else None
        if asked.selection:
            found = check_selection(asked.selection, keys)
        else:
            found = check_proof(asked.proof, keys, older) if asked.proof else check_export(asked.folder, keys, older)
    except Bad as wrong:
        found = {"ok": False, "first_bad": wrong.seq, "problem": str(wrong)}
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        sys.stderr.write(f"it could not be checked: {error}\n")
        return 2
    said = "All is well" if found["ok"] else "WRONG"
    details = ", ".join(f"{name}: {value}" for name, value in found.items() if name != "ok")
    sys.stdout.write((json.dumps(found, ensure_ascii=False) if asked.json else f"{said}. {details}") + "\n")
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
