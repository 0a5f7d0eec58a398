"""What we sign holds for dkimpy and OpenDKIM; what arrives is believed by the register's keys alone."""

import asyncio
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crypto.dkim_keys import DkimPublicKey, DkimSigningKey, dkim_record, new_dkim_key, read_dkim_public
from crypto.errors import SignatureInvalid
from edms.core.errors import Unavailable
from mailgw.dkim import MOST_SIGNATURES, Verdict, is_signed, sign, verify
from mailgw.dkim_child import verify_apart
from mailgw.headers import read_headers

PLAIN, ARABIC = "health.test", "xn--ogbhx.xn--mgbtx2b"
BODY = "السلام عليكم  \r\n\r\nنص \t الكتاب\r\n.\r\n\r\n\r\n".encode()


@cache
def pair(domain: str, algorithm: str) -> tuple[DkimSigningKey, DkimPublicKey]:
    private, public = new_dkim_key(algorithm)
    selector = f"s-{algorithm}"
    return DkimSigningKey(domain, selector, algorithm, private), DkimPublicKey(selector, algorithm, public)


def keys(domain: str) -> list[DkimSigningKey]:
    return [pair(domain, algorithm)[0] for algorithm in ("ed25519", "rsa")]


def register(domain: str, *algorithms: str) -> dict[str, DkimPublicKey]:
    found = [pair(domain, algorithm)[1] for algorithm in algorithms or ("ed25519", "rsa")]
    return {key.selector: key for key in found}


def message(domain: str, body: bytes = BODY) -> bytes:
    return (
        f"From: =?utf-8?b?2K/ZitmI2KfZhg==?= <diwan@{domain}>\r\nTo: <diwan@interior.test>,\r\n <a@other.test>\r\n"
        "Subject: one\r\nDate: Sat, 28 Nov 2026 10:00:00 +0300\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nX-Other: two\r\n\r\n"
    ).encode() + body


def judged(raw: bytes, domain: str, known: dict[str, DkimPublicKey]) -> Verdict:
    return verify(raw, read_headers(raw), domain, known)


@pytest.mark.parametrize("domain", [PLAIN, ARABIC])
@pytest.mark.parametrize("body", [BODY, b"", b"x" * 998 + b"\r\n", b"VGhpcyBpcyBhIHRlc3Q=\r\n" * 47_000])
def test_both_signatures_hold_for_dkimpy_alone_and_for_us(domain: str, body: bytes) -> None:
    raw = message(domain, body)
    signed = sign(raw, keys(domain)) + raw
    for index, algorithm in enumerate(("ed25519", "rsa")):
        record = dkim_record(algorithm, pair(domain, algorithm)[1].public).encode()
        asked: list[bytes] = []

        def answer(name: bytes, timeout: int = 5, record: bytes = record, asked: list[bytes] = asked) -> bytes:
            asked.append(name)
            return record

        assert dkim.DKIM(signed).verify(index, dnsfunc=answer)
        assert asked == [f"s-{algorithm}._domainkey.{domain}.".encode()]
        assert judged(signed, domain, register(domain, algorithm)) == Verdict.PASS


