"""A person's ordinary mail from the own program to a body of another installation, through every process on the way."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from email.utils import format_datetime
from pathlib import Path

import dkim
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from crypto.dkim_keys import dkim_record
from edms.content import service as content
from edms.core.clock import utc_now
from edms.dispatch import queue as queues
from edms.dispatch.models import OutboxItem
from edms.dispatch.rules import ItemState
from edms.entities.commands import installation
from edms.entities.dkim_keys import dkim_keys_of
from edms.entities.queries import entity_by_code
from edms.intake.models import ReceivedMessage
from tests.factories.world import OPERATOR, PASSWORD, World
from tests.mailgw.processes import fork, free_port, listens, two_worlds, until
from tests.mailgw.submission import authority
from tests.zygote import Zygote

OWN, NEAR, FAR = "moh.gov.example", "moe.gov.example", "basra.gov.example"
PERSON, OTHER = f"employee.a@{OWN}", f"colleague.a@{OWN}"


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[World, World, int]]:
    """Two installations with gateways and the first one's relay as processes, and its port for submission."""
    north, south = two_worlds(tmp_path)
    file = str(tmp_path / "north.json")
    for world, words in ((north, ["export", "-o", file]), (south, ["import", file])):
        assert CliRunner().invoke(installation, words, obj=world.parts).exit_code == 0
    port = free_port()
    zygote = Zygote("mailgw")
    with ExitStack() as stack:
        stack.callback(zygote.close)
        for world, verb, variable in ((south, "receive", "0"), (north, "receive", str(port)), (north, "relay", "0")):
            stack.callback(zygote.stop, fork(zygote, world, verb, DIWAN_GATEWAY_SUBMISSION_PORT=variable))
        assert until(lambda: listens(port) and listens(south.settings.gateway.port), 120)
        yield north, south, port


def swaks(world: World, port: int, data: Path, sender: str, *recipients: str) -> "subprocess.CompletedProcess[str]":
    """Submit a file as the person PERSON with the password of the pages, from an address."""
    program = shutil.which("swaks")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("swaks is not installed")
    root = data.with_name("authority.pem")
    root.write_bytes(authority(world))
    words = ["--server", "127.0.0.1", "--port", str(port), "--tls", "--tls-verify", "--tls-ca-path", str(root)]
    words += ["--auth", "PLAIN", "--auth-user", PERSON, "--auth-password", PASSWORD, "--helo", "pc.moh.gov.example"]
    words += ["--from", sender, "--to", ",".join(recipients), "--data", f"@{data}"]
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)


def written(folder: Path, sender: str) -> Path:
    """Write a mail from an address to a body near and one far; swaks adds the last line's end."""
    file = folder / "mail.eml"
    file.write_bytes(
        f"From: <{sender}>\r\nTo: <diwan@{FAR}>, <diwan@{NEAR}>\r\nSubject: =?utf-8?b?2KrYudmF2YrZhQ==?=\r\n"
        f"Date: {format_datetime(utc_now())}\r\nMessage-ID: <1@pc.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "2KfZhNiz2YTYp9mFINi52YTZitmD2YU=".encode()
    )
    return file


def intake(world: World) -> list[tuple[ReceivedMessage, bytes]]:
    with world.database.read(OPERATOR) as uow:
        return [
            (row, content.read(uow, row.raw_file_id, entity_id=row.entity_id, store=world.store, keys=world.keyring))
            for row in uow.session.scalars(select(ReceivedMessage))
        ]


def test_a_persons_mail_reaches_a_body_far_and_one_near_once_and_signed(
    two: tuple[World, World, int], tmp_path: Path
) -> None:
    north, south, port = two
    forged = swaks(north, port, written(tmp_path, OTHER), OTHER, f"diwan@{FAR}")
    assert (forged.returncode, "550 5.7.1" in forged.stdout, PERSON in forged.stdout) == (23, True, True), forged.stdout
    hidden = swaks(north, port, written(tmp_path, OTHER), PERSON, f"diwan@{FAR}")
    assert (hidden.returncode, "550 5.7.1" in hidden.stdout) == (26, True), hidden.stdout
    file = written(tmp_path, PERSON)
    done = swaks(north, port, file, PERSON, f"diwan@{FAR}", f"diwan@{NEAR}")
    assert done.returncode == 0, done.stdout
    assert "250 2.0.0 Ok: 0 registered, 1 waiting for the registry, 1 queued to be sent, 0 repeated" in done.stdout
    assert until(lambda: states(north) == {ItemState.ACCEPTED: 1})
    ((here, near),) = intake(north)
    ((there, far),) = intake(south)
    assert (here.entity_id, there.entity_id) == (north.entity_b.id, south.entity_a.id)
    assert (there.kind, there.state, there.times_received) == ("untyped", "waiting", 1)
    assert near == file.read_bytes() + b"\r\n"
    assert far.endswith(near)
    with south.database.read(OPERATOR) as uow:
        keys = dkim_keys_of(uow, entity_by_code(uow, north.entity_a.code).id)
    records = {f"{key.selector}._domainkey.{OWN}.": dkim_record(key.algorithm, key.public_key) for key in keys}
    for index in range(2):
        assert dkim.DKIM(far).verify(index, dnsfunc=lambda name, timeout=5: records[name.decode()].encode())
    with north.database.read(north.actor("a", "registry")) as uow:
        (line,) = queues.queue(uow, queues.Asked(states=(ItemState.ACCEPTED,)))
    assert (line.kind, line.mailbox, line.message_id, line.attempts) == ("mail", "diwan", "1@pc.example", 1)
    assert line.last_reply.startswith("250 2.0.0")


def states(world: World) -> Counter[str]:
    """Count the consignments of a world by their state."""
    with world.database.read(OPERATOR) as uow:
        return Counter(uow.session.scalars(select(OutboxItem.state)))
