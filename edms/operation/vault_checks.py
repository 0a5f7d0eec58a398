"""Checking the vault: it opens, it is this database's, and what was destroyed is still destroyed."""

import stat

from edms.core.database import Database
from edms.core.parts import Parts
from edms.custody.shredding import not_destroyed, unfinished
from edms.entities.keyring import Keyring
from edms.entities.models import KeyHead
from edms.operation.finding import Finding, fail, ok, warn
from edms.operation.site import Site
from edms.operation.start import OPERATOR


def vault(parts: Parts, site: Site) -> Finding:
    """Check that there is a vault, that it is the right one, and that no older copy of it was put back."""
    path, ring = site.vault_file, parts[Keyring]
    with parts[Database].read(OPERATOR) as uow:
        known = uow.session.get_one(KeyHead, 1).vault_id
        if known is None:
            return warn("vault", "none: letters cannot be destroyed so that no backup opens them", "diwan keys vault")
        if ring.vault().id != known:
            return fail("vault", f"{path} is another one than this database's", "put the right one back")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            return fail("vault", f"{path} is open to others", f"chmod 600 {path}")
        back, begun = not_destroyed(uow, keys=ring), unfinished(uow)
    if back:
        return fail(
            "vault", f"{back} destroyed secrets are back: an older copy was restored", "diwan keys shred --repeat"
        )
    if begun:
        return fail("vault", f"{begun} destructions were broken off: letters still open", "diwan keys shred --repeat")
    return ok("vault", f"{path}, {ring.vault().size()} octets, outside the data folder")
