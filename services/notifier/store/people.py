"""Whom the notifier knows: its own copy of people, entities and who acts for whom, kept by events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.database import Connection


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where mail to a person or an entity goes, in which language, and how it greets. All None where not known yet."""

    address: str | None = None
    name: str = ""
    language: str | None = None
    gone: bool = False


async def introduce_person(connection: Connection, user_id: str, email: str, first_name: str, language: str) -> None:
    """A person as first heard of; what is known already is newer and stays."""
    await connection.execute(
        "insert into person (user_id, email, first_name, language) values ($1, $2, $3, $4) on conflict do nothing",
        user_id,
        email,
        first_name,
        language,
    )


async def remember_person(
    connection: Connection, user_id: str, *, email: str, first_name: str, language: str, role: str
) -> None:
    """A person's newest state; one who was deleted stays deleted."""
    await connection.execute(
        "insert into person (user_id, email, first_name, language, role) values ($1, $2, $3, $4, $5)"
        " on conflict (user_id) do update set email = excluded.email, first_name = excluded.first_name,"
        " language = excluded.language, role = excluded.role where not person.deleted",
        user_id,
        email,
        first_name,
        language,
        role,
    )


async def forget_person(connection: Connection, user_id: str) -> None:
    """Drops what is held about a person; only that the id is gone is remembered."""
    await connection.execute(
        "insert into person (user_id, deleted) values ($1, true) on conflict (user_id) do update"
        " set email = null, first_name = '', language = null, role = 'member', deleted = true",
        user_id,
    )
    await connection.execute("update membership set role = null where user_id = $1", user_id)
    await connection.execute("delete from reader where user_id = $1", user_id)
    await connection.execute("delete from notice_read where user_id = $1", user_id)
    await _forget_told(connection, "user", user_id)


async def introduce_entity(connection: Connection, entity_id: str, *, name: str, email: str, listed: bool) -> None:
    """An entity as first heard of; a newer state that came before stays."""
    await connection.execute(
        "insert into entity (entity_id, name, email, listed) values ($1, $2, $3, $4)"
        " on conflict (entity_id) do update set name = excluded.name, email = excluded.email, listed = excluded.listed"
        " where entity.email is null and not entity.deleted",
        entity_id,
        name,
        email,
        listed,
    )


async def remember_entity(
    connection: Connection, entity_id: str, *, name: str, email: str, listed: bool, daily_matches: bool
) -> None:
    """An entity's newest state; one that was deleted stays deleted.

    Where its wish for the daily mail changed, that is the newest decision: an older preference gives way.
    """
    await connection.execute(
        "delete from preference p using entity e where p.subject_id = e.entity_id and e.entity_id = $1"
        " and e.daily_matches <> $2 and p.kind = 'daily_matches' and p.channel = 'mail'",
        entity_id,
        daily_matches,
    )
    await connection.execute(
        "insert into entity (entity_id, name, email, listed, daily_matches) values ($1, $2, $3, $4, $5)"
        " on conflict (entity_id) do update set name = excluded.name, email = excluded.email,"
        " listed = excluded.listed, daily_matches = excluded.daily_matches where not entity.deleted",
        entity_id,
        name,
        email,
        listed,
        daily_matches,
    )


async def remember_tags(connection: Connection, entity_id: str, offers: Sequence[str], wants: Sequence[str]) -> None:
    """An entity's newest offers and wants; they may be heard of before the entity."""
    await connection.execute(
        "insert into entity (entity_id, name, offers, wants) values ($1, '', $2, $3)"
        " on conflict (entity_id) do update set offers = excluded.offers, wants = excluded.wants"
        " where not entity.deleted",
        entity_id,
        list(offers),
        list(wants),
    )


async def forget_entity(connection: Connection, entity_id: str) -> None:
    """Drops what is held about an entity; only that the id is gone is remembered."""
    await connection.execute(
        "insert into entity (entity_id, name, deleted) values ($1, '', true) on conflict (entity_id) do update"
        " set name = '', email = null, listed = false, daily_matches = false, offers = '{}', wants = '{}',"
        " deleted = true",
        entity_id,
    )
    await connection.execute("update membership set role = null where entity_id = $1", entity_id)
    await connection.execute("delete from match where entity_id = $1 or other_id = $1", entity_id)
    await connection.execute("delete from webhook where owner = $1", entity_id)
    await _forget_told(connection, "entity", entity_id)