@pytest.mark.parametrize("domain", [PLAIN, ARABIC])
@pytest.mark.parametrize("body", [BODY, b"VGhpcyBpcyBhIHRlc3Q=\r\n" * 47_000])
def test_opendkim_finds_our_signatures_good_and_altered_ones_bad(tmp_path: Path, domain: str, body: bytes) -> None:
    if shutil.which("opendkim") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("OpenDKIM is not installed (Debian: opendkim)")
    raw = message(domain, body)
    for key, public in (pair(domain, "ed25519"), pair(domain, "rsa")):
        record = dkim_record(public.algorithm, public.public)
        (tmp_path / "keys").write_text(f"{key.selector}._domainkey.{domain} {record}\n")
        (tmp_path / "conf").write_text(f"TestPublicKeys {tmp_path}/keys\nMode v\nSyslog no\n")
        whole = sign(raw, [key]) + raw
        for octets, expected in ((whole, "succeeded"), (whole.replace(b"Subject: one", b"Subject: 1"), "failed")):
            (tmp_path / "message").write_bytes(octets)
            done = subprocess.run(
                ["opendkim", "-x", str(tmp_path / "conf"), "-v", "-t", str(tmp_path / "message")],
                capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert expected in done.stdout, done


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: one", b"Subject: two"),
        (b"\r\nSubject:", b"\r\nSubject: zero\r\nSubject:"),
        (b"From: =?", b"From: <diwan@other.test>\r\nFrom: =?"),
        (b"\r\nTo:", b"\r\nFrom: <diwan@other.test>\r\nTo:"),
        (b"\r\nTo:", b"\r\nCc: <more@other.test>\r\nTo:"),
        (b"\r\nTo:", b"\r\nReply-To: <more@other.test>\r\nTo:"),
        (b"\r\nTo:", b"\r\nSender: <more@other.test>\r\nTo:"),
        (b"text/plain", b"text/html"),
        (b"\r\n.\r\n", b"\r\n,\r\n"),
        (b"\r\n\r\n\r\n", b"\r\nmore\r\n"),
    ],
)
def test_a_change_of_what_is_signed_is_found(old: bytes, new: bytes) -> None:
    raw = message(PLAIN)
    signed = sign(raw, keys(PLAIN)) + raw
    fields, rest = signed[: -len(raw)], signed[-len(raw) :]
    changed = rest.replace(old, new, 1)
    assert changed != rest
    assert judged(fields + changed, PLAIN, register(PLAIN)) == Verdict.FAIL
    assert judged(fields + changed, PLAIN, register(PLAIN, "rsa")) == Verdict.FAIL


def test_trace_fields_and_white_space_may_change_on_the_way() -> None:
    raw = message(PLAIN)
    carried = b"Received: from a by b; now\r\n" + sign(raw, keys(PLAIN)) + raw.replace(b",\r\n <a@", b", <a@")
    assert judged(carried, PLAIN, register(PLAIN)) == Verdict.PASS


def test_who_is_unknown_is_told_from_who_is_not_signed_and_from_a_forgery() -> None:
    raw = message(PLAIN)
    signed = sign(raw, keys(PLAIN)) + raw
    assert judged(raw, PLAIN, register(PLAIN)) == Verdict.NONE
    assert judged(signed, PLAIN, {}) == Verdict.UNKNOWN
    assert judged(signed, "other.test", register(PLAIN)) == Verdict.NONE
    forged = {key.selector: key for key in register(ARABIC).values()}
    assert judged(signed, PLAIN, forged) == Verdict.FAIL
    assert is_signed(read_headers(signed), PLAIN)
    assert not is_signed(read_headers(raw), PLAIN)


def test_one_sound_signature_suffices_beside_a_broken_one() -> None:
    raw = message(PLAIN)
    first, second = sign(raw, keys(PLAIN)[:1]), sign(raw, keys(PLAIN)[1:])
    assert judged(first.replace(b"bh=", b"bh=AAAA", 1) + second + raw, PLAIN, register(PLAIN)) == Verdict.PASS


@pytest.mark.parametrize(
    "options",
    [
        {"length": True},
        {"canonicalize": (b"simple", b"simple"), "length": True},
        {"signature_algorithm": b"rsa-sha1"},
    ],
    ids=str,
)
def test_a_signature_of_a_part_or_by_sha1_counts_as_bad(options: dict[str, object]) -> None:
    raw = message(PLAIN)
    key, _ = pair(PLAIN, "rsa")
    pem = _pem(key)
    told = {"signature_algorithm": b"rsa-sha256", **options}
    field = dkim.DKIM(raw).sign(key.selector.encode(), PLAIN.encode(), pem, **told)
    assert judged(field + raw, PLAIN, register(PLAIN)) == Verdict.FAIL
    without_from = field.replace(b"h=from", b"h=fram", 1)
    assert judged(without_from + raw, PLAIN, register(PLAIN)) == Verdict.FAIL


