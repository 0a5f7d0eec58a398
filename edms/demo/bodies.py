"""The demonstration's list of public bodies, read from its own CSV."""

import csv
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

COLUMNS = ("key", "name_ar", "name_en", "type", "parent_key", "mail_domain", "short_mark", "valid_from")


@dataclass(frozen=True, slots=True)
class Body:
    """One public body; ``type`` is an EntityType value, ``parent_key`` is empty at the top, ``name_en`` may be."""

    key: str
    name_ar: str
    name_en: str
    type: str
    parent_key: str
    mail_domain: str
    short_mark: str
    valid_from: date


def entities_csv() -> str:
    """Return the CSV text of the bodies as shipped (UTF-8, header ``COLUMNS``, parents before children)."""
    return files("edms.demo").joinpath("data", "entities.csv").read_text(encoding="utf-8")


def own_bodies() -> tuple[Body, ...]:
    """Return every body of the shipped CSV in its order: the centre first, then ministries, parents before children."""
    rows = csv.DictReader(entities_csv().splitlines())
    return tuple(
        Body(
            key=row["key"],
            name_ar=row["name_ar"],
            name_en=row["name_en"],
            type=row["type"],
            parent_key=row["parent_key"],
            mail_domain=row["mail_domain"],
            short_mark=row["short_mark"],
            valid_from=date.fromisoformat(row["valid_from"]),
        )
        for row in rows
    )
