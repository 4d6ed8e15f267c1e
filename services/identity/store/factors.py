"""Second factors: sealed secrets, hashed recovery codes."""

from dataclasses import dataclass
from datetime import datetime

from libs.common.database import Connection


@dataclass(frozen=True, slots=True)
class StoredFactor:
    """A user's second factor; without `confirmed_at` it waits for its first code."""

    user_id: str
    secret_sealed: bytes
    confirmed_at: datetime | None
    last_step: int
    recovery_hashes: tuple[bytes, ...]


async def of_user(connection: Connection, user_id: str, *, lock: bool = False) -> StoredFactor | None:
    """The user's second factor, confirmed or not."""
    row = await connection.fetchrow(
        "select user_id, secret_sealed, confirmed_at, last_step, recovery_hashes from second_factors where user_id = $1"
        + (" for update" if lock else ""),
        user_id,
    )
    if row is None:
        return None
    return StoredFactor(
        row["user_id"], row["secret_sealed"], row["confirmed_at"], row["last_step"], tuple(row["recovery_hashes"])
    )


async def begin(connection: Connection, user_id: str, secret_sealed: bytes) -> bool:
    """Keeps a secret that waits for its first code; False where the user has a confirmed one."""
    status = await connection.execute(
        "insert into second_factors as there (user_id, secret_sealed) values ($1, $2)"
        " on conflict (user_id) do update set secret_sealed = excluded.secret_sealed, last_step = 0"
        " where there.confirmed_at is null",
        user_id,
        secret_sealed,
    )
    return bool(status.endswith(" 1"))


async def save(connection: Connection, factor: StoredFactor) -> None:
    """Keeps what changed."""
    await connection.execute(
        "update second_factors set confirmed_at = $2, last_step = $3, recovery_hashes = $4 where user_id = $1",
        factor.user_id,
        factor.confirmed_at,
        factor.last_step,
        list(factor.recovery_hashes),
    )


async def remove(connection: Connection, user_id: str) -> bool:
    """Forgets it; whether there was one."""
    status = await connection.execute("delete from second_factors where user_id = $1", user_id)
    return bool(status.endswith(" 1"))