async def _forget_told(connection: Connection, audience: str, recipient_id: str) -> None:
    await connection.execute("delete from notice where audience = $1 and recipient_id = $2", audience, recipient_id)
    await connection.execute("delete from preference where subject_id = $1", recipient_id)
    await connection.execute("delete from unsubscribe_token where subject_id = $1", recipient_id)


async def remember_membership(
    connection: Connection, entity_id: str, user_id: str, role: str | None, since: datetime
) -> None:
    """Who acts for which entity, and since when; a role of None ends it."""
    await connection.execute(
        "insert into membership (entity_id, user_id, role, since) values ($1, $2, $3, $4)"
        " on conflict (entity_id, user_id) do update set role = excluded.role,"
        " since = case when membership.role is null then excluded.since else membership.since end",
        entity_id,
        user_id,
        role,
        since,
    )


async def entities_of(connection: Connection, user_id: str) -> list[str]:
    """Entities that a person acts for."""
    rows = await connection.fetch(
        "select entity_id from membership where user_id = $1 and role is not null order by entity_id", user_id
    )
    return [row["entity_id"] for row in rows]


async def is_owner(connection: Connection, entity_id: str, user_id: str) -> bool:
    """Whether this person owns the entity."""
    return bool(
        await connection.fetchval(
            "select exists (select from membership where entity_id = $1 and user_id = $2 and role = 'owner')",
            entity_id,
            user_id,
        )
    )


async def person(connection: Connection, user_id: str) -> Addressee:
    """A person as an addressee."""
    return (await persons(connection, [user_id])).get(user_id, Addressee())


async def persons(connection: Connection, user_ids: Sequence[str]) -> dict[str, Addressee]:
    """People as addressees, where they are known."""
    rows = await connection.fetch(
        "select user_id as id, email, first_name as name, language, deleted from person where user_id = any($1::text[])",
        user_ids,
    )
    return {row["id"]: Addressee(row["email"], row["name"], row["language"], row["deleted"]) for row in rows}


async def entity(connection: Connection, entity_id: str) -> Addressee:
    """An entity as an addressee: its own address, in the language of its owner."""
    return (await entities(connection, [entity_id])).get(entity_id, Addressee())


async def entities(connection: Connection, entity_ids: Sequence[str]) -> dict[str, Addressee]:
    """Entities as addressees, where they are known."""
    rows = await connection.fetch(
        "select e.entity_id as id, e.email, e.name, e.deleted, (select p.language from membership m join person p"
        " using (user_id) where m.entity_id = e.entity_id and m.role is not null"
        " order by m.role = 'owner' desc, m.since, m.user_id limit 1) as language"
        " from entity e where e.entity_id = any($1::text[])",
        entity_ids,
    )
    return {row["id"]: Addressee(row["email"], row["name"], row["language"], row["deleted"]) for row in rows}


async def names_of(connection: Connection, entity_ids: Sequence[str]) -> dict[str, str]:
    """Names of entities, where they are known."""
    rows = await connection.fetch(
        "select entity_id, name from entity where entity_id = any($1::text[])", list(entity_ids)
    )
    return {row["entity_id"]: row["name"] for row in rows}


async def daily_mail_wishes(connection: Connection, entity_ids: Sequence[str]) -> dict[str, bool]:
    """Which of these entities get the daily mail: as the preference says, else as the profile does."""
    rows = await connection.fetch(
        "select e.entity_id, coalesce(p.wanted, e.daily_matches) as wish from entity e left join preference p"
        " on p.subject_id = e.entity_id and p.kind = 'daily_matches' and p.channel = 'mail'"
        " where e.entity_id = any($1::text[])",
        list(entity_ids),
    )
    return {row["entity_id"]: row["wish"] for row in rows}
