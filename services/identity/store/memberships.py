"""Who acts for which entity."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from libs.common.database import Connection
from services.identity.domain.people import Membership

_SELECT = "select entity_id, user_id, role, since, version from memberships"


def _membership(row: asyncpg.Record) -> Membership:
    return Membership(**row)


async def of_users(connection: Connection, user_ids: Sequence[str]) -> list[Membership]:
    """For whom these users act, the longest first."""
    rows = await connection.fetch(
        f"{_SELECT} where user_id = any($1::text[]) and role is not null order by since, entity_id", user_ids
    )
    return [_membership(row) for row in rows]


async def of_entities(connection: Connection, entity_ids: Sequence[str]) -> list[Membership]:
    """Who acts for these entities, owners first."""
    rows = await connection.fetch(
        f"{_SELECT} where entity_id = any($1::text[]) and role is not null order by entity_id, role desc, since, user_id",
        entity_ids,
    )
    return [_membership(row) for row in rows]


async def lock_entity(connection: Connection, entity_id: str) -> list[Membership]:
    """The people of an entity; nobody else changes them until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('people ' || $1, 0))", entity_id)
    return await of_entities(connection, [entity_id])


async def put(connection: Connection, entity_id: str, user_id: str, role: str, now: datetime) -> Membership:
    """The user acts for the entity in this role from now on; `since` stays while the user stays."""
    row = await connection.fetchrow(
        "insert into memberships as there (entity_id, user_id, role, since) values ($1, $2, $3, $4)"
        " on conflict (entity_id, user_id) do update set role = excluded.role, version = there.version + 1,"
        " since = case when there.role is null then excluded.since else there.since end"
        " returning entity_id, user_id, role, since, version",
        entity_id,
        user_id,
        role,
        now,
    )
    assert row is not None
    return _membership(row)


async def end(connection: Connection, entity_id: str, user_id: str) -> int | None:
    """The user no longer acts for the entity: the new version, or None where there was nothing to end."""
    version: int | None = await connection.fetchval(
        "update memberships set role = null, version = version + 1"
        " where entity_id = $1 and user_id = $2 and role is not null returning version",
        entity_id,
        user_id,
    )
    return version
