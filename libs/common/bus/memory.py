"""The bus inside one process, made durable by a table in PostgreSQL: the embedded door.

One row per message and subscribing service. A consumer locks the rows it handles in a transaction of its own, so a process
that dies lets go of them at once, and nothing is lost at whatever moment that is.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import asyncpg
import structlog

from libs.common import metrics
from libs.common.bus.handling import BusOptions, attempt, missing_handler, readable, snapshots
from libs.common.bus.port import BusAway, DeadLetter, Handler
from libs.common.courtesy import Turn
from libs.common.database import BY_INDEX, Connection, Pool, create_pool
from libs.common.envelope import Envelope, MalformedEnvelope
from libs.common.service import StartRefused

BUS_SQL = """
create table if not exists subscription (service text not null, type text not null, primary key (service, type));
create table if not exists delivery (
    service text not null,
    id text not null,
    position bigint generated always as identity,
    type text not null,
    envelope bytea not null,
    tries int not null default 0,
    due_at timestamptz not null default clock_timestamp(),
    dead_at timestamptz,
    reason text,
    primary key (service, id)
) with (fillfactor = 80);
create index if not exists delivery_due on delivery (service, due_at, position) where dead_at is null;
create index if not exists delivery_dead on delivery (service, dead_at) where dead_at is not null;
"""
_PUBLISH = """
with told as (
    select * from unnest($1::text[], $2::text[], $3::bytea[]) with ordinality as told (id, type, envelope, place)
), put as (
    insert into delivery (service, id, type, envelope)
    select service, id, type, envelope from told join subscription using (type) order by place
    on conflict do nothing
)
select service, type, pg_notify('delivery', service)
from (select distinct service, type from told join subscription using (type)) as found
"""
_TAKE = """
select id, type, envelope, tries from delivery
where service = $1 and dead_at is null and due_at <= clock_timestamp()
order by due_at, position limit $2 for update skip locked
"""
_DONE = """
delete from delivery where service = $1 and id = any($2::text[])
and (select set_config('synchronous_commit', 'off', true)) = 'off'
"""
"""Without waiting for the disk: a delete that a crash takes back means one more delivery, no loss."""
_POLL_MAX_S = 2.0
_POOL_MAX = 12
_log = structlog.get_logger(__name__)


class MemoryBus:
    """Deliveries lie in the database at `url`; any number of these may work on one database."""

    def __init__(self, url: str, options: BusOptions | None = None) -> None:
        self._url = url
        self._options = options or BusOptions()
        self._pool: Pool | None = None
        self._listening: asyncpg.Connection[asyncpg.Record] | None = None
        self._wakes: dict[str, list[asyncio.Event]] = {}
        self._consumers: list[asyncio.Task[None]] = []
        self._listeners: list[dict[str, Handler]] = []
        self._told: set[asyncio.Task[Any]] = set()
        self._closing = asyncio.Event()
        self._one_listens = asyncio.Lock()

    async def start(self) -> None:
        try:
            self._pool = await create_pool(
                self._url,
                size_max=_POOL_MAX,
                idle_in_transaction_timeout_s=0,  # handlers have their own limit
                connect_timeout_s=self._options.connect_timeout_s,
                session=BY_INDEX,
            )
        except StartRefused as refused:
            raise BusAway(refused.sentence) from refused
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(7244634)")
            await connection.execute(BUS_SQL)
            for kind, services in (self._options.topology or {}).items():
                for service in services:
                    await _bind(connection, service, [kind])

    async def stop_handling(self) -> None:
        self._closing.set()
        for events in self._wakes.values():
            for event in events:
                event.set()
        tasks = {*self._consumers, *self._told}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._options.stop_timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        await self.stop_handling()
        if self._listening is not None:
            await self._listening.close()
        if self._pool is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._pool.close(), 5)
            self._pool = None

    async def publish(self, envelopes: Sequence[Envelope]) -> set[str]:
        if not envelopes:
            return set()
        columns = [
            [envelope.id for envelope in envelopes],
            [envelope.type for envelope in envelopes],
            [envelope.to_bytes() for envelope in envelopes],
        ]
        found = await self._opened().fetch(_PUBLISH, *columns)
        for service in {row["service"] for row in found}:
            self._wake(service)
        # an event that nobody hears durably, by the table, is done; one that nobody knows stays with the caller
        known = {row["type"] for row in found} | {kind for kind, of in (self._options.topology or {}).items() if not of}
        known |= {kind for handlers in self._listeners for kind in handlers}
        taken = [envelope for envelope in envelopes if envelope.type in known]
        for envelope in taken:
            self._broadcast(envelope)
        return {envelope.id for envelope in taken}

    async def subscribe(self, service: str, handlers: dict[str, Handler]) -> None:
        await self._listen_to_database()
        async with self._opened().acquire() as connection, connection.transaction():
            await _bind(connection, service, handlers)
            others = [
                kind
                for kind, services in (self._options.topology or {}).items()
                if service in services and kind not in handlers
            ]
            await connection.execute(
                "delete from subscription where service = $1 and type = any($2::text[])", service, others
            )
        wake = asyncio.Event()
        self._wakes.setdefault(service, []).append(wake)
        self._consumers.append(asyncio.create_task(self._consume(service, handlers, wake), name=f"consumer {service}"))

    async def listen(self, handlers: dict[str, Handler], *, on_connected: Callable[[], Awaitable[None]]) -> None:
        self._listeners.append(handlers)
        await snapshots([on_connected])

    async def dead(self, service: str, *, limit: int = 100) -> list[DeadLetter]:
        rows = await self._opened().fetch(
            "select id, envelope, tries, dead_at, reason from delivery where service = $1 and dead_at is not null"
            " order by dead_at, position limit $2",
            service,
            limit,
        )
        return [
            DeadLetter(service, readable(row["envelope"], row["id"]), row["reason"], row["tries"], row["dead_at"])
            for row in rows
        ]

    async def replay(self, service: str, ids: Sequence[str]) -> int:
        status: str = await self._opened().execute(
            "update delivery set dead_at = null, reason = null, tries = 0, due_at = clock_timestamp()"
            " where service = $1 and id = any($2::text[]) and dead_at is not null",
            service,
            list(ids),
        )
        await self._opened().execute("select pg_notify('delivery', $1)", service)
        self._wake(service)
        return int(status.rsplit(maxsplit=1)[-1])

    async def drop(self, service: str, ids: Sequence[str]) -> int:
        status: str = await self._opened().execute(
            "delete from delivery where service = $1 and id = any($2::text[]) and dead_at is not null",
            service,
            list(ids),
        )
        return int(status.rsplit(maxsplit=1)[-1])

    async def healthy(self) -> bool:
        try:
            return bool(await self._opened().fetchval("select true", timeout=2))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, BusAway):
            return False

    def _opened(self) -> Pool:
        if self._pool is None:
            raise BusAway("The bus is not started.")
        return self._pool

    def _wake(self, service: str) -> None:
        for event in self._wakes.get(service, ()):
            event.set()

    async def _listen_to_database(self) -> None:
        """Other processes on the same database wake us, by one connection; where that fails the poll goes on."""
        async with self._one_listens:
            if self._closing.is_set() or (self._listening is not None and not self._listening.is_closed()):
                return
            with contextlib.suppress(asyncpg.PostgresError, OSError, TimeoutError):
                self._listening = await asyncpg.connect(self._url, timeout=5)
                await self._listening.add_listener(
                    "delivery", lambda _c, _p, _channel, service: self._wake(str(service))
                )

    def _broadcast(self, envelope: Envelope) -> None:
        for handlers in self._listeners:
            if envelope.type in handlers:
                self._keep(attempt("listener", envelope, handlers, self._options.handler_timeout_s))

    def _keep(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def _consume(self, service: str, handlers: dict[str, Handler], wake: asyncio.Event) -> None:
        while not self._closing.is_set():
            wake.clear()
            try:
                turn = Turn()
                if await self._handle_some(service, handlers):
                    await turn.rest()
                else:
                    pause_s = await self._until_next(service)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause_s):
                            await wake.wait()
            except Exception as fault:  # noqa: BLE001  the database comes back
                _log.warning("bus.waits", consumer=service, why=repr(fault))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await self._closing.wait()

    async def _until_next(self, service: str) -> float:
        await self._listen_to_database()
        waiting = await self._opened().fetchval(
            "select extract(epoch from min(due_at) - clock_timestamp())::float8 from delivery"
            " where service = $1 and dead_at is null and due_at > clock_timestamp()",
            service,
        )
        return _POLL_MAX_S if waiting is None else min(max(waiting, 0.001), _POLL_MAX_S)

    async def _handle_some(self, service: str, handlers: dict[str, Handler]) -> int:
        """Up to a prefetch of messages at once, their rows locked until each has its outcome."""
        async with self._opened().acquire() as connection, connection.transaction():
            rows = await connection.fetch(_TAKE, service, self._options.prefetch_max)
            reasons = await asyncio.gather(*(self._outcome(service, row, handlers) for row in rows))
            done = [row["id"] for row, reason in zip(rows, reasons, strict=True) if reason is None]
            if done:
                await connection.execute(_DONE, service, done)
                metrics.handled.labels(service, "", "done").inc(len(done))
            for row, reason in zip(rows, reasons, strict=True):
                if reason is not None:
                    await self._put_off(connection, service, row, reason, handlers)
        return len(rows)

    async def _outcome(self, service: str, row: asyncpg.Record, handlers: dict[str, Handler]) -> str | None:
        try:
            envelope = Envelope.from_bytes(row["envelope"])
        except MalformedEnvelope as fault:
            return str(fault)
        if row["type"] not in handlers:
            return missing_handler(service, row["type"])
        return await attempt(service, envelope, handlers, self._options.handler_timeout_s)

    async def _put_off(
        self, connection: Connection, service: str, row: asyncpg.Record, reason: str, handlers: dict[str, Handler]
    ) -> None:
        tries = row["tries"] + 1
        is_dead = tries >= self._options.tries_max or row["type"] not in handlers
        metrics.handled.labels(service, row["type"], "dead" if is_dead else "again").inc()
        await connection.execute(
            "update delivery set tries = $3, reason = $4, dead_at = case when $5 then clock_timestamp() end,"
            " due_at = clock_timestamp() + make_interval(secs => $6) where service = $1 and id = $2",
            service,
            row["id"],
            tries,
            reason,
            is_dead,
            self._options.delay_s(tries),
        )


async def _bind(connection: Connection, service: str, kinds: Any) -> None:
    await connection.execute(
        "insert into subscription (service, type) select $1, unnest($2::text[]) on conflict do nothing",
        service,
        list(kinds),
    )
