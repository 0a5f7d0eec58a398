"""A search taken along: the entries as they are stored, each with its proof, a table for people, all of it signed."""

import base64
import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import select

from crypto.checkpoints import signed_text
from crypto.digests import canonical, sha256
from edms.audit import check_log, log_keys
from edms.audit.checkpoints import newest
from edms.audit.exporting import inclusion_path, public_pem
from edms.audit.log_seal import LogSeal
from edms.audit.models import Event
from edms.audit.tiles import TreeReader
from edms.core.database import UnitOfWork
from edms.oversight.rules import MOST_EXPORTED, SEE_LOG, Place, Search
from edms.oversight.service import Line, search

FORMAT: Final = "diwan-log-selection-1"
COLUMNS: Final = (
    "seq", "time_utc", "act", "words", "outcome", "employee", "name", "actor", "body", "body_name", "object",
    "object_id", "document_code", "number", "facts", "entry_sha256",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Taken:
    """A signed export: the ZIP, how many entries are in it, how many fit that no checkpoint covers yet, if more fit."""

    content: bytes
    entries: int
    unsealed: int
    cut_off: bool


def take(
    uow: UnitOfWork, wanted: Search, seal: LogSeal, *, asked: dict[str, str], words: Callable[[str], str]
) -> Taken:
    """Return the newest 2,000 entries that fit as a ZIP of docs/formats/log-selection.md.

    ``asked`` is what the search was, as it is written into the export; ``words`` says an act in the reader's language.
    Raises Forbidden, Conflict ``audit.no-checkpoint``, ``audit.checkpoint-broken``, ``audit.unlike-checkpoint``.
    """
    uow.actor.require(SEE_LOG)
    head, note = newest(uow, seal)
    lines, cut_off = _all(uow, wanted)
    covered = sorted((each for each in lines if each.seq <= head.size), key=lambda each: each.seq)
    stored = _stored(uow, [each.seq for each in covered])
    tree = TreeReader(uow, head.size)
    proofs = [
        {"seq": each.seq, "path": [one.hex() for one in inclusion_path(uow, each.seq, head, stored[each.seq], tree)]}
        for each in covered
    ]
    files = {
        "entries.jsonl": b"".join(stored[each.seq] + b"\n" for each in covered),
        "paths.jsonl": b"".join(canonical(each) + b"\n" for each in proofs),
        "entries.csv": table(covered, stored, words).encode("utf-8-sig"),
        "checkpoint.txt": note.encode(),
    }
    about = {
        "format": FORMAT, "origin": seal.origin, "entries": len(covered), "unsealed": len(lines) - len(covered),
        "cut_off": cut_off, "search": asked, "by": uow.actor.employee_code or uow.actor.name,
        "at": uow.now.isoformat(), "sha256": {name: sha256(data).hex() for name, data in sorted(files.items())},
    }  # fmt: skip
    files["selection.json"] = canonical(about) + b"\n"
    files["selection.note"] = _signed(uow, files["selection.json"], seal).encode()
    if later := log_keys.notes(uow):
        files["log-keys.txt"] = "".join(later).encode()
    files["log-key.pem"] = public_pem(seal)
    files["check_log.py"] = Path(check_log.__file__).read_bytes()
    return Taken(_zipped(files), len(covered), len(lines) - len(covered), cut_off)


def table(lines: Sequence[Line], stored: dict[int, bytes], words: Callable[[str], str]) -> str:
    """Return entries as CSV (RFC 4180) that no spreadsheet takes a formula from."""
    out = io.StringIO(newline="")
    write = csv.writer(out).writerow
    write(COLUMNS)
    for each in lines:
        letter = each.letter
        write([
            safe_cell(str(value)) for value in (
                each.seq, each.at.isoformat(), each.act, words(each.act), "refused" if each.refused else "done",
                each.who.code if each.who else "", each.who.name if each.who else "", each.actor,
                each.body.code if each.body else "", each.body.name_ar if each.body else "", each.object_type,
                each.object_id or "", (letter.document_code or "") if letter else "", letter.number if letter else "",
                " ".join(f"{name}={value}" for name, value in sorted(each.facts.items()) if value is not None),
                sha256(stored[each.seq]).hex(),
            )
        ])  # fmt: skip
    return out.getvalue()


def safe_cell(text: str) -> str:
    """Return a cell that a spreadsheet shows and does not run (OWASP, CSV injection).

    >>> [safe_cell(text) for text in ("=1+1", "-2", " @x", "2026")]
    ["'=1+1", "'-2", "' @x", '2026']
    """
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def _all(uow: UnitOfWork, wanted: Search) -> tuple[list[Line], bool]:
    found: list[Line] = []
    after: Place | None = None
    while True:
        page = search(uow, wanted, after=after, limit=min(500, MOST_EXPORTED - len(found)))
        found += page.lines
        after = page.onward
        if after is None or len(found) >= MOST_EXPORTED:
            return found, after is not None


def _stored(uow: UnitOfWork, numbers: Sequence[int]) -> dict[int, bytes]:
    rows = uow.session.execute(select(Event.seq, Event.entry).where(Event.seq.in_(numbers)))
    return {seq: bytes(entry) for seq, entry in rows}


def _signed(uow: UnitOfWork, about: bytes, seal: LogSeal) -> str:
    told = json.loads(about)
    digest = base64.b64encode(sha256(about)).decode()
    text = f"{seal.origin}/selection\n{told['entries']}\n{digest}\n"
    return signed_text(text, seal.origin, seal.chain(uow).newest, partial(seal.keys.sign, log_keys.key_name(uow)))


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()
