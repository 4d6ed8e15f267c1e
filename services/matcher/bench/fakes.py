"""The surroundings of the index while it is measured: a bus that takes everything, and no source."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from libs.common.bus.port import Bus
from libs.common.envelope import Envelope
from services.matcher.bench.community import NOW_MS
from services.matcher.index.port import Change, Index
from services.matcher.service.deps import Deps


class TakingBus:
    """Takes what is published, and counts it."""

    def __init__(self) -> None:
        self.told = 0

    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        self.told += len(envelopes)
        return {envelope.id for envelope in envelopes}


class NoSource:
    """Nothing to read."""

    async def entities(self, after: str = "") -> AsyncIterator[list[Change]]:
        for changes in cast("list[list[Change]]", []):
            yield changes

    async def bands(self) -> AsyncIterator[list[Change]]:
        for changes in cast("list[list[Change]]", []):
            yield changes

    async def admin_tags(self) -> list[str]:
        return []


def deps_of(index: Index, bus: Any = None) -> Deps:
    """What the use cases need, with the community's own time."""
    kept: Bus = bus or cast("Any", TakingBus())
    return Deps(index, NoSource(), kept, lambda: datetime.fromtimestamp(NOW_MS / 1000, UTC))
