"""Places where a test can make this process die or fail: ``MAILGW_FAIL=after-250:kill`` in the environment.

Several are separated by commas; ``name:kill`` is SIGKILL, ``name:raise`` an exception, ``name@3:kill`` acts the third
time. Without the variable a fail point costs one look into an empty table.
"""

import os
import signal
from collections.abc import Mapping

POINTS = (
    "before-body-write",
    "after-body-write",
    "after-fsync",
    "after-rename",
    "after-stage",
    "before-commit",
    "after-commit-before-250",
    "after-250",
    "after-claim",
    "before-send",
    "after-250-before-commit",
    "before-result-commit",
    "after-result-commit",
)


class FailPointReached(RuntimeError):
    """A test asked for a failure here."""


def read_plan(text: str) -> dict[str, tuple[int, str]]:
    """Return the fail points of ``name[@n]:action`` words; raises ValueError for a name or action that is none."""
    plan = {}
    for word in filter(None, text.split(",")):
        place, _, action = word.partition(":")
        name, _, time = place.partition("@")
        if name not in POINTS or action not in {"kill", "raise"}:
            raise ValueError(word)
        plan[name] = (int(time or 1), action)
    return plan


class FailPoints:
    """The plan of this process and how often each place was passed."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._plan = read_plan(environ.get("MAILGW_FAIL", ""))
        self._passed: dict[str, int] = {}

    def reach(self, name: str) -> None:
        """Do what the plan says of this place, usually nothing."""
        if name not in self._plan:
            return
        self._passed[name] = self._passed.get(name, 0) + 1
        turn, action = self._plan[name]
        if self._passed[name] == turn:
            if action == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise FailPointReached(name)
