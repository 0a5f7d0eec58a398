"""``python -m bench.gateway.serving``: the gateway's own program, which takes a session without TLS for the peer's.

Its worker processes, where there are several, are this program again.
"""

import os
import sys
from dataclasses import replace
from uuid import UUID

from edms.operation import programs
from mailgw import receive
from mailgw.__main__ import main
from mailgw.address import Address
from mailgw.envelope import Identity, MailParameters, ReceivedEnvelope
from mailgw.handler import RegistryHandler
from mailgw.replies import Reply

PEER = "BENCH_PEER"


class Believing(RegistryHandler):
    """The handler of the gateway, for whom a session without TLS is the peer's named in the environment."""

    _peer = Identity(tls=True, installation_id=UUID(os.environ[PEER]))

    async def mail(self, identity: Identity, sender: Address | None, params: MailParameters) -> Reply | None:
        return await super().mail(identity if identity.tls else self._peer, sender, params)

    async def rcpt(self, identity: Identity, sender: Address | None, recipient: Address) -> Reply | None:
        return await super().rcpt(identity if identity.tls else self._peer, sender, recipient)

    async def data(self, envelope: ReceivedEnvelope) -> Reply:
        return await super().data(envelope if envelope.identity.tls else replace(envelope, identity=self._peer))


if __name__ == "__main__":
    vars(receive)["RegistryHandler"] = Believing
    vars(programs)["mailgw_command"] = lambda _verb: (sys.executable, "-m", "bench.gateway.serving")
    sys.argv = ["mailgw", "receive"]
    sys.exit(main())
