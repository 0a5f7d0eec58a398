"""Parts are looked up by type and opened once, on first use."""

import threading
import time
from typing import Protocol

import pytest

from edms.core.parts import Parts


class Port(Protocol):
    def serve(self) -> str: ...


class Adapter:
    def serve(self) -> str:
        return "served"


def test_a_part_is_found_by_its_port() -> None:
    parts = Parts()
    parts.put(Port, Adapter())
    assert parts[Port].serve() == "served"


def test_a_part_is_opened_on_first_use_and_once_only() -> None:
    parts, opened = Parts(), []

    def make() -> Adapter:
        time.sleep(0.01)
        opened.append(1)
        return Adapter()

    parts.offer(Adapter, make)
    assert not opened
    threads = [threading.Thread(target=lambda: parts[Adapter]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == [1]


def test_a_maker_may_ask_for_another_part() -> None:
    parts = Parts()
    parts.offer(Adapter, Adapter)
    parts.offer(Port, lambda: parts[Adapter])
    assert parts[Port] is parts[Adapter]


def test_a_maker_that_failed_is_asked_again() -> None:
    parts, tries = Parts(), []

    def make() -> Adapter:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not yet")
        return Adapter()

    parts.offer(Adapter, make)
    with pytest.raises(OSError, match="not yet"):
        _ = parts[Adapter]
    assert parts[Adapter].serve() == "served"


def test_a_missing_part_is_a_fault() -> None:
    with pytest.raises(KeyError):
        _ = Parts()[Adapter]
