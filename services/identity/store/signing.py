"""Signing keys: public halves as they are, private halves sealed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.database import Connection

_COLUMNS = "kid, public_jwk, private_sealed, created_at, signs_from, published_until"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key pair as it lies in the database."""

    kid: str
    public_jwk: dict[str, Any]
    private_sealed: bytes
    created_at: datetime
    signs_from: datetime
    published_until: datetime | None = None


async def lock_keys(connection: Connection) -> None:
    """One process at a time makes keys."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('signing keys', 0))")


async def published(connection: Connection, now: datetime) -> list[StoredKey]:
    """Keys by which tokens may still be checked, the newest first."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from signing_keys where published_until is null or published_until > $1"
        " order by signs_from desc, kid desc",
        now,
    )
    return [StoredKey(**row) for row in rows]


async def add(connection: Connection, key: StoredKey) -> None:
    """Keeps a new key pair."""
    await connection.execute(
        f"insert into signing_keys ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6)",
        key.kid, key.public_jwk, key.private_sealed, key.created_at, key.signs_from, key.published_until,
    )  # fmt: skip


async def retire_older(connection: Connection, kid: str, published_until: datetime) -> None:
    """All other keys are published until then and no longer."""
    await connection.execute(
        "update signing_keys set published_until = $2 where kid <> $1 and published_until is null", kid, published_until
    )
