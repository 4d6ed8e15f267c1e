"""Links that work once: verification, reset, invitation."""

from datetime import datetime

import asyncpg

from libs.common.database import Connection
from services.identity.domain.access import OneTimeToken

_COLUMNS = (
    "id", "kind", "user_id", "email", "created_at", "expires_at", "entity_id", "role", "invited_by", "issued_at",
    "used_at",
)  # fmt: skip
_SELECT = f"select {', '.join(_COLUMNS)} from one_time_tokens"


def _link(row: asyncpg.Record) -> OneTimeToken:
    return OneTimeToken(**row)


async def add(connection: Connection, link: OneTimeToken, email_key: str) -> None:
    """Keeps a link that has no secret yet."""
    places = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 2))
    await connection.execute(
        f"insert into one_time_tokens ({', '.join(_COLUMNS)}, email_key) values ({places})",
        *(getattr(link, name) for name in _COLUMNS),
        email_key,
    )


async def lock_by_id(connection: Connection, link_id: str) -> OneTimeToken | None:
    """One link, kept from others until the transaction ends."""
    row = await connection.fetchrow(f"{_SELECT} where id = $1 for update", link_id)
    return _link(row) if row else None


async def lock_by_secret(connection: Connection, kind: str, secret_hash: bytes) -> OneTimeToken | None:
    """The link that a secret opens, kept from others until the transaction ends."""
    row = await connection.fetchrow(f"{_SELECT} where secret_hash = $1 and kind = $2 for update", secret_hash, kind)
    return _link(row) if row else None


async def issue(
    connection: Connection, link_id: str, secret_hash: bytes, issued_at: datetime, expires_at: datetime
) -> None:
    """Gives the link its secret, in place of one that was made before."""
    await connection.execute(
        "update one_time_tokens set secret_hash = $2, issued_at = $3, expires_at = $4 where id = $1",
        link_id,
        secret_hash,
        issued_at,
        expires_at,
    )


async def use(connection: Connection, link_id: str, now: datetime) -> None:
    """The link has done its work."""
    await connection.execute("update one_time_tokens set used_at = $2 where id = $1", link_id, now)


async def use_all_of(connection: Connection, user_id: str, kind: str, now: datetime) -> None:
    """No other link of this kind works for the user any more."""
    await connection.execute(
        "update one_time_tokens set used_at = $3 where user_id = $1 and kind = $2 and used_at is null",
        user_id,
        kind,
        now,
    )


async def use_ways_in(connection: Connection, user_id: str, email_key: str, now: datetime) -> None:
    """No link works any more that would give the user another password, or another address than this one."""
    await connection.execute(
        "update one_time_tokens set used_at = $3 where user_id = $1 and used_at is null"
        " and (kind = 'reset' or (kind = 'verification' and email_key <> $2))",
        user_id,
        email_key,
        now,
    )


async def withdraw_of(connection: Connection, user_id: str, entity_id: str, now: datetime) -> int:
    """Invitations to an entity that a user sent and nobody answered work no more; how many."""
    status = await connection.execute(
        "update one_time_tokens set used_at = $3"
        " where invited_by = $1 and entity_id = $2 and kind = 'invitation' and used_at is null",
        user_id,
        entity_id,
        now,
    )
    return int(status.split()[-1])


async def open_of_user(connection: Connection, user_id: str, kind: str, since: datetime) -> int:
    """How many were asked for since then and not used."""
    count: int = await connection.fetchval(
        "select count(*) from one_time_tokens where user_id = $1 and kind = $2 and used_at is null and created_at > $3",
        user_id,
        kind,
        since,
    )
    return count


async def open_invitations(connection: Connection, entity_id: str, now: datetime) -> list[OneTimeToken]:
    """Invitations that wait for an answer, the newest first."""
    rows = await connection.fetch(
        f"{_SELECT} where entity_id = $1 and kind = 'invitation' and used_at is null and expires_at > $2"
        " order by created_at desc, id desc",
        entity_id,
        now,
    )
    return [_link(row) for row in rows]
