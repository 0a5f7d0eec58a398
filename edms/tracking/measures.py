"""``/metrics`` for Prometheus: the counts of all our processes, and what stands in the queue and in quarantine now."""

import hmac
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from flask import Flask, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from edms.core.actor import system_actor
from edms.core.database import Database
from edms.core.tallies import Tallies, cumulated, read_all
from edms.dispatch import standing
from edms.intake import quarantine
from edms.web.guards import public

OPERATOR = system_actor("operator")
_FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
HELP: Final = {
    "diwan_mail_events": "Lines of the mail log by event.",
    "diwan_mail_connections": "Connections to the gateway by listener.",
    "diwan_mail_accepted": "Messages answered with 250 after the final dot, by what became of them.",
    "diwan_mail_accepted_octets": "Octets of accepted messages.",
    "diwan_mail_refused": "Refusals at MAIL, RCPT and after the final dot, by the name of the reply.",
    "diwan_mail_commit_seconds": "Seconds from the final dot to the 250 of accepted messages.",
    "diwan_mail_deliveries": "What next hops answered, for each recipient, by kind and outcome.",
    "diwan_mail_parser_failures": "Messages that a child process could not read, by reason.",
    "diwan_mail_incidents": "Unexpected errors by class.",
}


def install(app: Flask, *, token: str, run_folder: Path) -> None:
    """Answer ``/metrics`` to a scraper on this machine, or to one that knows the token; to others it does not exist."""

    @public
    def metrics() -> Response:
        if not _may_ask(token):
            abort(404)
        registry = CollectorRegistry()
        registry.register(_Measures(app.extensions["diwan"][Database], run_folder))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    app.add_url_rule("/metrics", "metrics", metrics)


def _may_ask(token: str) -> bool:
    if token:
        given = request.headers.get("Authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {token}".encode())
    straight = not any(name in request.headers for name in _FORWARDED)  # a proxy on this machine speaks for others
    return straight and request.environ.get("REMOTE_ADDR") in {"127.0.0.1", "::1"}


class _Measures(Collector):
    """Reads everything at the moment of the question."""

    def __init__(self, database: Database, run_folder: Path) -> None:
        self._database = database
        self._run_folder = run_folder

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        yield from _families(read_all(self._run_folder))
        with self._database.read(OPERATOR) as uow:
            waits, rests = standing.waiting(uow), standing.resting(uow)
            oldest, now = standing.oldest_due(uow), uow.now
            held = quarantine.count_held(uow, cap=100_000)
        length = GaugeMetricFamily("diwan_queue_length", "Consignments on their way, by state.", labels=["state"])
        for state, number in waits.items():
            length.add_metric([state], number)
        yield length
        yield GaugeMetricFamily("diwan_queue_oldest_seconds", "How long the oldest consignment on its way has waited.",
                                value=_age(oldest, now))  # fmt: skip
        breaker = GaugeMetricFamily("diwan_next_hop_rests", "Next hops left alone for now.", labels=["installation"])
        for name in rests:
            breaker.add_metric([name], 1)
        yield breaker
        yield GaugeMetricFamily("diwan_quarantine_held", "Flagged messages on which nobody has decided.", value=held)


def _families(found: Tallies) -> Iterator[Metric]:
    counters: dict[str, CounterMetricFamily] = {}
    for (name, labels), number in sorted(found.counts.items()):
        family = counters.setdefault(
            name, CounterMetricFamily(name, HELP.get(name, name), labels=[label for label, _ in labels])
        )
        family.add_metric([value for _, value in labels], number)
    yield from counters.values()
    for (name, labels), timing in sorted(found.timings.items()):
        histogram = HistogramMetricFamily(name, HELP.get(name, name), labels=[label for label, _ in labels])
        buckets = list(cumulated(timing.counts))
        histogram.add_metric([value for _, value in labels], buckets, timing.total)
        yield histogram


def _age(oldest: datetime | None, now: datetime) -> float:
    return max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
