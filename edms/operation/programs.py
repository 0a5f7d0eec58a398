"""The four long-running programs of an installation: how each is started and how one sees that it serves."""

import http.client
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from edms.core.errors import Conflict
from edms.operation import locks
from edms.operation.site import Site
from edms.operation.supervise import Program

NAMES = ("web", "gateway", "relay", "worker")
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what "every address" is reached by from here
_SECONDS = 2.0


def environment(site: Site, config_file: Path | None, **more: str) -> dict[str, str]:
    """Return the variables that lead a child process to the same settings; ``more`` are set on top."""
    found = {**os.environ, "DIWAN_DATA": str(site.data), **more}
    return {**found, "DIWAN_CONFIG": str(config_file.absolute())} if config_file else found


def programs(site: Site, *, names: tuple[str, ...] = NAMES, ports: Mapping[str, int] | None = None) -> list[Program]:
    """Return the programs of ``names``; ``ports`` replaces the configured ``web`` and ``gateway`` port."""
    web_port = (ports or {}).get("web", site.web.port)
    gateway_port = (ports or {}).get("gateway", site.gateway.port)
    diwan = diwan_command()
    found = {
        "web": Program("web", (*diwan, "web"), lambda: answers(site.web.host, web_port)),
        "gateway": Program("gateway", mailgw_command("receive"), lambda: listens(site.gateway.host, gateway_port)),
        "relay": Program("relay", mailgw_command("relay")),
        "worker": Program("worker", (*diwan, "worker")),
    }
    return [found[name] for name in names]


def diwan_command() -> tuple[str, ...]:
    """Return how our own command line is started, wherever the console script lies."""
    return (sys.executable, "-c", "from edms.commands import main; main()")


def mailgw_command(verb: str) -> tuple[str, ...]:
    """Return how the mail side is started; it is a layer above this one, so by name only."""
    return (sys.executable, "-m", "mailgw", verb)


def refuse_second_start(site: Site, names: tuple[str, ...] = NAMES) -> None:
    """Raise Conflict ``operation.running`` when one of the programs already runs on this data folder."""
    for name in names:
        number = locks.running(site.run_folder, name)
        if number is not None:
            raise Conflict("operation.running", name=name, number=number, data=str(site.data))


def refuse_taken_ports(site: Site) -> None:
    """Raise Conflict ``operation.port-taken``, naming the setting, when a configured port is used by somebody else."""
    for key, host, port in port_settings(site):
        if port and is_taken(host, port):
            variable = "DIWAN_" + key.upper().replace(".", "_")
            raise Conflict("operation.port-taken", port=str(port), key=key, variable=variable)


def port_settings(site: Site) -> list[tuple[str, str, int]]:
    """Return (setting, host, port) of each port that is listened on."""
    return [
        ("web.port", site.web.host, site.web.port),
        ("gateway.port", site.gateway.host, site.gateway.port),
        ("gateway.submission_port", site.gateway.host, site.gateway.submission_port),
        ("gateway.implicit_tls_port", site.gateway.host, site.gateway.implicit_tls_port),
    ]


def is_taken(host: str, port: int) -> bool:
    """Say whether nobody could begin to listen there now."""
    with closing(socket.socket(_family(host))) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_port(host: str) -> int:
    """Return a port that nobody listens on now."""
    with closing(socket.socket(_family(host))) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def listens(host: str, port: int) -> bool:
    """Say whether something takes TCP connections there."""
    try:
        socket.create_connection((_LOCAL.get(host, host), port), _SECONDS).close()
    except OSError:
        return False
    return True


def answers(host: str, port: int) -> bool:
    """Say whether the pages answer ``GET /healthz`` with 200."""
    connection = http.client.HTTPConnection(_LOCAL.get(host, host), port, timeout=_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
