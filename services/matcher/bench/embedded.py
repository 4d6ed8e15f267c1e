"""The index in process: filling at start, memory, and how fast it answers."""

import gc
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from libs.common.clock import rfc3339
from services.matcher.bench.community import NOW_MS, YEAR_MS, Community, an_id, percentile
from services.matcher.bench.fakes import deps_of
from services.matcher.bench.report import Figure
from services.matcher.domain.documents import Profile, Tag, Tags
from services.matcher.index.memory import MemoryIndex
from services.matcher.index.port import Change
from services.matcher.lexicon import NodeLexicon
from services.matcher.service.matches import matches
from services.matcher.service.search import SearchCommand, search
from services.matcher.source import change_of

ASKED = 200
P95_MS_MAX, FILL_S_MAX, MEMORY_MB_MAX = 30.0, 10.0, 250.0


async def measure(lexicon: NodeLexicon, entities: int) -> list[Figure]:
    """All figures of the embedded door."""
    exported = [exported_item(change) for change in Community().entities(entities)]
    gc.collect()
    before_mb, began, began_cpu = own_memory_mb(), time.perf_counter(), time.process_time()
    index = MemoryIndex(lexicon)
    for item in exported:
        index.apply(change_of(item))
    took_s, cpu = time.perf_counter() - began, f"processor time {time.process_time() - began_cpu:.1f} s"
    gc.collect()
    memory_mb = own_memory_mb() - before_mb
    size = f"{entities} entities"
    figures = [
        Figure(f"embedded: rebuild at start, {size}", took_s, "s", FILL_S_MAX if entities <= 20_000 else None, cpu),
        Figure(
            f"embedded: memory of the index, {size}", memory_mb, "MB", MEMORY_MB_MAX if entities <= 20_000 else None
        ),
    ]
    for name, ask in questions(index, entities).items():
        times, of_cpu = [], []
        for _ in range(ASKED):
            before = time.process_time()
            times.append(await timed(ask))
            of_cpu.append(1000 * (time.process_time() - before))
        figures.append(
            Figure(
                f"embedded: {name}, p95, {size}",
                percentile(times, 0.95),
                "ms",
                P95_MS_MAX if entities <= 20_000 else None,
                f"p50 {percentile(times, 0.5):.2f} ms; processor time p95 {percentile(of_cpu, 0.95):.2f} ms",
            )
        )
    return figures


def questions(index: MemoryIndex, entities: int) -> dict[str, Callable[[], Awaitable[Any]]]:
    """What members ask, each time with other words."""
    deps = deps_of(index)
    drawn = Community(seed=2)
    number = iter(range(10**9))

    def ask(make: Callable[[], SearchCommand]) -> Callable[[], Awaitable[Any]]:
        return lambda: search(deps, make())

    return {
        "dashboard of 20 tags": lambda: matches(deps, an_id(next(number) % entities), since=0, limit=20),
        "search for a tag": ask(lambda: SearchCommand(offers=tuple(drawn.drawn(1)))),
        "search for 3 offers and a want": ask(
            lambda: SearchCommand(offers=tuple(drawn.drawn(3)), wants=tuple(drawn.drawn(1)))
        ),
        "search for part of a name": ask(lambda: SearchCommand(name=drawn.name().split()[1][:4])),
        "search for two tags, tagged within a month": ask(
            lambda: SearchCommand(offers=tuple(drawn.drawn(2)), tagged_since=NOW_MS - YEAR_MS // 12)
        ),
        "search for a tag within 200 km, nearest first": ask(
            lambda: SearchCommand(
                offers=tuple(drawn.drawn(1)), latitude=50.0, longitude=8.0, distance_km=200.0, order="distance"
            )
        ),
        "all, page 500 of 20 rows": ask(lambda: SearchCommand(page=500, page_size=20)),
    }


async def timed(ask: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    await ask()
    return 1000 * (time.perf_counter() - began)


def own_memory_mb() -> float:
    """Proportional set size of this process, as Linux counts it."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def exported_item(change: Change) -> dict[str, Any]:
    """An entity as the directory's export tells it."""
    profile = next(fact for fact in change.facts if isinstance(fact, Profile))
    tags = next(fact for fact in change.facts if isinstance(fact, Tags))
    standing = {"status": "tradingAccepted", "listed": profile.listed, "may_trade": profile.may_trade}
    return {
        "entity_id": change.entity_id,
        "entity": {
            "entity_id": change.entity_id,
            "name": profile.name,
            "email": "",
            **standing,
            "categories": list(profile.categories),
            "latitude": profile.latitude,
            "longitude": profile.longitude,
            "listed_since": text_of(profile.newest),
        },
        "entity_sequence": 1,
        "tags": {
            "entity_id": change.entity_id,
            "listed": profile.listed,
            "offers": [dated(tag) for tag in tags.offers],
            "wants": [dated(tag) for tag in tags.wants],
        },
        "tags_sequence": 1,
    }


def dated(tag: Tag) -> dict[str, str]:
    """A tag as an event tells it."""
    return {"tag": tag.tag, "added_at": text_of(tag.at)}


def text_of(milliseconds: int) -> str:
    """RFC 3339."""
    return rfc3339(datetime.fromtimestamp(milliseconds / 1000, UTC))
