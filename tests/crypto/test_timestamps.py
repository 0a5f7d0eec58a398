"""Time-stamps: our tokens hold under OpenSSL; an outside authority is believed only when all of its answer holds."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from asn1crypto import algos, cms, tsp

from crypto.certificates import CA_ISSUING, chain_pem, issue_certificate, issuing_certificate, root_certificate
from crypto.digests import sha256
from crypto.errors import TimestampUnavailable
from crypto.keystore_file import FileKeyStore, create_key_file
from crypto.remote_timestamps import RemoteTimeStamper
from crypto.root_file import new_root_key
from crypto.timestamp_tokens import Response, TokenSigner, new_request, time_of
from crypto.timestamps import REPLY_TYPE, LocalTimeStamper

NOW = datetime.now(UTC).replace(microsecond=0)
START = NOW - timedelta(days=1)
DATA = "وزارة الموارد المائية".encode()
DIGEST = sha256(DATA)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


@dataclass(frozen=True)
class Authority:
    """A whole authority: key store, root and issuing certificate."""

    keys: FileKeyStore
    root: bytes
    issuing: bytes

    @property
    def chain(self) -> tuple[bytes, bytes]:
        return self.issuing, self.root

    def certificate(self, usage: str = "tsa", *, days: int = 365) -> bytes:
        self.keys.create("tsa")
        return issue_certificate(
            self.keys, self.issuing, public_key=self.keys.public_key("tsa"), common_name="ساعة الديوان",
            organization="ديوان", serial_number_attr=None, usage=usage, not_before=START, days=days,  # type: ignore[arg-type]
        )  # fmt: skip

    def sign(self, data: bytes) -> bytes:
        return self.keys.sign("tsa", data)

    def stamper(self, **changed: object) -> LocalTimeStamper:
        return LocalTimeStamper(self.sign, self.certificate(), self.chain, **changed)  # type: ignore[arg-type]


def authority(folder: Path) -> Authority:
    secret = os.urandom(32)
    create_key_file(folder / "keys", secret)
    keys, root_key = FileKeyStore(folder / "keys", secret), new_root_key()
    root = root_certificate(root_key.private, name="سلطة الجذر", not_before=START)
    keys.create(CA_ISSUING)
    public = keys.public_key(CA_ISSUING)
    issuing = issuing_certificate(root_key.private, root, public_key=public, name="سلطة الجذر", not_before=START)
    return Authority(keys, root, issuing)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("theirs"))


def openssl(*arguments: str) -> str:
    found = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    return found.stdout + found.stderr


@needs_openssl
def test_openssl_verifies_our_token_and_our_answer(ours: Authority, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "root.pem").write_bytes(chain_pem(ours.root))
    openssl("ts", "-query", "-data", str(tmp_path / "data"), "-sha256", "-cert", "-out", str(tmp_path / "query"))
    (tmp_path / "reply").write_bytes(ours.stamper().answer((tmp_path / "query").read_bytes()))
    (tmp_path / "token").write_bytes(ours.stamper().token(DIGEST))
    root = ["-CAfile", str(tmp_path / "root.pem")]
    by_query = openssl("ts", "-verify", "-queryfile", str(tmp_path / "query"), "-in", str(tmp_path / "reply"), *root)
    assert "Verification: OK" in by_query
    told = openssl("ts", "-verify", "-data", str(tmp_path / "data"), "-in", str(tmp_path / "token"), "-token_in", *root)
    assert "Verification: OK" in told
    (tmp_path / "data").write_bytes(DATA + b".")
    other = openssl(
        "ts", "-verify", "-data", str(tmp_path / "data"), "-in", str(tmp_path / "token"), "-token_in", *root
    )
    assert "Verification: OK" not in other


@needs_openssl
@pytest.mark.parametrize(("hash_name", "verdict"), [("sha384", "OK"), ("sha512", "OK"), ("sha1", "FAILED")])
def test_outsiders_may_ask_with_stronger_hashes_only(
    ours: Authority, tmp_path: Path, hash_name: str, verdict: str
) -> None:
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "root.pem").write_bytes(chain_pem(ours.root))
    query, reply = str(tmp_path / "query"), str(tmp_path / "reply")
    openssl("ts", "-query", "-data", str(tmp_path / "data"), f"-{hash_name}", "-cert", "-out", query)
    Path(reply).write_bytes(ours.stamper().answer(Path(query).read_bytes()))
    found = openssl("ts", "-verify", "-queryfile", query, "-in", reply, "-CAfile", str(tmp_path / "root.pem"))
    assert f"Verification: {verdict}" in found


@pytest.mark.parametrize("request_der", [b"", b"x", b"0\x03\x02\x01\x01", os.urandom(200)])
def test_what_is_no_request_is_refused_in_the_form_of_an_answer(ours: Authority, request_der: bytes) -> None:
    answer = Response.load(ours.stamper().answer(request_der))
    assert answer["status"]["status"].native == "rejection"
    assert answer["status"]["fail_info"].native == {"bad_data_format"}


def test_a_request_for_another_policy_is_refused(ours: Authority) -> None:
    asked = tsp.TimeStampReq(
        {
            "version": "v1", "req_policy": "1.2.3.4",
            "message_imprint": {
                "hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": DIGEST,
            },
        }
    )  # fmt: skip
    answer = Response.load(ours.stamper().answer(asked.dump()))
    assert answer["status"]["fail_info"].native == {"unaccepted_policy"}


def test_tokens_say_the_time_and_never_share_a_number(ours: Authority) -> None:
    stamper = ours.stamper(clock=lambda: NOW)
    tokens = [stamper.token(DIGEST) for _ in range(20)]
    assert {time_of(token) for token in tokens} == {NOW}
    infos = [cms.ContentInfo.load(token)["content"]["encap_content_info"]["content"].parsed for token in tokens]
    assert len({info["serial_number"].native for info in infos}) == 20


def test_a_clock_that_was_set_back_tells_no_time_until_it_has_caught_up(ours: Authority) -> None:
    shown = [NOW, NOW, NOW - timedelta(seconds=3), NOW - timedelta(days=2), NOW + timedelta(seconds=1)]
    stamper = ours.stamper(clock=iter(shown).__next__)
    stamper.token(DIGEST)
    stamper.token(DIGEST)
    with pytest.raises(TimestampUnavailable, match=r"timestamp\.clock-back"):
        stamper.token(DIGEST)
    stamper.token(DIGEST)


def test_a_clock_before_what_is_known_to_have_happened_tells_no_time(ours: Authority) -> None:
    stamper = ours.stamper(clock=lambda: NOW, not_before=NOW + timedelta(hours=1))
    with pytest.raises(TimestampUnavailable, match=r"timestamp\.clock-back"):
        stamper.token(DIGEST)
    asked, _ = new_request(DIGEST)
    assert Response.load(stamper.answer(asked))["status"]["fail_info"].native == {"time_not_available"}


def test_a_clock_outside_the_certificate_tells_no_time(ours: Authority) -> None:
    with pytest.raises(TimestampUnavailable, match=r"timestamp\.clock-outside"):
        ours.stamper(clock=lambda: NOW + timedelta(days=4000)).token(DIGEST)


Reply = Callable[[bytes], bytes | None]


@contextmanager
def serving(reply: Reply, *, content_type: str = REPLY_TYPE, status: int = 200) -> Iterator[str]:
    """Serve an outside authority on loopback; a reply of None says nothing for two seconds."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = reply(self.rfile.read(int(self.headers["Content-Length"])))
            if body is None:
                time.sleep(2)
                return
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/tsa"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def changed_request(request: bytes, **fields: object) -> bytes:
    asked = tsp.TimeStampReq.load(request)
    for name, value in fields.items():
        if name == "digest":
            asked["message_imprint"]["hashed_message"] = value
        else:
            asked[name] = value
    return bytes(asked.dump(force=True))


