"""What is done after an answer has left, because the time it takes would tell something that the answer does not."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)
AT_ONCE_MAX = 100
STOP_WITHIN_S = 3.0


class Afterwards:
    """Tasks of this process. Only for what happens all the same, later, where this process ends before."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def do(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Begins it now, beside what goes on; too many at once are left to whatever does it later."""
        if len(self._tasks) >= AT_ONCE_MAX:
            work.close()
            log.warning("left_for_later", work=name, why="too many at once")
            return
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def drain(self) -> None:
        """Returns when all that was begun is done."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def stop(self) -> None:
        """Waits a bounded time, then leaves the rest. Safe to call twice."""
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.drain()
        except TimeoutError:
            log.warning("left_for_later", count=len(self._tasks), why="stopping")
            for task in list(self._tasks):
                task.cancel()
            await self.drain()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("left_for_later", work=task.get_name(), why=f"{type(fault).__name__}: {fault}")
