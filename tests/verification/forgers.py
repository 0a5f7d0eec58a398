"""Authorities that forgers set up for themselves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from crypto.certificates import public_key_of, root_certificate
from crypto.keystore_file import FileKeyStore, create_key_file
from crypto.revocation import make_crl
from crypto.signatures import new_signing_key
from crypto.stored_key import StoredKey
from tests.crypto.test_pdf_signatures import Authority


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def authority_named_like(root: bytes, folder: Path) -> Authority:

    create_key_file(folder / "keys", b"k" * 32)
    keys = FileKeyStore(folder / "keys", b"k" * 32)
    name = x509.load_der_x509_certificate(root).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    made = root_certificate(keys, name=str(name), not_before=now() - timedelta(days=1))
    assert public_key_of(made) != public_key_of(root)
    return Authority(keys, made, new_signing_key())


def fake_list(fake: Authority) -> bytes:

    return make_crl(StoredKey(fake.keys, "ca-root"), fake.root, [], now=now(), valid=timedelta(days=1))
