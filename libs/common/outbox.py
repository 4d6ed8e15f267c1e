"""The outbox: events committed together with the data they tell of, waiting for the relay."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from operator import itemgetter
from typing import Any, Protocol

import asyncpg

from libs.common.database import Connection, Pool
from libs.common.envelope import Envelope

OUTBOX_SQL = """
create table outbox (
    position bigint generated always as identity primary key,
    id text not null,
    type text not null,
    subject text not null,
    sequence bigint not null default 0,
    time timestamptz not null default clock_timestamp(),
    data jsonb not null,
    correlationid text,
    causationid text,
    traceparent text
);
create function outbox_told() returns trigger language plpgsql as $$
begin
    perform pg_notify('outbox', '');
    return null;
end $$;
create trigger outbox_told after insert on outbox for each statement execute function outbox_told();
"""
"""For migrations: the table, and the notification that wakes the relay at the commit."""

_COLUMNS = ("id", "type", "subject", "sequence", "time", "data", "correlationid", "causationid", "traceparent")
_TAKE = f"""
delete from outbox where (select set_config('synchronous_commit', 'off', true)) = 'off'
and position = any(array(select position from outbox order by position limit $1 for update skip locked))
returning position, {", ".join(_COLUMNS)}
"""  # noqa: S608  our own constants
"""In the transaction that is open while they are published. Without waiting for the disk: a delete that a crash takes back
means one more publish, no loss."""
_FORGET = "delete from outbox where position = any($1::bigint[])"
_ADD = f"""
insert into outbox ({", ".join(_COLUMNS)})
select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::jsonb[], $7::text[],
                     $8::text[], $9::text[])
"""  # noqa: S608


class Claim(Protocol):
    """Events that nobody else publishes while they are held, about in the order they were told."""

    envelopes: Sequence[Envelope]

    async def done(self, ids: set[str]) -> None:
        """The bus has made these its own: they are forgotten here. The rest waits on."""


class OutboxStore(Protocol):
    """Where a relay takes events from. Any number of relays may work on one store."""

    def claim(self, limit: int) -> AbstractAsyncContextManager[Claim]:
        """Holds up to `limit` waiting events for the block; whatever is not done at its end is free again."""

    async def wait(self, timeout_s: float) -> None:
        """Returns when something was told, or after the time."""

    async def close(self) -> None:
        """The relay has stopped: whatever waiting needed is given back."""


async def add(connection: Connection, envelopes: Sequence[Envelope]) -> None:
    """Puts events into the outbox in the caller's transaction, in this order."""
    if envelopes:
        rows = [[getattr(envelope, name) for envelope in envelopes] for name in _COLUMNS]
        await connection.execute(_ADD, *rows)


class PostgresOutbox:
    """The table `outbox` of one database (`OUTBOX_SQL`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._told = asyncio.Event()
        self._listening: Any = None

    @asynccontextmanager
    async def claim(self, limit: int) -> AsyncIterator["_PostgresClaim"]:
        """The rows are deleted by a transaction that ends when all are done: a relay that dies gives them back at once."""
        self._told.clear()
        async with self._pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                claim = _PostgresClaim(await connection.fetch(_TAKE, limit))
                yield claim
            except BaseException:
                await transaction.rollback()
                raise
            if claim.all_done:
                await transaction.commit()
            else:
                await transaction.rollback()
                await connection.execute(_FORGET, claim.done_positions)

    def wake(self) -> None:
        """In process: something was committed."""
        self._told.set()

    async def wait(self, timeout_s: float) -> None:
        if self._listening is None or self._listening.is_closed():
            await self._listen()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._told.wait()

    async def close(self) -> None:
        connection, self._listening = self._listening, None
        if connection is not None:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await connection.remove_listener("outbox", self._on_notify)
            await self._pool.release(connection)

    async def _listen(self) -> None:
        """A connection is kept for LISTEN; where none is to be had the slow poll of the relay goes on alone."""
        await self.close()
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            connection = await self._pool.acquire(timeout=5)
            self._listening = connection
            await connection.add_listener("outbox", self._on_notify)
        self._told.set()  # what was told before LISTEN stood

    def _on_notify(self, *_: object) -> None:
        self._told.set()


class _PostgresClaim:
    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        rows = sorted(rows, key=itemgetter("position"))
        self._waiting = {row["position"]: row["id"] for row in rows}
        self.done_positions: list[int] = []
        self.envelopes: Sequence[Envelope] = [
            Envelope(source=row["type"].split(".", 1)[0], **{name: row[name] for name in _COLUMNS}) for row in rows
        ]

    @property
    def all_done(self) -> bool:
        return len(self.done_positions) == len(self._waiting)

    async def done(self, ids: set[str]) -> None:
        self.done_positions = [position for position, identity in self._waiting.items() if identity in ids]
