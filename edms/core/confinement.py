"""What a child process that reads hostile files may do: compute, read its pipe and answer; nothing else.

A process that may open no file descriptor any more reads no file (keys lie on the same disk), writes none and makes no
connection. So all modules are loaded, and all that they load lazily is asked for, before :func:`confine` is called.
"""

import codecs
import ctypes
import os
import resource
from importlib import import_module
from typing import Final

_ENCODINGS: Final = ("ascii", "latin-1", "cp1252", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
_PR_SET_DUMPABLE: Final = 4
_LAZY: Final = ("numpy.ma", "numpy.fft", "numpy.linalg", "numpy.random")

CHILD_ENVIRONMENT: Final = {
    "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
}  # fmt: skip
"""Of what a child is started with; its libraries start no threads, since it may start no process either."""


def hide_memory() -> None:
    """Let no other process of this account read or write the memory of this one (prctl(2)), and no core dump hold it.

    What has taken over a child that reads hostile files could else read the keys out of the process that started it.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def confine(*, memory: int, seconds: int) -> None:
    """Limit this process for good: octets of memory, seconds of processor time, and none of anything else."""
    for name in _ENCODINGS:
        codecs.lookup(name)
    for name in _LAZY:
        import_module(name)
    import_module("PIL.Image").init()
    hide_memory()
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 0,
    }
    for limit, value in limits.items():
        _, hard = resource.getrlimit(limit)
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (least, least))
