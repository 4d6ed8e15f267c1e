"""Dead letters as RabbitMQ keeps them: looking at them, and reading what their headers say."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity

from libs.common.bus.handling import readable
from libs.common.bus.port import DeadLetter

_GET_TIMEOUT_S = 3.0


async def look(channel: AbstractChannel, service: str, limit: int) -> list[AbstractIncomingMessage]:
    """The service's dead letters, held by this channel until it acknowledges or closes."""
    found: list[AbstractIncomingMessage] = []
    try:
        queue = await channel.get_queue(f"{service}.dead")
    except ChannelNotFoundEntity:  # a service that never ran here
        return found
    while len(found) < limit:
        message = await queue.get(fail=False, timeout=_GET_TIMEOUT_S)
        if message is None:
            break
        found.append(message)
    return found


def letter(service: str, message: AbstractIncomingMessage) -> DeadLetter:
    headers = message.headers or {}
    by_broker = str(headers.get("x-first-death-reason", "unknown"))
    reason = str(headers.get("x-mccs-reason") or f"given up by the broker: {by_broker}")
    failed_at = headers.get("x-mccs-failed-at")
    died_at = datetime.fromtimestamp(int(str(failed_at)) / 1000, UTC) if failed_at else datetime.now(UTC)
    envelope = readable(message.body, message.message_id or "")
    return DeadLetter(service, envelope, reason, tries_of(headers), died_at)


def tries_of(headers: Mapping[str, Any] | None) -> int:
    """How often a message with these headers was tried."""
    value = (headers or {}).get("x-mccs-tries", 0)
    return value if isinstance(value, int) else 0
