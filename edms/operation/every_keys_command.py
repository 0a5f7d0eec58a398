"""``diwan keys`` with all that belongs to it: rotation, destruction, recovery."""

from edms.operation.recovery_commands import keys as _with_recovery
from edms.operation.shred_commands import keys as _with_destruction

assert _with_recovery is _with_destruction
keys = _with_recovery
