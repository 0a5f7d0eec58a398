"""What one check of the doctor found."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: one sentence, and one remedy when it is not ok."""

    name: str
    state: State
    text: str
    remedy: str = ""


def ok(name: str, text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(name, State.OK, text)


def warn(name: str, text: str, remedy: str) -> Finding:
    """Return a finding that people should look at."""
    return Finding(name, State.WARN, text, remedy)


def fail(name: str, text: str, remedy: str) -> Finding:
    """Return a finding that keeps Diwan from working."""
    return Finding(name, State.FAIL, text, remedy)
