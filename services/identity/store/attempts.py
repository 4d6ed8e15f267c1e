"""Failed logins per account and per address."""

from datetime import datetime
from hashlib import sha256

from libs.common.database import Connection
from services.identity.domain.lockout import Attempts


def account_of(email_key: str) -> bytes:
    """What failures of an account are kept under: whoever reads the table learns no address that was typed."""
    return sha256(email_key.encode("utf-8", "surrogatepass")).digest()


async def lock(connection: Connection, email_key: str, now: datetime) -> Attempts:
    """The attempts of an account, known or not; others wait until the transaction ends."""
    row = await connection.fetchrow(
        "insert into attempts (account, updated_at) values ($1, $2)"
        " on conflict (account) do update set updated_at = excluded.updated_at"
        " returning failures, pending, pending_until, locked_until",
        account_of(email_key),
        now,
    )
    return Attempts(**row) if row else Attempts()


async def save(connection: Connection, email_key: str, attempts: Attempts, now: datetime) -> None:
    """Keeps what was decided about a locked row."""
    await connection.execute(
        "update attempts set failures = $2, pending = $3, pending_until = $4, locked_until = $5, updated_at = $6"
        " where account = $1",
        account_of(email_key),
        attempts.failures,
        attempts.pending,
        attempts.pending_until,
        attempts.locked_until,
        now,
    )


async def locked_until(connection: Connection, email_keys: list[str], now: datetime) -> dict[str, datetime]:
    """Until when these accounts are locked; those that are not are left out."""
    keys = {account_of(key): key for key in email_keys}
    rows = await connection.fetch(
        "select account, locked_until from attempts where account = any($1::bytea[]) and locked_until > $2",
        list(keys),
        now,
    )
    return {keys[row["account"]]: row["locked_until"] for row in rows}


async def failures_of_address(connection: Connection, address: str, now: datetime) -> tuple[int, datetime] | None:
    """Failed logins from an address in the running period, and when that ends."""
    row = await connection.fetchrow(
        "select failures, until from address_failures where address = $1 and until > $2", address, now
    )
    return (row["failures"], row["until"]) if row else None


async def count_address(connection: Connection, address: str, now: datetime, until: datetime) -> None:
    """One more failed login; the first begins a period."""
    await connection.execute(
        "insert into address_failures as seen (address, failures, until) values ($1, 1, $3)"
        " on conflict (address) do update set"
        " failures = case when seen.until > $2 then seen.failures + 1 else 1 end,"
        " until = case when seen.until > $2 then seen.until else $3 end",
        address,
        now,
        until,
    )
