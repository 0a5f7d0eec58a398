"""A gateway on loopback for tests: the real server and policy over a small directory, taking messages into a list."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.utils import format_datetime
from uuid import UUID

from mailgw.address import Address
from mailgw.content import Held
from mailgw.envelope import Door, Handler, Identity, Limits, MailParameters, ReceivedEnvelope, Submitter
from mailgw.examining import Examiner
from mailgw.loops import loop_factory
from mailgw.policy import EntityEntry, check_recipient, check_sender
from mailgw.replies import Reply, reply
from mailgw.server import Server, serve
from mailgw.storage import Storage
from mailgw.tls import client_context, peer_installation, server_context
from tests.mailgw.certs import installation

HERE, FAR = UUID(int=1), UUID(int=2)
ARABIC_DOMAIN = "xn--ogbhx.xn--mgbtx2b"  # صحة.عراق
ENTITIES = {
    entry.domain: entry
    for entry in (
        EntityEntry(UUID(int=11), "10023496", "health.test", local=True),
        EntityEntry(UUID(int=12), "10023593", ARABIC_DOMAIN, local=True),
        EntityEntry(UUID(int=13), "10023690", "paused.test", local=True, suspended=True),
        EntityEntry(UUID(int=14), "10023787", "closed.test", local=True, active=False),
        EntityEntry(UUID(int=21), "10023884", "interior.test", installation_id=FAR),
        EntityEntry(UUID(int=22), "10023981", "other.test", installation_id=UUID(int=3)),
    )
}


PERSON = Submitter(UUID(int=31), UUID(int=32), UUID(int=11), "salim", registry=True)
PASSWORD = "نخيل البصرة"
DOORS = {Door.SUBMISSION: 0, Door.IMPLICIT: 0}


class Register:
    """The directory of the tests."""

    def find_domain(self, domain: str) -> EntityEntry | None:
        return ENTITIES.get(domain)

    def is_server(self, installation_id: UUID) -> bool:
        return False


class Sink:
    """A handler that asks the real policy and keeps what it accepts; ``before_answer`` may delay or raise.

    One person of health.test can sign in, ``salim``, and the server of interior.test by its certificate.
    """

    def __init__(self, before_answer: Callable[[], Awaitable[None]] | None = None) -> None:
        self.messages: list[ReceivedEnvelope] = []
        self.before_answer = before_answer
        self.register = Register()

    def identify(self, ssl_object: ssl.SSLObject | None) -> Identity:
        far = ssl.PEM_cert_to_DER_cert(installation("far").ca.decode())
        return Identity(tls=True, installation_id=peer_installation(ssl_object, {far: FAR}))

    async def authenticate(self, login: str, password: str, peer: str) -> Submitter | Reply:
        return PERSON if (login, password) == (PERSON.login, PASSWORD) else reply("smtp.auth-failed")

    async def vouch(self, identity: Identity, domain: str) -> Reply | None:
        return None if domain in {"", "interior.test"} else reply("smtp.auth-failed")

    async def mail(self, identity: Identity, sender: Address | None, params: MailParameters) -> Reply | None:
        return check_sender(self.register, identity, sender)

    async def rcpt(self, identity: Identity, sender: Address | None, recipient: Address) -> Reply | None:
        return check_recipient(self.register, identity, recipient)

    async def data(self, envelope: ReceivedEnvelope) -> Reply:
        ruling = await Examiner("mail.here.test").examine(self.register, whole(envelope))
        if isinstance(ruling, Reply):
            return ruling
        if self.before_answer is not None:
            await self.before_answer()
        self.messages.append(envelope)
        return reply("smtp.accepted")


def whole(envelope: ReceivedEnvelope) -> ReceivedEnvelope:
    """Return an envelope whose message has Date and To, which conversations about other things leave out."""
    names = b"\r\n" + envelope.raw.partition(b"\r\n\r\n")[0].lower()
    more = b""
    if b"\r\nto:" not in names:
        more += ("To: " + ", ".join(f"<{one.address}>" for one in envelope.recipients) + "\r\n").encode()
    if b"\r\ndate:" not in names:
        more += f"Date: {format_datetime(envelope.received_at)}\r\n".encode()
    return replace(envelope, content=Held(more + envelope.raw)) if more else envelope


def gateway_tls() -> ssl.SSLContext:
    here = installation("here")
    return server_context(here.certificate, here.key, [installation("far").ca, installation("stranger").ca])


def peer_tls(name: str) -> ssl.SSLContext:
    """Return a client context: ``far`` is a registered installation, ``stranger`` has a trusted CA but no entry."""
    if name == "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=installation("here").ca.decode())
        return context
    peer = installation(name)
    return client_context(peer.certificate, peer.key, installation("here").ca)


@contextmanager
def running_gateway(
    sink: Handler,
    limits: Limits | None = None,
    *,
    tls: bool = True,
    storage: Storage | None = None,
    loop_name: str = "asyncio",
) -> Iterator[Server]:
    """Run a gateway with all its doors in a thread of its own and drain it at the end."""
    loop = loop_factory(loop_name)()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def call(work: Awaitable[object]) -> object:
        async def run() -> object:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), loop).result(20)

    others, context = (DOORS, gateway_tls()) if tls else ({}, None)
    server = call(
        serve(
            sink,
            host="127.0.0.1",
            port=0,
            others=others,
            tls=context,
            hostname="mail.here.test",
            limits=limits,
            storage=storage,
        )
    )
    assert isinstance(server, Server)
    try:
        yield server
    finally:
        call(server.drain())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
