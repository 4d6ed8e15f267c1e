"""What both doors of the bus do with a message in hand: handle it, and decide what becomes of one that failed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from libs.common import context, metrics, telemetry
from libs.common.bus.port import Handler
from libs.common.envelope import Envelope, MalformedEnvelope

_REASON_LENGTH_MAX = 500
_SNAPSHOT_TIMEOUT_S = 30.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BusOptions:
    """Limits and times of a bus; the settings `bus_…` say what they mean."""

    prefetch_max: int = 50
    tries_max: int = 8
    retry_first_s: float = 1.0
    retry_max_s: float = 900.0
    connect_timeout_s: float = 30.0
    publish_timeout_s: float = 10.0
    handler_timeout_s: float = 60.0
    stop_timeout_s: float = 10.0
    topology: Mapping[str, Sequence[str]] | None = None
    """Type to the services that hear it durably; None: nothing is known but what is subscribed."""

    def delay_s(self, tries: int) -> float:
        """How long a message waits after so many tries: thrice as long each time, up to the limit."""
        return min(self.retry_first_s * 3.0 ** (tries - 1), self.retry_max_s)

    def delays_s(self) -> list[float]:
        """Every delay there is."""
        return sorted({self.delay_s(tries) for tries in range(1, self.tries_max)})


async def attempt(service: str, envelope: Envelope, handlers: Mapping[str, Handler], timeout_s: float) -> str | None:
    """Hands the message to its handler, with its request id and trace; None when done, else the reason it failed."""
    request = context.request_id.set(envelope.correlationid)
    cause = context.causation_id.set(envelope.id)
    try:
        with telemetry.span(f"{service} {envelope.type}", envelope.traceparent):
            async with asyncio.timeout(timeout_s):
                await handlers[envelope.type](envelope)
    except Exception as fault:  # noqa: BLE001  whatever it is: again later, or dead with the reason
        reason = f"{type(fault).__name__}: {fault}"[:_REASON_LENGTH_MAX]
        _log.warning("event.failed", consumer=service, type=envelope.type, id=envelope.id, why=reason)
        return reason
    finally:
        context.request_id.reset(request)
        context.causation_id.reset(cause)
    metrics.event_delay.labels(service).observe(max(0.0, time.time() - envelope.time.timestamp()))
    return None


def missing_handler(service: str, kind: str) -> str:
    """Why a message that nobody here understands is a dead letter at once."""
    return f"{service} has no handler for {kind}"


def readable(raw: bytes, message_id: str) -> Envelope:
    """The envelope of a dead letter; one that cannot be read is shown as `malformed` with its beginning."""
    try:
        return Envelope.from_bytes(raw)
    except MalformedEnvelope:
        beginning = raw[:1000].decode("utf-8", "replace")
        return Envelope(message_id, "malformed", "", "", datetime.fromtimestamp(0, UTC), {"beginning": beginning})


async def snapshots(calls: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Calls each `on_connected`; one that fails is logged and the rest goes on."""
    for call in calls:
        try:
            async with asyncio.timeout(_SNAPSHOT_TIMEOUT_S):
                await call()
        except Exception:  # noqa: BLE001  it says so, and the rest goes on
            _log.exception("bus.snapshot_failed")
