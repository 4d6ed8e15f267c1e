"""Entities for tests, and an index that holds them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from libs.common.bus.port import Bus
from libs.common.envelope import Envelope
from libs.common.testing import FixedClock
from services.matcher.domain.documents import Fact, Profile, Tag, Tags
from services.matcher.index.port import Change, Index
from services.matcher.service.deps import Deps
from services.matcher.source import milliseconds

LONG_AGO = 1_700_000_000_000


def an_id(number: int) -> str:
    """Ids that sort as their numbers."""
    return f"01890000-0000-7000-8000-{number:012d}"


def tags(names: Sequence[str], at: int = LONG_AGO) -> tuple[Tag, ...]:
    return tuple(Tag(name, at) for name in names)


def an_entity(
    number: int,
    *,
    offers: Sequence[str] = (),
    wants: Sequence[str] = (),
    name: str | None = None,
    listed: bool = True,
    trading: bool = True,
    categories: Sequence[str] = (),
    place: tuple[float, float] | None = None,
    newest: int = LONG_AGO,
    at: int = LONG_AGO,
    sequence: int = 1,
    more: Sequence[Fact] = (),
) -> Change:
    """Everything there is to know about an entity, as one change."""
    latitude, longitude = place or (None, None)
    facts = (
        Profile(sequence, name or f"Entity {number}", listed, trading, tuple(categories), latitude, longitude, newest),
        Tags(sequence, tags(offers, at), tags(wants, at)),
    )
    return Change(an_id(number), (*facts, *more))


async def fill(index: Index, *changes: Change) -> None:
    await asyncio.gather(*(index.update(change) for change in changes))
    await index.findable()
    await index.refresh_vocabulary()


@dataclass
class KeptBus:
    """Keeps what is published; takes only as much as `takes` says, and nothing that tells of `refuses`."""

    told: list[Envelope] = field(default_factory=list)
    takes: int | None = None
    refuses: str = "nobody"
    rounds: int = 0

    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        self.rounds += 1
        taken = [each for each in envelopes[: self.takes] if self.refuses not in (each.subject or "")]
        self.told += taken
        return {envelope.id for envelope in taken}


@dataclass
class FixedSource:
    """A directory and a ledger that say what they are told to, in pages of `page`."""

    changes: list[Change] = field(default_factory=list)
    band_changes: list[Change] = field(default_factory=list)
    tags_of_admins: list[str] = field(default_factory=list)
    page: int = 3

    async def entities(self, after: str = "") -> AsyncIterator[list[Change]]:
        changes = sorted((each for each in self.changes if each.entity_id > after), key=lambda each: each.entity_id)
        for start in range(0, len(changes), self.page):
            yield changes[start : start + self.page]

    async def bands(self) -> AsyncIterator[list[Change]]:
        if self.band_changes:
            yield self.band_changes

    async def admin_tags(self) -> list[str]:
        return self.tags_of_admins


def deps_of(
    index: Index, *, bus: KeptBus | None = None, source: FixedSource | None = None, clock: FixedClock | None = None
) -> Deps:
    kept: Bus = bus or KeptBus()  # type: ignore[assignment]
    return Deps(index, source or FixedSource(), kept, clock or FixedClock())


__all__ = ["LONG_AGO", "FixedSource", "KeptBus", "an_entity", "an_id", "deps_of", "fill", "milliseconds", "tags"]
