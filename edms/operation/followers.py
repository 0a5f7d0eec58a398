"""Which followers of the event log the worker runs."""

from edms.core.database import Database
from edms.core.parts import Parts
from edms.operation.worker import Follower
from edms.search.follower import follow
from edms.search.indexes import Indexes


def followers_of(parts: Parts) -> list[Follower]:
    """Return the followers of one installation, opened on its parts."""
    return [Follower("search", lambda: follow(parts[Database], parts[Indexes]))]
