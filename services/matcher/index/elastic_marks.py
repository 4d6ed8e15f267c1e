"""Finding a row far down a list by counting: how much of the list stands before a number that a sample says is near it.

The sample is of all who are listed, the counts are of the list that is asked for: where the sample errs, it is counted once
more, and the row is right all the same.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from elasticsearch import AsyncElasticsearch

from services.matcher.index.elastic_away import answers_of, away

SAMPLE = 5_000
REMEMBERED_S = 3_600.0
SPARE_OF = 150
"""A guess aims this part of the sample before the row: from there the row is near; a guess behind it is of no use."""
NEAR = 1_500
"""Rows from the guess to the row that are not worth another count."""
COUNTS_MAX = 6
MARKED = ("rank", "name_1", "newest")

Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a list, by the numbers it is sorted by."""

    within: Shape
    open_ended: Shape
    """The same without its end, which is only a guess."""
    before: int
    """Rows that stand before it."""
    total: int
    """Rows of the whole list."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The numbers of some of the listed in order, by way (of those that fall the opposite), and how many are listed."""

    until: float
    keys: Mapping[str, Sequence[int]]
    listed: int


class Line:
    """A list in its order, with the sample's numbers as marks beside it."""

    def __init__(self, shape: Shape, field: str, way: str, sample: Sample) -> None:
        self._shape, self._field = shape, field
        self._sign = -1 if way == "desc" else 1
        self._keys = sample.keys[way]
        self._before, self._from = ("gt", "lte") if way == "desc" else ("lt", "gte")

    def __len__(self) -> int:
        return len(self._keys)

    def before(self, mark: int) -> Shape:
        """What stands before a mark."""
        return self._with({self._before: self._sign * self._keys[mark]})

    def from_on(self, mark: int, end: int) -> Shape:
        """What stands from one mark on and before another; -1 and the length are its ends."""
        bounds = {self._from: self._sign * self._keys[mark]} if mark >= 0 else {}
        if end < len(self):
            bounds[self._before] = self._sign * self._keys[end]
        return self._with(bounds) if bounds else self._shape

    def _with(self, bounds: dict[str, int]) -> Shape:
        within = {"range": {self._field: bounds}}
        return {"bool": {**self._shape["bool"], "filter": [*self._shape["bool"]["filter"], within]}}

    def behind(self, mark: int) -> int:
        """The next mark with another number."""
        return bisect_right(self._keys, self._keys[mark]) if mark >= 0 else 0

    def mark_between(self, low: int, guess: int, high: int) -> int | None:
        """The mark nearest to a guess that is behind one and before another; None where there is none."""
        mark = bisect_left(self._keys, self._keys[max(0, min(guess, high - 1))])
        mark = max(mark, self.behind(low))
        return mark if mark < high else None


class Marks:
    """Of the index behind a name."""

    def __init__(self, client: AsyncElasticsearch, name: str) -> None:
        self._client = client
        self._name = name
        self._samples: dict[str, Sample] = {}

    async def stretch(self, shape: Shape, field: str, way: str, rows: range) -> Stretch | None:
        """One that begins at or before these rows; None where the list is not sorted by a number, or nobody is there."""
        sample = await self._sample(field) if field in MARKED else None
        if sample is None or not sample.listed:
            return None
        line = Line(shape, field, way, sample)
        spare = 1 + len(line) // SPARE_OF
        mark = line.mark_between(-1, rows.start * len(line) // sample.listed - spare, len(line))
        low, high, before, total = -1, len(line), 0, 0
        for turn in range(COUNTS_MAX):
            if mark is None:
                break
            counts = await self.count([line.before(mark)] if turn else [line.before(mark), shape])
            total = total if turn else counts[1]
            if rows.start >= total:
                break
            if counts[0] <= rows.start:
                low, before = mark, counts[0]
            else:
                high = mark
            if 0 <= rows.start - counts[0] <= NEAR:
                break
            mark = line.mark_between(low, mark + (rows.start - counts[0]) * len(line) // total - spare, high)
        behind = (rows.stop - before) * len(line) // max(1, total) + spare
        end = max(line.behind(low), low + behind)
        return Stretch(line.from_on(low, end), line.from_on(low, len(line)), before, total)

    async def _sample(self, field: str) -> Sample:
        known = self._samples.get(field)
        if known is None or known.until < time.monotonic() or not known.listed:
            await self.learn()
        return self._samples[field]

    async def learn(self) -> None:
        """Takes the sample: by the second half of the ids, which is chance."""
        with away():
            answer = await self._client.search(
                index=self._name,
                query={"term": {"listed": True}},
                sort=[{"id_2": "asc"}],
                size=SAMPLE,
                track_total_hits=True,
                stored_fields="_none_",
                source=False,
                docvalue_fields=[{"field": field} for field in MARKED],
                filter_path="hits.total.value,hits.hits.fields",
            )
        until, listed = time.monotonic() + REMEMBERED_S, answer["hits"]["total"]["value"]
        for field in MARKED:
            numbers = sorted(hit["fields"][field][0] for hit in answer["hits"].get("hits", ()))
            keys = {"asc": numbers, "desc": [-number for number in reversed(numbers)]}
            self._samples[field] = Sample(until, keys, listed)

    async def count(self, shapes: Sequence[Shape]) -> list[int]:
        """How many each finds, in one request."""
        searches: list[Any] = []
        for shape in shapes:
            searches += [b"{}", orjson.dumps({"query": shape, "size": 0, "track_total_hits": True})]
        with away():
            answer = await self._client.msearch(
                index=self._name, searches=searches, filter_path="responses.hits.total.value,responses.error"
            )
        return [each["hits"]["total"]["value"] for each in answers_of(answer)]
