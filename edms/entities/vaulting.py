"""Beginning the vault: from then on all new files and texts of letters can be destroyed for good."""

from crypto.errors import KeyUnavailable
from crypto.vault import Vault, create_vault
from edms.audit.service import record
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, Unavailable
from edms.entities.keyring import Keyring
from edms.entities.models import KeyHead
from edms.entities.rules import KEEP_KEYS


def begin_vault(uow: UnitOfWork, *, keys: Keyring) -> Vault:
    """Make the vault, or take the file that a failed attempt left, and have every process use it from now on.

    What was stored before stays as it is: it needs its body's key alone. Raises Conflict ``keys.vault-begun``,
    Unavailable ``keys.no-vault``.
    """
    uow.actor.require(KEEP_KEYS)
    head = uow.session.get_one(KeyHead, 1, with_for_update=True)
    if head.vault_id is not None:
        raise Conflict("keys.vault-begun")
    if keys.vault_file is None:
        raise Unavailable("keys.no-vault", file="", reason="vault.missing")
    if not keys.vault_file.exists():
        try:
            create_vault(keys.vault_file, keys.keys)
        except KeyUnavailable as error:
            raise Unavailable("keys.no-vault", file=str(keys.vault_file), reason=error.code) from error
    vault = keys.vault()
    head.vault_id = vault.id
    record(uow, "keys.vault-begun", "installation", None, vault=vault.id.hex())
    return vault
