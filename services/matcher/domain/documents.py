"""What the matcher knows about one entity, put together from facts that come twice, late and in any order.

Every fact carries the whole state of its part and a sequence; the older one loses. Facts of different parts never overwrite
each other, so any order of the same facts ends in the same document, and a rebuild may run beside the stream of events.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Side = Literal["offers", "wants"]
UNHEARD = -1
"""The sequence of a part that nobody told of yet."""
OTHER_SIDE: dict[Side, Side] = {"offers": "wants", "wants": "offers"}


class Tag(NamedTuple):
    """A tag in its normal form and since when it counts as added, in Unix milliseconds."""

    tag: str
    at: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Of an entity as others may see it. `newest` is when it became listed, in Unix milliseconds."""

    sequence: int
    name: str
    listed: bool
    may_trade: bool
    categories: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Tags:
    """The whole lists of offers and wants."""

    sequence: int
    offers: tuple[Tag, ...]
    wants: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """How far from zero the balance stands, from -2 to 2; never a balance."""

    sequence: int
    band: int


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The entity does not want to see these others as matches."""

    others: frozenset[str]


@dataclass(frozen=True, slots=True)
class Gone:
    """The entity was deleted; ids are never given twice, so this is final."""


Fact = Profile | Tags | Band | Dismissed | Gone


@dataclass(frozen=True, slots=True)
class Document:
    """One entity, perhaps only in part yet."""

    entity_id: str
    name: str = ""
    categories: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    newest: int = 0
    is_listed: bool = False
    may_trade: bool = False
    profile_sequence: int = UNHEARD
    offers: tuple[Tag, ...] = ()
    wants: tuple[Tag, ...] = ()
    tags_sequence: int = UNHEARD
    band: int = 0
    band_sequence: int = UNHEARD
    dismissed: frozenset[str] = frozenset()
    gone: bool = False

    @property
    def listed(self) -> bool:
        """Whether anybody may find it."""
        return self.is_listed and not self.gone

    @property
    def trading(self) -> bool:
        """Whether it may trade, and so stands first."""
        return self.may_trade and self.listed

    @property
    def newest_tag(self) -> int:
        """When its newest tag was added; 0 without tags."""
        return max((tag.at for tag in (*self.offers, *self.wants)), default=0)

    def side(self, side: Side) -> tuple[Tag, ...]:
        """Its offers or its wants."""
        return self.offers if side == "offers" else self.wants


def apply(document: Document, facts: Iterable[Fact]) -> Document:
    """The document with these facts; the very same object where they say nothing new."""
    for fact in facts:
        document = _apply(document, fact)
    return document


def _apply(document: Document, fact: Fact) -> Document:
    if document.gone:
        return document
    match fact:
        case Profile():
            return _with_profile(document, fact)
        case Tags():
            if fact.sequence <= document.tags_sequence:
                return document
            return replace(document, offers=fact.offers, wants=fact.wants, tags_sequence=fact.sequence)
        case Band():
            if fact.sequence <= document.band_sequence:
                return document
            return replace(document, band=fact.band, band_sequence=fact.sequence)
        case Dismissed():
            if fact.others <= document.dismissed:
                return document
            return replace(document, dismissed=document.dismissed | fact.others)
        case Gone():
            return Document(document.entity_id, gone=True)


def _with_profile(document: Document, fact: Profile) -> Document:
    if fact.sequence <= document.profile_sequence:
        return document
    return replace(
        document,
        name=fact.name,
        categories=fact.categories,
        latitude=fact.latitude,
        longitude=fact.longitude,
        newest=fact.newest,
        is_listed=fact.listed,
        may_trade=fact.may_trade,
        profile_sequence=fact.sequence,
    )
