"""Stores on all doors, and the parts that use cases need."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from libs.common.errors import Refusal
from libs.common.ids import new_id
from libs.common.peers import Caller
from libs.common.peers_local import LocalPeers
from libs.common.testing import FixedClock
from libs.common.testing.servers import drop_database, make_database
from libs.common.web import create_app
from services.directory.api import add_routes, answer_for_the_store
from services.directory.app import REFUSALS
from services.directory.service.deps import Deps, Rules
from services.directory.settings import Settings
from services.directory.store.doors import open_store, prepare_store
from services.directory.store.port import DirectoryStore
from services.directory.tests.builders import TokensAsNames


@pytest.fixture(scope="session", params=["embedded", "server", "mongodb"])
def door(request):
    """Which store: PostgreSQL embedded, PostgreSQL's real server, MongoDB."""
    return request.param


@pytest.fixture(scope="session")
def prepared_url(door, servers) -> Iterator[str]:
    """The address of a store that all tests of the session share, made ready once."""
    if door == "embedded":
        server = servers.embedded().url("postgres")
    else:
        server = servers.address("PostgreSQL" if door == "server" else "MongoDB").rstrip("/")
    with asyncio.Runner() as runner:
        if door == "mongodb":
            url = f"{server}/directory_{os.getpid()}_{new_id()[-6:]}"
        else:
            url = runner.run(make_database(server))
        runner.run(prepare_store(url))
        yield url
        runner.run(_drop_mongo(url) if door == "mongodb" else drop_database(server, url))


async def _drop_mongo(url: str) -> None:
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(url) as client:
        await client.drop_database(client.get_default_database().name)


async def _empty_postgres(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        names = ", ".join(row["tablename"] for row in rows if row["tablename"] != "alembic_version")
        # past the triggers that keep the activity log
        await connection.execute(f"set session_replication_role = replica; truncate {names}")
    finally:
        await connection.close()


async def _empty_mongo(url: str) -> None:
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(url) as client:
        database: AsyncDatabase[dict[str, Any]] = client.get_default_database()
        for name in await database.list_collection_names():
            await database[name].delete_many({})


@pytest_asyncio.fixture
async def store_url(door, prepared_url):
    """The address of an empty store."""
    await (_empty_mongo(prepared_url) if door == "mongodb" else _empty_postgres(prepared_url))
    return prepared_url


@pytest_asyncio.fixture
async def store(store_url) -> AsyncIterator[DirectoryStore]:
    """An empty store."""
    opened = await open_store(store_url, size_max=4, connect_timeout_s=10)
    yield opened
    await opened.close()


@pytest.fixture
def deps(store, clock: FixedClock) -> Deps:
    """Use cases on an empty store, at a time that stands still."""
    return Deps(store, clock, Rules())


class Api:
    """Calls the service's endpoints as somebody."""

    def __init__(self, deps: Deps, given: Settings) -> None:
        tokens = TokensAsNames()
        app = create_app("directory", given, tokens, REFUSALS, {"store": deps.store.healthy})
        answer_for_the_store(app)
        add_routes(app, deps, given)
        self.peers = LocalPeers({"directory": cast("Any", SimpleNamespace(api=app, name="directory"))}, tokens)

    async def __call__(self, token: str | None, method: str, path: str, body=None, raw=None, **query):
        answer = await self.peers.call(
            "directory",
            method,
            path,
            caller=Caller(token=token),
            body=body,
            raw=raw,
            query={name: value for name, value in query.items() if value is not None},
        )
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer

    async def status(self, *arguments, **options) -> int:
        """Status of a call, whatever it is; 200 for all that is well."""
        try:
            await self(*arguments, **options)
        except Refusal as refusal:
            return refusal.status
        return 200

    async def refused(self, *arguments, **options) -> tuple[int, list[str]]:
        """Status and codes of a call that must be refused."""
        with pytest.raises(Refusal) as refusal:
            await self(*arguments, **options)
        return refusal.value.status, [problem.code for problem in refusal.value.problems]


@pytest.fixture
def api(deps: Deps) -> Api:
    """The endpoints over the store."""
    return Api(deps, Settings(_env_file=None, picture_max_bytes=2_000_000))
