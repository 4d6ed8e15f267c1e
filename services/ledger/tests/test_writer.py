"""The coalescing writer: batches grow by themselves, each caller gets its own, a full queue says so."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from services.ledger.service.writer import CoalescingWriter, QueueFull, StoreAway


class Call:
    """A posting call that waits to be let through."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.faults: dict[int, Exception] = {}

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await self.gate.wait()
        for item in items:
            if item in self.faults:
                raise self.faults[item]
        return [item * 10 for item in items]


async def test_what_arrives_while_a_call_runs_travels_together_in_the_next() -> None:
    call = Call()
    writer = CoalescingWriter(call, batch_max=3, queue_max=100)
    futures = [writer.submit(0)]
    await asyncio.sleep(0)
    futures += [writer.submit(n) for n in range(1, 6)]
    call.gate.set()
    assert await asyncio.gather(*futures) == [0, 10, 20, 30, 40, 50]
    assert call.batches == [[0], [1, 2, 3], [4, 5]]
    assert (writer.calls, writer.items) == (3, 6)


async def test_a_full_queue_refuses_at_once() -> None:
    call = Call()
    writer = CoalescingWriter(call, batch_max=1, queue_max=2)
    first = writer.submit(0)
    await asyncio.sleep(0)
    rest = [writer.submit(1), writer.submit(2)]
    with pytest.raises(QueueFull):
        writer.submit(3)
    call.gate.set()
    assert await asyncio.gather(first, *rest) == [0, 10, 20]


async def test_a_call_refused_as_a_whole_is_taken_item_by_item() -> None:
    call = Call()
    call.gate.set()
    call.faults[2] = asyncpg.CheckViolationError("limit")
    writer = CoalescingWriter(call, batch_max=10, queue_max=10)
    futures = [writer.submit(n) for n in (1, 2, 3)]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert (results[0], results[2]) == (10, 30)
    assert isinstance(results[1], asyncpg.CheckViolationError)
    assert call.batches == [[1, 2, 3], [1], [2], [3]]


async def test_a_lost_database_is_told_to_all_and_nothing_is_tried_twice() -> None:
    call = Call()
    call.gate.set()
    call.faults[1] = ConnectionResetError("gone")
    writer = CoalescingWriter(call, batch_max=10, queue_max=10)
    results = await asyncio.gather(*(writer.submit(n) for n in (1, 2)), return_exceptions=True)
    assert [type(result) for result in results] == [StoreAway, StoreAway]
    assert call.batches == [[1, 2]]


async def test_who_gave_up_before_the_call_is_not_posted_for() -> None:
    call = Call()
    writer = CoalescingWriter(call, batch_max=10, queue_max=10)
    first = writer.submit(1)
    await asyncio.sleep(0)
    gone, waits = writer.submit(2), writer.submit(3)
    gone.cancel()
    call.gate.set()
    assert list(await asyncio.gather(first, waits)) == [10, 30]
    assert call.batches == [[1], [3]]
    await writer.drain()