def test_other_servers_canonical_forms_are_understood() -> None:
    raw = message(PLAIN)
    key, _ = pair(PLAIN, "rsa")
    for header in (b"simple", b"relaxed"):
        for body in (b"simple", b"relaxed"):
            field = dkim.DKIM(raw).sign(
                key.selector.encode(), PLAIN.encode(), _pem(key), canonicalize=(header, body),
                signature_algorithm=b"rsa-sha256",
            )  # fmt: skip
            assert judged(field + raw, PLAIN, register(PLAIN)) == Verdict.PASS


@pytest.mark.parametrize(
    "field",
    [
        b"v=1; a=rsa-sha256; d=health.test; s=s-rsa",
        b"v=1; a=rsa-sha256; d=health.test; s=s-rsa; h=from; bh=!; b=!",
        b"v=1; a=rsa-sha256; d=health.test; s=s-rsa; h=from; bh=AAA; b=AAAA; t=9999999999999999999999",
        b"v=1; a=rsa-sha256; d=health.test; s=s-rsa; h=from; bh=A===; b=A===",
        b"v=1; a=rsa-sha256; d=health.test; s=s-rsa; h=from:from; bh=; b=; i=@other",
        b"v=1; a=ed25519-sha256; d=health.test; s=s-ed25519; h=from; b=AAAA;"
        b" bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        b"v=2; a=x; c=a/b/c; d=health.test; s=s-rsa; h=from; bh=AAAA; b=AAAA",
    ],
)
def test_a_broken_field_in_the_bodys_name_is_bad(field: bytes) -> None:
    raw = b"DKIM-Signature: " + field + b"\r\n" + message(PLAIN, b"")
    assert judged(raw, PLAIN, register(PLAIN)) == Verdict.FAIL


def test_what_cannot_be_read_or_comes_in_masses_counts_for_nobody() -> None:
    raw = message(PLAIN)
    noise = b"DKIM-Signature: d=health.test; d=health.test\r\nDKIM-Signature: =;;=\r\n"
    assert judged(noise + raw, PLAIN, register(PLAIN)) == Verdict.NONE
    many = b"DKIM-Signature: v=1; d=elsewhere.test\r\n" * MOST_SIGNATURES
    assert judged(many + sign(raw, keys(PLAIN)) + raw, PLAIN, register(PLAIN)) == Verdict.NONE


def test_a_large_message_is_verified_in_a_process_of_its_own() -> None:
    raw = message(PLAIN, b"VGhpcyBpcyBhIHRlc3Q=\r\n" * 60_000)
    signed = sign(raw, keys(PLAIN)) + raw
    changed = signed.replace(b"Subject: one", b"Subject: two")

    async def ask(octets: bytes) -> Verdict:
        pieces = (octets[at : at + 100_000] for at in range(0, len(octets), 100_000))
        return await verify_apart(pieces, PLAIN, register(PLAIN), asyncio.Semaphore(1))

    assert [asyncio.run(ask(octets)) for octets in (signed, changed, raw)] == ["pass", "fail", "none"]
    with pytest.raises(Unavailable):
        asyncio.run(ask(b"no header\r\n"))


def test_public_keys_are_read_in_the_forms_people_have() -> None:
    for algorithm in ("ed25519", "rsa"):
        public = pair(PLAIN, algorithm)[1].public
        record = dkim_record(algorithm, public)
        zone = f'sel._domainkey IN TXT ( "{record[:40]}" "{record[40:]}" ) ; a key "of" none'
        assert read_dkim_public(public) == (algorithm, public)
        assert read_dkim_public(record.encode()) == (algorithm, public)
        assert read_dkim_public(zone.replace(' "of" none', "").encode()) == (algorithm, public)
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    weak = small.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for wrong in (b"", b"hello", b"p=", b"p=AAAA", b"\x30\x00", weak, "مفتاح".encode(), b"-----BEGIN X-----"):
        with pytest.raises(SignatureInvalid):
            read_dkim_public(wrong)


def _pem(key: DkimSigningKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat, load_der_private_key

    loaded = load_der_private_key(key.private, None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
