"""A rename of a tag that very many hold, on its way through a whole node in one process, while members search.

`python -m tests.bench.rename [--store URL] [--index URL] [--entities N]`: in a database of its own, which it drops. Store: a
PostgreSQL or MongoDB server (MCCS_TEST_POSTGRES_URL); index: `memory:` or Elasticsearch. `--both` measures both ways to run, on
the servers that the tests' variables name, and writes docs/bench-rename.md. 1 when a bound is missed.
"""

import argparse
import asyncio
import itertools
import logging
import os
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import structlog

from libs.common.auth import Principal
from libs.common.clock import utc_now
from libs.common.envelope import Envelope
from libs.common.ids import new_id
from libs.common.testing.servers import drop_database, make_database
from services.directory.domain.entity import DatedTag, Entity
from services.directory.service.deps import Deps as DirectoryDeps
from services.directory.service.jobs import finish_within
from services.directory.service.telling import Act, write
from services.directory.service.terms import start_job
from services.directory.store.doors import open_store, prepare_store
from services.directory.store.port import DirectoryStore
from services.matcher.bench.community import Community, percentile
from services.matcher.bench.fakes import TakingBus, deps_of
from services.matcher.bench.report import Figure, Run, machine, tell
from services.matcher.consumers import broadcasts, subscriptions, to_tell
from services.matcher.index.elastic import ElasticIndex, connect
from services.matcher.index.memory import MemoryIndex
from services.matcher.index.port import Index
from services.matcher.lexicon import NodeLexicon
from services.matcher.service.news import News
from services.matcher.service.search import SearchCommand, search
from services.matcher.service.teller import Teller
from services.matcher.wordlist import open_word_list

LANGUAGES = ("en", "es", "fr", "de")
TOOK_S_MAX, RATIO_MAX, ALL = 60.0, 2.0, 20_000
IN_HAND, PAUSE_S, IDLE_S, CHUNK, WINDOW = 50, 0.02, 8.0, 20, 100
TAG, NEW = "harvest-share", "farm-share"
PAGE = Path("docs/bench-rename.md")
_HEAD = (
    "Written by `python -m tests.bench.rename --both`, never by hand: an admin renames a tag that all of a community hold, while "
    "members search. Directory, matcher and the members are one process; the servers share the machine with it. A rename of "
    "20 000 is to be finished in a minute; with fewer the time is only told. What speaks MongoDB's protocol here may be another "
    "server than MongoDB itself, and much of the time its own."
)


_QUESTIONS: tuple[Callable[[Community], SearchCommand], ...] = (
    lambda drawn: SearchCommand(offers=tuple(drawn.drawn(1))),
    lambda drawn: SearchCommand(offers=tuple(drawn.drawn(2)), wants=tuple(drawn.drawn(1))),
    lambda drawn: SearchCommand(name=drawn.name().split()[1][:4]),
    lambda drawn: SearchCommand(offers=(TAG, NEW)),
)


@dataclass
class Node:
    """Directory and matcher, with the way of events between them: outbox, relay, both queues of the matcher."""

    store: DirectoryStore
    index: Index

    def __post_init__(self) -> None:
        self.deps = deps_of(self.index, TakingBus())
        news = News(self.deps)
        self._hears = [broadcasts(news), subscriptions(news), to_tell(Teller(self.deps, news))]
        self.learn_words = news.learn_words

    async def fill(self, entities: int) -> None:
        """Listed entities with ten tags of a believable community, the one to rename among them; told to the index alone."""
        drawn, at = Community(), utc_now() - timedelta(days=30)

        async def one(name: str) -> None:
            offers, wants = [TAG, *drawn.drawn(4)], drawn.drawn(5)
            lists = [tuple(DatedTag(tag, at) for tag in tags) for tags in (offers, wants)]
            texts = {"name": name, "city": "Town"}
            entity = Entity(new_id(), at, status="tradingAccepted", texts=texts, offers=lists[0], wants=lists[1])
            await self.store.insert(write(None, entity, Act("entity.registered", "Signed up."), at))

        for start in range(0, entities, CHUNK):
            await asyncio.gather(*(one(drawn.name()) for _ in range(min(CHUNK, entities - start))))
        telling = self._hears.pop()
        while await self.deliver():
            pass
        self._hears.append(telling)

    async def deliver(self) -> int:
        """One window of the outbox."""
        async with self.store.outbox.claim(WINDOW) as claim:
            for start in range(0, len(claim.envelopes), IN_HAND):
                await asyncio.gather(*(self._hear(each) for each in claim.envelopes[start : start + IN_HAND]))
            await claim.done({envelope.id for envelope in claim.envelopes})
            return len(claim.envelopes)

    async def _hear(self, envelope: Envelope) -> None:
        for handlers in self._hears:
            if envelope.type in handlers:
                await handlers[envelope.type](envelope)

    async def relay(self, over: asyncio.Event) -> None:
        """Until it is over and nothing is left."""
        while await self.deliver() or not over.is_set():  # noqa: ASYNC110  as a relay polls
            await asyncio.sleep(PAUSE_S)

    async def searching(self, over: asyncio.Event) -> list[float]:
        """A member's search again and again: the matcher finds a page, the directory fills it in. Milliseconds."""
        times: list[float] = []
        drawn, commands = Community(seed=2), itertools.cycle(_QUESTIONS)
        while not over.is_set():
            command = next(commands)(drawn)
            began = time.perf_counter()
            found = await search(self.deps, command)
            await self.store.glance(found.ids, None, None)
            times.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(PAUSE_S)
        return times

    async def found(self, tag: str) -> int:
        """How many have just this tag."""
        await self.index.findable()
        return (await self.index.tag_counts([tag], "offers"))[tag]


