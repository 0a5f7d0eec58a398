"""A clock that tests set: a world's database and everything that asks it for the time go by it."""

from datetime import datetime, timedelta

from edms.core.clock import utc_now
from tests.factories.world import World


class SetClock:
    """Stands still until it is advanced."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or utc_now()

    def __call__(self) -> datetime:
        """Return the moment it shows."""
        return self.now

    def advance(self, *, minutes: float = 0, hours: float = 0) -> None:
        """Go on by so much."""
        self.now += timedelta(minutes=minutes, hours=hours)


def with_set_clock(world: World) -> SetClock:
    """Let a world's database go by a clock of its own from here on."""
    clock = SetClock()
    world.database._clock = clock
    return clock
