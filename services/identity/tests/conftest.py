"""Identity on a database of its own, by its use cases and by its HTTP interface."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from libs.common.auth import JwksVerifier, ServiceTokens
from libs.common.database import connect
from libs.common.envelope import Envelope
from libs.common.peers import Caller
from libs.common.peers_local import LocalPeers
from libs.common.service import Wiring
from libs.common.testing.clocks import FixedClock
from libs.common.testing.servers import Servers, drop_database, make_database
from services.identity.app import IdentityService, build, migrate
from services.identity.service.deps import Deps
from services.identity.settings import Settings

PASSWORD = "green-Tomatoes-42"
SECRET = "a-secret-of-services-for-these-tests"


class QuietBus:
    """A bus that takes nothing, so that events stay in the outbox where tests look at them."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}

    async def start(self) -> None: ...

    async def stop_handling(self) -> None: ...

    async def close(self) -> None: ...

    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        return set()

    async def subscribe(self, service: str, handlers: dict[str, Any]) -> None:
        self.handlers.update(handlers)

    async def listen(self, handlers: dict[str, Any], *, on_connected: Any) -> None:
        await on_connected()

    async def dead(self, service: str, *, limit: int = 100) -> list[Any]:
        return []

    async def replay(self, service: str, ids: Sequence[str]) -> int:
        return 0

    async def drop(self, service: str, ids: Sequence[str]) -> int:
        return 0

    async def healthy(self) -> bool:
        return True


def settings_for(url: str, **given: Any) -> Settings:
    """Identity's settings with hashing that costs nothing."""
    defaults: dict[str, Any] = {"hash_memory_kib": 8, "hash_passes": 1, "service_secret": SECRET, "key_overlap_s": 0}
    return Settings(_env_file=None, identity_url=url, **(defaults | given))


@dataclass
class Running:
    """One identity, and how to speak to it."""

    service: IdentityService
    clock: FixedClock
    tokens: dict[str, LocalPeers] = field(default_factory=dict)

    @property
    def deps(self) -> Deps:
        assert self.service.deps is not None
        return self.service.deps

    async def call(
        self, method: str, path: str, body: object = None, *, token: str | None = None, own: str = "gateway",
        address: str = "192.0.2.7", agent: str = "a browser", **query: Any,
    ) -> Any:  # fmt: skip
        """The answer's JSON, asked as a person (token) or as the service `own`. Raises Refusal."""
        peers = self.tokens.setdefault(own, LocalPeers({"identity": self.service}, ServiceTokens(SECRET, own)))
        caller = Caller(token=token, client_address=address, user_agent=agent)
        raw = json.dumps(body).encode() if body is not None else None
        answer = await peers.call("identity", method, path, caller=caller, raw=raw, query=query or None)
        return answer.json()

    async def sign_up(self, email: str = "ana@example.org", **more: Any) -> dict[str, Any]:
        """Signs somebody up with the password of these tests."""
        body = {"email": email, "password": PASSWORD, "profile": {"name": "Ana's"}} | more
        answer: dict[str, Any] = await self.call("POST", "/signup", body)
        return answer

    async def log_in(self, email: str = "ana@example.org", password: str = PASSWORD, **more: Any) -> dict[str, Any]:
        """Logs somebody in."""
        address = more.pop("address", "192.0.2.7")
        body = {"email": email, "password": password} | more
        answer: dict[str, Any] = await self.call("POST", "/login", body, address=address)
        return answer

    async def admin(self, email: str = "admin@example.org") -> str:
        """The token of a new admin."""
        await self.call("POST", "/admins", {"email": email, "password": PASSWORD}, own="operator")
        return str((await self.log_in(email, role="admin"))["token"])

    async def told(self, kind: str) -> list[dict[str, Any]]:
        """What was told of a type, as rows of the outbox in their order."""
        rows = await self.deps.pool.fetch("select * from outbox where type = $1 order by position", f"identity.{kind}")
        return [dict(row) for row in rows]

    async def link_of(self, kind: str, email: str) -> str:
        """The secret of the newest link of a kind, as the notifier would put it into the mail."""
        found = await self.deps.pool.fetchval(
            "select id from one_time_tokens where kind = $1 and email = $2 order by id desc limit 1", kind, email
        )
        answer = await self.call("POST", f"/one-time-tokens/{found}/issue", own="notifier")
        return str(answer["token"])


async def start(url: str, clock: FixedClock, **given: Any) -> Running:
    """A running identity on a migrated database."""
    services: dict[str, Any] = {}
    peers = LocalPeers(services, ServiceTokens(SECRET, "identity"))
    verifier = JwksVerifier("identity", SECRET, peers)
    wiring = Wiring(bus=QuietBus(), peers=peers, verifier=verifier, clock=clock)
    service = build(settings_for(url, **given), wiring)
    services["identity"] = service
    await service.start("api")
    return Running(service, clock)


@pytest.fixture
def now_clock() -> FixedClock:
    """Stands still at the real time, so that tokens are good for the verifier."""
    return FixedClock(datetime.now(UTC).replace(microsecond=0))


async def migrated(url: str) -> None:
    """Prepares an empty database."""
    await migrate(settings_for(url))


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Iterator[dict[str, str]]:
    """One migrated database a server, by the server's URL: a copy for each test would cost more than the tests."""
    made: dict[str, str] = {}
    yield made
    for server, url in made.items():
        asyncio.run(drop_database(server, url))


@pytest_asyncio.fixture
async def database(postgres_server: str, databases: dict[str, str]) -> str:
    """The URL of a migrated database with nothing in it."""
    if postgres_server not in databases:
        databases[postgres_server] = await make_database(postgres_server)
        await migrated(databases[postgres_server])
    url = databases[postgres_server]
    connection = await connect(url)
    try:
        names = await connection.fetch(
            "select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'"
        )
        await connection.execute(";".join(f"delete from {row['tablename']}" for row in names))
    finally:
        await connection.close()
    return url


@pytest_asyncio.fixture
async def identity(database: str, now_clock: FixedClock) -> AsyncIterator[Running]:
    """A running identity."""
    running = await start(database, now_clock)
    yield running
    await running.service.stop()
