"""Questions that come while others are under way go together in the next request."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from libs.common.errors import Refusal

Question = TypeVar("Question")
Answer = TypeVar("Answer")
_Waiting = tuple[Question, asyncio.Future[Answer]]


class Gathered(Generic[Question, Answer]):
    """Asks `ask` with all questions that wait, at most `size_max`; a few requests may be under way at once.

    Where nothing waits, a question goes out at once, with those asked in the same step of the event loop; so it costs no
    time when little is asked, and less work when much is.
    """

    def __init__(
        self, ask: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]], *, size_max: int, at_once: int
    ) -> None:
        self._ask = ask
        self._size_max = size_max
        self._free = at_once
        self._waiting: list[_Waiting[Question, Answer]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_going = False

    async def one(self, question: Question) -> Answer:
        """The answer to this question; raises what its request raised. Who leaves harms nobody who asked with them."""
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, done))
        self._go_on()
        try:
            return await done
        except Refusal as refusal:
            raise refusal.again() from refusal

    def _go_on(self) -> None:
        if self._free and self._waiting and not self._is_going:
            self._is_going = True
            task = asyncio.create_task(self._send())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self) -> None:
        self._is_going = False
        wanted = [each for each in self._waiting if not each[1].done()]
        batch, self._waiting = wanted[: self._size_max], wanted[self._size_max :]
        if not batch:
            return
        self._free -= 1
        self._go_on()
        try:
            await self._answer(batch)
        finally:
            for _, done in batch:
                done.cancel()  # of those that have no answer: the request was ended
            self._free += 1
            self._go_on()

    async def _answer(self, batch: Sequence[_Waiting[Question, Answer]]) -> None:
        try:
            answers = await self._ask([question for question, _ in batch])
            for (_, done), answer in zip(batch, answers, strict=True):
                if not done.done():
                    done.set_result(answer)
        except Exception as fault:  # noqa: BLE001  told to everyone who waits
            for _, done in batch:
                if not done.done():
                    done.set_exception(fault)
                    done.exception()  # whoever waited may leave now: nobody needs to be told of it then
