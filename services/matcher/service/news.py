"""What happens elsewhere: facts go into the index once it is filled, and their words into the vocabulary of every process."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from libs.common.errors import Refusal
from services.matcher.domain.documents import Profile, Tags
from services.matcher.domain.words import words_of_text
from services.matcher.index.port import Change, IndexAway
from services.matcher.service.deps import Deps
from services.matcher.service.rebuild import RETRY_FIRST_S, RETRY_MAX_S

_log = structlog.get_logger(__name__)


class News:
    """Facts as they come, once the index is filled: before that the bus keeps them."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self.filled = asyncio.Event()
        self._in_hand = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._heard_early: list[Change] | None = []
        """What was heard before the words of the node's languages were there."""

    async def learn(self, change: Change) -> None:
        """Into the index, by sequence."""
        self._in_hand += 1
        self._quiet.clear()
        try:
            await self._deps.index.update(change)
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._quiet.set()

    async def quiet(self, at_most_s: float) -> None:
        """Returns when no change is on its way into the index, or after so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._quiet.wait()

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
        await until_done(self._deps.index.refresh_vocabulary)
        early, self._heard_early = self._heard_early or [], None
        for change in early:
            self.hear(change)

    async def learn_admin_tags(self) -> None:
        """The tags that admins made, from the directory; again and again until it answers."""

        async def learn() -> None:
            self._deps.index.admin_tags(await self._deps.source.admin_tags())

        await until_done(learn)


async def until_done(work: Callable[[], Awaitable[None]]) -> None:
    """Again and again, ever more slowly, while the index or another service does not answer."""
    wait_s = RETRY_FIRST_S
    while True:
        try:
            return await work()
        except (Refusal, IndexAway) as fault:
            _log.info("snapshot_waits", problem=str(fault))
            await asyncio.sleep(wait_s)
            wait_s = min(RETRY_MAX_S, wait_s * 2)
