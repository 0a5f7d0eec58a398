"""Everything an installation holds, to compare before and after a refusal."""

from sqlalchemy import select

from edms.models import metadata
from tests.factories.world import OPERATOR, World

_OF_THE_VISIT = frozenset({"login_sessions", "throttles", "event_head", "follower_cursors"})
_VISITS = ("accounts.acted-for", "accounts.signed-in", "verification.looked-up")
State = dict[str, list[str]]


def state_of(world: World) -> State:
    """All rows of all tables, number counters and events among them, and the names of all stored files.

    What only says that somebody came and asked is left out.
    """
    with world.database.read(OPERATOR) as uow:
        found = {
            table.name: sorted(map(repr, uow.session.execute(select(table)).all()))
            for table in metadata.sorted_tables
            if table.name not in _OF_THE_VISIT
        }
    found["events"] = [row for row in found["events"] if not any(repr(act) in row for act in _VISITS)]
    stored = world.settings.content_folder
    return found | {"files": sorted(str(path) for path in stored.rglob("*") if path.is_file())}
