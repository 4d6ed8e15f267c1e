"""From the commit of an event to its handling in another service, on both doors: `python -m libs.common.bench.delay`."""

import asyncio
import os
import time
from datetime import UTC, datetime

from libs.common.bench.tools import durable_postgres, machine, percentile
from libs.common.bus.handling import BusOptions
from libs.common.bus.memory import MemoryBus
from libs.common.bus.port import Bus
from libs.common.bus.rabbit import RabbitBus
from libs.common.database import Pool, create_pool, transaction
from libs.common.envelope import Envelope
from libs.common.ids import new_id
from libs.common.inbox import INBOX_SQL, first_time
from libs.common.outbox import OUTBOX_SQL, PostgresOutbox, add
from libs.common.relay import Relay

COUNT = 400
EVERY_S = 0.01
REACH_MS = 50.0


async def _measure(bus: Bus, telling: Pool, hearing: Pool) -> list[float]:
    """Milliseconds of each event: committed by one service, handled and committed by another."""
    mark = new_id()[-8:]
    kind = f"bench{mark}.thing.happened.v1"
    committed: dict[str, float] = {}
    delays: list[float] = []
    done = asyncio.Event()

    async def handler(envelope: Envelope) -> None:
        async with transaction(hearing) as connection:
            await first_time(connection, envelope)
        delays.append((time.perf_counter() - committed[envelope.id]) * 1000)
        if len(delays) == COUNT:
            done.set()

    await bus.subscribe(f"bench{mark}", {kind: handler})
    relay = Relay(PostgresOutbox(telling), bus)
    await relay.start()
    await asyncio.sleep(0.5)
    for number in range(COUNT):
        event = Envelope(new_id(), kind, "bench", new_id(), datetime.now(UTC), {"n": number})
        async with transaction(telling) as connection:
            await add(connection, [event])
            committed[event.id] = time.perf_counter()
        await asyncio.sleep(EVERY_S)
    await asyncio.wait_for(done.wait(), 30)
    await relay.stop()
    return delays


async def main() -> None:
    """Prints p50, p95 and p99 of each door."""
    print(f"event from commit to handled, {1 / EVERY_S:.0f} a second: {machine()}")
    amqp_url = os.environ.get("MCCS_TEST_AMQP_URL", "")
    async with durable_postgres() as server:
        for database in ("telling", "hearing", "bus"):
            await server.ensure(database, database, database)
        telling = await create_pool(server.url("telling", "telling"))
        hearing = await create_pool(server.url("hearing", "hearing"))
        await telling.execute(OUTBOX_SQL)
        await hearing.execute(INBOX_SQL)
        doors: list[tuple[str, Bus]] = [("memory:", MemoryBus(server.url("bus", "bus"), BusOptions()))]
        if amqp_url:
            doors.append(("RabbitMQ", RabbitBus(amqp_url, BusOptions(retry_first_s=1, tries_max=2))))
        for name, bus in doors:
            await bus.start()
            delays = await _measure(bus, telling, hearing)
            await bus.close()
            told = "   ".join(f"p{share * 100:.0f} {percentile(delays, share):6.1f} ms" for share in (0.5, 0.95, 0.99))
            print(f"  {name:9} {told}   (reach p95 ≤ {REACH_MS:g} ms)")
        await telling.close()
        await hearing.close()
    if not amqp_url:
        print("  RabbitMQ  not measured: set MCCS_TEST_AMQP_URL")


if __name__ == "__main__":
    asyncio.run(main())
