"""The worker goes on whatever a follower does, says nothing of what it read, and ends when asked."""

import threading

import pytest
from structlog.testing import capture_logs

from edms.core.errors import Unavailable
from edms.operation import worker
from edms.operation.worker import Follower


def test_followers_are_stepped_without_pause_while_work_is_left() -> None:
    stop, left = threading.Event(), [3, 2, 1]

    def step() -> int:
        if not left:
            stop.set()
            return 0
        return left.pop()

    worker.run([Follower("search", step)], stop=stop, poll_seconds=60)
    assert left == []


def test_failing_follower_waits_and_the_others_go_on() -> None:
    stop, steps = threading.Event(), []

    def fail() -> int:
        steps.append("fail")
        raise Unavailable("search.index-damaged", subject="م/ سرّ الدولة")

    def go_on() -> int:
        steps.append("go on")
        if steps.count("go on") == 3:
            stop.set()
        return 1

    with capture_logs() as logged:
        worker.run([Follower("search", fail), Follower("mail", go_on)], stop=stop, poll_seconds=60)
    assert steps == ["fail", "go on", "go on", "go on"]
    assert [line["follower"] for line in logged] == ["search"]
    assert logged[0]["error_id"]
    assert "سرّ" not in str(logged)


def test_catch_up_ends_when_nothing_is_left() -> None:
    left = [1, 4]
    assert worker.catch_up([Follower("search", lambda: left.pop() if left else 0)]) == 5


def test_catch_up_tells_what_a_follower_raises() -> None:
    def fail() -> int:
        raise Unavailable("database.unavailable")

    with pytest.raises(Unavailable):
        worker.catch_up([Follower("search", fail)])
