"""``python -m tests.registry.issuing_process ACTOR``: issues the letters named on standard input, in 25 threads.

Each issued letter is one line ``ID NUMBER`` on standard output, each failure ``! ID WHY``; the process may be killed at
any moment, and what it had not issued is given to its successor.
"""

import os
import queue
import sys
import threading
from uuid import UUID

from config.settings import load
from edms.accounts.service import actor_of_employee
from edms.content.store import ContentStore
from edms.core.actor import system_actor
from edms.core.database import Database
from edms.entities.keyring import Keyring
from edms.letters.issuing import issue
from edms.letters.printing_plan import Printing
from edms.registry.service import TurnQueue
from edms.wiring import parts_of

THREADS = 25


def main() -> None:
    parts = parts_of(load(None, os.environ))
    with parts[Database].work(system_actor("operator")) as uow:
        actor = actor_of_employee(uow, sys.argv[1])
    waiting: queue.SimpleQueue[UUID] = queue.SimpleQueue()
    for line in sys.stdin:
        waiting.put(UUID(line.strip()))
    speak = threading.Lock()

    def say(line: str) -> None:
        with speak:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def work() -> None:
        while True:
            try:
                letter_id = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                made = issue(
                    parts[Database], actor, letter_id, turns=parts[TurnQueue], store=parts[ContentStore],
                    keys=parts[Keyring], printing=parts[Printing],
                )  # fmt: skip
                say(f"{letter_id} {made.number}")
            except Exception as error:
                say(f"! {letter_id} {error!r}")

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
