"""Prometheus metrics; gathered over all workers when gunicorn runs several."""

import os
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What is measured, and how it is shown."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "nightjar_api_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "nightjar_api_request_seconds",
            "Time to answer.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.broker_up = Gauge(
            "nightjar_api_broker_links_up",
            "Workers that are connected to the broker.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )

    def follow_broker(self, is_up: bool) -> None:
        """Note that this worker's link to the broker came up or went down."""
        self.broker_up.set(1 if is_up else 0)

    def exposition(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        gathered = CollectorRegistry()
        multiprocess.MultiProcessCollector(gathered)  # type: ignore[no-untyped-call]  # the library types it not
        return generate_latest(gathered)
