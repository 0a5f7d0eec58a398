"""Which processes of an installation run: each holds a shared lock on its file in the run folder while it lives."""

import fcntl
import os
from pathlib import Path


def hold(run_folder: Path, name: str) -> int:
    """Return a descriptor that marks ``name`` as running for as long as it, or a copy in a child, stays open."""
    run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(run_folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def sign(descriptor: int, process_id: int) -> None:
    """Write the process's number into the lock file, for messages."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{process_id}\n".encode(), 0)


def running(run_folder: Path, name: str) -> str | None:
    """Return the number of the process that runs as ``name`` ("?" if it is not written), or None when none does."""
    try:
        descriptor = os.open(run_folder / f"{name}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "?"
    finally:
        os.close(descriptor)
    return None
