"""Ten thousand trading members in a minute or two: some who log in, and the others laid straight into the stores.

Those who act in the bench signed up and were let in as anybody is. The others have nobody behind them: the directory's
store is given them by its own port, the ledger opens their accounts by its own API, and the matcher builds its index anew.
"""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import AsyncMongoClient

from deploy.local.folder import DataFolder
from gateway.bench.load import Connect, Connection, over_socket, over_tcp
from libs.common.auth import ServiceTokens
from libs.common.embedded_postgres import EmbeddedPostgres
from libs.common.ids import new_id
from libs.common.settings import DEVELOPMENT_SECRET
from services.directory.domain.entity import DatedTag, Entity
from services.directory.store.documents import entity_document
from services.directory.store.doors import open_store
from services.directory.store.port import DirectoryStore, Write
from tests.e2e.driving import Admin, Api, Member
from tests.e2e.running import Running

ACTORS = 128
TAGS_EACH = 10
AT_ONCE, AT_ONCE_FULL = 16, 64
JOIN_AT_ONCE = 8
INSERTED_TOGETHER = 500
REBUILT_WITHIN_S = 180.0
WORDS = [
    f"{first}-{second}"
    for first in ("oak", "iron", "wool", "clay", "rye", "glass", "stone", "hemp", "wax", "salt")
    for second in ("work", "care", "hire", "sale", "repair", "lessons", "design", "transport", "storage", "tools")
]


@dataclass(frozen=True, slots=True)
class Community:
    """Who is there: `actors` log in and pay; `ids` are everybody's."""

    actors: list[Member]
    ids: list[str]


@dataclass(frozen=True, slots=True)
class Doors:
    """A node's services spoken to directly, as the operator does."""

    directory_url: str
    ledger: Connect
    ledger_prefix: str
    matcher: Connect
    matcher_prefix: str
    tokens: ServiceTokens
    at_once: int


def doors_of(node: Running, *, embedded: bool) -> Doors:
    """Of a node that runs."""
    if embedded:
        folder = DataFolder(node.data)
        socket = over_socket(str(next(node.data.rglob("operator*sock*"))))
        url = EmbeddedPostgres(folder.postgres).url("directory", "directory")
        tokens = ServiceTokens(folder.secret("service"), "operator")
        return Doors(url, socket, "/ledger", socket, "/matcher", tokens, AT_ONCE)
    at = node.environment
    tokens = ServiceTokens(at.get("MCCS_SERVICE_SECRET", DEVELOPMENT_SECRET), "operator")
    ledger, matcher = over_tcp(at["MCCS_LEDGER_API_URL"]), over_tcp(at["MCCS_MATCHER_API_URL"])
    return Doors(at["MCCS_DIRECTORY_URL"], ledger, "", matcher, "", tokens, AT_ONCE_FULL)


def settle(node: Running, doors: Doors, count: int) -> Community:
    """So many trading members with ten tags each."""
    chance = random.Random(7)
    node.make_admin()
    api = Api(node.address)
    try:
        actors = _act(api, min(count, ACTORS), chance, JOIN_AT_ONCE)
    finally:
        api.close()
    rest = [_entity(number, chance) for number in range(count - len(actors))]
    if rest:
        asyncio.run(_lay(doors, rest))
    return Community(actors, [*(each.entity_id for each in actors), *(each.id for each in rest)])


def _act(api: Api, count: int, chance: random.Random, at_once: int) -> list[Member]:
    admin = Admin(api)
    tags = [tuple(chance.sample(WORDS, TAGS_EACH)) for _ in range(count)]

    def join(number: int) -> Member:
        name = f"Bench {number} {uuid.uuid4().hex[:6]}"
        member = Member.signs_up(api, name, offers=tags[number][:5], wants=tags[number][5:])
        admin.lets_trade(member, debt=1_000_000, credit=1_000_000)
        return member

    with ThreadPoolExecutor(at_once) as joining:
        return list(joining.map(join, range(count)))


def _entity(number: int, chance: random.Random) -> Entity:
    now = datetime.now(UTC)
    tags = [DatedTag(tag, now) for tag in chance.sample(WORDS, TAGS_EACH)]
    return Entity(
        id=new_id(),
        created_at=now,
        status="tradingAccepted",
        texts={"name": f"Member {number}", "email": f"member.{number}@people.example", "city": "Exampleton"},
        offers=tuple(tags[:5]),
        wants=tuple(tags[5:]),
        member_since=now,
        listed_since=now,
        version=1,
        sequences={"directory.entity.changed.v1": 1, "directory.tags.changed.v1": 1},
    )


async def _lay(doors: Doors, entities: list[Entity]) -> None:
    store = await open_store(doors.directory_url, size_max=doors.at_once)
    try:
        if doors.directory_url.startswith("mongodb"):
            await _insert_all(doors.directory_url, entities)
        else:
            writing = iter(entities)
            await asyncio.gather(*(_insert(store, writing) for _ in range(doors.at_once)))
        await store.recount("tag")
    finally:
        await store.close()
    waiting = iter(entities)
    await asyncio.gather(*(_open_accounts(doors, waiting) for _ in range(doors.at_once)))
    await _rebuild(doors)


async def _insert_all(url: str, entities: list[Entity]) -> None:
    """A few hundred with one command: acknowledged one by one they would cost a write to the disk each."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    try:
        collection = client.get_default_database()["entity"]
        for start in range(0, len(entities), INSERTED_TOGETHER):
            part = entities[start : start + INSERTED_TOGETHER]
            await collection.insert_many([entity_document(each) for each in part], ordered=False)
    finally:
        await client.close()


async def _insert(store: DirectoryStore, waiting: Iterator[Entity]) -> None:
    for entity in waiting:
        if not await store.insert(Write(entity)):
            raise RuntimeError(f"{entity.id} was there already")


@asynccontextmanager
async def _connection(connect: Connect) -> AsyncIterator[Connection]:
    connection = Connection(*await connect())
    try:
        yield connection
    finally:
        connection.close()


async def _open_accounts(doors: Doors, waiting: Iterator[Entity]) -> None:
    async with _connection(doors.ledger) as connection:
        for entity in waiting:
            account = f"{doors.ledger_prefix}/accounts/{entity.id}"
            standing = {"status": entity.status, "may_trade": entity.may_trade}
            for path, body in ((account, {"name": entity.name}), (f"{account}/standing", standing)):
                status, told = await connection.ask("PUT", path, doors.tokens.token("ledger"), body)
                if status >= 400:
                    raise RuntimeError(f"the ledger answered {status}: {told}")


async def _rebuild(doors: Doors) -> None:
    """The index from the directory; returns when it is in use."""
    path, deadline = f"{doors.matcher_prefix}/rebuild", time.monotonic() + REBUILT_WITHIN_S
    async with _connection(doors.matcher) as connection:
        status, told = await connection.ask("POST", path, doors.tokens.token("matcher"), {})
        while status < 400 and told["state"] == "running" and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            status, told = await connection.ask("GET", path, doors.tokens.token("matcher"))
    if status >= 400 or told["state"] != "done":
        raise RuntimeError(f"the index was not rebuilt: {status} {told}")
