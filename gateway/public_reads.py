"""What everybody gets alike who asks for the same, kept for a second at most.

What may be kept is decided where it is asked for: answers to requests without any token, of operations that say so
(`gateway.api.app`), and which entities a search finds (`gateway.api.v1.entities`). Nothing of money and nothing of a person
ever comes here. An answer counts from the moment at which its making began,
so nobody reads what was true more than a second before they asked; it goes earlier when the directory is written through
this gateway, or tells that an entity or tag changed.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from libs.common.bus.port import Bus, Handler
from libs.common.contracts.directory import (
    EntityChangedV1,
    EntityDeletedV1,
    TagRenamedV1,
    TagsChangedV1,
)
from libs.common.envelope import Envelope
from libs.common.errors import Refusal

LIFE_S = 1.0
ENTRIES_MAX = 4_000
BYTES_MAX = 16 * 1024 * 1024
CHANGES = (EntityChangedV1.TYPE, EntityDeletedV1.TYPE, TagsChangedV1.TYPE, TagRenamedV1.TYPE)
"""Events after which nothing is kept any longer."""
Key = tuple[str, bytes, bool]
"""Path, parameters as they came, and whether the answer is compressed: all that such an answer depends on."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it goes onto the wire."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(slots=True)
class _Entry:
    began: float
    making: "asyncio.Task[Kept]"
    answer: Kept | None = None


class PublicReads:
    """Answers by what was asked, the oldest first. Who asks for what is just being made waits for that."""

    def __init__(
        self,
        *,
        life_s: float = LIFE_S,
        entries_max: int = ENTRIES_MAX,
        bytes_max: int = BYTES_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._life_s = life_s
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._clock = clock
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """Of the bodies that are kept."""
        return self._bytes

    def get(self, key: Key) -> Kept | None:
        """What is kept, where it is young enough."""
        entry = self._entries.get(key)
        if entry is None or entry.answer is None or self._clock() - entry.began >= self._life_s:
            return None
        return entry.answer

    async def answer(self, key: Key, make: Callable[[], Awaitable[Kept]]) -> Kept:
        """The answer, made once for all who ask at the same time. Raises what `make` raises; that is never kept."""
        now = self._clock()
        self._drop_old(now)
        entry = self._entries.get(key)
        if entry is None:
            entry = _Entry(now, asyncio.ensure_future(_made(make)))
            self._entries[key] = entry
            entry.making.add_done_callback(lambda task: self._take(key, entry, task))
            while len(self._entries) > self._entries_max:
                self._drop(next(iter(self._entries)))
        try:
            # one of several who wait may go away; the others still want it
            return await asyncio.shield(entry.making)
        except Refusal as refusal:
            raise refusal.again() from refusal

    def drop(self) -> None:
        """Something public changed: nothing that was read before counts for who asks from now on."""
        self._entries.clear()
        self._bytes = 0

    async def hear(self, bus: Bus) -> None:
        """Drops what is kept whenever the directory tells of a change, and whenever the bus was lost and found."""

        async def changed(envelope: Envelope) -> None:
            self.drop()

        async def connected() -> None:
            self.drop()

        handlers: dict[str, Handler] = dict.fromkeys(CHANGES, changed)
        await bus.listen(handlers, on_connected=connected)

    def _take(self, key: Key, entry: _Entry, task: "asyncio.Task[Kept]") -> None:
        failed = task.cancelled() or task.exception() is not None
        if self._entries.get(key) is not entry:
            return
        if failed or len(task.result().body) > self._bytes_max:
            del self._entries[key]
            return
        entry.answer = task.result()
        self._bytes += len(entry.answer.body)
        while self._bytes > self._bytes_max:
            self._drop(next(iter(self._entries)))

    def _drop_old(self, now: float) -> None:
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if now - entry.began < self._life_s:
                return
            self._drop(key)

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key)
        if entry.answer is not None:
            self._bytes -= len(entry.answer.body)


async def _made(make: Callable[[], Awaitable[Kept]]) -> Kept:
    return await make()
