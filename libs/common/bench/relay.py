"""The relay against bare aio-pika in the same windows: `MCCS_TEST_AMQP_URL=… python -m libs.common.bench.relay`."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import aio_pika
import asyncpg

from libs.common.bench.tools import durable_postgres, machine
from libs.common.bus.rabbit import EVENTS, RabbitBus
from libs.common.database import Pool, create_pool, transaction
from libs.common.envelope import Envelope
from libs.common.ids import new_id
from libs.common.outbox import OUTBOX_SQL, PostgresOutbox, add
from libs.common.relay import Relay

EVENTS_PER_ROUND = 5_000
WINDOW = 500
ROUNDS = 3
REACH = 0.6
QUEUE = "bench.relay"
TYPE = "bench.thing.happened.v1"


def _event(number: int) -> Envelope:
    """About the size of a transfer's event."""
    data = {
        "transfer_id": new_id(),
        "amount_minor": number,
        "unit": "CR",
        "description": "A text of the usual length for what was paid",
        "payer": {"entity_id": new_id(), "number": "4539578763621486", "name": "Corner Bakery"},
        "payee": {"entity_id": new_id(), "number": "4716190207394368", "name": "Ledger & Line"},
    }
    return Envelope(new_id(), TYPE, "bench", new_id(), datetime.now(UTC), data, sequence=number)


async def _bare(url: str, events: list[Envelope]) -> float:
    """Events a second by aio-pika alone, confirmed, one window after the other."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(EVENTS)
        began = time.perf_counter()
        for start in range(0, len(events), WINDOW):
            await asyncio.gather(
                *(
                    exchange.publish(
                        aio_pika.Message(
                            event.to_bytes(), message_id=event.id, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
                        ),
                        routing_key=TYPE,
                        mandatory=True,
                    )
                    for event in events[start : start + WINDOW]
                )
            )
        return len(events) / (time.perf_counter() - began)


async def _relayed(bus: RabbitBus, pool: Pool, events: list[Envelope]) -> float:
    """Events a second from the outbox's table to the confirm and the delete."""
    for start in range(0, len(events), 1000):
        async with transaction(pool) as connection:
            await add(connection, events[start : start + 1000])
    relay = Relay(PostgresOutbox(pool), bus, window_max=WINDOW)
    began = time.perf_counter()
    done = await relay.drain()
    took_s = time.perf_counter() - began
    assert done == len(events)
    return done / took_s


async def _with_queue(url: str, work: Callable[[], Awaitable[None]]) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_exchange(EVENTS, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(EVENTS, TYPE)
        try:
            await work()
        finally:
            await channel.queue_delete(QUEUE)


async def main(url: str) -> None:
    """Prints both figures of each round and their quotient, the best of each beside each other at the end."""
    print(f"relay to RabbitMQ, windows of {WINDOW}, confirmed: {machine()}")

    async def rounds() -> None:
        async with durable_postgres() as server:
            await server.ensure("bench", "bench", "bench")
            pool = await create_pool(server.url("bench", "bench"))
            await pool.execute(OUTBOX_SQL)
            bus = RabbitBus(url)
            await bus.start()
            bare, relayed = [], []
            for _ in range(ROUNDS):
                bare.append(await _bare(url, [_event(n) for n in range(EVENTS_PER_ROUND)]))
                relayed.append(await _relayed(bus, pool, [_event(n) for n in range(EVENTS_PER_ROUND)]))
                print(f"  bare aio-pika {bare[-1]:8.0f}/s   relay {relayed[-1]:8.0f}/s")
            print(f"  relay / bare, best of each: {max(relayed) / max(bare):.2f}   (reach ≥ {REACH})")
            await bus.close()
            await pool.close()

    await _with_queue(url, rounds)


if __name__ == "__main__":
    given = os.environ.get("MCCS_TEST_AMQP_URL", "")
    if not given:
        sys.exit("relay: set MCCS_TEST_AMQP_URL to the address of a RabbitMQ.")
    try:
        asyncio.run(main(given))
    except (OSError, aio_pika.exceptions.AMQPError, asyncpg.PostgresError) as fault:
        sys.exit(f"relay: {fault}")
