"""Which followers of the event log the worker runs."""

from crypto.timestamps import StampRoots, TimeStamper
from edms.audit import checkpoints, tiles
from edms.audit.log_seal import LogSeal
from edms.content import staging
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.clock import utc_now
from edms.core.database import Database
from edms.core.parts import Parts
from edms.entities.keyring import Keyring
from edms.entities.peer_lists import PeerLists
from edms.letters import preservation_follower
from edms.letters.preserving import PreservationPlan
from edms.operation.audit_mail import mail_checkpoint
from edms.operation.worker import Aside, Daily, Follower
from edms.search.follower import follow
from edms.search.indexes import Indexes
from edms.verification import leak_queue
from edms.verification.leak_rules import ReadingLimits


def followers_of(parts: Parts) -> list[Follower]:
    """Return the followers of one installation, opened on its parts."""
    return [
        Follower("search", lambda: follow(parts[Database], parts[Indexes])),
        Follower("preservation", lambda: _preserve(parts)),
        Follower("checkpoints", lambda: checkpoints.follow(parts[Database], parts[LogSeal])),
        Follower("audit-mail", Daily(lambda: mail_checkpoint(parts)).step),
        Follower("log-tiles", lambda: tiles.follow(parts[Database])),
        Follower("peer-lists", parts[PeerLists].step),
        Follower("leaks", Aside(lambda: _look_up(parts)).step),
        Follower("orphans", Daily(lambda: _sweep(parts)).step),
    ]


def _preserve(parts: Parts) -> int:
    return preservation_follower.follow(
        parts[Database], store=parts[ContentStore], keys=parts[Keyring], stamper=parts[TimeStamper],
        stamp_roots=parts[StampRoots].roots, plan=parts[PreservationPlan],
    )  # fmt: skip


def _sweep(parts: Parts) -> int:
    return staging.sweep(parts[Database], system_actor("worker"), store=parts[ContentStore], now=utc_now())


def _look_up(parts: Parts) -> int:
    return leak_queue.follow(
        parts[Database], store=parts[ContentStore], keys=parts[Keyring], indexes=parts[Indexes],
        limits=parts[ReadingLimits],
    )  # fmt: skip
