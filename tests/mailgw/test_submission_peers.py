"""Mail clients that others wrote submit to the real gateway: swaks, Python's smtplib, openssl s_client."""

import shutil
import smtplib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from edms.accounts import app_passwords
from edms.entities.sealing import gateway_certificate
from edms.intake.models import ReceivedMessage
from mailgw.envelope import Door
from tests.factories.world import OPERATOR, World, make_world
from tests.mailgw.processes import until
from tests.mailgw.submission import authority, submission, trusting

LOGIN, FROM, TO = "registry.a@moh.gov.example", "registry.a@moh.gov.example", "diwan@moe.gov.example"


class Site:
    """A world whose gateway runs, and a mail password of its registry officer."""

    def __init__(self, world: World, ports: dict[Door, int], password: str, folder: Path) -> None:
        self.world, self.ports, self.password = world, ports, password
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(authority(world))
        self.pair = folder / "pair.pem"
        with world.database.read(OPERATOR) as uow:
            self.pair.write_bytes(b"".join(gateway_certificate(uow, keys=world.keyring, dns_names=["client.test"])))

    def taken(self) -> int:
        with self.world.database.read(OPERATOR) as uow:
            return uow.session.scalar(select(func.count()).select_from(ReceivedMessage)) or 0


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    world = make_world(folder)
    with world.database.work(world.actor("a", "registry")) as uow:
        password = app_passwords.make_app_password(uow, "swaks")
    with submission(world) as ports:
        yield Site(world, ports, password, folder)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("peers")) as found:
        yield found


def swaks(gateway: Site, door: Door, *more: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("swaks")
    if program is None:
        pytest.skip("swaks is not installed")
    tls = "--tls-on-connect" if door is Door.IMPLICIT else "--tls"
    words = ["--server", "127.0.0.1", "--port", str(gateway.ports[door]), tls, "--from", FROM, "--to", TO, "--helo"]
    return subprocess.run(
        [program, *words, "client.test", *more], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("door", [Door.SUBMISSION, Door.IMPLICIT], ids=lambda door: door.value)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_submits(gateway: Site, door: Door, mechanism: str) -> None:
    before = gateway.taken()
    words = "--auth", mechanism, "--auth-user", LOGIN, "--auth-password", gateway.password
    done = swaks(gateway, door, *words, "--header", f"Subject: {mechanism} {door.value}")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "235 2.7.0" in done.stdout
    assert gateway.taken() == before + 1


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--auth", "PLAIN", "--auth-user", LOGIN, "--auth-password", "wrong-wrong-wrong"), 28, "535 5.7.8"),
        (("--auth", "CRAM-MD5", "--auth-user", LOGIN, "--auth-password", "x"), 28, "250-AUTH PLAIN LOGIN"),
        ((), 23, "530 5.7.0"),
    ],
)
def test_swaks_is_refused(gateway: Site, words: tuple[str, ...], status: int, told: str) -> None:
    before = gateway.taken()
    done = swaks(gateway, Door.SUBMISSION, *words)
    assert (done.returncode, told.lower() in (done.stdout + done.stderr).lower()) == (status, True), done.stdout[-2000:]
    assert gateway.taken() == before


def message(subject: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = FROM, TO, subject
    made["Date"], made["Message-ID"] = formatdate(localtime=True), make_msgid(domain="client.test")
    made.set_content("السلام عليكم ورحمة الله")
    return made


@pytest.mark.parametrize("door", [Door.SUBMISSION, Door.IMPLICIT], ids=lambda door: door.value)
def test_smtplib_submits(gateway: Site, door: Door) -> None:
    before, port = gateway.taken(), gateway.ports[door]
    client: smtplib.SMTP
    if door is Door.IMPLICIT:
        client = smtplib.SMTP_SSL("127.0.0.1", port, context=trusting(gateway.world), timeout=30)
    else:
        client = smtplib.SMTP("127.0.0.1", port, timeout=30)
        client.starttls(context=trusting(gateway.world))
    with client:
        assert client.login(LOGIN, gateway.password)[0] == 235
        assert client.send_message(message(f"smtplib {door.value}")) == {}
    assert gateway.taken() == before + 1


def says(heard: Path, expected: str) -> bool:
    return expected in heard.read_text()


def s_client(gateway: Site, door: Door, *steps: tuple[str, str], certificate: bool = False) -> None:
    """Say the lines one after the other, each when the answer to the one before has come."""
    program = shutil.which("openssl")
    assert program is not None
    words = ["s_client", "-quiet", "-crlf", "-connect", f"127.0.0.1:{gateway.ports[door]}"]
    words += ["-CAfile", str(gateway.authority), "-verify_return_error"]
    words += ["-starttls", "smtp"] if door is not Door.IMPLICIT else []
    words += ["-cert", str(gateway.pair), "-cert_chain", str(gateway.pair)] if certificate else []
    heard = gateway.authority.with_name("heard")
    with heard.open("wb") as output:
        process = subprocess.Popen(
            [program, *words], stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, text=True
        )
        with process:
            try:
                assert process.stdin is not None
                for line, expected in steps:
                    process.stdin.write(f"{line}\n")
                    process.stdin.flush()
                    assert until(partial(says, heard, expected)), (line, heard.read_text())
            finally:
                process.kill()


@pytest.mark.parametrize("door", [Door.SUBMISSION, Door.IMPLICIT], ids=lambda door: door.value)
def test_openssl_with_a_registered_certificate_signs_in_by_it(gateway: Site, door: Door) -> None:
    steps = (
        ("EHLO client.test", "AUTH PLAIN LOGIN EXTERNAL"),
        ("AUTH EXTERNAL =", "235 2.7.0"),
        ("MAIL FROM:<diwan@moh.gov.example>", "250 2.1.0"),
        (f"RCPT TO:<{TO}>", "250 2.1.5"),
        ("QUIT", "221 2.0.0"),
    )
    s_client(gateway, door, *steps, certificate=True)


@pytest.mark.parametrize("door", [Door.PEERS, Door.IMPLICIT], ids=lambda door: door.value)
def test_openssl_without_a_certificate_is_asked_to_prove_itself(gateway: Site, door: Door) -> None:
    between_servers = door is Door.PEERS
    mail = ("MAIL FROM:<diwan@moh.gov.example>", "250 2.1.0" if between_servers else "530 5.7.0")
    rcpt = (f"RCPT TO:<{TO}>", "530 5.7.0" if between_servers else "503 5.5.1")
    auth = ("AUTH EXTERNAL =", "502 5.5.1" if between_servers else "504 5.5.4")
    s_client(gateway, door, ("EHLO client.test", "250 ENHANCEDSTATUSCODES"), auth, mail, rcpt)
