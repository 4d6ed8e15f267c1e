"""Prometheus metrics of every part: requests, events told and heard, delays. One registry per process."""

from functools import lru_cache

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest

_DELAYS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_requests = Histogram(
    "mccs_request_seconds", "Requests by route and status.", ("service", "method", "route", "status"), buckets=_DELAYS_S
)
published = Counter("mccs_events_published_total", "Events that the bus has made its own.", ("service",))
relay_failures = Counter("mccs_relay_failures_total", "Windows that the bus did not take whole.", ("service",))
handled = Counter(
    "mccs_events_handled_total", "Messages by outcome: done, again, dead.", ("service", "type", "outcome")
)
event_delay = Histogram(
    "mccs_event_delay_seconds",
    "From the time an event was told to the end of its handling.",
    ("service",),
    buckets=_DELAYS_S,
)
outbox_waiting = Gauge("mccs_outbox_waiting", "Events of the last claimed window that still wait.", ("service",))


def answered(service: str, method: str, route: str, status: int, took_s: float) -> None:
    """One request more, answered so and after so long."""
    _requests_of(service, method, route, status).observe(took_s)


@lru_cache(maxsize=4096)
def _requests_of(service: str, method: str, route: str, status: int) -> Histogram:
    """Found once: the library takes a lock and makes texts of the labels each time."""
    return _requests.labels(service, method, route, str(status))


def exposition() -> tuple[bytes, str]:
    """All metrics of this process in Prometheus' text format, and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
