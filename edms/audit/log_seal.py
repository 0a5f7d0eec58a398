"""What the log is sealed with."""

from dataclasses import dataclass

from crypto.checkpoints import KeyChain
from crypto.errors import KeyUnavailable
from crypto.keystore import KeyStore
from edms.audit import log_keys
from edms.audit.rules import LOG_KEY, LogPlan
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict


@dataclass(frozen=True, slots=True)
class LogSeal:
    """What seals one log: its name (``origin``), the key store that signs, and the plan."""

    origin: str
    keys: KeyStore
    plan: LogPlan

    def chain(self, uow: UnitOfWork) -> KeyChain:
        """Return all keys of the log; Conflict ``audit.no-checkpoint``, ``audit.key-chain-broken``."""
        return log_keys.chain(uow, self.origin, self.keys)

    def public_key(self) -> bytes:
        """Return the log's first public key as DER, which introduces the later ones.

        Raises Conflict ``audit.no-checkpoint`` before the first checkpoint.
        """
        try:
            return self.keys.public_key(LOG_KEY)
        except KeyUnavailable as error:
            raise Conflict("audit.no-checkpoint") from error
