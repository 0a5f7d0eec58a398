"""A person's detached signature: good for exactly its bytes and its signer, and other tools agree."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from crypto.cms_judging import verify_detached
from crypto.cms_signatures import DetachedSignature, sign_detached
from crypto.errors import SignatureInvalid
from crypto.signatures import sign
from tests.crypto.test_pdf_signatures import Authority, authority

WHEN = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
CONTENT = '{"body":"إلى وزارة الموارد المائية","subject":"تطهير الأنهر"}'.encode()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ours"))


def signed(ours: Authority, content: bytes = CONTENT, certificate: bytes | None = None) -> bytes:
    return sign_detached(
        content,
        sign=lambda data: sign(ours.key, data),
        certificate=certificate or ours.certificate("person"),
        chain=[ours.root],
        when=WHEN,
    )


def judged(message: bytes, ours: Authority, content: bytes = CONTENT) -> DetachedSignature:
    return verify_detached(content, message, [ours.root])


def test_the_signer_and_the_time_are_told(ours: Authority) -> None:
    found = judged(signed(ours), ours)
    assert found.genuine
    assert (found.signed_at, found.signer_serial, found.reasons) == (WHEN, "10023496", ())
    assert found.certificate != ours.root


def test_another_text_is_altered(ours: Authority) -> None:
    assert judged(signed(ours), ours, CONTENT + b" ").reasons == ("verification.altered",)


def test_an_expired_or_foreign_signer_is_not_trusted(ours: Authority, tmp_path: Path) -> None:
    assert judged(signed(ours, certificate=ours.certificate("person", days=3)), ours).reasons == (
        "verification.expired-signer",
    )
    assert verify_detached(CONTENT, signed(ours), [authority(tmp_path).root]).reasons == (
        "verification.untrusted-signer",
    )


def test_a_flipped_bit_anywhere_is_never_good(ours: Authority) -> None:
    message = signed(ours)
    for position in [*range(120), *range(120, len(message), 13)]:
        altered = bytearray(message)
        altered[position] ^= 1 << position % 8
        try:
            found = judged(bytes(altered), ours)
        except SignatureInvalid:
            continue
        assert not found.genuine, position


def test_what_nobody_signed_is_unexplained(ours: Authority, tmp_path: Path) -> None:
    message = cms.ContentInfo.load(signed(ours))
    stranger = authority(tmp_path).root
    message["content"]["certificates"].append(cms.CertificateChoices("certificate", cms.Certificate.load(stranger)))
    assert judged(message.dump(force=True), ours).reasons == ("verification.unsigned-parts",)
    with pytest.raises(SignatureInvalid, match=r"verification\.broken-signature"):
        judged(signed(ours) + b"\0", ours)
    with pytest.raises(SignatureInvalid, match=r"verification\.broken-signature"):
        judged(b"", ours)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_agrees(ours: Authority, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes(x509.load_der_x509_certificate(ours.root).public_bytes(Encoding.PEM))
    (tmp_path / "content").write_bytes(CONTENT)
    (tmp_path / "other").write_bytes(CONTENT + b" ")
    (tmp_path / "signature.p7s").write_bytes(signed(ours))

    def verified(name: str) -> bool:
        command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature.p7s", "-content", name]
        command += ["-CAfile", "root.pem", "-purpose", "any", "-cades", "-out", "out"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False).returncode == 0

    assert verified("content")
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert not verified("other")
