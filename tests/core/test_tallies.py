"""Counts of processes: added up, never lost by a restart, never doubled."""

import os
import subprocess
import sys
from pathlib import Path

from edms.core.tallies import FOLDER, Tallies, cumulated, read_all


def some() -> Tallies:
    found = Tallies()
    found.count("accepted", 2, reason="ok")
    found.count("accepted", reason="ok")
    found.observe("seconds", 0.02)
    found.observe("seconds", 99)
    return found


def test_counts_of_all_processes_are_added_up(tmp_path: Path) -> None:
    some().write(tmp_path, "receive")
    some().write(tmp_path, "relay")
    found = read_all(tmp_path)
    assert found.counts == {("accepted", (("reason", "ok"),)): 6}
    timing = found.timings["seconds", ()]
    assert timing.total == 2 * (0.02 + 99)
    assert dict(cumulated(timing.counts)) | {"0.01": 0, "0.025": 2, "10.0": 2, "+Inf": 4} == dict(
        cumulated(timing.counts)
    )


def test_a_process_takes_over_the_counts_of_those_that_ended(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    some().write(tmp_path, "receive")
    mine = tmp_path / FOLDER / f"receive-{os.getpid()}.json"
    mine.rename(mine.with_name(f"receive-{int(ended.stdout)}.json"))
    some().write(tmp_path, "relay")
    running = mine.with_name(f"receive-{os.getppid()}.json")
    running.write_bytes((tmp_path / FOLDER / f"relay-{os.getpid()}.json").read_bytes())
    begun = Tallies()
    begun.take_over(tmp_path, "receive")
    assert begun.counts == {("accepted", (("reason", "ok"),)): 3}
    assert running.exists()
    begun.write(tmp_path, "receive")
    assert read_all(tmp_path).counts == {("accepted", (("reason", "ok"),)): 9}
    assert sorted(path.suffix for path in (tmp_path / FOLDER).iterdir()) == [".json"] * 3


def test_no_file_is_no_count(tmp_path: Path) -> None:
    assert not read_all(tmp_path).counts
