"""Telling matches: from a queue of its own and in rounds, so that a change is findable however much there is to tell.

The queue is the list of what is still to be told: a message is done when its round was told, so a process that dies tells it
again, with the same ids.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from libs.common.gathered import Gathered
from services.matcher.domain.documents import Document
from services.matcher.index.port import Change
from services.matcher.service import matches
from services.matcher.service.deps import Deps
from services.matcher.service.news import News

ADDED_WITHIN_MS = 5_000
"""Tags dated up to so long before an event count as added by it; telling one twice is harmless, its id is the same."""
ROUND_MAX = 25
"""Changes told together: those of one entity at once, and all behind one refresh of the index."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """A change whose matches are to be told, and when it happened (Unix milliseconds)."""

    change: Change
    at: int


class Teller:
    """Tells in rounds, one after the other; while changes wait to be made findable it works half of the time."""

    def __init__(self, deps: Deps, news: News) -> None:
        self._deps = deps
        self._news = news
        self._took_s = 0.0
        self._rounds: Gathered[Due, Exception | None] = Gathered(self._round, size_max=ROUND_MAX, at_once=1)

    async def tell(self, change: Change, at: int) -> None:
        """Returns when the matches of the tags that came with this change are told. Raises NotTold, IndexAway."""
        fault = await self._rounds.one(Due(change, at))
        if fault is not None:
            raise fault

    async def _round(self, dues: Sequence[Due]) -> list[Exception | None]:
        await self._news.quiet(self._took_s)
        began = time.monotonic()
        try:
            since = _since_by_entity(dues)
            documents = await self._as_they_stand(dues)
            added = {each: matches.added_since(document, since[each]) for each, document in documents.items()}
            telling = [each for each, lists in added.items() if documents[each].listed and any(lists.values())]
            if not telling:
                return [None] * len(dues)
            await self._deps.index.findable()
            told = (matches.tell(self._deps, documents[each], added[each]) for each in telling)
            outcomes = dict(zip(telling, await asyncio.gather(*told, return_exceptions=True), strict=True))
            faults = {each: fault for each, fault in outcomes.items() if isinstance(fault, Exception)}
            _log.debug("matches_told", changes=len(dues), entities=len(telling), failed=len(faults))
            return [faults.get(due.change.entity_id) for due in dues]
        finally:
            self._took_s = time.monotonic() - began

    async def _as_they_stand(self, dues: Sequence[Due]) -> dict[str, Document]:
        """The entities as the index has them, with these facts: this queue may be ahead of the one that feeds the index."""
        documents = await asyncio.gather(*(self._deps.index.update(due.change) for due in dues))
        return {document.entity_id: document for document in documents}


def _since_by_entity(dues: Sequence[Due]) -> dict[str, int]:
    """From when on its tags count as added: by the earliest of its changes."""
    since: dict[str, int] = {}
    for due in dues:
        at = due.at - ADDED_WITHIN_MS
        since[due.change.entity_id] = min(at, since.get(due.change.entity_id, at))
    return since
