"""What happens elsewhere: facts go into the index once it is filled, and what they make possible is told."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from libs.common.errors import Refusal
from services.matcher.domain.documents import Document, Profile, Tags
from services.matcher.domain.words import words_of_text
from services.matcher.index.port import Change, IndexAway
from services.matcher.service import matches
from services.matcher.service.deps import Deps
from services.matcher.service.rebuild import RETRY_FIRST_S, RETRY_MAX_S

ADDED_WITHIN_MS = 5_000
"""Tags dated up to so long before an event count as added by it; telling one twice is harmless, its id is the same."""

_log = structlog.get_logger(__name__)


class News:
    """Facts as they come, once the index is filled: before that the bus keeps them."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self.filled = asyncio.Event()
        self._heard_early: list[Change] | None = []
        """What was heard before the words of the node's languages were there."""

    async def learn(self, change: Change) -> Document:
        """Into the index, by sequence."""
        return await self._deps.index.update(change)

    async def learn_and_tell(self, change: Change, at: int) -> None:
        """Into the index, and then the matches of the tags that came with it. Told also when the fact itself was not new:
        a process may have died between the two."""
        document = await self.learn(change)
        added = matches.added_since(document, at - ADDED_WITHIN_MS)
        if document.listed and any(added.values()):
            await self._deps.index.findable()
            told = await matches.tell(self._deps, document, added)
            _log.debug("matches_told", entity_id=document.entity_id, count=told)

    def hear(self, change: Change) -> None:
        """What reached every process: words and tags are known before they are looked up. Those of the unlisted match
        nobody."""
        self._deps.index.heard(change)
        if self._heard_early is not None:
            self._heard_early.append(change)
            return
        for fact in change.facts:
            if isinstance(fact, Profile):
                self._deps.index.names.add(words_of_text(fact.name))
            elif isinstance(fact, Tags):
                self._deps.index.tags.add(tag.tag for tag in (*fact.offers, *fact.wants))

    def hear_of_admin_tag(self, old: str | None, new: str | None) -> None:
        """An admin's tag is right as it is written."""
        if old is not None:
            self._deps.index.admin_tag(old, stands=False)
        if new is not None:
            self._deps.index.admin_tag(new, stands=True)

    async def learn_words(self) -> None:
        """The words in use, from the index, and those that were heard before; again and again until it answers."""
        self._deps.index.forget()
        await _until_done(self._deps.index.refresh_vocabulary)
        early, self._heard_early = self._heard_early or [], None
        for change in early:
            self.hear(change)

    async def learn_admin_tags(self) -> None:
        """The tags that admins made, from the directory; again and again until it answers."""

        async def learn() -> None:
            self._deps.index.admin_tags(await self._deps.source.admin_tags())

        await _until_done(learn)


async def _until_done(work: Callable[[], Awaitable[None]]) -> None:
    wait_s = RETRY_FIRST_S
    while True:
        try:
            return await work()
        except (Refusal, IndexAway) as fault:
            _log.info("snapshot_waits", problem=str(fault))
            await asyncio.sleep(wait_s)
            wait_s = min(RETRY_MAX_S, wait_s * 2)
