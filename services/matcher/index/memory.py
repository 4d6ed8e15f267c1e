"""The index in process: posting lists in memory, for one process, filled from the directory at every start."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nsmallest

from services.matcher.domain import rules
from services.matcher.domain.documents import Document, Fact, Side, Tag, Tags, apply
from services.matcher.domain.score import kilometres
from services.matcher.index.port import (
    Asked,
    Change,
    Documents,
    Found,
    Query,
    categories_of,
    key_of_name,
    words_of_name,
)
from services.matcher.lexicon import NodeLexicon
from services.matcher.vocabulary import NameVocabulary, TagVocabulary

Score = dict[str, int]
Postings = defaultdict[str, set[str]]


class MemoryIndex:
    """Keeps every document; only listed ones are in the posting lists."""

    def __init__(self, lexicon: NodeLexicon) -> None:
        self._lexicon = lexicon
        self.tags = TagVocabulary(lexicon)
        self.names = NameVocabulary(lexicon)
        self._documents: dict[str, Document] = {}
        self._ids: list[str] | None = None
        self._rank: dict[str, tuple[bool, str, str]] = {}
        self._by_tag: dict[Side, Postings] = {"offers": defaultdict(set), "wants": defaultdict(set)}
        self._by_name: Postings = defaultdict(set)
        self._by_category: Postings = defaultdict(set)
        self._target: MemoryIndex | None = None

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
        """Applies facts, also to the index that is being built."""
        if self._target is not None:
            self._target.apply(change)
        return self.apply(change)

    def apply(self, change: Change) -> Document:
        """The document with these facts; the posting lists follow."""
        old = self._documents.get(change.entity_id)
        new = apply(old or Document(sys.intern(change.entity_id)), (_shared(fact) for fact in change.facts))
        if new is old:
            return new
        if old is None:
            self._ids = None
        elif old.listed:
            self._withdraw(old)
        self._documents[new.entity_id] = new
        if new.listed:
            self._enter(new)
        return new

    def _enter(self, document: Document) -> None:
        words = words_of_name(document)
        for shelf, keys in self._shelves(document, words):
            for key in keys:
                shelf[key].add(document.entity_id)
        self._rank[document.entity_id] = (not document.trading, key_of_name(document.name), document.entity_id)
        self.names.add(words)
        self.tags.add(tag.tag for tag in (*document.offers, *document.wants))

    def _withdraw(self, document: Document) -> None:
        for shelf, keys in self._shelves(document, words_of_name(document)):
            for key in keys:
                shelf[key].discard(document.entity_id)
                if not shelf[key]:
                    del shelf[key]
        del self._rank[document.entity_id]

    def _shelves(self, document: Document, words: Sequence[str]) -> Iterator[tuple[Postings, Iterable[str]]]:
        yield self._by_tag["offers"], dict.fromkeys(tag.tag for tag in document.offers)
        yield self._by_tag["wants"], dict.fromkeys(tag.tag for tag in document.wants)
        yield self._by_name, words
        yield self._by_category, dict.fromkeys(categories_of(document))

    async def get(self, entity_id: str) -> Document | None:
        """One entity."""
        return self._documents.get(entity_id)

    async def search(self, query: Query) -> Found:
        """One page."""
        scores = self._scores(query)
        ids = nsmallest(query.offset + query.size, scores, key=self._order(query, scores))
        return Found([self._documents[entity_id] for entity_id in ids[query.offset :]], len(scores))

    async def count(self, query: Query) -> int:
        """How many there are."""
        return len(self._scores(query))

    async def tag_counts(self, tags: Sequence[str], side: Side | None) -> dict[str, int]:
        """How many have each tag."""
        sides: tuple[Side, ...] = (side,) if side else ("offers", "wants")
        nobody: set[str] = set()
        return {tag: len(set().union(*(self._by_tag[each].get(tag, nobody) for each in sides))) for tag in tags}

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

    def admin_tag(self, tag: str, *, stands: bool) -> None:
        """Tells the lexicon, and forgets what was found without it."""
        self._lexicon.admin_tag(tag, stands=stands)
        self.tags.forget_answers()

    def admin_tags(self, tags: Iterable[str]) -> None:
        """Tells the lexicon, and forgets what was found without it."""
        self._lexicon.admin_tags(tags)
        self.tags.forget_answers()

    def replace_with(self, built: "MemoryIndex") -> None:
        """Takes over everything the other index holds."""
        for name in ("tags", "names", "_documents", "_ids", "_rank", "_by_tag", "_by_name", "_by_category"):
            setattr(self, name, getattr(built, name))
        self._target = None

    def end_rebuilding(self) -> None:
        """The second index is dropped."""
        self._target = None

    def _scores(self, query: Query) -> Score:
        scores = self._tag_scores(query)
        scores = self._name_scores(query, scores)
        if query.category is not None:
            within = self._by_category.get(query.category, set())
            scores = dict.fromkeys(within, 0) if scores is None else _only(scores, within)
        if query.ids is not None:
            scores = {
                entity_id: (scores or {}).get(entity_id, 0)
                for entity_id in query.ids
                if (entity_id in self._rank if scores is None else entity_id in scores)
            }
        if scores is None:
            scores = dict.fromkeys(self._rank, 0)
        for entity_id in query.without:
            scores.pop(entity_id, None)
        return self._with_points(query, self._filtered(query, scores))

    def _filtered(self, query: Query, scores: Score) -> Score:
        documents = self._documents
        if query.tagged_since:
            scores = {x: score for x, score in scores.items() if documents[x].newest_tag >= query.tagged_since}
        if query.place is not None and query.place.within_km is not None:
            reach = query.place.within_km
            scores = {x: score for x, score in scores.items() if _kilometres(query, documents[x]) <= reach}
        return scores

    def _with_points(self, query: Query, scores: Score) -> Score:
        if not query.trading_points and not query.band_points:
            return scores
        bands = query.band_points or {}
        for entity_id in scores:
            document = self._documents[entity_id]
            scores[entity_id] += query.trading_points * document.trading + bands.get(document.band, 0)
        return scores

    def _tag_scores(self, query: Query) -> Score | None:
        if query.asked is None:
            return None
        by_side: dict[Side, Score] = {}
        for asked in query.asked:
            scores = by_side.setdefault(asked.side, {})
            for entity_id, worth in self._worths(asked).items():
                scores[entity_id] = scores.get(entity_id, 0) + worth * asked.weight
        sides = list(by_side.values()) or [{}]
        if len(sides) == 1:
            return sides[0]
        if query.either_side:
            return {x: sides[0].get(x, 0) + sides[1].get(x, 0) for x in sides[0].keys() | sides[1].keys()}
        return {x: score + sides[1][x] for x, score in sides[0].items() if x in sides[1]}

    def _worths(self, asked: Asked) -> Score:
        """Per entity what its best tag for the asked one is worth."""
        worths: Score = {}
        postings = self._by_tag[asked.side]
        for kind in reversed(rules.KINDS):
            worth = rules.WORTH[kind]
            for tag in asked.met.of(kind):
                holders = postings.get(tag)
                if holders is None:
                    continue
                if asked.since:
                    holders = {x for x in holders if self._stands_since(x, asked.side, tag) >= asked.since}
                worths.update(dict.fromkeys(holders, worth))
        return worths

    def _stands_since(self, entity_id: str, side: Side, tag: str) -> int:
        return max(each.at for each in self._documents[entity_id].side(side) if each.tag == tag)

    def _name_scores(self, query: Query, scores: Score | None) -> Score | None:
        for met in query.name:
            worths: Score = {}
            for kind in reversed(rules.KINDS):
                for word in met.of(kind):
                    worths.update(dict.fromkeys(self._by_name.get(word, ()), rules.WORTH[kind]))
            scores = worths if scores is None else {x: scores[x] + worths[x] for x in scores if x in worths}
        return scores

    def _order(self, query: Query, scores: Score) -> Callable[[str], tuple[object, ...]]:
        rank, documents = self._rank, self._documents
        match query.order:
            case "name":
                return lambda x: rank[x][1:]
            case "newest":
                return lambda x: (-documents[x].newest, x)
            case "distance":
                return lambda x: (_kilometres(query, documents[x]), x)
            case _ if query.trading_first:
                return lambda x: (rank[x][0], -scores[x], *rank[x][1:])
            case _:
                return lambda x: (-scores[x], *rank[x][1:])


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


def _only(scores: Score, within: set[str]) -> Score:
    return {entity_id: score for entity_id, score in scores.items() if entity_id in within}


def _kilometres(query: Query, document: Document) -> float:
    """From the place asked for; infinite for an entity without a place."""
    if query.place is None or document.latitude is None or document.longitude is None:
        return float("inf")
    return kilometres(query.place.latitude, query.place.longitude, document.latitude, document.longitude)


def _shared(fact: Fact) -> Fact:
    """The same fact with one string per distinct tag in the process: thousands have the same."""
    if not isinstance(fact, Tags):
        return fact
    offers, wants = (tuple(Tag(sys.intern(tag.tag), tag.at) for tag in tags) for tags in (fact.offers, fact.wants))
    return Tags(fact.sequence, offers, wants)
