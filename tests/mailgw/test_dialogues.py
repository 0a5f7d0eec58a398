"""Every file of tests/dialogues is an SMTP conversation held with the real gateway on loopback.

A file is read line by line; blank lines and ``#`` comments are skipped.

``C: text``    send the line with CRLF; ``C raw: text`` without; \\r \\n \\t \\0 \\xNN are escapes;
               ``C x3: …`` three times. Lines sent without an ``S:`` between go out in one packet.
``S: regex``   read one whole reply; the regex must match from the begin of its last line (``S x3:`` three replies)
``S| regex``   … must match some line of the reply just read (``S!`` none)
``C64: text``  send it in base 64, as a step of AUTH
``TLS: peer``  make the handshake as ``far``, ``stranger`` or ``none`` (no certificate)
``PAUSE: s``   wait · ``END: eof`` the gateway closes
``STORED: n``  so many messages were taken · ``BODY: regex`` found in the last
``DOOR: submission``  at the top, come by that door (``implicit`` makes the handshake without a certificate first,
                      ``implicit far`` with one); else by ``peers``
``LIMITS: name=value …``  at the top, bounds of the gateway for this file

Each is held on both event loops. ``PLAIN(login, password)`` in a line stands for what AUTH PLAIN sends.
"""

import base64
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailgw.envelope import Door, Limits
from tests.mailgw.gateway import Sink, peer_tls, running_gateway

FOLDER = Path(__file__).parents[1] / "dialogues"
FILES = sorted(FOLDER.glob("*.smtp"))
STEP = re.compile(
    r"(?P<verb>STORED|LIMITS|DOOR|PAUSE|C raw|C64|BODY|TLS|END|S\||S!|C|S)(?: x(?P<times>\d+))?:? ?(?P<text>.*)\Z"
)

PLAIN = re.compile(r"PLAIN\((.*), (.*)\)")


class Conversation:
    """The client's side of one dialogue."""

    def __init__(self, port: int, sink: Sink, tls: str = "") -> None:
        self.sock: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        if tls:
            self.sock = peer_tls(tls).wrap_socket(self.sock)
        self.sink = sink
        self.pending = b""
        self.incoming = b""
        self.reply: list[str] = []

    def step(self, verb: str, text: str, times: int) -> None:
        act: Callable[[str], None] = {
            "C": self.say_line,
            "C raw": self.say,
            "C64": self.say_encoded,
            "S": self.expect,
            "S|": self.expect_line,
            "S!": self.expect_no_line,
            "TLS": self.handshake,
            "PAUSE": self.pause,
            "END": self.expect_end,
            "STORED": self.expect_stored,
            "BODY": self.expect_body,
        }[verb]
        for _ in range(times):
            act(text)

    def say(self, text: str) -> None:
        self.pending += unescape(text)

    def say_line(self, text: str) -> None:
        self.say(text + "\\r\\n")

    def say_encoded(self, text: str) -> None:
        self.pending += base64.b64encode(unescape(text)) + b"\r\n"

    def flush(self) -> None:
        octets, self.pending = self.pending, b""
        if octets:
            self.sock.sendall(octets)

    def expect(self, pattern: str) -> None:
        self.flush()
        self.reply = []
        while not self.reply or self.reply[-1][3:4] == "-":
            self.reply.append(self.line())
        assert re.match(pattern, self.reply[-1]), f"{self.reply!r} is not {pattern!r}"

    def expect_line(self, pattern: str) -> None:
        assert any(re.match(pattern, line) for line in self.reply), f"{pattern!r} is not in {self.reply!r}"

    def expect_no_line(self, pattern: str) -> None:
        assert not any(re.match(pattern, line) for line in self.reply), f"{pattern!r} is in {self.reply!r}"

    def line(self) -> str:
        while b"\r\n" not in self.incoming:
            chunk = self.sock.recv(4096)
            assert chunk, f"the gateway closed; last reply {self.reply!r}"
            self.incoming += chunk
        line, _, self.incoming = self.incoming.partition(b"\r\n")
        return line.decode("utf-8")

    def handshake(self, peer: str) -> None:
        self.flush()
        self.sock = peer_tls(peer).wrap_socket(self.sock)

    def pause(self, seconds: str) -> None:
        self.flush()
        time.sleep(float(seconds))

    def expect_end(self, _text: str) -> None:
        self.flush()
        try:
            assert self.sock.recv(4096) == b""
        except ConnectionResetError:
            return

    def expect_stored(self, number: str) -> None:
        assert len(self.sink.messages) == int(number)

    def expect_body(self, pattern: str) -> None:
        assert re.search(pattern.encode(), self.sink.messages[-1].raw)


def unescape(text: str) -> bytes:
    text = PLAIN.sub(lambda match: base64.b64encode(f"\0{match[1]}\0{match[2]}".encode()).decode(), text)
    return re.sub(rb"\\(r|n|t|0|x[0-9a-f]{2})", _octet, text.encode("utf-8"))


def _octet(match: re.Match[bytes]) -> bytes:
    named = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0"}
    return named.get(match[1]) or bytes.fromhex(match[1][1:].decode())


def read_steps(path: Path) -> list[tuple[str, str, int]]:
    steps = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            match = STEP.match(line)
            assert match, f"{path.name}:{number}: {line!r}"
            steps.append((match["verb"], match["text"], int(match["times"] or 1)))
    return steps


def read_limits(text: str) -> Limits:
    values = dict(word.split("=") for word in text.split())
    return Limits(**{name: type(getattr(Limits(), name))(value) for name, value in values.items()})


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dialogue_goes_as_written(path: Path, loop_name: str) -> None:
    steps = read_steps(path)
    told = {verb: text for verb, text, _ in steps if verb in {"LIMITS", "DOOR"}}
    door, _, certificate = told.get("DOOR", "peers").partition(" ")
    sink = Sink()
    with running_gateway(sink, read_limits(told.get("LIMITS", "")), loop_name=loop_name) as server:
        tls = (certificate or "none") if door == "implicit" else ""
        conversation = Conversation(server.ports[Door(door)], sink, tls)
        try:
            for verb, text, times in steps[len(told) :]:
                conversation.step(verb, text, times)
        finally:
            conversation.sock.close()


def test_dialogues_are_many() -> None:
    assert len(FILES) >= 25
