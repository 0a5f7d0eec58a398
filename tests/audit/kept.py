"""Worlds whose log stands under checkpoints, for the tests of the log as a tree."""

from pathlib import Path

from edms.audit.checkpoints import follow
from edms.audit.log_seal import LogSeal
from edms.audit.rules import LogPlan
from edms.core.actor import system_actor
from edms.operation.log_checks import Checked, check_all
from tests.factories.letters import issued
from tests.factories.world import World

OPERATOR = system_actor("operator")


def seal_of(world: World, *, witness: Path | None = None) -> LogSeal:
    """The world's seal of the log, with another witness than the settings name."""
    world.parts.put(LogPlan, LogPlan(witness=witness))
    found = world.parts[LogSeal]
    made = LogSeal(found.origin, found.keys, world.parts[LogPlan])
    world.parts.put(LogSeal, made)
    return made


def grown(world: World, *, letters: int = 1) -> int:
    """Issue a letter and sign a checkpoint; return how many entries it takes in."""
    for _ in range(letters):
        issued(world)
    return follow(world.database, world.parts[LogSeal], now=True)


def checked(world: World, witness: Path | None = None) -> Checked:
    """Check the log as the command does."""
    return check_all(world.parts, OPERATOR, witness_file=witness)


def told(world: World, witness: Path | None = None) -> list[str]:
    """What a check of the log finds wrong."""
    return [fault.what for fault in checked(world, witness).report.faults]
