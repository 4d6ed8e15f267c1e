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


@dataclass(slots=True)
class Kept:
    """An answer as it goes onto the wire."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


Make = Callable[[], Awaitable[Kept]]
_Lasting = tuple[float, tuple[str, ...], int, tuple[tuple[bytes, bytes], ...], bytes]
"""When its making began, what it is about, and the answer. There are thousands, and a garbage collector that goes through
thousands of objects stops everything for a while; plain tuples of plain values it leaves alone."""


@dataclass(slots=True)
class _Begun:
    """An answer about few that is being made."""

    began: float
    about: tuple[str, ...]
    making: "asyncio.Future[Kept]"


@dataclass(slots=True)
class _Passing:
    """An answer about anything."""

    began: float
    make: Make
    making: "asyncio.Future[Kept] | None"
    """Not kept beyond its end: it holds a whole request."""
    answer: Kept | None = None
    next: "_Passing | None" = None
    """What is made to take its place."""

    def is_coming(self, not_before: float) -> bool:
        """Whether it is being made, and not since too long."""
        return self.making is not None and not self.making.done() and self.began > not_before


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
        self._passing: OrderedDict[Key, _Passing] = OrderedDict()
        """About anything, nearly the oldest first."""
        self._begun: dict[Key, _Begun] = {}
        self._lasting: OrderedDict[Key, _Lasting] = OrderedDict()
        """About few each; what was not asked for longest first."""
        self._of: dict[str, tuple[Key, ...]] = {}
        """What is kept about each entity and user."""
        self._bytes = 0
        self._doubts = 0
        """Rises with whatever makes doubtful what was read before."""
        self._mark: str | None = None
        self._asked_at = self._proven_at = float("-inf")
        self._proving: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._passing) + len(self._begun) + len(self._lasting)

    @property
    def bytes(self) -> int:
        """Of the bodies that are kept."""
        return self._bytes

    def follow(self, ask: Ask) -> None:
        """From now on this is who knows what changed."""
        self._ask = ask

    def get(self, key: Key) -> Kept | None:
        """What is kept, where it is young enough or proven lately."""
        now, lasting = self._clock(), self._lasting.get(key)
        if lasting is not None:
            self._lasting.move_to_end(key)
            age_s = now - max(lasting[0], self._proven_at)
            if age_s >= self._life_s:
                return None
            if age_s >= self._ahead_s:
                self._prove_ahead(now)
            return Kept(*lasting[2:])
        passing = self._passing.get(key)
        if passing is None or passing.answer is None or now - passing.began >= self._life_s:
            return None
        if now - passing.began >= self._ahead_s:
            self._make_ahead(key, passing, now)
        return passing.answer

    def _prove_ahead(self, now: float) -> None:
        if self._mark is not None and self._proving is None and now - self._asked_at >= self._ahead_s:
            self._proving = asyncio.ensure_future(self._proof())

    def _make_ahead(self, key: Key, entry: _Passing, now: float) -> None:
        """Begins what will be wanted when this one's time is over."""
        if entry.next is not None or len(self._ahead_of) >= AHEAD_AT_ONCE:
            return
        making = asyncio.ensure_future(_made(entry.make))
        fresh = entry.next = _Passing(now, entry.make, making)
        self._ahead_of.add(key)

        def made(task: "asyncio.Future[Kept]") -> None:
            self._ahead_of.discard(key)
            failed = task.cancelled() or task.exception() is not None
            if self._passing.get(key) is entry and not failed:
                self._pass(key, fresh)
            self._passed(key, fresh, task)

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
        if since.doubts == self._doubts:
            self._hold(key, answer, since.began, tuple(dict.fromkeys(about)))

    async def answer(self, key: Key, make: Make, *, about: str | None = None) -> Kept:
        """The answer, made once for all who ask at the same time; `about` is the one entity that it depends on. Raises
        what `make` raises; that is never kept."""
        if key in self._lasting:
            await self._prove()
            kept = self.get(key)
            if kept is not None:
                return kept
        answer = self._of_anything(key, make) if about is None else self._of_few(key, make, (about,))
        if isinstance(answer, Kept):
            return answer
        try:
            # one of several who wait may go away; the others still want it
            return await asyncio.shield(answer)
        except Refusal as refusal:
            raise refusal.again() from refusal

    def _of_few(self, key: Key, make: Make, about: tuple[str, ...]) -> "asyncio.Future[Kept]":
        now, begun = self._clock(), self._begun.get(key)
        if begun is not None and now - begun.began < self._life_s:
            return begun.making
        making = asyncio.ensure_future(_made(make))
        begun = self._begun[key] = _Begun(now, about, making)

        def made(task: "asyncio.Future[Kept]") -> None:
            failed = task.cancelled() or task.exception() is not None
            if self._begun.get(key) is begun:
                del self._begun[key]
                if not failed:
                    self._hold(key, task.result(), begun.began, begun.about)

        making.add_done_callback(made)
        return making

    def _of_anything(self, key: Key, make: Make) -> "Kept | asyncio.Future[Kept]":
        now, entry = self._clock(), self._passing.get(key)
        if entry is not None and now - entry.began >= self._life_s:
            self._drop(key)
            entry = entry.next if entry.next is not None and entry.next.is_coming(now - self._life_s) else None
            if entry is not None:
                self._pass(key, entry)
        if entry is None:
            # what many ask for at once, as after a change, would all be made anew at once a second later, again and again
            making = asyncio.ensure_future(_made(make))
            fresh = entry = _Passing(now - self._chance() * SPREAD * self._life_s, make, making)
            self._pass(key, fresh)
            making.add_done_callback(lambda made: self._passed(key, fresh, made))
        answer = entry.making or entry.answer
        assert answer is not None
        return answer

    def _pass(self, key: Key, entry: _Passing) -> None:
        """Puts it behind all others."""
        self._drop(key)
        self._drop_old(self._clock())
        self._passing[key] = entry
        while len(self._passing) > self._entries_max:
            self._drop(next(iter(self._passing)))

    def _passed(self, key: Key, entry: _Passing, made: "asyncio.Future[Kept]") -> None:
        """What was being made is there, unless it failed or is not wanted any more."""
        failed = made.cancelled() or made.exception() is not None
        if self._passing.get(key) is not entry:
            return
        if failed or len(made.result().body) > self._bytes_max:
            self._drop(key)
            return
        entry.answer, entry.making = made.result(), None
        self._bytes += len(entry.answer.body)
        self._make_room()

    def _hold(self, key: Key, answer: Kept, began: float, about: tuple[str, ...]) -> None:
        """Keeps an answer about few."""
        self._drop_old(self._clock())
        self._forget(key)
        if len(answer.body) > self._bytes_max:
            return
        self._lasting[key] = (began, about, answer.status, answer.headers, answer.body)
        for each in about:
            self._of[each] = (*self._of.get(each, ()), key)
        self._bytes += len(answer.body)
        if len(self._lasting) > self._lasting_max:
            self._forget(next(iter(self._lasting)))
        self._make_room()

    def drop(self, about: str | None = None) -> None:
        """Something public changed, of this entity alone or of anything: what was read of it before counts no longer for
        who asks from now on."""
        self._doubts += 1
        for key in list(self._passing):
            self._drop(key)
        for key in list(self._lasting if about is None else self._of.get(about, ())):
            self._forget(key)
        for key in [key for key, begun in self._begun.items() if about is None or about in begun.about]:
            del self._begun[key]

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
        self._begun.clear()  # it was perhaps read before a change that is told now
        if since is None or changes["ids"] is None or users is None:
            named = list(self._lasting)
        else:
            named = [key for each in (*changes["ids"], *users) for key in self._of.get(each, ())]
        for key in named:
            self._forget(key)

    def _make_room(self) -> None:
        while self._bytes > self._bytes_max:
            if self._passing:
                self._drop(next(iter(self._passing)))
            else:
                self._forget(next(iter(self._lasting)))

    def _drop_old(self, now: float) -> None:
        while self._passing:
            key, entry = next(iter(self._passing.items()))
            if now - entry.began < self._life_s:
                return
            self._drop(key)

    def _drop(self, key: Key) -> None:
        """Of what is about anything."""
        entry = self._passing.pop(key, None)
        if entry is not None and entry.answer is not None:
            self._bytes -= len(entry.answer.body)

    def _forget(self, key: Key) -> None:
        """Of what is about few."""
        lasting = self._lasting.pop(key, None)
        if lasting is None:
            return
        _, about, _, _, body = lasting
        self._bytes -= len(body)
        for each in about:
            others = tuple(other for other in self._of[each] if other != key)
            if others:
                self._of[each] = others
            else:
                del self._of[each]


async def _made(make: Make) -> Kept:
    return await make()
