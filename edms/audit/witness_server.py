"""A witness over HTTP (C2SP tlog-witness): keeps the last checkpoint of each log, cosigns only what goes on from it."""

import base64
import binascii
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from crypto.checkpoints import TreeHead, opened, parsed
from crypto.cosignatures import WitnessKey, cosign, public_key
from crypto.errors import SignatureInvalid
from crypto.merkle import is_consistent
from edms.core.errors import Invalid
from edms.core.folders import sync_folder

LARGEST: Final = 64 * 1024
MOST_HASHES: Final = 63
SECONDS: Final = 10
ADD: Final = "/add-checkpoint"
LATEST: Final = "/latest"
SIZE_TYPE: Final = "text/x.tlog.size"
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers: an HTTP status, a body and its type."""

    status: int
    body: str = ""
    type: str = _TEXT


@dataclass(slots=True)
class Witness:
    """The memory and the key of a witness in a folder of its own; ``logs`` are the public keys (DER) by origin."""

    folder: Path
    name: str
    logs: Mapping[str, Sequence[bytes]]
    clock: Callable[[], float] = time.time
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def key(self) -> WitnessKey:
        """Return the witness's public key; makes the key when there is none."""
        return public_key(self.name, self._private())

    def add(self, request: str) -> Answer:
        """Answer ``add-checkpoint``: 200 with the cosignature, 400 for what is no request, 404 for a log that it does
        not know, 403 when no key of the log signed, 409 with the size it knows, 422 for a proof that does not hold.
        """  # fmt: skip
        try:
            old, proof, note = _read(request)
            head = parsed(note)
        except (ValueError, SignatureInvalid):
            return Answer(400, "this is no request to cosign a checkpoint\n")
        keys = self.logs.get(head.origin)
        if keys is None:
            return Answer(404, "this witness does not know the log\n")
        if not any(_signed_by(note, key) for key in keys):
            return Answer(403, "no key of the log signed the checkpoint\n")
        if old > head.size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        with self._mutex:
            return self._judge(old, proof, head, note)

    def latest(self, origin: str) -> Answer:
        """Answer with the last checkpoint of a log, cosigned; 404 when there is none."""
        path = self._path(origin)
        return Answer(200, path.read_text("utf-8")) if path.is_file() else Answer(404, "nothing is known of the log\n")

    def _judge(self, old: int, proof: Sequence[bytes], head: TreeHead, note: str) -> Answer:
        path = self._path(head.origin)
        known = parsed(path.read_text("utf-8")) if path.is_file() else TreeHead(head.origin, 0, sha256().digest())
        if old != known.size or (old == head.size and known.root != head.root):
            return Answer(409, f"{known.size}\n", SIZE_TYPE)
        if not is_consistent(known.size, known.root, head.size, head.root, proof):
            return Answer(422, "the proof does not lead from the checkpoint that is known here to this one\n")
        line = cosign(head.text(), self.name, self._private(), int(self.clock()))
        _keep(path, f"{note.partition(chr(10) * 2)[0]}\n\n{_own(note, head.origin)}{line}".encode())
        return Answer(200, line)

    def _path(self, origin: str) -> Path:
        return self.folder / f"{sha256(origin.encode()).hexdigest()}.checkpoint"

    def _private(self) -> Ed25519PrivateKey:
        path = self.folder / "witness-key.pem"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            made = Ed25519PrivateKey.generate()
            _keep(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        key = load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise Invalid("audit.bad-witness-key", file=str(path))
        return key


def serve(witness: Witness, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server bound to an address (``port`` 0: any free one); the caller runs ``serve_forever``."""

    class Handler(_Handler):
        answering = witness

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server


def public_der(pem: bytes) -> bytes:
    """Return a public key given as PEM as DER; raises Invalid ``audit.bad-log-key``."""
    try:
        return load_pem_public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid("audit.bad-log-key") from error


class _Handler(BaseHTTPRequestHandler):
    answering: ClassVar[Witness]
    timeout = SECONDS  # of each read
    server_version, sys_version = "diwan-witness", ""

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if urlsplit(self.path).path != ADD:
            self._tell(Answer(404))
        elif not length.isascii() or not length.isdigit() or int(length) > LARGEST:
            self._tell(Answer(413 if length.isdigit() else 411))
        else:
            data = self.rfile.read(int(length))
            self._tell(self.answering.add(data.decode("utf-8", "replace")))

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        origin = parse_qs(asked.query).get("origin", [""])[0]
        self._tell(self.answering.latest(origin) if asked.path == LATEST else Answer(404))

    def log_message(self, *_: object) -> None:
        """Write nothing: the service manager sees the process, the memory is in the folder."""

    def _tell(self, answer: Answer) -> None:
        data = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _read(request: str) -> tuple[int, list[bytes], str]:
    """Return old size, proof and note of a request; raises ValueError."""
    before, separator, note = request.partition("\n\n")
    first, *hashes = before.split("\n")
    word, _, size = first.partition(" ")
    if word != "old" or not separator or not size.isascii() or not size.isdigit() or str(int(size)) != size:
        raise ValueError("no old size")
    if len(hashes) > MOST_HASHES:
        raise ValueError("too many hashes")
    try:
        return int(size), [base64.b64decode(each, validate=True) for each in hashes], note
    except binascii.Error as error:
        raise ValueError("no hash") from error


def _signed_by(note: str, key: bytes) -> bool:
    try:
        opened(note, key)
    except SignatureInvalid:
        return False
    return True


def _own(note: str, origin: str) -> str:
    """Return the signature lines of the log itself; those of other witnesses are not kept."""
    lines = note.partition("\n\n")[2].split("\n")
    return "".join(f"{line}\n" for line in lines if line.startswith(f"\N{EM DASH} {origin} "))


def _keep(path: Path, data: bytes) -> None:
    """Put a file in place whole and durable, readable by its owner alone."""
    aside = path.with_suffix(".new")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)
