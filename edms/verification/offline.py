"""What a browser needs to judge paper seals by itself: trusted keys, what is void, names, words; as one JSON value."""

import base64
import json
from collections import defaultdict
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any, Final

from sqlalchemy import or_, select

from edms.core.database import UnitOfWork
from edms.entities import queries as entities
from edms.entities.sealing import trust_list
from edms.letters.models import Letter
from edms.registry.rules import Direction
from edms.web.locale import LOCALES, Locale, gettext

DICTIONARY: Final = 1
_SERIAL: Final = slice(8, 16)
_WORDS: Final = (
    "title", "about", "choose", "choose-hint", "camera", "stop", "aim", "busy", "made", "other-language", "old",
    "written", "issued-by", "number", "date", "subject", "to", "pages", "document-code",
    "signed-words", "compare", "no-words", "as-of",
    "answer-authentic", "answer-altered", "answer-void", "answer-superseded", "answer-unknown", "answer-unknown-key",
    "reason-seal-genuine", "reason-void", "reason-superseded", "reason-forged", "reason-other-body", "reason-two-seals",
    "reason-broken", "reason-no-seal", "reason-not-a-picture", "reason-no-camera", "reason-unknown-key",
    "reason-outside-validity", "reason-revoked",
)  # fmt: skip


def words(locale: Locale) -> dict[str, str]:
    """Return the sentences of the page in a language, by their short keys."""
    return {key: gettext("seal." + key, locale) for key in _WORDS}


def lists(uow: UnitOfWork) -> dict[str, Any]:
    """Return the lists of :file:`seal.js`; the names of all bodies are told, as they stand on letters as addressees."""
    bodies = {body.code: {"ar": body.name_ar, "en": body.name("en")} for body in entities.all_entities(uow)}
    return {
        "made_at": uow.now.isoformat(),
        "installation": entities.home(uow).name,
        "keys": {
            seal.key_id.hex(): {
                "spki": base64.b64encode(seal.public_key).decode(),
                "entity": seal.entity_code,
                "from": seal.valid_from.isoformat(),
                "to": seal.valid_to.isoformat(),
                "revoked": _moment(seal.revoked_at),
            }
            for seal in trust_list(uow)
        },
        "status": _status(uow),
        "names": bodies,
        "dictionaries": {str(DICTIONARY): _dictionary()},
        "texts": {locale: words(locale) for locale in LOCALES},
    }


def as_script(value: dict[str, Any]) -> str:
    """Return a value as JSON that may stand inside a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")


def script_hash(script: str) -> str:
    """Return the SHA-256 in base64 under which a content policy allows a script that stands in the page."""
    return base64.b64encode(sha256(script.encode()).digest()).decode()


def _status(uow: UnitOfWork) -> dict[str, dict[str, list[int]]]:
    """Return which letters are void or superseded, by body and year; a letter's place is the serial in its code."""
    status: dict[str, dict[str, list[int]]] = defaultdict(lambda: {"void": [], "superseded": []})
    rows = uow.session.execute(
        select(Letter.document_code, Letter.letter_date, Letter.entity_id, Letter.void_at)
        .where(
            Letter.direction == Direction.OUTGOING, or_(Letter.void_at.is_not(None), Letter.superseded_at.is_not(None))
        )
        .order_by(Letter.document_code)
    ).all()
    codes = {key: body.code for key, body in entities.entities_by_ids(uow, [row.entity_id for row in rows]).items()}
    for code, day, entity_id, void_at in rows:
        if code and day:
            told = status[f"{codes[entity_id]}/{day.year}"]
            told["void" if void_at else "superseded"].append(int(code[_SERIAL]))
    return dict(status)


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


@cache
def _dictionary() -> str:
    data = resources.files("crypto").joinpath(f"paper_text-{DICTIONARY}.dict").read_bytes()
    return base64.b64encode(data).decode()
