"""Revocation: lists and answers that OpenSSL takes, and lists of others that are taken only from their issuer."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import ocsp
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPRequestBuilder, load_der_ocsp_response

from crypto.certificates import CA_ISSUING, chain_pem, load_certificate, serial_of
from crypto.errors import SignatureInvalid
from crypto.revocation import Answer, Revoked, answer_ocsp, make_crl, read_crl
from crypto.stored_key import StoredKey
from tests.crypto.authority import Authority, authority

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ours"), NOW - DAY)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("theirs"), NOW - DAY)


def revoked(certificate: bytes, reason: str = "keyCompromise") -> Revoked:
    return Revoked(serial_of(certificate), NOW - timedelta(hours=1), reason)


def issued_crl(ours: Authority, *entries: Revoked, now: datetime = NOW) -> bytes:
    return make_crl(StoredKey(ours.keys, CA_ISSUING), ours.issuing, entries, now=now, valid=DAY)


def openssl(*arguments: str) -> str:
    found = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    return found.stdout + found.stderr


def pem_files(ours: Authority, folder: Path, **certificates: bytes) -> dict[str, str]:
    named = {"root": ours.root, "issuing": ours.issuing, **certificates}
    for name, der in named.items():
        (folder / f"{name}.pem").write_bytes(chain_pem(der))
    return {name: str(folder / f"{name}.pem") for name in named}


def test_a_list_says_who_is_revoked_since_when_and_why(ours: Authority) -> None:
    entries = [revoked(ours.certificate(), reason) for reason in ("keyCompromise", "superseded", "unspecified")]
    found = read_crl(issued_crl(ours, *entries), ours.issuing)
    assert found.revoked == {each.serial: each for each in entries}
    assert (found.made_at, found.next_update) == (NOW, NOW + DAY)


def test_the_number_of_a_list_grows(ours: Authority) -> None:
    def number(now: datetime) -> int:
        return (
            x509.load_der_x509_crl(issued_crl(ours, now=now))
            .extensions.get_extension_for_class(x509.CRLNumber)
            .value.crl_number
        )

    assert number(NOW) < number(NOW + timedelta(seconds=1))


def test_the_root_signs_its_list_with_its_own_curve(ours: Authority) -> None:
    found = make_crl(ours.root_key.private, ours.root, [revoked(ours.issuing)], now=NOW, valid=400 * DAY)
    assert serial_of(ours.issuing) in read_crl(found, ours.root).revoked


def test_a_list_is_taken_from_its_issuer_only_and_unchanged(ours: Authority, theirs: Authority) -> None:
    good = issued_crl(ours, revoked(ours.certificate()))
    flipped = bytearray(good)
    flipped[len(flipped) // 2] ^= 1
    for wrong, issuer in (
        (good, theirs.issuing),
        (good, ours.root),
        (bytes(flipped), ours.issuing),
        (b"", ours.issuing),
    ):
        with pytest.raises(SignatureInvalid, match=r"certificates\.bad-crl"):
            read_crl(wrong, issuer)


@needs_openssl
def test_openssl_takes_our_lists_and_refuses_what_they_name(ours: Authority, tmp_path: Path) -> None:
    good, bad = ours.certificate(), ours.certificate()
    paths = pem_files(ours, tmp_path, good=good, bad=bad)
    (tmp_path / "list.der").write_bytes(issued_crl(ours, revoked(bad)))
    root_list = make_crl(ours.root_key.private, ours.root, [], now=NOW, valid=DAY)
    (tmp_path / "root.der").write_bytes(root_list)
    shown = openssl("crl", "-inform", "DER", "-in", str(tmp_path / "list.der"), "-noout", "-verify",
                    "-CAfile", paths["issuing"])  # fmt: skip
    assert "verify OK" in shown
    lists = tmp_path / "lists.pem"
    lists.write_bytes(
        b"".join(
            x509.load_der_x509_crl((tmp_path / name).read_bytes()).public_bytes(Encoding.PEM)
            for name in ("list.der", "root.der")
        )
    )
    asked = ["verify", "-x509_strict", "-crl_check_all", "-CRLfile", str(lists), "-CAfile", paths["root"],
             "-untrusted", paths["issuing"]]  # fmt: skip
    assert ": OK" in openssl(*asked, paths["good"])
    assert "certificate revoked" in openssl(*asked, paths["bad"])


def answering(ours: Authority, request: bytes, known: Mapping[str, Answer]) -> bytes:
    def status(serials: Sequence[str]) -> Mapping[str, Answer]:
        return {serial: known[serial] for serial in serials if serial in known}

    return answer_ocsp(
        request, issuer=ours.issuing, responder=ours.certificate("ocsp"), sign=ours.sign, status=status, now=NOW,
        valid=DAY,
    )  # fmt: skip


@needs_openssl
def test_openssl_believes_our_answers(ours: Authority, theirs: Authority, tmp_path: Path) -> None:
    good, bad, foreign = ours.certificate(), ours.certificate(), theirs.certificate()
    paths = pem_files(ours, tmp_path, good=good, bad=bad, foreign=foreign, foreign_issuer=theirs.issuing)
    known: dict[str, Answer] = {
        serial_of(good): "good", serial_of(bad): revoked(bad), serial_of(foreign): "good",
    }  # fmt: skip
    told = {}
    for name, issuer in (("good", "issuing"), ("bad", "issuing"), ("foreign", "foreign_issuer")):
        query, reply = str(tmp_path / "query"), str(tmp_path / "reply")
        openssl("ocsp", "-issuer", paths[issuer], "-cert", paths[name], "-reqout", query)
        Path(reply).write_bytes(answering(ours, Path(query).read_bytes(), known))
        told[name] = openssl(
            "ocsp", "-issuer", paths[issuer], "-cert", paths[name], "-respin", reply, "-no_nonce", "-CAfile",
            paths["root"], "-verify_other", paths["issuing"],
        )  # fmt: skip
    assert "Response verify OK" in told["good"]
    assert ": good" in told["good"]
    assert ": revoked" in told["bad"]
    assert "keyCompromise" in told["bad"]
    assert ": unknown" in told["foreign"]


def test_a_request_for_several_gets_an_answer_for_each_and_its_nonce_back(ours: Authority) -> None:
    certificates = [ours.certificate() for _ in range(3)]
    requests = []
    for certificate in certificates:
        asked = OCSPRequestBuilder().add_certificate(
            load_certificate(certificate), load_certificate(ours.issuing), SHA256()
        )
        loaded = ocsp.OCSPRequest.load(asked.build().public_bytes(Encoding.DER))
        requests.append(loaded["tbs_request"]["request_list"][0])
    nonce = [{"extn_id": "nonce", "extn_value": ocsp.OctetString(b"n" * 16)}]
    request = ocsp.OCSPRequest({"tbs_request": {"request_list": requests, "request_extensions": nonce}}).dump()
    answer = ocsp.OCSPResponse.load(answering(ours, request, {serial_of(certificates[1]): "good"}))
    told = answer.response_data
    assert [each["cert_status"].name for each in told["responses"]] == ["unknown", "good", "unknown"]
    assert told["response_extensions"][0]["extn_value"].parsed.native == b"n" * 16


@pytest.mark.parametrize("request_der", [b"", b"x" * 100, b"0\x00", bytes(5000)])
def test_what_is_no_request_is_answered_as_such(ours: Authority, request_der: bytes) -> None:
    assert load_der_ocsp_response(answering(ours, request_der, {})).response_status.name == "MALFORMED_REQUEST"
