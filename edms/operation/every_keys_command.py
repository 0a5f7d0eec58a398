"""``diwan keys`` with all that belongs to it: rotation, destruction, recovery, escrow."""

from edms.operation.escrow_commands import keys as _with_escrow
from edms.operation.recovery_commands import keys as _with_recovery
from edms.operation.shred_commands import keys as _with_destruction

assert _with_recovery is _with_destruction is _with_escrow
keys = _with_recovery
