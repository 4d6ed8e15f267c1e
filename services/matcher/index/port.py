"""The index as the use cases see it. What a text means is settled before (`vocabulary`); an index only looks up and counts."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from services.matcher.domain.documents import Document, Fact, Side
from services.matcher.domain.words import fold, words_of_text
from services.matcher.vocabulary import Met, NameVocabulary, TagVocabulary

NAME_KEY_BYTES = 23
Order = Literal["relevance", "name", "newest", "distance"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One tag that is asked for: where to look, how much it weighs, what it means, and since when it must stand."""

    side: Side
    weight: int
    met: Met
    since: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A place, and how far from it counts; None: anywhere."""

    latitude: float
    longitude: float
    within_km: float | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for among the listed entities.

    `asked` None: no tags are asked for; empty: tags nobody has. Tags of one side are OR-ed; the sides are AND-ed, or OR-ed
    with `either_side`. The words of a name are AND-ed. Points are added to what the tags weigh.
    """

    asked: tuple[Asked, ...] | None = None
    either_side: bool = False
    name: tuple[Met, ...] = ()
    category: str | None = None
    """Folded."""
    tagged_since: int = 0
    ids: frozenset[str] | None = None
    without: frozenset[str] = frozenset()
    place: Place | None = None
    order: Order = "relevance"
    trading_first: bool = True
    trading_points: int = 0
    band_points: Mapping[int, int] | None = None
    offset: int = 0
    size: int = 10


@dataclass(frozen=True, slots=True)
class Found:
    """The documents of one page in their order, and how many there are in all."""

    documents: list[Document]
    total: int


@dataclass(frozen=True, slots=True)
class Change:
    """Facts about one entity."""

    entity_id: str
    facts: tuple[Fact, ...]


class Target(Protocol):
    """Where a rebuild writes: a second index that hears every change, too, until it takes the first one's place."""

    async def update(self, changes: Sequence[Change]) -> None:
        """Adds what the source tells."""

    async def commit(self) -> None:
        """Takes the place of the index in use, at once and without a gap."""

    async def abandon(self) -> None:
        """Drops what was built."""

    def documents(self, after: str, limit: int) -> "Documents":
        """See `Index.documents`."""


Documents = AsyncIterator[Document]


class Index(Protocol):
    """The index in use."""

    tags: TagVocabulary
    names: NameVocabulary

    async def start(self) -> None:
        """Connects and makes what is missing. Raises IndexAway."""

    async def close(self) -> None:
        """Gives connections back."""

    async def healthy(self) -> bool:
        """Whether it answers now."""

    async def is_there(self) -> bool:
        """Whether nobody dropped it."""

    async def size(self) -> int:
        """How many entities it holds, listed or not; 0: it must be filled from the source first."""

    async def update(self, change: Change) -> Document:
        """Applies facts by their sequences, durable when it returns; the document as it then stands."""

    async def get(self, entity_id: str) -> Document | None:
        """One entity, as it stands."""

    async def search(self, query: Query) -> Found:
        """One page. What was updated more than a second ago is found."""

    async def found_ids(self, query: Query) -> tuple[list[str], int]:
        """The same without the documents: their ids in their order, and how many there are in all."""

    async def best(self, query: Query) -> list[Document]:
        """The first of a search by score, equals in any order and without a total, for those in no hurry: many go together."""

    async def count(self, query: Query) -> int:
        """How many there are, exactly."""

    async def tag_counts(self, tags: Sequence[str], side: Side | None) -> dict[str, int]:
        """How many listed entities have each of these tags on this side (or on either); at most 200 tags."""

    def documents(self, after: str, limit: int) -> Documents:
        """Every document in id order, listed or not, from behind `after`; at most `limit`."""

    async def rebuilding(self) -> Target:
        """A second index to fill; only one at a time."""

    async def findable(self) -> None:
        """Returns when all that was updated before is found by a search."""

    async def refresh_vocabulary(self) -> None:
        """Learns the words in use that this process did not hear of."""

    def heard(self, change: Change) -> None:
        """Facts that reached every process; what it remembers of entities follows."""

    def forget(self) -> None:
        """Facts may have been missed: what it remembers of entities is read again."""

    def admin_tag(self, tag: str, *, stands: bool) -> None:
        """An admin made this tag (or dropped it): its words are right as they are written."""

    def admin_tags(self, tags: Iterable[str]) -> None:
        """All the tags of admins."""


class IndexAway(Exception):  # noqa: N818
    """The index cannot be reached, or is not filled yet: try again soon."""


def key_of_name(name: str) -> bytes:
    """By what names are sorted: as many letters as three numbers of the engine hold. Names that go on alike are in the order
    of their ids."""
    return fold(name).encode()[:NAME_KEY_BYTES]


def words_of_name(document: Document) -> tuple[str, ...]:
    """The words of its name by which it is found."""
    return tuple(dict.fromkeys(words_of_text(document.name)))


def categories_of(document: Document) -> tuple[str, ...]:
    """Its categories as they are compared."""
    return tuple(fold(category) for category in document.categories)
