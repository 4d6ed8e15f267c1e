"""The bus: one contract, held by both doors."""

import asyncio
from collections import Counter

import aio_pika
import asyncpg
import pytest
import pytest_asyncio

from libs.common import context
from libs.common.bus.port import BusAway
from libs.common.bus.rabbit import RabbitBus
from libs.common.testing import eventually
from libs.common.testing.servers import drop_database, make_database
from libs.common.tests.doors import OPTIONS, Door, opened, put_raw


@pytest_asyncio.fixture(params=["memory", "rabbit"])
async def door(request, servers, embedded_postgres):
    if request.param == "rabbit":
        async with opened(Door("rabbit", servers.address("RabbitMQ"))) as made:
            yield made
        return
    server_url = embedded_postgres.url("postgres")
    url = await make_database(server_url)
    async with opened(Door("memory", url)) as made:
        yield made
    await drop_database(server_url, url)


class Heard:
    """A handler that remembers, and fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.ids: list[str] = []
        self.done: list[str] = []
        self.failures = failures

    async def __call__(self, envelope) -> None:
        self.ids.append(envelope.id)
        if self.ids.count(envelope.id) <= self.failures and envelope.data.get("fails", True):
            raise ValueError("not today")
        self.done.append(envelope.id)


async def test_every_subscribed_service_handles_every_event_once(door):
    bus = await door.process()
    one, two = Heard(), Heard()
    await bus.subscribe(door.service, {door.type: one})
    await bus.subscribe(f"other{door.service}", {door.type: two})
    events = [door.event(n=n) for n in range(120)]
    assert await bus.publish(events) == {event.id for event in events}
    await eventually(lambda: len(one.ids) >= 120 and len(two.ids) >= 120)
    assert Counter(one.ids) == Counter(two.ids) == Counter(event.id for event in events)


async def test_an_event_that_no_queue_takes_stays_with_the_caller(door):
    bus = await door.process()
    assert await bus.publish([door.event("nobody.knows.this.v1")]) == set()


async def test_an_event_that_by_the_table_nobody_needs_durably_is_taken(door):
    bus = await door.process(topology={door.type: ()})
    event = door.event()
    assert await bus.publish([event]) == {event.id}


async def test_what_was_told_before_the_service_ever_ran_waits_for_it(door):
    telling = await door.process(topology={door.type: (door.service,)})
    event = door.event()
    assert await telling.publish([event]) == {event.id}
    hearing, heard = await door.process(), Heard()
    await hearing.subscribe(door.service, {door.type: heard})
    await eventually(lambda: heard.ids == [event.id])


async def test_copies_of_a_service_compete_and_share(door):
    first, second = await door.process(prefetch_max=5), await door.process(prefetch_max=5)
    heard: list[tuple[str, str]] = []

    def hears(name):
        async def handler(envelope):
            heard.append((name, envelope.id))
            await asyncio.sleep(0.002)

        return handler

    await first.subscribe(door.service, {door.type: hears("first")})
    await second.subscribe(door.service, {door.type: hears("second")})
    events = [door.event() for _ in range(200)]
    await first.publish(events)
    await eventually(lambda: len(heard) >= 200)
    assert sorted(identity for _, identity in heard) == sorted(event.id for event in events)
    assert {name for name, _ in heard} == {"first", "second"}


async def test_a_failed_message_comes_back_to_the_service_it_failed_in_alone_and_later(door):
    bus = await door.process()
    failing, other = Heard(failures=2), Heard()
    times = []

    async def timed(envelope):
        times.append(asyncio.get_running_loop().time())
        await failing(envelope)

    await bus.subscribe(door.service, {door.type: timed})
    await bus.subscribe(f"other{door.service}", {door.type: other})
    event = door.event()
    await bus.publish([event])
    await eventually(lambda: failing.done == [event.id])
    assert other.ids == [event.id]
    assert times[1] - times[0] >= 0.045
    assert times[2] - times[1] >= 0.14


async def test_a_poison_message_is_put_aside_with_the_reason_and_the_rest_flows_on(door):
    bus = await door.process()
    heard = Heard(failures=99)
    await bus.subscribe(door.service, {door.type: heard})
    poison, sound = door.event(), [door.event(fails=False) for _ in range(5)]
    await bus.publish([poison, *sound])
    [letter] = await eventually(lambda: bus.dead(door.service))
    assert letter.envelope == poison
    assert letter.reason == "ValueError: not today"
    assert letter.attempts == OPTIONS.tries_max
    assert letter.service == door.service
    assert sorted(heard.done) == sorted(event.id for event in sound)
    assert await bus.dead(door.service) == [letter], "looking at it leaves it where it is"


async def test_a_handler_that_hangs_has_failed(door):
    bus = await door.process(handler_timeout_s=0.05, tries_max=1)

    async def hangs(envelope):
        await asyncio.Event().wait()

    await bus.subscribe(door.service, {door.type: hangs})
    await bus.publish([door.event()])
    [letter] = await eventually(lambda: bus.dead(door.service))
    assert "TimeoutError" in letter.reason


async def test_a_version_that_nobody_understands_is_put_aside_at_once(door):
    bus = await door.process(topology={door.type: (door.service,)})
    old = await door.process()
    await old.subscribe(door.service, {"another.type.v1": Heard()})
    event = door.event()
    await bus.publish([event])
    [letter] = await eventually(lambda: old.dead(door.service))
    assert letter.reason == f"{door.service} has no handler for {door.type}"


async def test_a_service_that_never_ran_has_no_dead_letters(door):
    bus = await door.process()
    assert await bus.dead("unheard-of") == []
    assert await bus.drop("unheard-of", ["x"]) == 0
    assert await bus.replay("unheard-of", ["x"]) == 0


async def test_a_dead_letter_is_handled_when_it_is_replayed(door):
    bus = await door.process(tries_max=1)
    heard = Heard(failures=1)
    await bus.subscribe(door.service, {door.type: heard})
    events = [door.event(), door.event()]
    await bus.publish(events)
    await eventually(lambda: _has_dead(bus, door, 2))
    assert await bus.replay(door.service, [events[0].id, "unknown"]) == 1
    await eventually(lambda: heard.done == [events[0].id])
    assert [letter.envelope.id for letter in await bus.dead(door.service)] == [events[1].id]


async def test_a_dead_letter_is_gone_when_it_is_dropped(door):
    bus = await door.process(tries_max=1)
    await bus.subscribe(door.service, {door.type: Heard(failures=9)})
    events = [door.event(), door.event()]
    await bus.publish(events)
    await eventually(lambda: _has_dead(bus, door, 2))
    assert await bus.drop(door.service, [events[1].id]) == 1
    assert [letter.envelope.id for letter in await bus.dead(door.service)] == [events[0].id]


async def test_a_broadcast_reaches_every_listener_and_none_waits_for_a_service(door):
    topology = {door.type: ()}
    telling = await door.process(topology=topology)
    hearing = telling if door.name == "memory" else await door.process(topology=topology)
    one, two, connected = Heard(), Heard(), []

    async def on_connected():
        connected.append(True)

    await telling.listen({door.type: one}, on_connected=on_connected)
    await hearing.listen({door.type: two}, on_connected=on_connected)
    assert connected == [True, True]
    event = door.event()
    assert await telling.publish([event]) == {event.id}
    await eventually(lambda: one.ids == two.ids == [event.id])


async def test_a_handler_knows_the_request_and_the_message_it_works_for(door):
    bus = await door.process()
    seen = []

    async def handler(envelope):
        seen.append((context.request_id.get(), context.causation_id.get()))

    await bus.subscribe(door.service, {door.type: handler})
    event = door.event()
    object.__setattr__(event, "correlationid", "request-7")
    await bus.publish([event])
    await eventually(lambda: seen == [("request-7", event.id)])


async def test_a_message_whose_process_stops_in_the_middle_is_handled_by_another(door):
    dying = await door.process(stop_timeout_s=0.05)
    began = asyncio.Event()

    async def never_ends(envelope):
        began.set()
        await asyncio.Event().wait()

    await dying.subscribe(door.service, {door.type: never_ends})
    event = door.event()
    await dying.publish([event])
    await asyncio.wait_for(began.wait(), 5)
    await dying.close()
    other, heard = await door.process(), Heard()
    await other.subscribe(door.service, {door.type: heard})
    await eventually(lambda: heard.done == [event.id])


async def test_a_stop_waits_for_the_handler_under_way(door):
    bus = await door.process()
    began, done = asyncio.Event(), []

    async def slow(envelope):
        began.set()
        await asyncio.sleep(0.1)
        done.append(envelope.id)

    await bus.subscribe(door.service, {door.type: slow})
    event = door.event()
    await bus.publish([event])
    await asyncio.wait_for(began.wait(), 5)
    await bus.close()
    assert done == [event.id]
    other, heard = await door.process(), Heard()
    await other.subscribe(door.service, {door.type: heard})
    last = door.event()
    await other.publish([last])
    await eventually(lambda: last.id in heard.ids)
    assert heard.ids == [last.id], "the first was acknowledged"


async def test_one_that_stopped_handling_still_publishes_and_hands_out_nothing_more(door):
    stopping, first = await door.process(), Heard()
    await stopping.subscribe(door.service, {door.type: first})
    await stopping.stop_handling()
    await stopping.stop_handling()
    event = door.event()
    assert await stopping.publish([event]) == {event.id}
    other, second = await door.process(), Heard()
    await other.subscribe(door.service, {door.type: second})
    await eventually(lambda: second.done == [event.id])
    assert first.ids == []


@pytest.mark.parametrize("door", ["rabbit"], indirect=True)
async def test_a_queue_that_somebody_deleted_is_there_again_and_is_heard(door):
    bus, heard = await door.process(), Heard()
    await bus.subscribe(door.service, {door.type: heard})
    connection = await aio_pika.connect(door.url)
    async with connection:
        await (await connection.channel()).queue_delete(f"{door.service}.events")
    last = door.event()

    async def is_told():
        return await bus.publish([last]) == {last.id}

    await eventually(is_told, within_s=10)
    await eventually(lambda: last.id in heard.done, within_s=10)


async def test_it_says_whether_it_is_well(door):
    bus = await door.process()
    assert await bus.healthy()
    await bus.close()
    assert not await bus.healthy()


async def _has_dead(bus, door, count):
    return len(await bus.dead(door.service)) == count


async def test_bytes_that_are_no_envelope_are_put_aside_with_the_reason(amqp_url):
    async with opened(Door("rabbit", amqp_url)) as door:
        bus = await door.process()
        heard = Heard()
        await bus.subscribe(door.service, {door.type: heard})
        await put_raw(door, b"\xff not json", "odd-1")
        [letter] = await eventually(lambda: bus.dead(door.service))
        assert letter.envelope.type == "malformed"
        assert letter.envelope.id == "odd-1"
        assert "not a CloudEvents envelope" in letter.reason
        assert await bus.drop(door.service, ["odd-1"]) == 1


async def test_a_broker_that_is_not_there_is_said_within_the_time():
    bus = RabbitBus("amqp://guest:guest@127.0.0.1:1/", OPTIONS)
    bus._options = OPTIONS.__class__(connect_timeout_s=0.3)
    with pytest.raises(BusAway, match="cannot be reached"):
        await bus.start()


async def test_a_database_that_is_not_there_is_said_within_the_time(embedded_postgres):
    door = Door("memory", embedded_postgres.url("no_such_database"))
    with pytest.raises(BusAway, match="no_such_database"):
        await door.process()


async def test_the_memory_door_keeps_what_waits_when_the_database_restarts_a_session(embedded_postgres):
    """A consumer whose connection is cut goes on with another one."""
    server_url = embedded_postgres.url("postgres")
    url = await make_database(server_url)
    async with opened(Door("memory", url)) as door:
        bus, heard = await door.process(), Heard()
        await bus.subscribe(door.service, {door.type: heard})
        connection = await asyncpg.connect(server_url)
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
            url.split("/")[-1].split("?")[0],
        )
        await connection.close()
        event = door.event()
        await eventually(lambda: _published(bus, event), within_s=10)
        await eventually(lambda: heard.ids[:1] == [event.id], within_s=10)
    await drop_database(server_url, url)


async def test_the_memory_door_of_a_process_listens_once_for_all_its_services(embedded_postgres):
    server_url = embedded_postgres.url("postgres")
    url = await make_database(server_url)
    async with opened(Door("memory", url)) as door:
        bus = await door.process()
        await asyncio.gather(*(bus.subscribe(f"{door.service}_{n}", {f"{door.type}.{n}": Heard()}) for n in range(5)))
        connection = await asyncpg.connect(server_url)
        listening = await connection.fetchval(
            "select count(*) from pg_stat_activity where datname = $1 and query ilike 'listen%'",
            url.split("/")[-1].split("?")[0],
        )
        await connection.close()
    assert listening == 1
    await drop_database(server_url, url)


async def _published(bus, event):
    try:
        return await bus.publish([event])
    except Exception:  # noqa: BLE001  as the relay: whatever it is, again
        return None
