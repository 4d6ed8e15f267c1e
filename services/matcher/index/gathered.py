"""Questions that come while others are under way go together in the next request."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Gathered(Generic[Question, Answer]):
    """Asks `ask` with all questions that wait, at most `size_max`; a few requests may be under way at once."""

    def __init__(
        self, ask: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]], *, size_max: int, at_once: int
    ) -> None:
        self._ask = ask
        self._size_max = size_max
        self._free = at_once
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def one(self, question: Question) -> Answer:
        """The answer to this question; raises what its request raised."""
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, done))
        self._send()
        return await done

    def _send(self) -> None:
        while self._free and self._waiting:
            batch, self._waiting = self._waiting[: self._size_max], self._waiting[self._size_max :]
            self._free -= 1
            task = asyncio.create_task(self._answer(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, batch: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._ask([question for question, _ in batch])
            for (_, done), answer in zip(batch, answers, strict=True):
                if not done.done():
                    done.set_result(answer)
        except Exception as fault:  # noqa: BLE001  told to everyone who waits
            for _, done in batch:
                if not done.done():
                    done.set_exception(fault)
        finally:
            self._free += 1
            self._send()
