"""Installations in temporary folders, for tests of operation and of the demonstration."""

from pathlib import Path

from config.settings import load
from edms.core.parts import Parts
from edms.operation import programs
from edms.operation.site import Site
from edms.wiring import parts_of


def variables(folder: Path, **more: str) -> dict[str, str]:
    """The variables of an installation in ``folder`` whose ports nobody uses."""
    ports = {f"DIWAN_{name}_PORT": str(programs.free_port("127.0.0.1")) for name in ("WEB", "GATEWAY")}
    return {
        "DIWAN_DATA": str(folder / "data"),
        "DIWAN_GATEWAY_SUBMISSION_PORT": "0",
        "DIWAN_GATEWAY_IMPLICIT_TLS_PORT": "0",
        **ports,
        **more,
    }


def parts_in(folder: Path, **more: str) -> Parts:
    """The parts of an installation in ``folder``, not begun yet."""
    settings = load(None, variables(folder, **more))
    parts = parts_of(settings)
    parts.put(Site, settings)
    return parts
