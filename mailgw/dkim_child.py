"""Verifying the signature of a large message in a process of its own: dkimpy copies a message several times over.

On the standard input: one line of JSON (domain, keys in base64 by selector), then the message. The answer is a verdict.
"""

import asyncio
import base64
import json
import os
import resource
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Final

from crypto.dkim_keys import DkimPublicKey
from edms.core.errors import Unavailable
from mailgw.dkim import Verdict, verify
from mailgw.headers import read_headers

SECONDS: Final = 60
MEMORY: Final = 2 << 30
_HOME: Final = str(Path(__file__).parents[1])


async def verify_apart(
    chunks: Iterable[bytes], domain: str, keys: Mapping[str, DkimPublicKey], one: asyncio.Semaphore
) -> Verdict:
    """Return what ``dkim.verify`` returns, from a child; ``one`` lets few run at a time. Raises Unavailable."""
    told = {key.selector: [key.algorithm, base64.b64encode(key.public).decode()] for key in keys.values()}
    first = json.dumps({"domain": domain, "keys": told}).encode() + b"\n"
    async with one:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "mailgw.dkim_child", stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd="/",
            env={"PYTHONPATH": _HOME, "LANG": "C.UTF-8", "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        try:
            answer = await asyncio.wait_for(_told(child, first, chunks), SECONDS)
            return Verdict(answer.decode())
        except (TimeoutError, ConnectionError, ValueError) as error:
            raise Unavailable("dkim.no-verdict") from error
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()


async def _told(child: asyncio.subprocess.Process, first: bytes, chunks: Iterable[bytes]) -> bytes:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(first)
    async for chunk in _off_loop(chunks):
        child.stdin.write(chunk)
        await child.stdin.drain()
    child.stdin.close()
    answer = await child.stdout.read()
    await child.wait()
    return answer


async def _off_loop(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield pieces of a message that lies encrypted on disk, each read in a thread."""
    pieces = iter(chunks)
    while (piece := await asyncio.to_thread(next, pieces, b"")) != b"":
        yield piece


def main() -> None:
    """Answer one question."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    told = json.loads(sys.stdin.buffer.readline())
    keys = {
        selector: DkimPublicKey(selector, algorithm, base64.b64decode(public))
        for selector, (algorithm, public) in told["keys"].items()
    }
    raw = sys.stdin.buffer.read()
    sys.stdout.write(verify(raw, read_headers(raw), told["domain"], keys))


if __name__ == "__main__":
    main()
