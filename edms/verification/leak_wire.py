"""What the children of a look-up say and hear over their socket: lines of JSON, some followed by bare octets."""

import json
import socket
from typing import Any


class Wire:
    """The end of a child."""

    def __init__(self, connection: socket.socket) -> None:
        self._source, self._sink = connection.makefile("rb"), connection.makefile("wb")

    def hear(self) -> dict[str, Any]:
        """Return the next line, empty when nobody speaks any more."""
        told: dict[str, Any] = json.loads(self._source.readline() or b"{}")
        return told

    def octets(self, size: int) -> bytes:
        """Return the octets that follow a line; fewer when nobody speaks any more."""
        return self._source.read(size)

    def tell(self, value: dict[str, Any], block: bytes | memoryview = b"") -> None:
        """Say a line, and the octets that follow it."""
        self._sink.write(json.dumps(value).encode() + b"\n")
        self._sink.write(block)
        self._sink.flush()
