"""Evidence that keeps a sealed letter provable for decades: kept after the file, never inside it."""

from edms.core.database import UnitOfWork
from edms.letters.models import Letter, Preservation


def begin_preservation(uow: UnitOfWork, letter: Letter, digest: bytes, level: str) -> None:
    """Note that a sealed file is to get its evidence, by the worker, from now on."""
    uow.session.add(Preservation(rendition_hash=digest, letter_id=letter.id, level=level, goal="LT", due_at=uow.now))
