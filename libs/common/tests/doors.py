"""Both doors of the bus, made alike: processes that share one server, cleaned up afterwards."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aio_pika

from libs.common.bus.handling import BusOptions
from libs.common.bus.memory import MemoryBus
from libs.common.bus.port import Bus
from libs.common.bus.rabbit import EVENTS, RabbitBus
from libs.common.envelope import Envelope
from libs.common.ids import new_id

OPTIONS = BusOptions(
    tries_max=3,
    retry_first_s=0.05,
    retry_max_s=0.15,
    connect_timeout_s=5,
    publish_timeout_s=3,
    handler_timeout_s=5,
    stop_timeout_s=2,
)


class Door:
    """Makes processes (bus objects) on one server; names are fresh for each test."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self.mark = new_id().replace("-", "")[-12:]
        self.service = f"s{self.mark}"
        self.type = f"test{self.mark}.thing.happened.v1"
        self._processes: list[Bus] = []

    async def process(self, **options: Any) -> Bus:
        """One more process on the same bus."""
        kind = MemoryBus if self.name == "memory" else RabbitBus
        bus: Bus = kind(self.url, replace(OPTIONS, **options))
        await bus.start()
        self._processes.append(bus)
        return bus

    def event(self, kind: str | None = None, **data: Any) -> Envelope:
        """One event, of this test's type unless another is said."""
        return Envelope(new_id(), kind or self.type, "test", "subject", datetime.now(UTC).replace(microsecond=0), data)

    async def close(self) -> None:
        for bus in self._processes:
            await bus.close()
        if self.name == "rabbit":
            await self._remove_queues()

    async def _remove_queues(self) -> None:
        connection = await aio_pika.connect(self.url)
        async with connection:
            for service in (self.service, f"other{self.service}"):
                again = [f"{service}.events.again.{int(delay * 1000)}" for delay in OPTIONS.delays_s()]
                for queue in (f"{service}.events", f"{service}.dead", *again):
                    channel = await connection.channel()
                    with contextlib.suppress(aio_pika.exceptions.AMQPError):
                        await channel.queue_delete(queue)


async def put_raw(door: Door, body: bytes, message_id: str) -> None:
    """Bytes that no relay of ours would send."""
    connection = await aio_pika.connect(door.url)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENTS)
        await exchange.publish(aio_pika.Message(body, message_id=message_id), routing_key=door.type)


@contextlib.asynccontextmanager
async def opened(door: Door) -> AsyncIterator[Door]:
    """For fixtures: the door, closed afterwards."""
    try:
        yield door
    finally:
        await door.close()
