"""The log as a whole: who may check it, when it is sealed, and what its key is called."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from edms.core.actor import permission

CHECK_LOG = permission("audit.check-log", {"auditor", "system:operator"})
LOG_KEY: Final = "log"
"""The name of the key that signs checkpoints, in the key store."""


@dataclass(frozen=True, slots=True)
class LogPlan:
    """When a checkpoint is due: ``interval`` after the last one or after ``entries``; ``witness`` is its file."""

    interval: timedelta = timedelta(seconds=60)
    entries: int = 1000
    witness: Path | None = None