def test_an_outside_authority_is_believed_under_its_root(ours: Authority, theirs: Authority) -> None:
    with serving(theirs.stamper().answer) as url:
        token = RemoteTimeStamper(url, 5, [theirs.root]).token(DIGEST)
        assert abs(time_of(token) - datetime.now(UTC)) < timedelta(seconds=5)
        with pytest.raises(TimestampUnavailable, match="chain"):
            RemoteTimeStamper(url, 5, [ours.root]).token(DIGEST)


def test_an_outside_authority_that_is_down_or_slow_is_a_clear_refusal_in_time(theirs: Authority) -> None:
    with serving(theirs.stamper().answer) as url:
        pass
    with pytest.raises(TimestampUnavailable, match=r"timestamp\.unreachable"):
        RemoteTimeStamper(url, 5, [theirs.root]).token(DIGEST)
    began = time.monotonic()
    with serving(lambda _request: None) as url, pytest.raises(TimestampUnavailable, match=r"timestamp\.unreachable"):
        RemoteTimeStamper(url, 0.3, [theirs.root]).token(DIGEST)
    assert time.monotonic() - began < 4


def wrong_answers(theirs: Authority) -> dict[str, tuple[Reply, str]]:
    stamper = theirs.stamper()
    answer, signer = stamper.answer, TokenSigner(theirs.sign, theirs.certificate(), theirs.chain)

    def granted(token: bytes) -> bytes:
        content = cms.ContentInfo.load(token)
        return bytes(Response({"status": {"status": "granted"}, "time_stamp_token": content}).dump())

    def by(usage: str) -> Reply:
        other = TokenSigner(theirs.sign, theirs.certificate(usage), theirs.chain)
        return lambda asked: granted(
            other.token(DIGEST, "sha256", when=NOW, nonce=tsp.TimeStampReq.load(asked)["nonce"].native)
        )

    def flipped(asked: bytes) -> bytes:
        good = bytearray(answer(asked))
        good[-20] ^= 1
        return bytes(good)

    return {
        "nonce": (lambda asked: answer(changed_request(asked, nonce=7)), "nonce"),
        "no-nonce": (lambda _asked: granted(signer.token(DIGEST, "sha256", when=NOW)), "nonce"),
        "imprint": (lambda asked: answer(changed_request(asked, digest=bytes(32))), "imprint"),
        "refusal": (lambda _asked: answer(b"nonsense"), r"timestamp\.refused"),
        "signature": (flipped, r"timestamp\.bad-answer"),
        "cut": (lambda asked: answer(asked)[:-30], r"timestamp\.bad-answer"),
        "appended": (lambda asked: answer(asked) + b"\0", r"timestamp\.bad-answer"),
        "nonsense": (lambda _asked: b"<html>", r"timestamp\.bad-answer"),
        "empty": (lambda _asked: b"", r"timestamp\.bad-answer"),
        "huge": (lambda _asked: bytes(100_000), "size"),
        "a seal": (by("seal"), r"timestamp\.bad-answer"),
        "a server": (by("server"), r"timestamp\.bad-answer"),
        "no certificates": (lambda asked: answer(changed_request(asked, cert_req=False)), r"timestamp\.bad-answer"),
        "old": (
            lambda asked: theirs.stamper(clock=lambda: NOW - timedelta(hours=2)).answer(asked),
            r"timestamp\.clocks-differ",
        ),
    }


@pytest.mark.parametrize(
    "which",
    ["nonce", "no-nonce", "imprint", "refusal", "signature", "cut", "appended", "nonsense", "empty", "huge", "a seal",
     "a server", "no certificates", "old"],
)  # fmt: skip
def test_no_wrong_answer_is_taken(theirs: Authority, which: str) -> None:
    reply, why = wrong_answers(theirs)[which]
    with serving(reply) as url, pytest.raises(TimestampUnavailable, match=why):
        RemoteTimeStamper(url, 5, [theirs.root]).token(DIGEST)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_page_instead_of_an_answer_is_not_followed(theirs: Authority, status: int) -> None:
    with (
        serving(theirs.stamper().answer, status=status) as url,
        pytest.raises(TimestampUnavailable, match=r"timestamp\.unreachable"),
    ):
        RemoteTimeStamper(url, 5, [theirs.root]).token(DIGEST)
    with (
        serving(theirs.stamper().answer, content_type="text/html") as url,
        pytest.raises(TimestampUnavailable, match="content-type"),
    ):
        RemoteTimeStamper(url, 5, [theirs.root]).token(DIGEST)
