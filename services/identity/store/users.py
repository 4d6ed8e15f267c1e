"""Users and the profiles of their signups."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from libs.common.database import Connection
from services.identity.domain.errors import NamedError
from services.identity.domain.people import User
from services.identity.store.attempts import account_of

_COLUMNS = (
    "id", "email", "email_key", "role", "created_at", "first_name", "last_name", "telephone", "language",
    "email_verified", "last_login_at", "last_login_address", "previous_login_at", "previous_login_address",
    "password_changed_at", "version",
)  # fmt: skip
_SELECT = f"""
select {", ".join(f"u.{name}" for name in _COLUMNS)}, u.password_hash,
       (f.confirmed_at is not null) as second_factor
  from users u left join second_factors f on f.user_id = u.id
"""
_CHANGEABLE = frozenset(
    ("email", "email_key", "role", "first_name", "last_name", "telephone", "language", "email_verified")
)


def _user(row: asyncpg.Record) -> User:
    return User(**{name: row[name] for name in _COLUMNS}, second_factor=row["second_factor"])


async def insert(connection: Connection, user: User, password_hash: str) -> bool:
    """Keeps a new user; False where the address is taken."""
    status = await connection.execute(
        "insert into users (id, email, email_key, password_hash, password_changed_at, role, first_name, last_name,"
        " telephone, language, email_verified, created_at) values ($1, $2, $3, $4, $11, $5, $6, $7, $8, $9, $10, $11)"
        " on conflict (email_key) do nothing",
        user.id, user.email, user.email_key, password_hash, user.role, user.first_name, user.last_name,
        user.telephone, user.language, user.email_verified, user.created_at,
    )  # fmt: skip
    return bool(status.endswith(" 1"))


async def by_key(connection: Connection, email_key: str) -> tuple[User, str] | None:
    """The user of an address, with the password's hash."""
    row = await connection.fetchrow(f"{_SELECT} where u.email_key = $1", email_key)
    return (_user(row), row["password_hash"]) if row else None


async def by_id(connection: Connection, user_id: str, *, lock: bool = False) -> tuple[User, str] | None:
    """A user with the password's hash; `lock` keeps others from changing the row until the transaction ends."""
    row = await connection.fetchrow(f"{_SELECT} where u.id = $1{' for update of u' if lock else ''}", user_id)
    return (_user(row), row["password_hash"]) if row else None


async def by_ids(connection: Connection, ids: Sequence[str]) -> list[User]:
    """Those of these users that are there, in the order of the ids."""
    rows = await connection.fetch(
        f"{_SELECT} join unnest($1::text[]) with ordinality as asked(id, place) on asked.id = u.id order by asked.place",
        ids,
    )
    return [_user(row) for row in rows]


async def search(
    connection: Connection, *, last_name: str, email: str, limit: int, offset: int
) -> tuple[list[User], int]:
    """Users by literal fragments of last name and address, ignoring case, by name; and how many there are."""
    where = "where u.last_name ilike $1 and (u.email ilike $2 or u.email_key like $3)"
    values = (_holding(last_name), _holding(email), _holding(email.casefold()))
    total = await connection.fetchval(f"select count(*) from users u {where}", *values)
    rows = await connection.fetch(
        f"{_SELECT} {where} order by u.last_name, u.id limit $4 offset $5", *values, limit, offset
    )
    return [_user(row) for row in rows], int(total)


def _holding(fragment: str) -> str:
    escaped = fragment.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def change(connection: Connection, user_id: str, changes: dict[str, Any]) -> int:
    """Sets these columns; the user's new version. Raises NamedError `email_taken`."""
    names = list(changes)
    if not set(names) <= _CHANGEABLE:
        raise ValueError(f"not columns to change: {names}")
    sets = "".join(f"{name} = ${place}, " for place, name in enumerate(names, 2))
    try:
        version: int = await connection.fetchval(
            f"update users set {sets}version = version + 1 where id = $1 returning version",
            user_id,
            *changes.values(),
        )
    except asyncpg.UniqueViolationError:
        raise NamedError("email_taken", field="email") from None
    return version


async def set_password(connection: Connection, user_id: str, password_hash: str, now: datetime | None) -> None:
    """Keeps a hash. `now` is None where the same password was only hashed anew."""
    await connection.execute(
        "update users set password_hash = $2, password_changed_at = coalesce($3, password_changed_at) where id = $1",
        user_id,
        password_hash,
        now,
    )


async def note_login(connection: Connection, user_id: str, address: str, now: datetime) -> None:
    """This login becomes the last one, the last one the previous."""
    await connection.execute(
        "update users set previous_login_at = last_login_at, previous_login_address = last_login_address,"
        " last_login_at = $2, last_login_address = $3 where id = $1",
        user_id,
        now,
        address,
    )


async def seen_device(connection: Connection, user_id: str, device: bytes, now: datetime) -> tuple[bool, bool]:
    """Remembers a device; whether it is new, and whether the user had any before."""
    row = await connection.fetchrow(
        "insert into devices (user_id, device, seen_at) values ($1, $2, $3)"
        " on conflict (user_id, device) do update set seen_at = excluded.seen_at"
        " returning (xmax = 0) as is_new, exists (select from devices where user_id = $1) as had_any",
        user_id,
        device,
        now,
    )
    assert row is not None
    return row["is_new"], row["had_any"]


async def delete(connection: Connection, user: User) -> None:
    """Forgets the user and all that hangs on the row."""
    await connection.execute("delete from attempts where account = $1", account_of(user.email_key))
    await connection.execute("delete from pending_profiles where user_id = $1", user.id)
    await connection.execute(
        "delete from refusals where caller = $1 or starts_with(caller, $2)",
        f"account {user.email_key}",
        f"person {user.id} ",
    )
    await connection.execute(
        "delete from one_time_tokens where invited_by = $1 or email_key = $2", user.id, user.email_key
    )
    await connection.execute("delete from users where id = $1", user.id)


async def lock_admins(connection: Connection) -> list[str]:
    """Ids of all admins; none can be added or dropped until the transaction ends."""
    rows = await connection.fetch("select id from users where role = 'admin' order by id for update")
    return [row["id"] for row in rows]


async def keep_profile(
    connection: Connection, entity_id: str, user_id: str, profile: dict[str, Any], now: datetime
) -> None:
    """The profile of a signup, until the directory has it."""
    await connection.execute(
        "insert into pending_profiles (entity_id, user_id, profile, created_at) values ($1, $2, $3, $4)",
        entity_id,
        user_id,
        profile,
        now,
    )


async def drop_profile(connection: Connection, entity_id: str) -> None:
    """The directory has it."""
    await connection.execute("delete from pending_profiles where entity_id = $1", entity_id)
