"""What all get alike who ask for the same, kept for a second at most, or while it is proven true.

What may be kept is decided where it is asked for: answers to requests without any token, of operations that say so
(`gateway.api.app`), which entities a search finds (`gateway.api.v1.entities`), and what of an entity those see who see as
much of it (`gateway.api.seen`). Nothing of money ever comes here. An answer counts from the moment at which its making
began, so nobody reads what was true more than a second before they asked; it goes earlier when the directory is written
through this gateway, or tells that an entity or tag changed.

An answer about one entity alone may be older: once a second, when such a one is asked for, the directory is asked which
entities changed since it was asked last. What it does not name is as true as at that moment, so here too nobody reads what
was true more than a second before, whether an event was lost or not. A directory that cannot tell leaves it at the second.

What is asked for again and again is made anew, and the directory asked what changed, shortly before the second is over: so
nobody waits for it.
"""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from gateway.clients.directory_shapes import Changes
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
SPREAD = 0.25
"""By which share of it some lives are shorter than others."""
AHEAD = 0.75
"""After which share of it what is asked for is made anew beside."""
AHEAD_AT_ONCE = 8
ENTRIES_MAX = 4_000
LASTING_MAX = 24_000
BYTES_MAX = 32 * 1024 * 1024
CHANGES = (EntityChangedV1.TYPE, EntityDeletedV1.TYPE, TagsChangedV1.TYPE, TagRenamedV1.TYPE)
"""Events after which nothing of what they are about is kept any longer."""
Key = tuple[str, bytes, bool]
"""Path, parameters as they came, and whether the answer is compressed: all that such an answer depends on."""


Ask = Callable[[str | None], Awaitable[Changes]]
"""Which entities changed since this mark; without one only the first mark is wanted. Raises Refusal."""


async def nothing_told(since: str | None) -> Changes:
    """Where nobody is asked: an answer about one entity lives no longer than any other."""
    return {"mark": None, "ids": None}


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it goes onto the wire."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


Make = Callable[[], Awaitable[Kept]]


@dataclass(slots=True)
class _Entry:
    began: float
    about: tuple[str, ...]
    making: "asyncio.Future[Kept] | None"
    """Not kept beyond its end, nor is what makes it where that is not wanted again: both hold a whole request, and a collector
    that goes through thousands of them stops everything for a tenth of a second."""
    make: Make | None = None
    answer: Kept | None = None
    next: "_Entry | None" = None
    """What is made to take its place."""

    @property
    def is_being_made(self) -> bool:
        """Whether who wants it has to wait."""
        return self.making is not None and not self.making.done()


@dataclass(frozen=True, slots=True)
class Since:
    """When something that is to be kept was asked for."""

    began: float
    doubts: int


