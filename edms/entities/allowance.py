"""How often one network may ask a public answering machine: counted in memory, bounded, forgotten after a minute."""

import ipaddress
import threading
import time
from collections.abc import Callable

_WINDOW_SECONDS = 60.0
_MOST_NETWORKS = 10_000


class Allowance:
    """So many questions a minute for each network and kind; what costs a signature is asked for sparingly."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._mutex = threading.Lock()
        self._since = clock()
        self._counts: dict[tuple[str, str], int] = {}

    def take(self, kind: str, address: str, most: int) -> int:
        """Count one question; returns 0 when it is allowed, else the seconds to wait."""
        with self._mutex:
            passed = self._clock() - self._since
            if passed >= _WINDOW_SECONDS:
                self._counts.clear()
                self._since, passed = self._clock(), 0.0
            key = kind, _network(address)
            count = self._counts.get(key, 0) + 1
            if count > most or (count == 1 and len(self._counts) >= _MOST_NETWORKS):
                return int(_WINDOW_SECONDS - passed) + 1
            self._counts[key] = count
            return 0


def _network(address: str) -> str:
    """Return what one subscriber holds: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