async def measure(node: Node, entities: int) -> list[Figure]:
    """Fills, searches while nothing happens, renames while searching."""
    await node.learn_words()
    await node.fill(entities)
    idle_over, over, renamed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    idle_searching = asyncio.create_task(node.searching(idle_over))
    await asyncio.sleep(IDLE_S)
    idle_over.set()
    idle = percentile(await idle_searching, 0.95)
    term = await node.store.term_named("tag", TAG)
    assert term is not None
    deps, admin = DirectoryDeps(node.store, utc_now), Principal("user", new_id(), "admin")
    searching, relay = asyncio.create_task(node.searching(over)), asyncio.create_task(node.relay(renamed))
    began = time.perf_counter()
    job = await finish_within(deps, await start_job(deps, admin, "tag", term.id, NEW, delete=False), 600)
    stored_s = time.perf_counter() - began
    renamed.set()
    await relay
    found = await node.found(NEW), await node.found(TAG)
    took_s = time.perf_counter() - began
    over.set()
    times = await searching
    during = percentile(times, 0.95)
    at_most = TOOK_S_MAX if entities >= ALL else None
    assert found == (entities, 0), found
    shares = f"p50 {percentile(times, 0.5):.1f}, max {max(times):.0f} ms, {len(times)} searches"
    return [
        Figure(f"rename of a tag of {entities}, until all are found by it", took_s, "s", at_most, job.status),
        Figure("  of it until the directory has it", stored_s, "s"),
        Figure("search p95 while nothing happens", idle, "ms"),
        Figure("search p95 during the rename", during, "ms", None, shares),
        Figure("search p95 during the rename against idle", during / idle, "times", RATIO_MAX),
    ]


@asynccontextmanager
async def a_node(store_url: str, index_url: str) -> AsyncIterator[Node]:
    """With a database and an index of its own, which go when it is over."""
    lexicon = NodeLexicon(LANGUAGES, open_word_list(LANGUAGES, Path(tempfile.gettempdir()) / "mccs-bench"))
    mongo = store_url.startswith("mongodb")
    name = f"bench_{uuid.uuid4().hex[:12]}"
    url = f"{store_url.rstrip('/')}/{name}" if mongo else await make_database(store_url)
    await prepare_store(url)
    store = await open_store(url)
    elastic = None
    if index_url != "memory:":
        elastic = ElasticIndex(
            connect(index_url, timeout_s=30.0), name.replace("_", "-"), lexicon, shards=1, replicas=0
        )
    index: Index = elastic or MemoryIndex(lexicon)
    await index.start()
    try:
        yield Node(store, index)
    finally:
        if elastic is not None:
            await elastic.drop(",".join(await elastic.indices()))
        await index.close()
        await store.close()
        if mongo:
            await _drop_mongo(url, name)
        else:
            await drop_database(store_url, url)


async def _drop_mongo(url: str, name: str) -> None:
    from pymongo import AsyncMongoClient

    async with AsyncMongoClient[dict[str, object]](url) as client:
        await client.drop_database(name)


async def _run(store: str, index: str, entities: int) -> list[Figure]:
    async with a_node(store, index) as node:
        return await measure(node, entities)


def _both(entities: int, full: int) -> int:
    """PostgreSQL with the index in memory, then MongoDB with Elasticsearch and so many entities; onto the page."""
    addresses = {name: os.environ.get(f"MCCS_TEST_{name}_URL", "") for name in ("POSTGRES", "MONGODB", "ELASTICSEARCH")}
    missing = [name for name, url in addresses.items() if not url]
    if missing:
        print("Not measured: set", ", ".join(f"MCCS_TEST_{name}_URL" for name in missing))
        return 2
    postgres, mongodb, elasticsearch = addresses.values()
    run = Run("The figures of a rename", _HEAD)
    status = 0
    for store, index, number, words in (
        (postgres, "memory:", entities, "PostgreSQL, index in memory"),
        (mongodb, elasticsearch, full, "MongoDB's protocol, Elasticsearch"),
    ):
        figures = asyncio.run(_run(store, index, number))
        status |= run.add([replace(each, name=f"{words}: {each.name.strip()}") for each in figures])
    run.write(PAGE)
    return status


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rename", description=__doc__)
    parser.add_argument("--store", default=os.environ.get("MCCS_TEST_POSTGRES_URL", ""), help="server of the directory")
    parser.add_argument("--index", default="memory:", help="`memory:` or the address of Elasticsearch")
    parser.add_argument("--entities", type=int, default=ALL, help="that hold the tag")
    parser.add_argument("--both", action="store_true", help="both ways to run, onto the page")
    parser.add_argument("--full-entities", type=int, help="with --both: in MongoDB; default: as many")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(machine(), flush=True)
    if options.both:
        return _both(options.entities, options.full_entities or options.entities)
    if not options.store:
        parser.error("give --store, or set MCCS_TEST_POSTGRES_URL")
    return tell(asyncio.run(_run(options.store, options.index, options.entities)))


if __name__ == "__main__":
    sys.exit(main())
