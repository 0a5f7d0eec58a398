"""A whole authority in memory and a folder, for tests: offline root, issuing authority, keys in a store."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crypto.certificates import (
    CA_ISSUING,
    Pointers,
    Usage,
    issue_certificate,
    issuing_certificate,
    root_certificate,
)
from crypto.keystore_file import FileKeyStore, create_key_file
from crypto.root_file import RootKey, new_root_key


@dataclass(frozen=True)
class Authority:
    """Root key, key store, and the certificates of both levels (DER)."""

    root_key: RootKey
    keys: FileKeyStore
    root: bytes
    issuing: bytes
    start: datetime

    @property
    def chain(self) -> tuple[bytes, bytes]:
        """Issuing authority, root."""
        return self.issuing, self.root

    def certificate(
        self, usage: Usage = "seal", *, key: str = "end", days: int = 365, pointers: Pointers | None = None
    ) -> bytes:
        """Return a certificate for the store's key of that name."""
        self.keys.create(key)
        return issue_certificate(
            self.keys, self.issuing, public_key=self.keys.public_key(key), common_name="دائرة الموارد",
            organization="وزارة الموارد المائية", serial_number_attr="10023496", usage=usage, not_before=self.start,
            days=days, pointers=pointers,
        )  # fmt: skip

    def sign(self, data: bytes) -> bytes:
        """Sign with the key ``end``."""
        return self.keys.sign("end", data)


def authority(folder: Path, start: datetime, name: str = "سلطة الجذر") -> Authority:
    """Return a new authority."""
    secret = os.urandom(32)
    create_key_file(folder / "keys", secret)
    keys, root_key = FileKeyStore(folder / "keys", secret), new_root_key()
    root = root_certificate(root_key.private, name=name, not_before=start)
    keys.create(CA_ISSUING)
    public = keys.public_key(CA_ISSUING)
    issuing = issuing_certificate(root_key.private, root, public_key=public, name=name, not_before=start)
    return Authority(root_key, keys, root, issuing, start)
