"""The inbox: what was handled is remembered in the same transaction as its effect, and older states lose."""

import asyncio
import contextlib

import structlog

from libs.common.database import Connection, Pool
from libs.common.envelope import Envelope

INBOX_SQL = """
create table inbox (id text primary key, heard_at timestamptz not null default now());
create index inbox_heard_at on inbox (heard_at);
create table inbox_newest (
    subject text not null, type text not null, sequence bigint not null, primary key (subject, type)
) with (fillfactor = 70);
"""
"""For migrations: the ids handled, and the newest sequence seen per subject and type."""

KEEP_DAYS = 30
_SWEEP_EVERY_S = 3600.0
_SWEEP_ROWS = 5000
_log = structlog.get_logger(__name__)


async def first_time(connection: Connection, envelope: Envelope) -> bool:
    """Remembers the message in the caller's transaction; False where it was handled already."""
    status: str = await connection.execute("insert into inbox (id) values ($1) on conflict do nothing", envelope.id)
    return status.endswith(" 1")


async def is_newer(connection: Connection, envelope: Envelope) -> bool:
    """Remembers the state's sequence in the caller's transaction; False where a newer or the same one was seen."""
    status: str = await connection.execute(
        "insert into inbox_newest as seen (subject, type, sequence) values ($1, $2, $3)"
        " on conflict (subject, type) do update set sequence = excluded.sequence where seen.sequence < excluded.sequence",
        envelope.subject,
        envelope.type,
        envelope.sequence,
    )
    return status.endswith(" 1")


async def sweep(pool: Pool, *, keep_days: int = KEEP_DAYS) -> int:
    """Forgets ids older than this; how many. In pieces, so that no lock is held for long."""
    gone = 0
    while True:
        status: str = await pool.execute(
            "delete from inbox where id in (select id from inbox where heard_at < now() - make_interval(days => $1) limit $2)",
            keep_days,
            _SWEEP_ROWS,
        )
        count = int(status.rsplit(maxsplit=1)[-1])
        gone += count
        if count < _SWEEP_ROWS:
            return gone


class Sweeper:
    """Sweeps once in a while, until stopped."""

    def __init__(self, pool: Pool, *, every_s: float = _SWEEP_EVERY_S) -> None:
        self._pool = pool
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="inbox sweeper")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            try:
                await sweep(self._pool)
            except Exception:  # noqa: BLE001  the database comes back
                _log.exception("inbox.not_swept")
            await asyncio.sleep(self._every_s)
