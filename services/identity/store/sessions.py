"""Sessions, refresh tokens, and what was ended."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from libs.common.database import Connection
from services.identity.domain.sessions import Session

LISTED_MAX = 200
_COLUMNS = (
    "id", "user_id", "role", "kind", "created_at", "last_used_at", "expires_at", "tokens_expire_at", "address",
    "agent", "ended_at",
)  # fmt: skip
_SELECT = f"select {', '.join(_COLUMNS)} from sessions"


def _session(row: asyncpg.Record) -> Session:
    return Session(**row)


async def insert(connection: Connection, session: Session) -> None:
    """Keeps a new session."""
    places = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
    await connection.execute(
        f"insert into sessions ({', '.join(_COLUMNS)}) values ({places})",
        *(getattr(session, name) for name in _COLUMNS),
    )


async def live_of(connection: Connection, user_id: str, now: datetime) -> list[Session]:
    """Sessions that have not ended, the latest used first, at most LISTED_MAX of them."""
    rows = await connection.fetch(
        f"{_SELECT} where user_id = $1 and ended_at is null and expires_at > $2 order by last_used_at desc, id desc limit $3",
        user_id,
        now,
        LISTED_MAX,
    )
    return [_session(row) for row in rows]


async def beyond(connection: Connection, user_id: str, now: datetime, most: int) -> list[str]:
    """Ids of the live sessions of a user that are too many: those used longest ago."""
    rows = await connection.fetch(
        "select id from sessions where user_id = $1 and ended_at is null and expires_at > $2"
        " order by last_used_at desc, id desc offset $3",
        user_id,
        now,
        most,
    )
    return [row["id"] for row in rows]


async def lock(connection: Connection, session_id: str) -> Session | None:
    """One session, kept from others until the transaction ends."""
    row = await connection.fetchrow(f"{_SELECT} where id = $1 for update", session_id)
    return _session(row) if row else None


async def end(
    connection: Connection, user_id: str, now: datetime, *, only: Sequence[str] | None = None, keep: str | None = None
) -> list[Session]:
    """Ends sessions of a user: `only` these or all, but `keep`. What was ended is kept among the revocations."""
    rows = await connection.fetch(
        "update sessions set ended_at = $2 where user_id = $1 and ended_at is null"
        " and ($3::text[] is null or id = any($3)) and id is distinct from $4"
        f" returning {', '.join(_COLUMNS)}",
        user_id,
        now,
        only,
        keep,
    )
    ended = [_session(row) for row in rows]
    await revoke(connection, [(session.id, session.tokens_expire_at) for session in ended])
    return ended


async def revoke(connection: Connection, ended: Sequence[tuple[str, datetime]]) -> None:
    """Tokens of these sessions or keys are refused until they have run out."""
    await connection.executemany(
        "insert into revocations (session_id, tokens_expire_at) values ($1, $2) on conflict do nothing", ended
    )


async def revocations(connection: Connection, now: datetime) -> list[tuple[str, datetime]]:
    """What must still be refused."""
    rows = await connection.fetch(
        "select session_id, tokens_expire_at from revocations where tokens_expire_at > $1 order by session_id", now
    )
    return [(row["session_id"], row["tokens_expire_at"]) for row in rows]


async def prolong(
    connection: Connection, session_id: str, now: datetime, expires_at: datetime, tokens_expire_at: datetime
) -> None:
    """The session was used for a refresh."""
    await connection.execute(
        "update sessions set last_used_at = $2, expires_at = $3, tokens_expire_at = greatest(tokens_expire_at, $4)"
        " where id = $1",
        session_id,
        now,
        expires_at,
        tokens_expire_at,
    )


async def add_refresh(connection: Connection, session_id: str, token_hash: bytes, now: datetime) -> None:
    """Keeps the hash of a refresh token."""
    await connection.execute(
        "insert into refresh_tokens (hash, session_id, created_at) values ($1, $2, $3)", token_hash, session_id, now
    )


async def session_of_refresh(connection: Connection, token_hash: bytes) -> str | None:
    """Whose refresh token this is."""
    found: str | None = await connection.fetchval("select session_id from refresh_tokens where hash = $1", token_hash)
    return found


async def use_refresh(connection: Connection, token_hash: bytes, now: datetime) -> datetime | None:
    """Marks the token as used; when it was used before, None for never."""
    row = await connection.fetchrow("select used_at from refresh_tokens where hash = $1 for update", token_hash)
    used_at: datetime | None = row["used_at"] if row else None
    if used_at is None:
        await connection.execute("update refresh_tokens set used_at = $2 where hash = $1", token_hash, now)
    return used_at
