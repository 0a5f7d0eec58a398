"""One HTTP question to one address: within a time and a size, no redirect followed, no proxy used."""

import http.client
import ssl
import time
from typing import Final
from urllib.parse import urlsplit

_PIECE: Final = 8192


class NoAnswer(Exception):
    """The address did not answer as it should; ``why`` is short and of ours, never its text."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def ask(
    url: str, *, accept: str, timeout: float, largest: int, body: bytes | None = None, content_type: str = ""
) -> bytes:
    """Return the body of a 200 answer of media type ``accept``; POST when there is a ``body``, else GET.

    ``timeout`` seconds are for everything, however slowly the answer drips; ``largest`` is in octets. Raises NoAnswer.
    """
    end = time.monotonic() + timeout
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=timeout)
        )
    except ValueError as error:
        raise NoAnswer(type(error).__name__) from error
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept": accept, **({"Content-Type": content_type} if content_type else {})}
        connection.request("GET" if body is None else "POST", path, body, headers)
        return _read(connection, accept, largest, end)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(type(error).__name__) from error
    finally:
        connection.close()


def _read(connection: http.client.HTTPConnection, accept: str, largest: int, end: float) -> bytes:
    socket = connection.sock
    response = connection.getresponse()
    if response.status != http.client.OK:
        raise NoAnswer(f"HTTP {response.status}")
    if response.headers.get_content_type() != accept:
        raise NoAnswer("content-type")
    body = b""
    while len(body) <= largest:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if socket is not None and socket.fileno() >= 0:
            socket.settimeout(left)
        part = response.read1(_PIECE)
        if not part:
            return body
        body += part
    raise NoAnswer("size")
