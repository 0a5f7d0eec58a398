"""Building the parts that every process needs from plain values; the edges read the settings and call this."""

from pathlib import Path

from crypto.keystore import KeyStore
from crypto.keystore_file import FileKeyStore
from edms.content.store import ContentStore, DiskStore
from edms.core.database import Database
from edms.core.parts import Parts
from edms.entities.keyring import Keyring
from edms.registry.service import TurnQueue


def open_parts(*, database_url: str, content: Path, key_file: Path, key_secret: bytes, pool_size: int = 20) -> Parts:
    """Open the key store, the database and the content store of an installation."""
    keys = FileKeyStore(key_file, key_secret)
    keyring = Keyring(keys)
    parts = Parts()
    parts.put(KeyStore, keys)
    parts.put(Keyring, keyring)
    parts.put(Database, Database(database_url, sealer=keyring, pool_size=pool_size))
    parts.put(ContentStore, DiskStore(content))
    parts.put(TurnQueue, TurnQueue())
    return parts
