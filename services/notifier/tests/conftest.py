"""Parts of a notifier for tests: a database of its own, other services and the mail server as they may behave."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
import pytest_asyncio

from libs.common.database import BY_INDEX, Pool, create_pool
from libs.common.errors import Refusal
from libs.common.migration import migrate
from libs.common.peers import Answer
from libs.common.testing.clocks import FixedClock
from libs.common.testing.servers import drop_database, make_database
from services.notifier.app import MIGRATIONS
from services.notifier.mail.port import Letter, MailRefused
from services.notifier.service.deps import Deps
from services.notifier.settings import Settings


@dataclass
class FakePeers:
    """Identity's side of issuing secrets."""

    issued: list[str] = field(default_factory=list)
    refusal: Refusal | None = None

    async def call(self, service: str, method: str, path: str, **given: Any) -> Answer:
        assert (service, method) == ("identity", "POST")
        if self.refusal is not None:
            raise self.refusal
        self.issued.append(path)
        token = f"secret-{len(self.issued)}"
        return Answer(200, {}, orjson.dumps({"token": token, "expires_at": "2026-03-02T13:00:00.000Z"}))

    def stream(self, *given: Any, **more: Any) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        return


@dataclass
class FakeDoor:
    """Keeps letters; `refusals` are raised first, one a letter."""

    letters: list[Letter] = field(default_factory=list)
    refusals: list[MailRefused] = field(default_factory=list)

    async def send(self, letter: Letter) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.letters.append(letter)

    async def close(self) -> None:
        return


@dataclass
class Bench:
    """A notifier's use cases with everything around them in the test's hands."""

    deps: Deps
    clock: FixedClock
    peers: FakePeers = field(default_factory=FakePeers)
    door: FakeDoor = field(default_factory=FakeDoor)

    @property
    def pool(self) -> Pool:
        return self.deps.pool

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.pool.fetch(sql, *values)]

    def with_settings(self, **changes: Any) -> Deps:
        return Deps(self.pool, self.clock, self.deps.settings.model_copy(update=changes))


@pytest.fixture(scope="session")
def databases() -> Iterator[dict[str, str]]:
    """The notifier's database on each server, made once; a test finds it emptied."""
    made: dict[str, str] = {}
    yield made
    for server, url in made.items():
        asyncio.run(drop_database(server, url))


@pytest_asyncio.fixture
async def pool(postgres_server: str, databases: dict[str, str]) -> AsyncIterator[Pool]:
    """The notifier's database, empty."""
    if postgres_server not in databases:
        databases[postgres_server] = await make_database(postgres_server)
        await migrate(databases[postgres_server], MIGRATIONS, "notifier")
    found = await create_pool(databases[postgres_server], size_max=6, session=BY_INDEX)
    tables = "inbox, inbox_newest, outbox, mail, notice_read, notice, reader, preference, unsubscribe_token"
    for table in [*tables.split(", "), "match", "digest", "webhook", "membership", "person", "entity"]:
        await found.execute(f"delete from {table}")
    yield found
    await found.close()


@pytest_asyncio.fixture
async def bench(pool: Pool, clock: FixedClock) -> Bench:
    """Use cases over an empty database, with an operator who has an address."""
    settings = Settings(operator_email="operator@example.org", public_url="https://node.example.org")
    return Bench(Deps(pool, clock, settings), clock)