class PublicReads:
    """Answers by what was asked. Who asks for what is just being made waits for that."""

    def __init__(
        self,
        *,
        life_s: float = LIFE_S,
        ahead: float = AHEAD,
        entries_max: int = ENTRIES_MAX,
        lasting_max: int = LASTING_MAX,
        bytes_max: int = BYTES_MAX,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._life_s = life_s
        self._ahead_s = ahead * life_s
        self._ahead_of: set[Key] = set()
        """What is made anew before its time."""
        self._entries_max = entries_max
        self._lasting_max = lasting_max
        self._bytes_max = bytes_max
        self._clock = clock
        self._chance = chance
        self._ask: Ask = nothing_told
        self._passing: OrderedDict[Key, _Entry] = OrderedDict()
        """About anything, nearly the oldest first."""
        self._lasting: OrderedDict[Key, _Entry] = OrderedDict()
        """About few each; what was not asked for longest first."""
        self._of: dict[str, set[Key]] = {}
        """What is kept about each entity and user."""
        self._bytes = 0
        self._doubts = 0
        """Rises with whatever makes doubtful what was read before."""
        self._mark: str | None = None
        self._asked_at = self._proven_at = float("-inf")
        self._proving: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._passing) + len(self._lasting)

    @property
    def bytes(self) -> int:
        """Of the bodies that are kept."""
        return self._bytes

    def follow(self, ask: Ask) -> None:
        """From now on this is who knows what changed."""
        self._ask = ask

    def get(self, key: Key) -> Kept | None:
        """What is kept, where it is young enough or proven lately."""
        now, entry = self._clock(), self._lasting.get(key)
        if entry is not None:
            self._lasting.move_to_end(key)
            since = max(entry.began, self._proven_at)
        else:
            entry = self._passing.get(key)
            since = entry.began if entry is not None else 0.0
        if entry is None or entry.answer is None or now - since >= self._life_s:
            return None
        if now - since >= self._ahead_s:
            self._look_ahead(key, entry, now)
        return entry.answer

    def _look_ahead(self, key: Key, entry: _Entry, now: float) -> None:
        """Begins what will be wanted when this one's time is over."""
        if entry.about:
            if self._mark is not None and self._proving is None and now - self._asked_at >= self._ahead_s:
                self._proving = asyncio.ensure_future(self._proof())
            return
        if entry.make is None or entry.next is not None or len(self._ahead_of) >= AHEAD_AT_ONCE:
            return
        making = asyncio.ensure_future(_made(entry.make))
        fresh = entry.next = _Entry(now, (), making, entry.make)
        self._ahead_of.add(key)

        def made(task: "asyncio.Future[Kept]") -> None:
            self._ahead_of.discard(key)
            failed = task.cancelled() or task.exception() is not None
            if self._passing.get(key) is entry and not failed:
                self._drop(self._passing, key)
                self._put(self._passing, key, fresh)
            self._take(self._passing, key, fresh, task)

        making.add_done_callback(made)

    async def lasting(self, keys: Iterable[Key]) -> dict[Key, Kept]:
        """Which of these are kept."""
        wanted = list(keys)
        found = self._got(wanted)
        if any(key not in found and key in self._lasting for key in wanted):
            await self._prove()
            found = self._got(wanted)
        return found

    def _got(self, keys: list[Key]) -> dict[Key, Kept]:
        return {key: kept for key in keys if (kept := self.get(key)) is not None}

    def begin(self) -> Since:
        """Before something is asked for that is to be kept afterwards."""
        return Since(self._clock(), self._doubts)

    def keep(self, key: Key, answer: Kept, since: Since, *, about: Iterable[str]) -> None:
        """Keeps what was asked for since then, unless something changed meanwhile; `about` are the entities and users that
        alone it depends on."""
        if since.doubts != self._doubts:
            return
        if key in self._lasting:
            self._drop(self._lasting, key)
        made = asyncio.get_running_loop().create_future()
        made.set_result(answer)
        entry = self._put(self._lasting, key, _Entry(since.began, tuple(dict.fromkeys(about)), made))
        self._take(self._lasting, key, entry, made)

    async def answer(self, key: Key, make: Make, *, about: str | None = None) -> Kept:
        """The answer, made once for all who ask at the same time; `about` is the one entity that it depends on. Raises
        what `make` raises; that is never kept."""
        if key in self._lasting:
            await self._prove()
            kept = self.get(key)
            if kept is not None:
                return kept
        entry = self._entry(key, make, () if about is None else (about,))
        if entry.making is None:
            assert entry.answer is not None
            return entry.answer
        try:
            # one of several who wait may go away; the others still want it
            return await asyncio.shield(entry.making)
        except Refusal as refusal:
            raise refusal.again() from refusal

    def _entry(self, key: Key, make: Make, about: tuple[str, ...]) -> _Entry:
        now = self._clock()
        entries = self._lasting if about else self._passing
        entry = entries.get(key)
        if entry is not None and now - entry.began < self._life_s:
            return entry
        if entry is not None:
            self._drop(entries, key)
            if entry.next is not None and entry.next.is_being_made and now - entry.next.began < self._life_s:
                return self._put(entries, key, entry.next)
        # what many ask for at once, as after a change, would all be made anew at once a second later, and again and again
        began = now if about else now - self._chance() * SPREAD * self._life_s
        making = asyncio.ensure_future(_made(make))
        entry = self._put(entries, key, _Entry(began, about, making, make))
        making.add_done_callback(lambda made: self._take(entries, key, entry, made))
        return entry

    def _put(self, entries: "OrderedDict[Key, _Entry]", key: Key, entry: _Entry) -> _Entry:
        self._drop_old(self._clock())
        entries[key] = entry
        for each in entry.about:
            self._of.setdefault(each, set()).add(key)
        while len(entries) > (self._lasting_max if entry.about else self._entries_max):
            self._drop(entries, next(iter(entries)))
        return entry

    def drop(self, about: str | None = None) -> None:
        """Something public changed, of this entity alone or of anything: what was read of it before counts no longer for
        who asks from now on."""
        self._doubts += 1
        for key in list(self._passing):
            self._drop(self._passing, key)
        for key in list(self._lasting if about is None else self._of.get(about, ())):
            self._drop(self._lasting, key)

    async def hear(self, bus: Bus) -> None:
        """Drops what is kept whenever the directory tells of a change, and whenever the bus was lost and found."""

        async def changed(envelope: Envelope) -> None:
            self.drop(envelope.data.get("entity_id"))

        async def connected() -> None:
            self.drop()

        handlers: dict[str, Handler] = dict.fromkeys(CHANGES, changed)
        await bus.listen(handlers, on_connected=connected)

    async def _prove(self) -> None:
        """Asks what changed, at most once a second; who comes meanwhile waits for that."""
        if self._proving is None:
            if self._clock() - self._asked_at < self._life_s:
                return
            self._proving = asyncio.ensure_future(self._proof())
        await asyncio.shield(self._proving)

    async def _proof(self) -> None:
        self._asked_at = began = self._clock()
        since = self._mark
        try:
            changes = await self._ask(since)
        except Refusal:
            return  # nothing is proven; the next answer covers this time too
        finally:
            self._proving = None
        self._mark = changes["mark"]
        if changes["mark"] is None:
            return
        self._proven_at = began
        self._doubts += 1
        users = changes.get("users")
        if since is None or changes["ids"] is None or users is None:
            named = list(self._lasting)
        else:
            # what is being made was perhaps read before a change that is told now
            making = {key for key, entry in self._lasting.items() if entry.answer is None}
            changed = (*changes["ids"], *users)
            named = list(making.union(*(self._of.get(each, ()) for each in changed)))
        for key in named:
            self._drop(self._lasting, key)

    def _take(self, entries: "OrderedDict[Key, _Entry]", key: Key, entry: _Entry, made: "asyncio.Future[Kept]") -> None:
        failed = made.cancelled() or made.exception() is not None
        if entries.get(key) is not entry:
            return
        if failed or len(made.result().body) > self._bytes_max:
            self._drop(entries, key)
            return
        entry.answer, entry.making = made.result(), None
        if entry.about:
            entry.make = None
        self._bytes += len(entry.answer.body)
        while self._bytes > self._bytes_max:
            oldest = self._passing or self._lasting
            self._drop(oldest, next(iter(oldest)))

    def _drop_old(self, now: float) -> None:
        while self._passing:
            key, entry = next(iter(self._passing.items()))
            if now - entry.began < self._life_s:
                return
            self._drop(self._passing, key)

    def _drop(self, entries: "OrderedDict[Key, _Entry]", key: Key) -> None:
        entry = entries.pop(key)
        if entry.answer is not None:
            self._bytes -= len(entry.answer.body)
        for each in entry.about:
            keys = self._of[each]
            keys.discard(key)
            if not keys:
                del self._of[each]


async def _made(make: Make) -> Kept:
    return await make()
