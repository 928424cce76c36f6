"""Prometheus metrics; gathered over all workers when gunicorn runs several."""

import os
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from auth_api.backlog import Held, QueueLimits

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

        self._answers: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._held_messages = self._of_broker("held_messages", "Messages that the broker holds for its clients.")
        self._held_bytes = self._of_broker("held_bytes", "Bytes of bodies that the broker holds.")
        self._dropped = self._of_broker("dropped_messages", "Messages that the broker has dropped since its start.")
        self._limit_messages = self._of_broker("queue_limit_messages", "Messages that may wait for one client.")
        self._limit_bytes = self._of_broker("queue_limit_bytes", "Bytes of them.")
        self._degraded = self._of_broker("degraded", "Whether /readyz says degraded.")

    def _of_broker(self, name: str, about: str) -> Gauge:
        """Make a gauge of what all workers hear from the one broker: whoever heard last is right."""
        return Gauge(f"nightjar_broker_{name}", about, multiprocess_mode="livemostrecent", registry=self._registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer. What is counted there is looked up once: there are not many routes and statuses."""
        known = self._answers.get((method, route, status))
        if known is None:
            known = (self.requests.labels(method, route, str(status)), self.seconds.labels(method, route))
            self._answers[method, route, status] = known
        known[0].inc()
        known[1].observe(seconds)

    def follow_limits(self, limits: QueueLimits) -> None:
        """Note the limits of the broker's queues."""
        self._limit_messages.set(limits.messages)
        self._limit_bytes.set(limits.bytes)

    def follow_backlog(self, held: Held, *, degraded: bool) -> None:
        """Note what the broker holds, as far as that is known."""
        for gauge, value in (
            (self._held_messages, held.messages),
            (self._held_bytes, held.bytes),
            (self._dropped, held.dropped),
        ):
            if value is not None:
                gauge.set(value)
        self._degraded.set(1 if degraded else 0)

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
