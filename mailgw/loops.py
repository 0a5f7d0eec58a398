"""Which event loop a process runs on: uvloop where it is installed, asyncio's own elsewhere."""

import asyncio
from collections.abc import Callable
from importlib import import_module, util

Factory = Callable[[], asyncio.AbstractEventLoop]


def loop_factory(choice: str) -> Factory:
    """Return what makes the loop of ``choice`` (``auto``, ``asyncio`` or ``uvloop``).

    ``auto`` is uvloop when it is installed. Raises ModuleNotFoundError when ``uvloop`` is asked for and is not.
    """
    if choice == "asyncio" or (choice == "auto" and util.find_spec("uvloop") is None):
        return asyncio.new_event_loop
    factory: Factory = import_module("uvloop").new_event_loop
    return factory
