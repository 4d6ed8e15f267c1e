"""Outbox and relay: the event goes with the data or not at all, and is never lost between database and bus."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from libs.common.database import create_pool, transaction
from libs.common.envelope import Envelope
from libs.common.ids import new_id
from libs.common.inbox import INBOX_SQL, first_time, is_newer, sweep
from libs.common.outbox import OUTBOX_SQL, PostgresOutbox, add
from libs.common.relay import Relay
from libs.common.testing import eventually


def an_event(**given):
    values: dict[str, Any] = {
        "id": new_id(),
        "type": "test.thing.happened.v1",
        "source": "test",
        "subject": "s-1",
        "time": datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        "data": {"amount_minor": 5, "text": "é"},
        "sequence": 3,
        "correlationid": "r-1",
        "traceparent": "00-1-2-01",
    }
    return Envelope(**(values | given))


async def told(pool, events):
    """Committed with nothing else."""
    async with transaction(pool) as connection:
        await add(connection, events)


class Taking:
    """A bus that takes what it is told to, and remembers."""

    def __init__(self) -> None:
        self.attempts = 0
        self.published: list[Envelope] = []
        self.refuses: set[str] = set()
        self.fault: Exception | None = None
        self.crash_after_publish = False

    async def publish(self, envelopes):
        self.attempts += 1
        if self.fault is not None:
            raise self.fault
        taken = [envelope for envelope in envelopes if envelope.id not in self.refuses]
        self.published += taken
        if self.crash_after_publish:
            raise asyncio.CancelledError
        return {envelope.id for envelope in taken}

    @property
    def ids(self):
        return [envelope.id for envelope in self.published]


@pytest_asyncio.fixture
async def pool(postgres):
    opened = await create_pool(postgres)
    await opened.execute(OUTBOX_SQL + INBOX_SQL)
    yield opened
    await asyncio.wait_for(opened.close(), 5)


@pytest_asyncio.fixture
async def bus():
    return Taking()


@pytest_asyncio.fixture
async def relays(pool, bus):
    made = []

    async def start(**options):
        relay = Relay(PostgresOutbox(pool), bus, **options)
        await relay.start()
        made.append(relay)
        return relay

    yield start
    for relay in made:
        await relay.stop()


async def _waiting(pool):
    return await pool.fetchval("select count(*) from outbox")


async def test_an_event_comes_out_as_it_went_in(pool, bus):
    event = an_event()
    await told(pool, [event])
    assert await Relay(PostgresOutbox(pool), bus).drain() == 1
    assert bus.published == [event]
    assert await _waiting(pool) == 0


async def test_an_event_of_a_transaction_that_failed_is_never_told(pool, bus):
    async def fails():
        async with transaction(pool) as connection:
            await add(connection, [an_event()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert await Relay(PostgresOutbox(pool), bus).drain() == 0


async def test_a_crash_between_publish_and_delete_repeats_and_the_inbox_notices(pool, bus):
    event = an_event()
    await told(pool, [event])
    bus.crash_after_publish = True
    with pytest.raises(asyncio.CancelledError):
        await Relay(PostgresOutbox(pool), bus).once()
    bus.crash_after_publish = False
    assert await Relay(PostgresOutbox(pool), bus).drain() == 1
    assert bus.ids == [event.id, event.id]
    firsts = []
    for delivered in bus.published:
        async with transaction(pool) as connection:
            firsts.append(await first_time(connection, delivered))
    assert firsts == [True, False]


async def test_what_the_bus_refuses_stays_and_is_tried_again(pool, bus, relays):
    events = [an_event() for _ in range(3)]
    bus.refuses = {events[1].id}
    await told(pool, events)
    await relays(poll_s=0.05)
    await eventually(lambda: set(bus.ids) == {events[0].id, events[2].id})
    assert await _waiting(pool) == 1
    bus.refuses = set()
    await eventually(lambda: events[1].id in bus.ids)


async def test_a_relay_goes_on_when_the_bus_comes_back(pool, bus, relays):
    bus.fault = OSError("away")
    await told(pool, [an_event()])
    await relays(poll_s=0.05)
    await eventually(lambda: bus.attempts >= 2)
    assert await _waiting(pool) == 1
    bus.fault = None
    await eventually(lambda: len(bus.ids) == 1)


async def test_relays_side_by_side_do_not_publish_the_same_twice(pool, bus, relays):
    events = [an_event() for _ in range(300)]
    for _ in range(3):
        await relays(window_max=20)
    for start in range(0, 300, 50):
        await told(pool, events[start : start + 50])
    await eventually(lambda: len(bus.ids) >= 300)
    assert sorted(bus.ids) == sorted(event.id for event in events)


async def test_windows_keep_the_order_of_telling(pool, bus):
    events = [an_event() for _ in range(25)]
    await told(pool, events)
    await Relay(PostgresOutbox(pool), bus, window_max=10).drain()
    assert bus.ids == [event.id for event in events]


async def test_a_commit_of_another_process_wakes_the_relay_at_once(pool, bus, relays, postgres):
    await relays(poll_s=30)
    other = await create_pool(postgres, size_max=1)
    await eventually(lambda: _listens(pool))
    began = asyncio.get_running_loop().time()
    await told(other, [an_event()])
    await eventually(lambda: len(bus.ids) == 1)
    assert asyncio.get_running_loop().time() - began < 1
    await other.close()


async def test_the_in_process_signal_wakes_the_relay_without_the_database(pool, bus):
    store = PostgresOutbox(pool)
    relay = Relay(store, bus, poll_s=30)
    await relay.start()
    await eventually(lambda: _listens(pool))
    await pool.execute("alter table outbox disable trigger outbox_told")
    await told(pool, [an_event()])
    store.wake()
    await eventually(lambda: len(bus.ids) == 1)
    await relay.stop()


async def test_a_relay_whose_listening_connection_is_cut_goes_on(pool, bus, relays):
    await relays(poll_s=0.2)
    await eventually(lambda: _listens(pool))
    await pool.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where query ilike '%listen%outbox%' and pid <> pg_backend_pid()"
    )
    await told(pool, [an_event()])
    await eventually(lambda: len(bus.ids) == 1, within_s=10)


async def _listens(pool):
    return await pool.fetchval(
        "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen%outbox%'"
    )


async def test_an_older_state_loses_and_so_does_the_same_again(pool):
    async def newer(**given):
        async with transaction(pool) as connection:
            return await is_newer(connection, an_event(**given))

    assert await newer(sequence=2)
    assert not await newer(sequence=1)
    assert not await newer(sequence=2)
    assert await newer(sequence=3)
    assert await newer(sequence=1, subject="s-2")
    assert await newer(sequence=1, type="test.other.happened.v1")


async def test_what_a_failed_handler_remembered_is_forgotten_with_its_transaction(pool):
    event = an_event()

    async def fails():
        async with transaction(pool) as connection:
            assert await first_time(connection, event)
            assert await is_newer(connection, event)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with transaction(pool) as connection:
        assert await first_time(connection, event)
        assert await is_newer(connection, event)


async def test_ids_are_forgotten_after_thirty_days(pool):
    await pool.execute(
        "insert into inbox values ('old', now() - interval '31 days'), ('young', now() - interval '29 days')"
    )
    assert await sweep(pool) == 1
    assert [row["id"] for row in await pool.fetch("select id from inbox")] == ["young"]
