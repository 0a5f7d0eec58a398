"""``diwan trace``: whose copies leaked pictures show, on the command line."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from crypto import codes
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.errors import Invalid
from edms.core.output import emit, progress_bar
from edms.core.parts import Parts
from edms.entities.keyring import Keyring
from edms.search.indexes import Indexes
from edms.verification import tracing
from edms.verification.leak_rules import ReadingLimits, odds
from edms.verification.tracing import Traced, TracedCopy, TracedPicture
from edms.web.locale import gettext

CANNOT_TELL: Final = 3
_OPERATOR: Final = system_actor("operator")
_SHARES: Final = {"open": (0, 15), "tint": (15, 55), "pages": (55, 100)}


@click.command("trace")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--letter", "letters", multiple=True, metavar="CODE", help="A letter that it may be; may be repeated.")
@click.option("--evidence", type=click.Path(file_okay=False, path_type=Path), help="A folder for the drawn pages.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def trace(
    context: click.Context, files: tuple[Path, ...], letters: tuple[str, ...], evidence: Path | None, as_json: bool
) -> None:
    """Say whose copies photos, scans, screenshots or PDF show: by their hidden marks, and by visible codes as leads.

    Exit 0 when a copy is named beyond doubt (a chance of at most one in a thousand million that an innocent one is), 3
    when nobody can be named, 1 when it could not be done. All files are taken as showing one leak.
    """
    parts: Parts = context.obj
    with _bar() as progress:
        found = tracing.trace(
            parts[Database], _OPERATOR, [path.read_bytes() for path in files], letters=letters,
            store=parts[ContentStore], keys=parts[Keyring], indexes=parts[Indexes], limits=parts[ReadingLimits],
            progress=progress,
        )  # fmt: skip
    if not found.pictures:
        raise Invalid(found.troubles.get(0, "leaks.unreadable"))
    if evidence is not None:
        _write_evidence(found, evidence)
    emit(_value(found, files), as_json, lambda: "\n".join(_lines(found, files)))
    context.exit(0 if found.named else CANNOT_TELL)


def _value(found: Traced, files: Sequence[Path]) -> dict[str, Any]:
    return {
        "verdict": "traced" if found.named else "cannot-tell",
        "copies": [_copy(each, found.pictures, files) for each in found.copies],
        "pictures": [
            {
                "file": str(files[one.file]), "page": one.page + 1, "named": one.named,
                "document_code": one.document_code or None,
                "shown_page": one.shown_page + 1 if one.shown_page is not None else None,
                "runs": one.runs, "help": list(one.help),
            }
            for one in found.pictures
        ],
        "unreadable": [{"file": str(files[place]), "reason": code} for place, code in sorted(found.troubles.items())],
        "letters": list(found.letters), "finished": found.finished, "seconds": round(found.seconds, 2),
    }  # fmt: skip


def _copy(each: TracedCopy, pictures: Sequence[TracedPicture], files: Sequence[Path]) -> dict[str, Any]:
    return {
        "copy_code": each.copy_code,
        "entity": each.entity_code,
        "employee": each.employee_code,
        "layers": list(each.layers),
        "false_accusation_probability": each.false_accusation_probability,
        "document_code": each.document_code,
        "act": each.act,
        "issued_at": each.issued_at.isoformat(),
        "on_behalf_of": each.on_behalf_of or None,
        "withheld": each.withheld,
        "pictures": [
            {"file": str(files[pictures[at].file]), "page": pictures[at].page + 1} for at in each.pictures
        ],
    }  # fmt: skip


def _lines(found: Traced, files: Sequence[Path]) -> Iterator[str]:
    for each in found.copies:
        who = f"{codes.format_code(each.copy_code)}  {each.entity_code}  {each.employee_code} {each.employee_name}"
        if each.withheld:
            who = f"{each.entity_code}  {gettext('leaks.withheld', 'en')}"
        yield f"{who}  {each.act}  {each.issued_at:%Y-%m-%d %H:%M}  {codes.format_code(each.document_code)}"
        if each.false_accusation_probability is None:
            yield f"  {gettext('leaks.only-a-lead', 'en')} ({', '.join(each.layers)})"
        else:
            told = odds(each.false_accusation_probability)
            bound = f"1 : {told.figure:g} x 10^{told.power}"
            yield f"  {gettext(told.words, 'en')} ({bound}; {', '.join(each.layers)})"
    if not found.named:
        yield gettext("leaks.cannot-tell", "en")
    for one in found.pictures:
        for help_code in one.help if not one.named else ():
            yield f"  {files[one.file].name}, page {one.page + 1}: {gettext(help_code, 'en')}"
    for place, code in sorted(found.troubles.items()):
        yield f"  {files[place].name}: {gettext(code, 'en')}"


def _write_evidence(found: Traced, folder: Path) -> None:
    """Write the drawn pages as WebP, named by copy and picture; Invalid ``verification.cannot-write``."""
    known = {one.copy_id: one.copy_code or "closed" for one in found.copies}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for copy_id, one in found.evidence:
            (folder / f"{known[copy_id]}-{one.picture + 1}.webp").write_bytes(one.drawn)
    except OSError as error:
        raise Invalid("verification.cannot-write", name=str(folder)) from error


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Yield what is told of a phase how much is done of what is to do; one bar shows all phases."""
    with progress_bar("Reading", 100) as told:

        def progress(phase: str, done: int, of: int) -> None:
            begin, end = _SHARES.get(phase, (0, 100))
            told(begin + (end - begin) * done // max(of, 1))

        yield progress
