"""RabbitMQ killed with kill -9 in the middle of traffic: everything comes back by itself, nothing is lost."""

import asyncio
from collections import Counter

import pytest_asyncio

from libs.common.database import create_pool
from libs.common.outbox import OUTBOX_SQL, PostgresOutbox
from libs.common.relay import Relay
from libs.common.testing import eventually
from libs.common.testing.rabbitmq import OwnRabbitMQ
from libs.common.tests.doors import Door, opened
from libs.common.tests.test_outbox_relay import told


@pytest_asyncio.fixture
async def broker(amqp_url, tmp_path):
    """Runs where a real RabbitMQ is given: then this machine is meant to have servers."""
    server = OwnRabbitMQ(tmp_path)
    await server.start()
    yield server
    server.kill()


async def test_after_a_kill_of_the_broker_everything_accepted_is_handled(
    broker, embedded_postgres, postgres_on_embedded
):
    pool = await create_pool(postgres_on_embedded)
    await pool.execute(OUTBOX_SQL)
    async with opened(Door("rabbit", broker.url)) as door:
        bus = await door.process()
        handled, snapshots, broadcasts = [], [], []

        async def handler(envelope):
            handled.append(envelope.id)

        async def hears(envelope):
            broadcasts.append(envelope.id)

        async def on_connected():
            snapshots.append(True)

        await bus.subscribe(door.service, {door.type: handler})
        await bus.listen({door.type: hears}, on_connected=on_connected)
        relay = Relay(PostgresOutbox(pool), bus, poll_s=0.2, window_max=50)
        await relay.start()
        events = [door.event(n=n) for n in range(600)]
        for n in range(0, 300, 30):
            await told(pool, events[n : n + 30])
        await eventually(lambda: len(handled) > 50, within_s=10)
        broker.kill()
        for n in range(300, 600, 30):
            await told(pool, events[n : n + 30])
        assert not await bus.healthy()
        await broker.start()
        await eventually(lambda: set(handled) == {event.id for event in events}, within_s=60)
        assert await pool.fetchval("select count(*) from outbox") == 0
        await eventually(lambda: len(snapshots) == 2, within_s=10)
        last = door.event()
        assert await bus.publish([last]) == {last.id}
        await eventually(lambda: last.id in handled and last.id in broadcasts)
        repeated = sum(count - 1 for count in Counter(handled).values())
        assert repeated <= 200, "at least once, and not many times"
        await relay.stop()
    await asyncio.wait_for(pool.close(), 5)
