"""The log as a whole: who may check it, when it is sealed, and what its key is called."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from crypto.cosignatures import WitnessKey
from edms.core.actor import permission

CHECK_LOG = permission("audit.check-log", {"auditor", "system:operator"})
LOG_KEY: Final = "log"
"""The name of the key that signs checkpoints, in the key store."""


@dataclass(frozen=True, slots=True)
class WitnessPlace:
    """A witness over HTTP: where it listens (without ``/add-checkpoint``) and the key that it cosigns with."""

    url: str
    key: WitnessKey


@dataclass(frozen=True, slots=True)
class AuditOffice:
    """Where a checkpoint is mailed every day (``local@domain``, empty: nowhere), and the body that sends it (code)."""

    address: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True)
class LogPlan:
    """When a checkpoint is due: ``interval`` after the last one or after ``entries``; ``witness`` is its file.

    ``places`` are the witnesses that are asked over HTTP to cosign it.
    """

    interval: timedelta = timedelta(seconds=60)
    entries: int = 1000
    witness: Path | None = None
    places: tuple[WitnessPlace, ...] = ()
