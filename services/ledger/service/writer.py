"""The coalescing writer: what arrives while a posting call runs travels together in the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import asyncpg

Item = TypeVar("Item")
Result = TypeVar("Result")


class QueueFull(Exception):  # noqa: N818  an answer, not a fault
    """Too many requests wait already; nothing was done with this one."""


AWAY = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server ended the session, and its last words came between two requests
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    OSError,
    TimeoutError,
)
"""What the driver raises when the database, or the way to it, is gone."""


class StoreAway(Exception):  # noqa: N818
    """The database did not answer: whether the item took effect is known to whoever repeats it under its key."""


class CoalescingWriter(Generic[Item, Result]):
    """Collects items without a timer, at most `batch_max` a call, and gives each caller its own outcome.

    One call runs at a time, so at low load a batch is one item and at high load batches grow by themselves. A call
    that the database refused as a whole is taken again item by item, so that nobody pays for a neighbour's fault.
    """

    def __init__(
        self, call: Callable[[Sequence[Item]], Awaitable[list[Result]]], *, batch_max: int, queue_max: int
    ) -> None:
        self._call = call
        self._batch_max = batch_max
        self._queue_max = queue_max
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self.calls = 0
        self.items = 0

    @property
    def waiting(self) -> int:
        """Items that wait for the next call."""
        return len(self._waiting)

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """The item's outcome once committed; raises QueueFull at once, StoreAway or what the call raised later."""
        if len(self._waiting) >= self._queue_max:
            raise QueueFull
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return future

    async def drain(self) -> None:
        """Waits until nothing is under way; for the stop."""
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_max))]
                # whoever gave up before the call began is not posted for
                batch = [(item, future) for item, future in batch if not future.done()]
                if batch:
                    await self._post(batch)
        finally:
            self._running = None

    async def _post(self, batch: list[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        self.calls += 1
        self.items += len(batch)
        try:
            results = await self._call([item for item, _ in batch])
        except AWAY as fault:
            _fail(batch, StoreAway(str(fault)))
        except asyncpg.PostgresError:
            await self._one_by_one(batch)
        except Exception as fault:  # noqa: BLE001  handed to the callers, who must not wait for ever
            _fail(batch, fault)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)

    async def _one_by_one(self, batch: list[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        for item, future in batch:
            try:
                [result] = await self._patiently(item)
            except AWAY as fault:
                _fail([(item, future)], StoreAway(str(fault)))
            except Exception as fault:  # noqa: BLE001  as above
                _fail([(item, future)], fault)
            else:
                if not future.done():
                    future.set_result(result)

    async def _patiently(self, item: Item) -> list[Result]:
        """Once more after a key that another process committed meanwhile, or after a deadlock: nothing was booked."""
        try:
            return await self._call([item])
        except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
            return await self._call([item])


def _fail(batch: list[tuple[Item, "asyncio.Future[Result]"]], fault: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(fault)
