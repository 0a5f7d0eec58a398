"""Taking the log out of the installation: entries, checkpoints, key and checker in a folder; the proof of one entry."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from sqlalchemy import select

from crypto.checkpoints import TreeHead
from crypto.digests import canonical
from crypto.errors import CryptoError
from crypto.merkle import consistency_spans, inclusion_proof, inclusion_spans, is_included, leaf_hash, unpacked
from edms.audit import check_log, log_keys
from edms.audit.checkpoints import leaves, newest
from edms.audit.log_seal import LogSeal
from edms.audit.models import Checkpoint, Event
from edms.audit.reporting import Progress
from edms.audit.tiles import TreeReader
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Invalid, NotFound, Unavailable

EXPORT_FORMAT: Final = "diwan-log-1"
PROOF_FORMAT: Final = "diwan-log-proof-1"
_AT_ONCE: Final = 1000


def export_log(uow: UnitOfWork, folder: Path, seal: LogSeal, *, since: int = 0, progress: Progress) -> int:
    """Write the entries after ``since`` up to the last checkpoint, in the form of docs/formats/log-export.md.

    ``since`` is 0 or the size of a checkpoint. Returns how many entries were written; ``progress`` is told too. Raises
    NotFound ``audit.unknown-checkpoint``, Conflict ``audit.folder-in-use`` or those of ``newest``, Unavailable
    ``audit.cannot-write``.
    """
    head, _ = newest(uow, seal)
    before = _peaks(uow, since) if since else ()
    about = {
        "format": EXPORT_FORMAT, "origin": seal.origin, "first": since + 1, "size": head.size,
        "before": [peak.hex() for peak in before],
    }  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Conflict("audit.folder-in-use", folder=str(folder))
        with (folder / "entries.jsonl").open("wb") as file:
            for done, entry in enumerate(_entries(uow, since, head.size), start=1):
                file.write(entry + b"\n")
                if done % _AT_ONCE == 0:
                    progress(done)
        notes = uow.session.scalars(
            select(Checkpoint.note).where(Checkpoint.size >= since).order_by(Checkpoint.size),
            execution_options={"yield_per": _AT_ONCE},
        )
        with (folder / "checkpoints.txt").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(notes)
        (folder / "log.json").write_bytes(canonical(about) + b"\n")
        (folder / "log-key.pem").write_bytes(public_pem(seal))
        if later := log_keys.notes(uow):
            (folder / "log-keys.txt").write_text("".join(later), "utf-8", newline="\n")
        (folder / "check_log.py").write_bytes(Path(check_log.__file__).read_bytes())
    except OSError as error:
        raise Unavailable("audit.cannot-write", path=str(folder)) from error
    return head.size - since


def proof_of(uow: UnitOfWork, seq: int, seal: LogSeal, *, since: int | None = None) -> dict[str, Any]:
    """Return the proof that an entry is in the log, and with ``since`` that the log goes on from that older checkpoint.

    Reads some hundreds of entries and hashes, as far as ``tiles`` has come. Raises NotFound ``audit.unknown-entry``,
    Invalid ``audit.bad-since``, Conflict ``audit.unlike-checkpoint``, or what ``newest`` raises.
    """
    head, note = newest(uow, seal)
    entry = uow.session.scalar(select(Event.entry).where(Event.seq == seq))
    if entry is None or not 0 < seq <= head.size:
        raise NotFound("audit.unknown-entry", seq=seq)
    told: dict[str, Any] = {
        "format": PROOF_FORMAT, "seq": seq, "entry": entry.decode(errors="replace"), "checkpoint": note,
        "path": [each.hex() for each in inclusion_path(uow, seq, head, entry)],
    }  # fmt: skip
    if later := log_keys.notes(uow):
        told["keys"] = later
    if since is not None:
        if not 0 < since <= head.size:
            raise Invalid("audit.bad-since", size=head.size)
        bridge = TreeReader(uow, head.size).hashes(consistency_spans(since, head.size))
        told["older"] = {"size": since, "proof": [each.hex() for each in bridge]}
    return told


def inclusion_path(
    uow: UnitOfWork, seq: int, head: TreeHead, entry: bytes, tree: TreeReader | None = None
) -> list[bytes]:
    """Return the audit path of an entry under a checkpoint, which it is held against before it is given out.

    Where kept hashes do not lead there the whole log is read instead; Conflict ``audit.unlike-checkpoint`` when that
    does not either. ``tree`` keeps what was read between calls.
    """
    reader = tree or TreeReader(uow, head.size)
    path = reader.hashes(inclusion_spans(seq - 1, head.size))
    if not is_included(leaf_hash(entry), seq - 1, head.size, path, head.root):
        path = inclusion_proof(leaves(uow, 0, head.size), seq - 1, head.size)
        if not is_included(leaf_hash(entry), seq - 1, head.size, path, head.root):
            raise Conflict("audit.unlike-checkpoint", size=head.size)
    return path


def public_pem(seal: LogSeal) -> bytes:
    """Return the log's first public key as PEM (SubjectPublicKeyInfo); it introduces the later ones."""
    return pem_of(seal.public_key())


def pem_of(public_der: bytes) -> bytes:
    """Return a public key given as DER as PEM."""
    return load_der_public_key(public_der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _peaks(uow: UnitOfWork, size: int) -> tuple[bytes, ...]:
    found = uow.session.get(Checkpoint, size)
    if found is None:
        raise NotFound("audit.unknown-checkpoint", size=size)
    try:
        return unpacked(found.size, found.peaks).peaks
    except CryptoError as error:
        raise Conflict("audit.checkpoint-broken", size=size) from error


def _entries(uow: UnitOfWork, after: int, last: int) -> Iterator[bytes]:
    wanted = select(Event.entry).where(Event.seq > after, Event.seq <= last).order_by(Event.seq)
    return iter(uow.session.scalars(wanted, execution_options={"yield_per": _AT_ONCE}))
