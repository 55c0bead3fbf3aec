"""Prometheus metrics: what this process saw, and what the database knows of all processes.

No label holds a file name, a key, an address or anything else that a client makes up: routes are templates, methods and
codes come from lists of ours.
"""

from __future__ import annotations

import logging
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from assay._version import __version__
from assay.errors import AssayError
from assay.models.registry import load_card
from assay.serve.context import Context
from assay.serve.operation.drift import look
from assay.serve.operation.tables import ScanCount

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
DRIFT = {
    "alert": "1 from drift until somebody accepts it",
    "statistic": "Of the last comparison: D of Smirnov",
    "batches": "Comparisons made",
}
_CODE = re.compile(r"[a-z][a-z0-9_]{0,40}")
QueueDepth = Callable[[], dict[str, int]]
log = logging.getLogger("assay.serve.operation")


class Metrics:
    """Counters of this process in a registry of their own.

    Args:
        context: Settings and database.
        queue_depth: Asked at each reading: jobs in each state; None while nobody knows.
    """

    def __init__(self, context: Context, queue_depth: Callable[[], QueueDepth | None]) -> None:
        self.registry = CollectorRegistry()
        named: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("assay_requests", "Requests answered", ("method", "route", "status"), **named)
        self.latency = Histogram(
            "assay_request_seconds", "Time to answer a request", ("method", "route"), buckets=BUCKETS_S, **named
        )
        self.in_progress = Gauge("assay_requests_in_progress", "Requests under way, WebSockets among them", **named)
        self.errors = Counter("assay_errors", "Errors answered, by their code", ("code",), **named)
        ProcessCollector(registry=self.registry)
        self.registry.register(_Stored(context, queue_depth))

    def answered(self, method: str, route: str, status: int, seconds: float, code: str | None) -> None:
        """Count a request."""
        method = method if method in METHODS else "other"
        self.requests.labels(method, route, str(status)).inc()
        if method != "WEBSOCKET":
            self.latency.labels(method, route).observe(seconds)
        if code is not None or status >= 400:
            known = code if code is not None and _CODE.fullmatch(code) else f"http_{status}"
            self.errors.labels(known).inc()


class _Stored(Collector):
    """What is read at each scrape."""

    def __init__(self, context: Context, queue_depth: Callable[[], QueueDepth | None]) -> None:
        self._context = context
        self._queue_depth = queue_depth
        self._models = list(_models(context))

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Build, models, and what the database knows; if it is away, the rest is told all the same."""
        build = InfoMetricFamily("assay_build", "Version of Assay and Python")
        build.add_metric((), {"version": __version__, "python": platform.python_version()})
        yield build
        model = InfoMetricFamily("assay_model", "Models in force", labels=("media",))
        for media, told in self._models:
            model.add_metric((media,), told)
        yield model
        reachable = GaugeMetricFamily("assay_database_up", "Whether the database answered")
        try:
            stored = [*self._scans(), *self._drift(), *self._queue()]
            reachable.add_metric((), 1)
            yield from stored
        except SQLAlchemyError:
            log.exception("the database did not answer; its metrics are left out")
            reachable.add_metric((), 0)
        yield reachable

    def _scans(self) -> Iterator[Metric]:
        scans = CounterMetricFamily(
            "assay_scans", "Scans by medium and verdict, of all processes", labels=("media", "verdict")
        )
        with self._context.database.session() as session:
            for row in session.scalars(select(ScanCount)):
                scans.add_metric((row.media, row.outcome), row.count)
        yield scans

    def _drift(self) -> Iterator[Metric]:
        """Of several weights of one model the largest, so that the alert of none is hidden by another's."""
        views = look(self._context)
        for name, told in DRIFT.items():
            largest: dict[tuple[str, str], float] = {}
            for view in views:
                value = getattr(view, name)
                if value is not None:
                    of = view.media, view.model
                    largest[of] = max(float(value), largest.get(of, 0.0))
            gauge = GaugeMetricFamily(f"assay_drift_{name}", told, labels=("media", "model"))
            for of, value in largest.items():
                gauge.add_metric(of, value)
            yield gauge

    def _queue(self) -> Iterator[Metric]:
        ask = self._queue_depth()
        if ask is not None:
            depth = GaugeMetricFamily("assay_jobs", "Jobs in each state", labels=("state",))
            for state, count in ask().items():
                depth.add_metric((state,), count)
            yield depth


def _models(context: Context) -> Iterator[tuple[str, dict[str, str]]]:
    settings = context.settings
    named = {"audio": settings.audio_model, "image": settings.image_model, "video": settings.video_model}
    for media, name in named.items():
        with suppress(AssayError):  # scanning will tell about it
            card = load_card(name)
            yield media, {"name": card.name, "version": card.version, "sha256": card.sha256}
