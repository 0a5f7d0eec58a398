"""The internal authority: certificates that TLS and pyHanko accept."""

import asyncio
import os
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.x509.oid import NameOID
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import ValidationError

from crypto.certificates import (
    CA_ROOT,
    Usage,
    chain_pem,
    issue_certificate,
    load_certificate,
    private_key_pem,
    public_key_of,
    root_certificate,
)
from crypto.errors import SignatureInvalid
from crypto.keystore import KeyStore
from crypto.keystore_file import FileKeyStore, create_key_file
from crypto.signatures import new_signing_key, public_of

START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
KEY = new_signing_key()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    path, secret = tmp_path_factory.mktemp("keys") / "keys", os.urandom(32)
    create_key_file(path, secret)
    return FileKeyStore(path, secret)


@pytest.fixture(scope="module")
def root(keys: KeyStore) -> bytes:
    return root_certificate(keys, name="سلطة التصديق الداخلية", not_before=START)


def issue(keys: KeyStore, root: bytes, usage: Usage, *, days: int = 30, name: str = "دائرة الموارد") -> bytes:
    return issue_certificate(
        keys,
        root,
        public_key=public_of(KEY),
        common_name=name,
        organization="وزارة الموارد المائية",
        serial_number_attr="10023496",
        usage=usage,
        dns_names=["localhost"],
        ips=["127.0.0.1"],
        not_before=START,
        days=days,
    )


def test_the_root_is_signed_by_the_stored_key_and_has_one_authority_below_it(keys: KeyStore, root: bytes) -> None:
    parsed = load_certificate(root)
    parsed.verify_directly_issued_by(parsed)
    constraints = parsed.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 1)
    assert public_key_of(root) == keys.public_key(CA_ROOT)
    assert (parsed.not_valid_after_utc - parsed.not_valid_before_utc).days == 7305


def test_an_issued_certificate_says_whose_it_is(keys: KeyStore, root: bytes) -> None:
    certificate = load_certificate(issue(keys, root, "seal"))
    names = {name.oid: name.value for name in certificate.subject}
    assert names[NameOID.COMMON_NAME] == "دائرة الموارد"
    assert names[NameOID.SERIAL_NUMBER] == "10023496"
    assert public_key_of(issue(keys, root, "seal")) == public_of(KEY)
    assert certificate.serial_number.bit_length() == 127


def test_serial_numbers_never_repeat(keys: KeyStore, root: bytes) -> None:
    assert len({load_certificate(issue(keys, root, "seal")).serial_number for _ in range(20)}) == 20


def test_a_long_name_is_cut_not_refused(keys: KeyStore, root: bytes) -> None:
    long = "الهيئة العامة لتشغيل أحواض نهري دجلة والفرات في وزارة الموارد المائية"
    for name in (long, "م" * 200):
        subject = load_certificate(issue(keys, root, "seal", name=name)).subject
        values = {attribute.oid.dotted_string: str(attribute.value) for attribute in subject}
        assert values["2.5.4.41"] == name
        assert name.startswith(values["2.5.4.3"])
        assert 0 < len(values["2.5.4.3"].encode()) <= 64


@pytest.mark.parametrize("usage", ["seal", "person", "server"])
def test_certvalidator_accepts_the_chain_for_its_own_use_only(keys: KeyStore, root: bytes, usage: Usage) -> None:
    purpose = {"server": {"digital_signature"}}.get(usage, {"non_repudiation"})
    anchor = asn1_x509.Certificate.load(root)
    context = ValidationContext(trust_roots=[anchor], allow_fetching=False)
    end = asn1_x509.Certificate.load(issue(keys, root, usage))
    validator = CertificateValidator(end, validation_context=context)
    asyncio.run(validator.async_validate_usage(purpose))  # type: ignore[no-untyped-call]
    if usage == "server":
        with pytest.raises(ValidationError):
            asyncio.run(validator.async_validate_usage({"non_repudiation"}))  # type: ignore[no-untyped-call]


def test_what_is_no_key_or_root_is_named(keys: KeyStore, root: bytes) -> None:
    with pytest.raises(SignatureInvalid, match=r"certificates\.bad-root"):
        issue(keys, b"x", "seal")
    with pytest.raises(SignatureInvalid, match=r"certificates\.bad-public-key"):
        issue_certificate(
            keys,
            root,
            public_key=b"x",
            common_name="x",
            organization="y",
            serial_number_attr=None,
            usage="person",
            not_before=START,
            days=1,
        )


def handshake(folder: Path, certificate: bytes, root: bytes) -> str | None:
    """Do a mutual TLS 1.3 handshake on a loopback pair with strict checks; return the version or raise SSLError."""
    (folder / "key.pem").write_bytes(private_key_pem(KEY, b"secret"))
    (folder / "chain.pem").write_bytes(chain_pem(certificate))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context in (server, client):
        context.load_cert_chain(folder / "chain.pem", folder / "key.pem", password="secret")
        context.load_verify_locations(cadata=chain_pem(root).decode())
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    near, far = socket.socketpair()
    near.settimeout(20)
    far.settimeout(20)

    def serve() -> None:
        try:
            with server.wrap_socket(far, server_side=True) as accepted:
                accepted.sendall(accepted.recv(4))
        except (ssl.SSLError, OSError):
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(near, server_hostname="localhost") as connected:
            connected.sendall(b"ping")
            assert connected.recv(4) == b"ping"
            return connected.version()
    finally:
        near.close()
        thread.join(20)


def test_tls_accepts_a_server_certificate_on_both_sides(keys: KeyStore, root: bytes, tmp_path: Path) -> None:
    assert handshake(tmp_path, issue(keys, root, "server"), root) == "TLSv1.3"


def test_tls_refuses_another_root_or_an_expired_or_wrong_kind_of_certificate(
    keys: KeyStore, root: bytes, tmp_path: Path
) -> None:
    with pytest.raises(ssl.SSLError):
        handshake(tmp_path, issue(keys, root, "server", days=0), root)
    with pytest.raises(ssl.SSLError):
        handshake(tmp_path, issue(keys, root, "seal"), root)
    create_key_file(tmp_path / "other", bytes(range(200, 232)))
    other = root_certificate(FileKeyStore(tmp_path / "other", bytes(range(200, 232))), name="x", not_before=START)
    with pytest.raises(ssl.SSLError):
        handshake(tmp_path, issue(keys, root, "server"), other)


def test_a_private_key_is_written_encrypted_when_a_password_is_given() -> None:
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in private_key_pem(KEY, b"secret")
    assert b"BEGIN PRIVATE KEY" in private_key_pem(KEY)


@pytest.mark.parametrize(
    "name",
    [
        "وزارة الصحة", "وزارة الصحة IT", "دائرة صحة بغداد (الكرخ)", "مدرسة ٢٠", "شعبة 12", "«ديوان» الرقابة",
        "شركة X ش.م", "Diwan 2", "№ ديوان", "مديرية " * 12 + "(٧)", "ﷺ", "IT-دائرة", "٢٠", "ديوان №5",
    ],
)  # fmt: skip
def test_a_name_in_two_directions_leaves_the_chain_valid(keys: KeyStore, root: bytes, name: str) -> None:
    der = issue(keys, root, "seal", name=name)
    assert asn1_x509.Certificate.load(der).subject.hashable  # what pyHanko compares chains by
    assert load_certificate(der).subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)[0].value == "10023496"
