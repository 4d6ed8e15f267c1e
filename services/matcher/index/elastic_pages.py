"""One page of a list in Elasticsearch: near its top in one request, far down in two or a few.

In a list that is sorted by a number a row far down is found by counting (`elastic_marks`). By relevance for one tag there are
tiers of equals (trading or not, by kind of match), and within a tier a row is found so. Any other list is read up to the row as
far as the engine's window reaches, and walked from its nearer end beyond.
"""

from bisect import bisect_left
from itertools import accumulate
from typing import Any

import orjson
from elasticsearch import AsyncElasticsearch

from services.matcher.index.elastic_away import away
from services.matcher.index.elastic_marks import Marks
from services.matcher.index.elastic_shapes import ALIKE, WINDOW, opposite, query_of, sort_of, tiers_of
from services.matcher.index.port import Query
from services.matcher.index.rows import Rows

FAR = 1_000
"""From this row on the places of rows are remembered."""

Shape = dict[str, Any]
Sort = list[dict[str, Any]]
Hits = list[dict[str, Any]]


class Pages:
    """Of the index behind a name."""

    def __init__(self, client: AsyncElasticsearch, name: str) -> None:
        self._client = client
        self._name = name
        self._rows = Rows()
        self._marks = Marks(client, name)

    async def learn(self) -> None:
        """What finds rows far down."""
        await self._marks.learn()

    async def page(self, query: Query, *, documents: bool = True) -> tuple[Hits, int]:
        """Its rows, far down always with their documents, and how many the whole list has."""
        shape, sort = query_of(query), sort_of(query)
        if query.offset < FAR:
            return await self._ask(shape, sort, size=query.size, offset=query.offset, documents=documents)
        name = orjson.dumps([shape, sort])
        row, values = self._rows.near(name, query.offset)
        if values is not None and row == query.offset:
            rows, total = await self._ask(shape, sort, size=query.size, after=values)
        else:
            found = await self._counted(shape, sort, query.offset, query.size)
            if found is None and (tiered := await self._tiered(query)):
                return tiered
            if found is None and query.offset + query.size <= WINDOW:
                found = await self._ask(shape, sort, size=query.size + 1, offset=query.offset - 1)
            if found is None:
                rows, total = await self._walked(query, name, row, values)
            else:
                (before, rows), total = (found[0][:1], found[0][1:]), found[1]
                self._keep(name, query.offset, before)
        self._keep(name, query.offset + len(rows), rows[-1:])
        return rows, total

    def _keep(self, name: bytes, row: int, before: Hits) -> None:
        if before:
            self._rows.keep(name, row, before[0]["sort"])

    async def _counted(self, shape: Shape, sort: Sort, first: int, size: int) -> tuple[Hits, int] | None:
        """Rows from the first on, behind the row before them; None where counting does not help."""
        [(field, way)] = sort[0].items()
        rows = range(first - 1, first + size)
        stretch = await self._marks.stretch(shape, field, way, rows)
        if stretch is None:
            return None
        there = min(rows.stop, stretch.total) - rows.start
        offset = rows.start - stretch.before
        if there <= 1:
            return [], stretch.total
        if offset + len(rows) > WINDOW:
            return None
        hits, _ = await self._ask(stretch.within, sort, size=len(rows), offset=offset, total=False)
        if len(hits) < there:
            hits, _ = await self._ask(stretch.open_ended, sort, size=len(rows), offset=offset, total=False)
        return hits, stretch.total

    async def _tiered(self, query: Query) -> tuple[Hits, int] | None:
        """The page of a list by relevance, where its rows and the row before them are in one tier."""
        tiers = tiers_of(query)
        if not tiers:
            return None
        counts = await self._marks.count(tiers)
        reached = list(accumulate(counts))
        end = min(query.offset + query.size, reached[-1])
        if end <= query.offset:
            return [], reached[-1]
        place = bisect_left(reached, end)
        first = query.offset - (reached[place] - counts[place])
        if first < 1:
            return None
        found = await self._counted(tiers[place], ALIKE, first, query.size)
        return found and (found[0][1:], reached[-1])

    async def _walked(self, query: Query, name: bytes, row: int, values: list[Any] | None) -> tuple[Hits, int]:
        shape, sort = query_of(query), sort_of(query)
        total = await self.count(query)
        if query.offset >= total:
            return [], total
        size = min(query.size, total - query.offset)
        behind = total - query.offset - size
        if behind >= query.offset - row:
            values = await self._row(shape, sort, query.offset, row, values)
            if values is not None:
                self._rows.keep(name, query.offset, values)
            rows, _ = await self._ask(shape, sort, size=size, after=values)
            return rows, total
        values = await self._row(shape, opposite(sort), behind, 0, None)
        rows, _ = await self._ask(shape, opposite(sort), size=size + 1, after=values)
        self._keep(name, query.offset, rows[size:])
        return rows[:size][::-1], total

    async def _row(self, shape: Shape, sort: Sort, number: int, row: int, values: list[Any] | None) -> list[Any] | None:
        """Where the row before this number (from 0) stands in the order, from a row that is known on."""
        if values is None and number:
            row = min(number, WINDOW)
            values = await self._last(shape, sort, size=1, offset=row - 1)
        while row < number and values is not None:
            step = min(number - row, WINDOW)
            values = await self._last(shape, sort, size=step, after=values)
            row += step
        return values

    async def _last(self, shape: Shape, sort: Sort, **which: Any) -> list[Any] | None:
        hits, _ = await self._ask(shape, sort, rows_only=True, **which)
        found: list[Any] | None = hits[-1]["sort"] if hits else None
        return found

    async def _ask(
        self,
        query: Shape,
        sort: Sort,
        *,
        size: int,
        offset: int = 0,
        after: list[Any] | None = None,
        rows_only: bool = False,
        total: bool = True,
        documents: bool = True,
    ) -> tuple[Hits, int]:
        more: dict[str, Any] = {"search_after": after} if after else {"from_": offset}
        if not documents:
            more["source"] = False
        if rows_only:  # documents come as they are: leaving parts of the answer out makes the engine read them first
            more |= {"stored_fields": "_none_", "source": False, "filter_path": "hits.hits.sort"}
        with away():
            answer = await self._client.search(
                index=self._name, query=query, sort=sort, size=size, track_total_hits=total and not rows_only, **more
            )
        hits = answer.get("hits", {})
        return hits.get("hits", []), hits.get("total", {}).get("value", 0)

    async def count(self, query: Query) -> int:
        """Exactly."""
        with away():
            answer = await self._client.count(index=self._name, query=query_of(query))
        return int(answer["count"])
