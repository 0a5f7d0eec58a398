"""What the pages of bodies' mail send, as typed, so that nothing typed is lost when something is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass

from crypto.certificates import chain_pem
from crypto.errors import SignatureInvalid
from edms.core.database import UnitOfWork
from edms.core.errors import Conflict, EdmsError, Invalid, NotFound, Problem
from edms.entities import servers
from edms.entities.finding import entity_by_typed_code
from edms.entities.models import Entity, Installation

LARGEST_FILE = 64 * 1024
"""Octets of a certificate or a key that are read of a file."""

_FIELD_OF = {"entities.server-certificate-changed": "certificate", "entities.served-elsewhere": "bodies"}


@dataclass(frozen=True, slots=True)
class ServerForm:
    """The form of a server as typed; ``certificate`` is PEM, ``bodies`` codes or domains, ``replace`` is "1" or ""."""

    name: str = ""
    host: str = ""
    port: str = "25"
    certificate: str = ""
    bodies: str = ""
    replace: str = ""

    @classmethod
    def read(cls, sent: Mapping[str, str], file: bytes) -> "ServerForm":
        """Take the known fields, each cut at what it may hold; a file counts instead of a certificate that is typed."""
        short = {name: sent.get(name, "").strip()[:300] for name in ("name", "host", "port", "replace")}
        typed = sent.get("certificate", "")[:LARGEST_FILE]
        return cls(certificate=pem_text(file) if file else typed, bodies=sent.get("bodies", "")[:20_000], **short)

    @classmethod
    def of(cls, server: Installation) -> "ServerForm":
        """Return the form as a server fills it; its bodies stay behind it without being told again."""
        pem = chain_pem(server.ca_certificate).decode("ascii")
        return cls(server.name, server.gateway_host, str(server.gateway_port), pem)

    def keep(self, uow: UnitOfWork) -> Installation:
        """Keep the server and put the bodies behind it; raises Invalid ``entities.bad-server`` with every finding."""
        bodies, problems = self._bodies(uow)
        row = None
        try:
            row = servers.add_server(
                uow, bodies, name=self.name, host=self.host, port=whole_number(self.port),
                certificate=self.certificate.encode(), replace_certificate=self.replace == "1",
            )  # fmt: skip
        except Invalid as error:
            problems = [*error.problems, *problems]
        except Conflict as error:
            problems.append(problem_at(_FIELD_OF[error.code], error))
        if row is None or problems:
            raise Invalid("entities.bad-server", tuple(problems))
        return row

    def _bodies(self, uow: UnitOfWork) -> tuple[list[Entity], list[Problem]]:
        found: list[Entity] = []
        problems: list[Problem] = []
        for line in filter(str.strip, self.bodies.splitlines()):
            try:
                found.append(entity_by_typed_code(uow, line.strip()[:300]))
            except NotFound as error:
                problems.append(problem_at("bodies", error))
        return found, problems


def pem_text(file: bytes) -> str:
    """Return a certificate's file as PEM, so that the form can show it again; what is none, as it is."""
    try:
        return file.decode() if b"-----BEGIN" in file else chain_pem(file).decode()
    except (SignatureInvalid, UnicodeDecodeError):
        return file.decode("utf-8", "replace")


def whole_number(text: str) -> int:
    """Return a port as typed, with the digits of any script, or 0 for what is no such number."""
    return int(text) if text.isdecimal() and len(text) <= 5 else 0


def problem_at(where: str, error: EdmsError) -> Problem:
    """Return a refusal as a problem of one field."""
    return Problem(where, error.code, **error.params)
