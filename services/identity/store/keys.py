"""API keys of partner programs."""

from datetime import datetime

import asyncpg

from libs.common.database import Connection
from services.identity.domain.access import ApiKey

_COLUMNS = (
    "id", "entity_id", "name", "scopes", "rate_per_minute", "hint", "created_by", "created_at", "last_used_at",
    "last_used_address", "tokens_expire_at",
)  # fmt: skip
_SELECT = f"select {', '.join(_COLUMNS)}, secret_hash from api_keys"


def _locked(lock: bool) -> str:
    return " for update" if lock else ""


def _key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(**{name: row[name] for name in _COLUMNS if name != "scopes"}, scopes=tuple(row["scopes"]))


async def add(connection: Connection, key: ApiKey, secret_hash: bytes) -> None:
    """Keeps a new key."""
    await connection.execute(
        "insert into api_keys (id, entity_id, name, scopes, rate_per_minute, hint, created_by, created_at, secret_hash)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        key.id, key.entity_id, key.name, list(key.scopes), key.rate_per_minute, key.hint, key.created_by,
        key.created_at, secret_hash,
    )  # fmt: skip


async def live_of_entity(connection: Connection, entity_id: str, *, lock: bool = False) -> list[ApiKey]:
    """Keys that are not revoked, the newest first; `lock` waits for tokens that are being made with them."""
    rows = await connection.fetch(
        f"{_SELECT} where entity_id = $1 and revoked_at is null order by created_at desc, id desc{_locked(lock)}",
        entity_id,
    )
    return [_key(row) for row in rows]


async def live_of_user(
    connection: Connection, user_id: str, entity_id: str | None = None, *, lock: bool = False
) -> list[ApiKey]:
    """Keys made by a user, of one entity or of all, that are not revoked; `lock` as above."""
    rows = await connection.fetch(
        f"{_SELECT} where created_by = $1 and ($2::text is null or entity_id = $2) and revoked_at is null"
        f" order by created_at desc, id desc{_locked(lock)}",
        user_id,
        entity_id,
    )
    return [_key(row) for row in rows]


async def live(connection: Connection, key_id: str, *, lock: bool = False) -> tuple[ApiKey, bytes] | None:
    """A key that is not revoked, with its secret's hash."""
    row = await connection.fetchrow(f"{_SELECT} where id = $1 and revoked_at is null{_locked(lock)}", key_id)
    return (_key(row), row["secret_hash"]) if row else None


async def use(connection: Connection, key_id: str, now: datetime, address: str, tokens_expire_at: datetime) -> None:
    """A token was made with the key."""
    await connection.execute(
        "update api_keys set last_used_at = $2, last_used_address = $3,"
        " tokens_expire_at = greatest(tokens_expire_at, $4) where id = $1",
        key_id,
        now,
        address,
        tokens_expire_at,
    )


async def revoke(connection: Connection, key_id: str, now: datetime) -> None:
    """The key is over."""
    await connection.execute("update api_keys set revoked_at = $2 where id = $1", key_id, now)
