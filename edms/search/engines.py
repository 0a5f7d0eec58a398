"""Which engine serves an entity's index folder: chosen by size, remembered in the folder, changed without a gap."""

import json
import re
import secrets
import shutil
from pathlib import Path
from typing import Literal

from edms.core import arabic
from edms.core.errors import Unavailable
from edms.search.index import Index

Engine = Literal["whoosh", "fts5"]
Choice = Literal["auto", "whoosh", "fts5"]
THRESHOLD = 10_000
"""Documents from which ``auto`` asks for FTS5."""

_PLACE = re.compile(r"(whoosh|fts5)-(\d+)-[0-9a-f]{8}")  # engine, version of the analysis, which rebuild


def open_index(folder: Path, key: bytes, engine: Choice = "auto") -> Index:
    """Open the current index in ``folder`` under the 32-byte ``key``; make an empty one when there is none.

    The engine counts only for a new index (``auto`` begins on Whoosh); an older one keeps its own until it is rebuilt.
    For an index of another version of the analysis it makes an empty one, which the follower fills from position 0.
    Raises ``Unavailable("search.index-damaged")``.
    """
    place = _current(folder)
    if place is None or int(place.split("-")[1]) != arabic.VERSION:
        kept: Choice = engine if place is None or engine != "auto" else _engine(place)
        place = _new_place("whoosh" if kept == "auto" else kept)
        folder.mkdir(parents=True, exist_ok=True)
        _switch(folder, place)
    return _open(folder / place, key)


def needs_upgrade(index: Index, engine: Choice = "auto", threshold: int = THRESHOLD) -> bool:
    """Tell whether ``index`` should be rebuilt on another engine: it has grown, or the setting asks for the other."""
    from edms.search.fts5_engine import Fts5Index
    from edms.search.whoosh_engine import WhooshIndex

    if engine == "auto":
        return isinstance(index, WhooshIndex) and index.count() >= threshold
    return isinstance(index, Fts5Index) != (engine == "fts5")


def start_rebuild(folder: Path, key: bytes, engine: Engine) -> tuple[str, Index]:
    """Return the name of a place and an empty index there; readers go on with the current one until :func:`switch`."""
    place = _new_place(engine)
    folder.mkdir(parents=True, exist_ok=True)
    return place, _open(folder / place, key)


def switch(folder: Path, place: str) -> None:
    """Make the rebuilt index at ``place`` (written and closed) the current one, at once, and remove the others.

    A reader that still holds an old one open may meet ``Unavailable`` and opens again.
    """
    _switch(folder, place)
    for path in folder.iterdir():
        if path.name != place and _PLACE.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def current_place(folder: Path) -> str | None:
    """Return the name of the current index's place, which a reader that kept one open compares; None without one."""
    return _current(folder)


def _current(folder: Path) -> str | None:
    try:
        place = json.loads((folder / "current.json").read_text("utf-8"))["place"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("search.index-damaged") from error
    if not isinstance(place, str) or not _PLACE.fullmatch(place):
        raise Unavailable("search.index-damaged")
    return place


def _switch(folder: Path, place: str) -> None:
    fresh = folder / "current.json.new"
    fresh.write_text(json.dumps({"place": place}), "utf-8")
    fresh.replace(folder / "current.json")


def _new_place(engine: Engine) -> str:
    return f"{engine}-{arabic.VERSION}-{secrets.token_hex(4)}"


def _engine(place: str) -> Engine:
    return "fts5" if place.startswith("fts5-") else "whoosh"


def _open(path: Path, key: bytes) -> Index:
    if _engine(path.name) == "fts5":
        from edms.search.fts5_engine import Fts5Index

        return Fts5Index(path / "index.db", key)
    from edms.search.whoosh_engine import WhooshIndex

    return WhooshIndex(path, key)
