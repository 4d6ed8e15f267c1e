"""What nobody needs any more, and refusals that were counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.database import Connection, Pool

KEEP_ATTEMPTS_DAYS = 30
KEEP_LINKS_DAYS = 30
KEEP_DEVICES_DAYS = 400
_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Refused:
    """How often one caller was refused without a record of its own."""

    caller: str
    action: str
    counted: int


async def count_refusal(
    connection: Connection, caller: str, action: str, *, told_max: int, until: datetime, times: int
) -> bool:
    """Counts refusals; True while the first of them still gets a record of its own. The first of all begins a period that
    ends `until`."""
    counted: int = await connection.fetchval(
        "insert into refusals as seen (caller, action, told, counted, until) values ($1, $2, 1, $5 - 1, $3)"
        " on conflict (caller, action) do update set told = least(seen.told + 1, $4),"
        " counted = seen.counted + case when seen.told >= $4 then $5 else $5 - 1 end returning counted",
        caller[:200],
        action,
        until,
        told_max,
        times,
    )
    return counted == times - 1


async def take_refusals(connection: Connection, now: datetime) -> list[Refused]:
    """Periods that have ended, each taken by one process; those with nothing counted are only forgotten."""
    rows = await connection.fetch(
        "delete from refusals where (caller, action) in"
        " (select caller, action from refusals where until <= $1 limit 500 for update skip locked)"
        " returning caller, action, counted",
        now,
    )
    return [Refused(**row) for row in rows if row["counted"]]


async def sweep(pool: Pool, now: datetime) -> int:
    """Deletes what has run out, in pieces; how many rows."""
    gone = 0
    for table, key, condition, before in (
        ("sessions", "id", "expires_at < $1", now - timedelta(days=1)),
        ("revocations", "session_id", "tokens_expire_at < $1", now - timedelta(hours=1)),
        ("attempts", "account", "updated_at < $1", now - timedelta(days=KEEP_ATTEMPTS_DAYS)),
        ("address_failures", "address", "until < $1", now),
        ("one_time_tokens", "id", "expires_at < $1", now - timedelta(days=KEEP_LINKS_DAYS)),
        ("devices", "ctid", "seen_at < $1", now - timedelta(days=KEEP_DEVICES_DAYS)),
        ("signing_keys", "kid", "published_until < $1", now - timedelta(days=1)),
    ):
        status = await pool.execute(
            f"delete from {table} where {key} in (select {key} from {table} where {condition} limit {_ROWS})", before
        )
        gone += int(status.split()[-1])
    return gone
