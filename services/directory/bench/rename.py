"""How long a rename of a tag takes that 20 000 entities hold, and how the store answers meanwhile.

`python -m services.directory.bench.rename STORE_URL [ENTITIES]`: fills the (empty) store, renames, prints.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence

from libs.common.auth import Principal
from libs.common.clock import utc_now
from libs.common.ids import new_id
from services.directory.domain.entity import DatedTag, Entity
from services.directory.service.deps import Deps
from services.directory.service.jobs import finish_within
from services.directory.service.telling import Act, write
from services.directory.service.terms import start_job
from services.directory.store.doors import open_store, prepare_store
from services.directory.store.port import DirectoryStore, EntityFilter, Slice, TermFilter

TAG, NEW = "organic-vegetables", "vegetables"
CHUNK = 20


async def fill(store: DirectoryStore, entities: int) -> None:
    """Listed entities with ten tags, the one to rename among them."""
    for start in range(0, entities, CHUNK):
        await asyncio.gather(*(_one(store, number) for number in range(start, min(start + CHUNK, entities))))


async def _one(store: DirectoryStore, number: int) -> None:
    moment = utc_now()
    tags = [TAG, *(f"tag-{number * 7 % 5000}-{place}" for place in range(4))]
    entity = Entity(
        id=new_id(),
        created_at=moment,
        status="tradingAccepted",
        texts={"name": f"Member {number}", "city": f"Town {number % 50}"},
        offers=tuple(DatedTag(tag, moment) for tag in tags),
        wants=tuple(DatedTag(f"want-{number * 3 % 4000}-{place}", moment) for place in range(5)),
    )
    await store.insert(write(None, entity, Act("entity.registered", "Signed up."), moment))


async def _drain(store: DirectoryStore) -> int:
    """What a relay would do, without a bus."""
    told = 0
    while True:
        async with store.outbox.claim(500) as claim:
            if not claim.envelopes:
                return told
            told += len(claim.envelopes)
            await claim.done({envelope.id for envelope in claim.envelopes})


async def _reading(store: DirectoryStore, ids: Sequence[str], until: asyncio.Event) -> list[float]:
    times = []
    while not until.is_set():
        began = time.perf_counter()
        await store.entities(list(ids))
        times.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    return times


def _p95_ms(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] * 1000 if len(times) > 20 else float("nan")


async def main(url: str, entities: int) -> None:
    await prepare_store(url)
    store = await open_store(url)
    began = time.perf_counter()
    await fill(store, entities)
    filled = time.perf_counter()
    told = await _drain(store)
    print(f"filled {entities} in {filled - began:.1f} s, {told} events told in {time.perf_counter() - filled:.1f} s")
    some = [entity.id for entity in (await store.find(EntityFilter(), Slice(0, 10)))[0]]
    still = asyncio.Event()
    idle = asyncio.create_task(_reading(store, some, still))
    await asyncio.sleep(2)
    still.set()
    over = asyncio.Event()
    during = asyncio.create_task(_reading(store, some, over))
    deps = Deps(store, utc_now)
    term = await store.term_named("tag", TAG)
    assert term is not None
    began = time.perf_counter()
    admin = Principal("user", new_id(), "admin")
    job = await finish_within(deps, await start_job(deps, admin, "tag", term.id, NEW, delete=False), 600)
    took = time.perf_counter() - began
    over.set()
    print(f"rename: {job.status}, {job.entities_done} entities in {took:.1f} s")
    print(f"fetch of 10, p95: idle {_p95_ms(await idle):.1f} ms, during {_p95_ms(await during):.1f} ms")
    for what, call in (
        ("autocomplete", lambda: store.terms(TermFilter("tag", prefix="tag-1", most_used_first=True), Slice(0, 10))),
        ("admin by name", lambda: store.find(EntityFilter(name="ber 199"), Slice(0, 10))),
        ("admin, last page", lambda: store.find(EntityFilter(), Slice(entities - 10, 10))),
        ("admin by offers", lambda: store.find(EntityFilter(offers=("vegetab",)), Slice(0, 10))),
    ):
        began = time.perf_counter()
        await call()
        print(f"{what}: {(time.perf_counter() - began) * 1000:.0f} ms")
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20_000))
