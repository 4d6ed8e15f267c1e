"""Posting lists of the listed entities: who has a tag, a word in the name, a category; adding up and putting in order."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from math import cos, pi, radians, sin
from typing import TypeVar

from services.matcher.domain import rules
from services.matcher.domain.documents import Document, Side
from services.matcher.domain.score import EARTH_KM
from services.matcher.index.bits import Posting, Sum, bits_of, members, union, walked
from services.matcher.index.port import Place, Query, categories_of, key_of_name, words_of_name
from services.matcher.vocabulary import Met

Point = tuple[float, float, float]
NameKey = tuple[bytes, str, int]
AgeKey = tuple[int, str, int]
Key = TypeVar("Key", NameKey, AgeKey)
SORTED = 10
Levels = list[tuple[int, int]]
"""Points, and who gets them."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Everyone who is found, and what they weigh; None: all the same."""

    found: int
    sum: Sum | None

    def __len__(self) -> int:
        return self.found.bit_count()


class Shelves:
    """Everything by which listed entities are found. Each has a number here, which is given again when it has left."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._ids: list[str] = []
        self._free: list[int] = []
        self._tagged: dict[Side, dict[str, Posting]] = {"offers": {}, "wants": {}}
        self._named: dict[str, Posting] = {}
        self._within: dict[str, Posting] = {}
        self._banded: defaultdict[int, int] = defaultdict(int)
        self._trading = 0
        self._listed = 0
        self._newest_tag: dict[int, int] = {}
        self._points: dict[int, Point] = {}
        self._names: dict[int, NameKey] = {}
        self._by_name: list[NameKey] = []
        self._ages: dict[int, AgeKey] = {}
        self._by_age: list[AgeKey] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def enter(self, document: Document) -> None:
        """A listed entity."""
        number = self._number_for(document.entity_id)
        bit = 1 << number
        for side, tagged in self._tagged.items():
            for tag in document.side(side):
                _shelf(tagged, tag.tag).put(number, tag.at)
        for shelf, keys in ((self._named, words_of_name(document)), (self._within, categories_of(document))):
            for key in keys:
                _shelf(shelf, key).put(number, 0)
        self._listed |= bit
        self._banded[document.band] |= bit
        if document.trading:
            self._trading |= bit
        if document.latitude is not None and document.longitude is not None:
            self._points[number] = _point(document.latitude, document.longitude)
        self._newest_tag[number] = document.newest_tag
        self._names[number] = (key_of_name(document.name), document.entity_id, number)
        insort(self._by_name, self._names[number])
        self._ages[number] = (-document.newest, document.entity_id, number)
        insort(self._by_age, self._ages[number])

    def withdraw(self, document: Document) -> None:
        """An entity as it was entered."""
        number = self._numbers.pop(document.entity_id)
        others = ~(1 << number)
        for side, tagged in self._tagged.items():
            for tag in document.side(side):
                _take(tagged, tag.tag, number)
        for shelf, keys in ((self._named, words_of_name(document)), (self._within, categories_of(document))):
            for key in keys:
                _take(shelf, key, number)
        self._listed &= others
        self._banded[document.band] &= others
        self._trading &= others
        self._points.pop(number, None)
        del self._newest_tag[number]
        del self._by_name[bisect_left(self._by_name, self._names.pop(number))]
        del self._by_age[bisect_left(self._by_age, self._ages.pop(number))]
        self._free.append(number)

    def _number_for(self, entity_id: str) -> int:
        if self._free:
            number = self._free.pop()
            self._ids[number] = entity_id
        else:
            number = len(self._ids)
            self._ids.append(entity_id)
        self._numbers[entity_id] = number
        return number

    def held_by(self, tag: str, sides: Iterable[Side]) -> int:
        """How many have this tag on any of these sides."""
        return union(self._tagged[side][tag] for side in sides if tag in self._tagged[side]).bit_count()

    def scored(self, query: Query) -> Scored:
        """Everyone who is found, with what they weigh."""
        found, levels = self._listed, Levels()
        if query.asked is not None:
            found, levels = self._by_tags(query)
        for met in query.name:
            named = _levels(self._named, met, 1)
            found &= _everybody(named)
            levels += named
        found = self._narrowed(query, found)
        if query.trading_points:
            levels.append((query.trading_points, self._trading))
        levels += [(points, self._banded[band]) for band, points in (query.band_points or {}).items()]
        return Scored(found, Sum(levels) if levels else None)

    def _by_tags(self, query: Query) -> tuple[int, Levels]:
        everybody: dict[Side, int] = {}
        levels: Levels = []
        for asked in query.asked or ():
            of_tag = _levels(self._tagged[asked.side], asked.met, asked.weight, asked.since)
            side: Side = "offers" if query.either_side else asked.side
            everybody[side] = everybody.get(side, 0) | _everybody(of_tag)
            levels += of_tag
        sides = list(everybody.values()) or [0]
        return (sides[0] if len(sides) == 1 else sides[0] & sides[1]), levels

    def _narrowed(self, query: Query, found: int) -> int:
        if query.category is not None:
            found &= union([self._within[query.category]]) if query.category in self._within else 0
        if query.ids is not None:
            found &= self._bits(query.ids)
        if query.without:
            found &= ~self._bits(query.without)
        if query.tagged_since:
            newest = self._newest_tag
            found = bits_of(x for x in members(found) if newest[x] >= query.tagged_since)
        if query.place is not None and query.place.within_km is not None:
            reach = _chord_of(query.place.within_km)
            found = bits_of(x for x, chord in self._chords(query.place, found).items() if chord <= reach)
        return found

    def _bits(self, ids: Iterable[str]) -> int:
        return bits_of(self._numbers[each] for each in ids if each in self._numbers)

    def page(self, query: Query, scored: Scored) -> list[str]:
        """The ids of the page that is asked for, in order."""
        end = query.offset + query.size
        match query.order:
            case "name":
                numbers = _first(self._by_name, self._names, scored.found, end)
            case "newest":
                numbers = _first(self._by_age, self._ages, scored.found, end)
            case "distance" if query.place is not None:
                numbers = self._nearest(query.place, scored.found, end)
            case _ if query.trading_first:
                numbers = self._best(scored.found & self._trading, scored.sum, end)
                numbers += self._best(scored.found & ~self._trading, scored.sum, end - len(numbers))
            case _:
                numbers = self._best(scored.found, scored.sum, end)
        return [self._ids[number] for number in numbers[query.offset :]]

    def _best(self, pool: int, total: Sum | None, count: int) -> list[int]:
        """The best, and among equals the first by name."""
        if count <= 0 or not pool:
            return []
        if total is None:
            return _first(self._by_name, self._names, pool, count)
        sure, equal = total.best(pool, count)
        scores, names = total.of(members(sure)), self._names
        ordered = sorted(scores, key=lambda number: (-scores[number], names[number]))
        return ordered + _first(self._by_name, names, equal, count - len(ordered))

    def _nearest(self, place: Place, pool: int, count: int) -> list[int]:
        """By distance; those without a place come last."""
        ids, chords = self._ids, self._chords(place, pool)
        nearest = nsmallest(count, chords, key=lambda number: (chords[number], ids[number]))
        if len(nearest) < count:
            nearest += sorted((x for x in members(pool) if x not in chords), key=lambda number: ids[number])
        return nearest[:count]

    def _chords(self, place: Place, pool: int) -> dict[int, float]:
        """Squares of the straight distances through the globe, in squares of its radius; they rise with the distances."""
        x, y, z = _point(place.latitude, place.longitude)
        points = self._points
        placed = ((number, points[number]) for number in members(pool) if number in points)
        return {number: (a - x) * (a - x) + (b - y) * (b - y) + (c - z) * (c - z) for number, (a, b, c) in placed}


def _first(ordered: list[Key], keys: Mapping[int, Key], pool: int, count: int) -> list[int]:
    """The first of a pool in an order: walking all that is in order already, which meets one of the pool every so many
    rows, or sorting the pool, of which each costs as much as `SORTED` rows."""
    size = pool.bit_count()
    if count * len(ordered) <= size * size * SORTED:
        return list(islice(walked(ordered, pool), count))
    return [number for _, _, number in sorted(keys[number] for number in members(pool))[:count]]


def _levels(shelf: dict[str, Posting], met: Met, weight: int, since: int = 0) -> Levels:
    """Points and who gets them, for the best way in which each has what was asked for."""
    levels: Levels = []
    better = 0
    for kind in rules.KINDS:
        found = union((shelf[each] for each in met.of(kind) if each in shelf), since) & ~better
        if found:
            levels.append((weight * rules.WORTH[kind], found))
            better |= found
    return levels


def _everybody(levels: Levels) -> int:
    found = 0
    for _, bits in levels:
        found |= bits
    return found


def _shelf(shelf: dict[str, Posting], key: str) -> Posting:
    posting = shelf.get(key)
    if posting is None:
        posting = shelf[key] = Posting()
    return posting


def _take(shelf: dict[str, Posting], key: str, number: int) -> None:
    posting = shelf.get(key)
    if posting is not None:
        posting.drop(number)
        if not posting.values:
            del shelf[key]


def _point(latitude: float, longitude: float) -> Point:
    y, x = radians(latitude), radians(longitude)
    return cos(y) * cos(x), cos(y) * sin(x), sin(y)


def _chord_of(kilometres: float) -> float:
    return float((2 * sin(min(kilometres / EARTH_KM, pi) / 2)) ** 2)
