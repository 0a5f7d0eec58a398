"""What runs now, in the data folder's ``run``: where our gateway listens, and which relay claims the outbox."""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from mailgw.envelope import Door

GATEWAY = "gateway.json"
_KEYS = {Door.PEERS: "port", Door.SUBMISSION: "submission_port", Door.IMPLICIT: "implicit_tls_port"}
_OWNER = "relay.owner"


def write_gateway(run_folder: Path, ports: Mapping[Door, int]) -> None:
    """Write ``gateway.json`` in one step: our process, and the port of each door that is open."""
    run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = run_folder / f"{GATEWAY}.{secrets.token_hex(4)}"
    found = {_KEYS[door]: port for door, port in ports.items()}
    aside.write_text(json.dumps({"pid": os.getpid(), **found}), "ascii")
    aside.rename(run_folder / GATEWAY)


def remove_gateway(run_folder: Path) -> None:
    """Remove our own ``gateway.json``; a file that another gateway wrote since stays."""
    if _read(run_folder / GATEWAY).get("pid") == os.getpid():
        (run_folder / GATEWAY).unlink(missing_ok=True)


def gateway_port(run_folder: Path) -> int | None:
    """Return the port on which a gateway of this data folder listens, or None when none said so."""
    return _read(run_folder / GATEWAY).get("port")


@dataclass(slots=True)
class Ownership:
    """A relay's hold on its data folder: ``predecessor`` is the dead relay whose leases it may take over."""

    descriptor: int
    predecessor: UUID | None
    owner: UUID

    def declare(self) -> None:
        """Say who owns the folder from here on: after the predecessor's leases were given back, before any claim.

        A relay that dies in between leaves its predecessor's name, so the next one gives those leases back.
        """
        if self.descriptor >= 0:
            os.pwrite(self.descriptor, f"{self.owner}\n".encode(), 0)

    def close(self) -> None:
        """Let go."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def own_relay(run_folder: Path, owner: UUID) -> Ownership:
    """Become the relay of this folder if no other lives: its lock ends with the process, however that ends."""
    run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(run_folder / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return Ownership(-1, None, owner)
    before = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
    predecessor = None
    with contextlib.suppress(ValueError):
        predecessor = UUID(before)
    return Ownership(descriptor, predecessor, owner)


def _read(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_text("ascii"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
