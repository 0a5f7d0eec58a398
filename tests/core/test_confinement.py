"""A program that holds keys shows its memory to no other process of its account."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOLDER = """
    import ctypes, os, sys
    sys.path.insert(0, {root!r})
    from config.settings import load
    from edms.wiring import parts_of
    secret = b"held by one process alone"
    os.setuid({user})
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as a program is that was begun by this account
    {hide}
    print(os.getpid(), id(secret) + bytes.__basicsize__ - 1, len(secret), flush=True)
    sys.stdin.read()
"""
THIEF = """
    import ctypes, os, sys
    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
    pid, place, size = map(int, sys.argv[1:])
    into = ctypes.create_string_buffer(size)
    ours, theirs = Piece(ctypes.addressof(into), size), Piece(place, size)
    os.setuid({user})
    libc = ctypes.CDLL(None, use_errno=True)
    read = libc.process_vm_readv(pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
    print(into.raw.decode() if read == size else os.strerror(ctypes.get_errno()))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another account")
@pytest.mark.parametrize(("hide", "seen"), [
    ("parts_of(load(None, {}))", "Operation not permitted"), ("", "held by one process alone"),
])  # fmt: skip
def test_a_process_of_the_same_account_reads_no_key_of_a_program(hide: str, seen: str) -> None:
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if not hide and scope.exists() and scope.read_text().strip() != "0":
        seen = "Operation not permitted"  # this kernel lets nobody look anyway
    user = 65534
    said = textwrap.dedent(HOLDER).format(root=str(ROOT), user=user, hide=hide)
    holder = subprocess.Popen([sys.executable, "-c", said], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout is not None
        where = holder.stdout.readline().split()
        thief = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(THIEF).format(user=user), *where],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        holder.kill()
    assert thief.stdout.strip() == seen
