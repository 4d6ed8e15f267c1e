"""The index in process: posting lists in memory, for one process, filled from the directory at every start."""

import asyncio
import sys
from collections.abc import Iterable, Sequence

from libs.common.lasting import settle
from services.matcher.domain.documents import Document, Side, apply
from services.matcher.index.port import Change, Documents, Found, Query, words_of_name
from services.matcher.index.shelves import Shelves
from services.matcher.lexicon import NodeLexicon
from services.matcher.vocabulary import NameVocabulary, TagVocabulary

SETTLED_EVERY = 2_000
"""After so many documents were made they go out of the collector's sight, for they last: a full collection that looks through
20 000 new ones stops the whole process for 140 ms, again and again while a rename goes through them; through 2 000, for 24 ms."""


class MemoryIndex:
    """Keeps every document; only listed ones are in the posting lists."""

    def __init__(self, lexicon: NodeLexicon) -> None:
        self._lexicon = lexicon
        self.tags = TagVocabulary(lexicon)
        self.names = NameVocabulary(lexicon)
        self._documents: dict[str, Document] = {}
        self._ids: list[str] | None = None
        self._shelves = Shelves()
        self._target: MemoryIndex | None = None
        self._unsettled = 0
        self._one_change, self._no_hurry = asyncio.Lock(), asyncio.Lock()

    async def start(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to give back."""

    async def healthy(self) -> bool:
        """It lives as long as its process."""
        return True

    async def is_there(self) -> bool:
        """Nobody can drop it."""
        return True

    async def size(self) -> int:
        """0 at every start."""
        return len(self._documents)

    async def update(self, change: Change) -> Document:
        """Applies facts, also to the index that is being built; one change after the other: a search comes in between."""
        async with self._one_change:
            await asyncio.sleep(0)
            if self._target is not None:
                self._target.apply(change)
            return self.apply(change)

    def apply(self, change: Change) -> Document:
        """The document with these facts; the posting lists follow."""
        old = self._documents.get(change.entity_id)
        new = apply(old or Document(sys.intern(change.entity_id)), change.facts)
        if new is old:
            return new
        if old is None:
            self._ids = None
        elif old.listed:
            self._shelves.withdraw(old)
        self._documents[new.entity_id] = new
        if new.listed:
            self._shelves.enter(new)
            self.names.add(words_of_name(new))
            self.tags.add(tag.tag for tag in (*new.offers, *new.wants))
        self._unsettled += 1
        if self._unsettled >= SETTLED_EVERY:
            self._unsettled = 0
            settle()
        return new

    async def get(self, entity_id: str) -> Document | None:
        """One entity."""
        return self._documents.get(entity_id)

    async def search(self, query: Query) -> Found:
        """One page."""
        ids, total = await self.found_ids(query)
        return Found([self._documents[entity_id] for entity_id in ids], total)

    async def found_ids(self, query: Query) -> tuple[list[str], int]:
        """One page, by the posting lists alone."""
        scored = self._shelves.scored(query)
        return self._shelves.page(query, scored), len(scored)

    async def best(self, query: Query) -> list[Document]:
        """As `search`, one after the other: whoever is in a hurry comes in between."""
        async with self._no_hurry:
            await asyncio.sleep(0)
            return (await self.search(query)).documents

    async def count(self, query: Query) -> int:
        """How many there are."""
        return len(self._shelves.scored(query))

    async def tag_counts(self, tags: Sequence[str], side: Side | None) -> dict[str, int]:
        """How many have each tag."""
        sides: tuple[Side, ...] = (side,) if side else ("offers", "wants")
        return {tag: self._shelves.held_by(tag, sides) for tag in tags}

    async def documents(self, after: str, limit: int) -> Documents:
        """Every document in id order."""
        if self._ids is None:
            self._ids = sorted(self._documents)
        behind = [entity_id for entity_id in self._ids if entity_id > after][:limit]
        for entity_id in behind:
            yield self._documents[entity_id]

    async def rebuilding(self) -> "MemoryTarget":
        """A second index, empty; it hears every update from now on, and knows the bands and refusals of the first."""
        self._target = MemoryIndex(self._lexicon)
        return MemoryTarget(self, self._target)

    async def findable(self) -> None:
        """At once."""

    async def refresh_vocabulary(self) -> None:
        """This process heard of everything."""

    def heard(self, change: Change) -> None:
        """It remembers nothing beside the index itself."""

    def forget(self) -> None:
        """Likewise."""

    def admin_tag(self, tag: str, *, stands: bool) -> None:
        """Tells the lexicon, and forgets what was found without it."""
        self._lexicon.admin_tag(tag, stands=stands)
        self.tags.forget_answers()
        self.names.forget_answers()

    def admin_tags(self, tags: Iterable[str]) -> None:
        """Tells the lexicon, and forgets what was found without it."""
        self._lexicon.admin_tags(tags)
        self.tags.forget_answers()
        self.names.forget_answers()

    def replace_with(self, built: "MemoryIndex") -> None:
        """Takes over everything the other index holds."""
        for name in ("tags", "names", "_documents", "_ids", "_shelves"):
            setattr(self, name, getattr(built, name))
        self._target = None

    def end_rebuilding(self) -> None:
        """The second index is dropped."""
        self._target = None


class MemoryTarget:
    """The index that is being built beside the one in use."""

    def __init__(self, used: MemoryIndex, built: MemoryIndex) -> None:
        self._used, self._built = used, built

    async def update(self, changes: Sequence[Change]) -> None:
        """Adds what the source tells."""
        for change in changes:
            self._built.apply(change)

    async def commit(self) -> None:
        """In one step of the event loop."""
        self._used.replace_with(self._built)

    async def abandon(self) -> None:
        """The old index stays."""
        self._used.end_rebuilding()

    def documents(self, after: str, limit: int) -> Documents:
        """What was built."""
        return self._built.documents(after, limit)
