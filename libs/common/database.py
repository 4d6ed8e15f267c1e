"""PostgreSQL through asyncpg: one pool per role, with a time limit on everything."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import asyncpg
import orjson
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_delay, wait_exponential

from libs.common.service import StartRefused

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    OwnConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:  # the driver's classes are generic for the type checker only
    Connection = OwnConnection = asyncpg.Connection
    Pool = asyncpg.Pool

_NOT_YET = (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError)
T = TypeVar("T")
LOCK_TIMEOUT_S = 5.0
IDLE_IN_TRANSACTION_TIMEOUT_S = 30.0
BY_INDEX = dict.fromkeys(
    ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_material"), "off"
)
"""Without the ways through whole tables that a planner takes for the cheapest while it believes them to be empty: plans stay
right however little it knew when they were made."""
PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan"}
"""One plan for all values: where rows are looked up, making a plan takes longer than the look-up."""


class FairPool(asyncpg.Pool):
    """Whoever waits for a connection has it before whoever comes later.

    asyncpg's own pool wakes one who waits when a connection comes back, but whoever asks before that one runs takes it, and
    then the wait begins anew behind all others: under load a few were served at once and the others after seconds.
    """

    def __init__(self, *arguments: Any, max_size: int, **options: Any) -> None:
        super().__init__(*arguments, max_size=max_size, **options)
        self._turns = asyncio.Semaphore(max_size)
        self._out: set[int] = set()

    async def _acquire(self, timeout: float | None) -> Any:
        async with asyncio.timeout(timeout):
            await self._turns.acquire()
        try:
            connection = await super()._acquire(timeout)  # type: ignore[misc]  # the stubs know no inner methods
        except BaseException:
            self._turns.release()
            raise
        self._out.add(id(connection))
        return connection

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:
        """As asyncpg's; a second time it does nothing."""
        try:
            await super().release(connection, timeout=timeout)
        finally:
            if id(connection) in self._out:
                self._out.discard(id(connection))
                self._turns.release()


async def connect(
    url: str,
    *,
    role: str | None = None,
    statement_timeout_s: float = 10.0,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    connect_timeout_s: float = 30.0,
) -> OwnConnection:
    """One connection of our kind, for LISTEN or a migration; waits for the server. Raises StartRefused."""
    settings = _server_settings(role, statement_timeout_s, lock_timeout_s)
    return await _patiently(url, connect_timeout_s, lambda: _connect(url, settings))


async def create_pool(
    url: str,
    *,
    role: str | None = None,
    size_max: int = 8,
    statement_timeout_s: float = 10.0,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    idle_in_transaction_timeout_s: float = IDLE_IN_TRANSACTION_TIMEOUT_S,
    connect_timeout_s: float = 30.0,
    session: Mapping[str, str] | None = None,
) -> Pool:
    """A pool of connections that act as `role`; waits for the server, bounded, then raises StartRefused.

    JSON columns come and go as Python values, uuid columns as text. A connection holds no state from one use to the
    next: `SET LOCAL` only, no session locks, and LISTEN on a connection of its own (`connect`). `session` are
    settings of PostgreSQL besides, such as BY_INDEX for stores that only ever look rows up.
    """
    settings = _server_settings(role, statement_timeout_s, lock_timeout_s, idle_in_transaction_timeout_s)
    settings |= session or {}

    async def open_pool() -> Pool:
        return await FairPool(
            url,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            min_size=1,
            max_size=size_max,
            max_queries=50_000,
            max_inactive_connection_lifetime=300,
            loop=None,
            init=prepare,
            reset=_reset,
            timeout=5,
            command_timeout=statement_timeout_s + 5,
            server_settings=settings,
        )

    return await _patiently(url, connect_timeout_s, open_pool)


@asynccontextmanager
async def transaction(pool: Pool, *, readonly: bool = False) -> AsyncIterator[Connection]:
    """A connection inside a transaction: committed at the end, rolled back on any exception."""
    async with pool.acquire() as connection, connection.transaction(readonly=readonly):
        yield connection


async def prepare(connection: Connection) -> None:
    """Codecs: JSON as Python values, uuid as text."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=_json_text, decoder=orjson.loads, format="text"
        )
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")


def _json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


async def _reset(connection: Connection) -> None:
    """A connection comes back without state (see create_pool), so only an open transaction needs a round trip."""
    if connection.is_in_transaction():
        await connection.reset()


def _server_settings(
    role: str | None,
    statement_timeout_s: float,
    lock_timeout_s: float,
    idle_in_transaction_timeout_s: float = IDLE_IN_TRANSACTION_TIMEOUT_S,
) -> dict[str, str]:
    settings = {
        "application_name": f"mccs {os.getpid()}",
        "statement_timeout": str(int(statement_timeout_s * 1000)),
        "lock_timeout": str(int(lock_timeout_s * 1000)),
        "idle_in_transaction_session_timeout": str(int(idle_in_transaction_timeout_s * 1000)),
        "timezone": "UTC",
        "jit": "off",  # what it saves in walks of minutes it costs each short query that a planner takes for a long one
    }
    if role is not None:
        settings["role"] = role
    return settings


async def _connect(url: str, settings: dict[str, str]) -> OwnConnection:
    connection: OwnConnection = await asyncpg.connect(url, timeout=5, server_settings=settings)
    try:
        await prepare(connection)
    except BaseException:  # who stops just then knows nothing of it
        connection.terminate()
        raise
    return connection


async def _patiently(url: str, within_s: float, opening: Callable[[], Awaitable[T]]) -> T:
    if not url.startswith(("postgresql://", "postgres://")):
        raise StartRefused(
            f"{url or 'Nothing'} is not the address of a PostgreSQL server: give one like postgresql://user@host/database"
            " (`embedded:` belongs to the one-process node).",
            status=2,
        )
    attempts = AsyncRetrying(
        retry=retry_if_exception_type(_NOT_YET),
        stop=stop_after_delay(within_s),
        wait=wait_exponential(multiplier=0.1, max=2),
    )

    async def once() -> T:
        return await opening()

    try:
        return await attempts(once)
    except RetryError as given_up:
        reason = given_up.last_attempt.exception()
        raise StartRefused(
            f"PostgreSQL at {place(url)} cannot be reached within {within_s:g} s ({reason}); is it running?"
        ) from None
    except (asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError) as fault:
        raise StartRefused(f"PostgreSQL at {place(url)} lets us not in: {fault}.") from None
    except (asyncpg.ClientConfigurationError, ValueError) as fault:
        raise StartRefused(f"{place(url)} is not a PostgreSQL address: {fault}.", status=2) from None


def place(url: str) -> str:
    """The address without name and password, for messages."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
