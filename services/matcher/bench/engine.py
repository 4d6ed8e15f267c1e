"""The index in Elasticsearch, each question against the very same query sent to the engine bare, in turn."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from elasticsearch import AsyncElasticsearch

from libs.common.lasting import lasting
from services.matcher.bench.community import NOW_MS, Community, an_id, percentile
from services.matcher.bench.embedded import timed
from services.matcher.bench.fakes import TakingBus, deps_of
from services.matcher.bench.report import Figure
from services.matcher.domain.documents import Tag, Tags
from services.matcher.index.elastic import ElasticIndex, connect
from services.matcher.index.port import Change, Query
from services.matcher.lexicon import NodeLexicon
from services.matcher.service.matches import matches
from services.matcher.service.news import News
from services.matcher.service.search import SearchCommand, search
from services.matcher.service.teller import Teller

ASKED, WARMED = 120, 20
DEEP_ROUNDS = 20
FILL_AT_ONCE = 1_000
RATIO_MAX, PAGE_RATIO_MAX, DEEP_MS_MAX, NEWS_S_MAX = 1.3, 3.0, 500.0, 2.0
HANDLED_AT_ONCE = 50
PROBE_EVERY = 20


class Asked(ElasticIndex):
    """Keeps the bodies of the searches that go out, so that they can be sent bare."""

    sent: list[dict[str, Any]]

    async def search(self, query: Query) -> Any:
        """As it is, and what was sent."""
        from services.matcher.index.elastic_shapes import query_of, sort_of

        self.sent.append({"query": query_of(query), "sort": sort_of(query), "size": query.size, "from_": query.offset})
        return await super().search(query)


async def measure(url: str, lexicon: NodeLexicon, entities: int, *, seconds: float, per_second: int) -> list[Figure]:
    """All figures of the Elasticsearch door; the index is made for it and dropped after it."""
    client = connect(url, timeout_s=120.0)
    index = Asked(client, f"bench-{time.time_ns()}", lexicon, shards=1, replicas=0)
    index.sent = []
    await index.start()
    try:
        began = time.perf_counter()
        await _fill(index, entities)
        figures = [Figure(f"engine: filled with {entities} entities", time.perf_counter() - began, "s")]
        figures += await _against_bare(index, client, entities)
        figures += await _deep(index)
        figures += await _news(index, entities, seconds, per_second)
        return figures
    finally:
        for name in await client.indices.get_alias(name=index.writing):
            await client.indices.delete(index=name)
        await index.close()


async def _fill(index: ElasticIndex, entities: int) -> None:
    target = await index.rebuilding()
    waiting: list[Change] = []
    for change in Community().entities(entities):
        waiting.append(change)
        if len(waiting) == FILL_AT_ONCE:
            await target.update(waiting)
            waiting = []
    await target.update(waiting)
    await target.commit()


async def _against_bare(index: Asked, client: AsyncElasticsearch, entities: int) -> list[Figure]:
    figures = []
    for name, draw in _questions(index, entities).items():
        ours, bare = [], []
        for turn in range(WARMED + ASKED):
            ask = draw()
            await ask()  # once unmeasured: then both find the engine, and we our vocabulary, as warm
            body = index.sent[-1]
            index.sent.clear()

            async def send(body: dict[str, Any] = body) -> None:
                await client.search(index=index.name, track_total_hits=True, **body)

            if turn % 2:
                bare_ms, ours_ms = await timed(send), await timed(ask)
            else:
                ours_ms, bare_ms = await timed(ask), await timed(send)
            if turn >= WARMED:
                ours.append(ours_ms)
                bare.append(bare_ms)
        p95, p95_bare = percentile(ours, 0.95), percentile(bare, 0.95)
        detail = f"p95 {p95:.1f} ms, bare {p95_bare:.1f} ms; p50 {percentile(ours, 0.5):.1f}, bare {percentile(bare, 0.5):.1f}"
        figures.append(Figure(f"engine: {name}, p95 against bare", p95 / p95_bare, "times", RATIO_MAX, detail))
    return figures


def _questions(index: ElasticIndex, entities: int) -> dict[str, Callable[[], Callable[[], Awaitable[Any]]]]:
    """Each call draws another question, which may be asked again and again."""
    deps, drawn = deps_of(index), Community(seed=2)
    number = iter(range(10**9))

    def dashboard() -> Callable[[], Awaitable[Any]]:
        mine = an_id(next(number) % entities)
        return lambda: matches(deps, mine, since=0, limit=20)

    def asked(make: Callable[[], SearchCommand]) -> Callable[[], Callable[[], Awaitable[Any]]]:
        def draw() -> Callable[[], Awaitable[Any]]:
            command = make()
            return lambda: search(deps, command)

        return draw

    return {
        "dashboard of 20 tags": dashboard,
        "search for a tag": asked(lambda: SearchCommand(offers=tuple(drawn.drawn(1)))),
        "search for 3 offers and a want": asked(
            lambda: SearchCommand(offers=tuple(drawn.drawn(3)), wants=tuple(drawn.drawn(1)))
        ),
        "search for part of a name": asked(lambda: SearchCommand(name=drawn.name().split()[1][:4])),
    }


async def _deep(index: ElasticIndex) -> list[Figure]:
    """Pages far behind the engine's window, in turn with the first: each round jumps to others, and again."""
    total = (await search(deps_of(index), SearchCommand())).total
    rows = [9_990, *(row for row in (20_000, total // 2, total - 20_000, total - 10) if row > 10_000)]
    first, jumps, again = await _jumps(index, SearchCommand(page_size=10), rows, total)
    figures = [_against_first("rows from 9 990 on", first, jumps[9_990])]
    known = percentile(again[9_990], 0.5)
    figures.append(Figure("  the same, asked for again", known / first, "times", PAGE_RATIO_MAX, f"{known:.1f} ms"))
    for row in rows[1:]:
        name, p95 = f"engine: rows from {row} of {total} on, jumped to", percentile(jumps[row], 0.95)
        detail = f"p50 {percentile(jumps[row], 0.5):.1f} ms, again {percentile(again[row], 0.5):.1f} ms"
        figures.append(Figure(f"{name}, p95", p95, "ms", DEEP_MS_MAX, detail))
    common = SearchCommand(offers=(Community().commonest,), page_size=10)
    total = (await search(deps_of(index), common)).total
    if total > 20_000:
        first, jumps, _ = await _jumps(index, common, [9_990], total)
        figures.append(_against_first(f"rows from 9 990 of {total} on, by relevance", first, jumps[9_990]))
    return figures


def _against_first(what: str, first: float, jumps: list[float]) -> Figure:
    far = percentile(jumps, 0.5)
    detail = f"{far:.1f} ms, first page {first:.1f} ms; the very first of all {jumps[0]:.1f} ms"
    return Figure(f"engine: {what}, jumped to, against the first page", far / first, "times", PAGE_RATIO_MAX, detail)


async def _jumps(
    index: ElasticIndex, command: SearchCommand, rows: Sequence[int], total: int
) -> tuple[float, dict[int, list[float]], dict[int, list[float]]]:
    """Milliseconds: of the first page (p50), and by row of each jump to it or near it, and of the same again."""
    deps = deps_of(index)
    first: list[float] = []
    jumps: dict[int, list[float]] = {row: [] for row in rows}
    again: dict[int, list[float]] = {row: [] for row in rows}
    for turn in range(DEEP_ROUNDS):
        first.append(await timed(lambda: search(deps, command)))
        for row in rows:
            page = row // 10 + 1 + (2 * turn if row < total // 2 else -2 * turn)
            far = replace(command, page=page)
            for times in (jumps, again):
                times[row].append(await timed(partial(search, deps, far)))
    return percentile(first, 0.5), jumps, again


async def _news(index: ElasticIndex, entities: int, seconds: float, per_second: int) -> list[Figure]:
    """Changes of tags arrive at a steady rate and are handled as from the two queues; every so many one is looked for until
    it is found by a search."""
    bus = TakingBus()
    deps = deps_of(index, bus)
    news = News(deps)
    teller = Teller(deps, news)
    with lasting():  # as the service does at its start
        await news.learn_words()
        held = [document async for document in index.documents("", min(entities, int(seconds * per_second)))]
    drawn, learning, telling = Community(seed=3), asyncio.Semaphore(HANDLED_AT_ONCE), asyncio.Semaphore(HANDLED_AT_ONCE)
    found_s: list[float] = []
    told_s: list[float] = []
    began = time.perf_counter()

    async def findable(fact: Change, arrived: float, probe: str) -> None:
        async with learning:
            news.hear(fact)
            await news.learn(fact)
        while probe and (await search(deps, SearchCommand(offers=(probe,)))).total == 0:  # noqa: ASYNC110  the engine tells nobody
            await asyncio.sleep(0.02)
        if probe:
            found_s.append(time.perf_counter() - arrived)

    async def told(fact: Change, arrived: float) -> None:
        async with telling:
            await teller.tell(fact, NOW_MS)
        told_s.append(time.perf_counter() - arrived)

    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * per_second)):
            await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
            document, arrived = held[number % len(held)], time.perf_counter()
            probe = f"probe{number}x{int(began)}" if number % PROBE_EVERY == 0 else ""
            added = Tag(probe or drawn.drawn(1)[0], NOW_MS)
            offers = (added, *(each for each in document.offers[:9] if each.tag != added.tag))
            fact = Change(document.entity_id, (Tags(document.tags_sequence + 1, offers, document.wants),))
            group.create_task(findable(fact, arrived, probe if document.listed else ""))
            group.create_task(told(fact, arrived))
        arriving_s = time.perf_counter() - began
        told_meanwhile = len(told_s)
    rate = seconds * per_second / arriving_s
    detail = f"{rate:.0f} changes/s, p50 {percentile(found_s, 0.5):.2f} s, {len(found_s)} looked for"
    told_rate, took_s = told_meanwhile / arriving_s, time.perf_counter() - began
    return [
        Figure(
            f"engine: tag change to findable at {per_second}/s, p95", percentile(found_s, 0.95), "s", NEWS_S_MAX, detail
        ),
        Figure(
            f"engine: the matches of all {len(told_s)} changes told after",
            took_s,
            "s",
            None,
            f"{told_rate:.0f} changes/s meanwhile, p95 {percentile(told_s, 0.95):.1f} s, {bus.told} matches",
        ),
    ]
