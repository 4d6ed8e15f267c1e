"""Events that wait inside the documents that changed: pushed by the same atomic update, claimed by the relay by lease.

A document with waiting events has `pending` and, so that an index finds it, `due`: from when (Unix milliseconds) a relay
may take it. A relay that dies lets go when its lease runs out; a second telling is what consumers are made for.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from libs.common.envelope import Envelope
from libs.common.ids import new_id
from services.directory.store.mongodb.schema import PENDING, Database

LEASE_MS = 30_000
LOOK_S = 0.2
"""How often a relay looks for what other processes told."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _kept(event: Envelope) -> dict[str, Any]:
    return {"id": event.id, "raw": event.to_bytes().decode()}


class MongoOutbox:
    """Port `libs.common.outbox.OutboxStore` over all collections whose documents can have something to tell."""

    def __init__(self, database: Database, *, lease_ms: int = LEASE_MS) -> None:
        self._database = database
        self._lease_ms = lease_ms
        self._told = asyncio.Event()

    def waiting(self, events: Sequence[Envelope]) -> dict[str, Any]:
        """The fields of a new document that has this to tell."""
        return {"pending": [_kept(event) for event in events], "due": _now_ms()} if events else {}

    def pushing(self, events: Sequence[Envelope], fields: Mapping[str, Any]) -> dict[str, Any]:
        """The update that sets these fields and tells this."""
        if not events:
            return {"$set": dict(fields)}
        return {
            "$set": {**fields, "due": _now_ms()},
            "$push": {"pending": {"$each": [_kept(event) for event in events]}},
        }

    def ring(self) -> None:
        """Something was told in this process."""
        self._told.set()

    @asynccontextmanager
    async def claim(self, limit: int) -> AsyncIterator["_MongoClaim"]:
        self._told.clear()
        claim = _MongoClaim(self._database, until=_now_ms() + self._lease_ms)
        try:
            for name in PENDING:
                await claim.take(name, limit - len(claim.envelopes))
            yield claim
        finally:
            await claim.let_go()

    async def wait(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and not self._told.is_set() and not await self._anything_due():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._told.wait()

    async def close(self) -> None:
        """Nothing is held between claims."""

    async def _anything_due(self) -> bool:
        due = {"due": {"$lte": _now_ms()}}
        found = await asyncio.gather(*(self._database[name].find_one(due, {"_id": 1}) for name in PENDING))
        return any(found)


class _MongoClaim:
    """Documents held under one token."""

    def __init__(self, database: Database, until: int) -> None:
        self._database = database
        self._until = until
        self._token = new_id()
        self._held: dict[str, int] = {}
        """By collection: documents that have something to tell yet."""
        self.envelopes: Sequence[Envelope] = ()

    async def take(self, name: str, limit: int) -> None:
        """Holds due documents of one collection that together have at most `limit` events, or one that has more."""
        if limit <= 0:
            return
        collection = self._database[name]
        due = {"due": {"$lte": _now_ms()}}
        ids: list[str] = []
        room = limit
        async for found in collection.find(due, {"pending.id": 1}, sort=[("due", 1)], limit=limit):
            room -= len(found.get("pending", ()))
            if room < 0 and (ids or self.envelopes):
                break
            ids.append(found["_id"])
        if not ids:
            return
        self._held[name] = len(ids)
        await collection.update_many({"_id": {"$in": ids}, **due}, {"$set": {"due": self._until, "claim": self._token}})
        for document in await collection.find({"_id": {"$in": ids}, "claim": self._token}, {"pending": 1}).to_list():
            events = [Envelope.from_bytes(kept["raw"].encode()) for kept in document.get("pending", ())]
            self.envelopes = [*self.envelopes, *events]

    async def done(self, ids: set[str]) -> None:
        for name in self._held:
            collection = self._database[name]
            taken = sorted(ids)
            # most have nothing else to tell: one write for each of those
            others = {"$elemMatch": {"id": {"$nin": taken}}}
            told = await collection.update_many(
                {"claim": self._token, "pending": {"$not": others}}, {"$unset": {"pending": "", "due": "", "claim": ""}}
            )
            self._held[name] -= told.modified_count
            if self._held[name]:
                # an event that was not taken, or pushed meanwhile, keeps its document here
                await collection.update_many({"claim": self._token}, {"$pull": {"pending": {"id": {"$in": taken}}}})

    async def let_go(self) -> None:
        for name in (name for name, left in self._held.items() if left):
            await self._database[name].update_many(
                {"claim": self._token}, {"$min": {"due": _now_ms()}, "$unset": {"claim": ""}}
            )
