"""Memberships and persons as identity told them; favourites, dismissals, messages and notes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from libs.common import outbox
from libs.common.database import Pool, transaction
from libs.common.envelope import Envelope
from services.directory.store.documents import membership_of, person_of
from services.directory.store.port import Membership, Message, Note, Person

_ENDED = 2**62


class People:
    """Who acts for which entity, and what is known of users."""

    _pool: Pool
    _keyed: Pool

    async def put_membership(self, membership: Membership) -> bool:
        kept = await self._pool.fetchval(
            "insert into membership (entity_id, user_id, role, sequence) values ($1, $2, $3, $4) "
            "on conflict (entity_id, user_id) do update set role = excluded.role, sequence = excluded.sequence "
            "where membership.sequence < excluded.sequence returning true",
            membership.entity_id,
            membership.user_id,
            membership.role,
            membership.sequence,
        )
        return bool(kept)

    async def memberships_of(self, user_id: str) -> list[Membership]:
        rows = await self._keyed.fetch(
            "select * from membership where user_id = $1 and role is not null order by entity_id", user_id
        )
        return [membership_of(row) for row in rows]

    async def members(self, entity_id: str) -> list[Membership]:
        rows = await self._keyed.fetch(
            "select * from membership where entity_id = $1 and role is not null order by user_id", entity_id
        )
        return [membership_of(row) for row in rows]

    async def role(self, entity_id: str, user_id: str) -> str | None:
        found: str | None = await self._keyed.fetchval(
            "select role from membership where entity_id = $1 and user_id = $2", entity_id, user_id
        )
        return found

    async def put_person(self, person: Person) -> bool:
        kept = await self._pool.fetchval(
            "insert into person (user_id, email, email_verified, sequence, deleted) values ($1, $2, $3, $4, false) "
            "on conflict (user_id) do update set email = excluded.email, email_verified = excluded.email_verified, "
            "sequence = excluded.sequence where person.sequence < excluded.sequence and not person.deleted "
            "returning true",
            person.user_id,
            person.email,
            person.email_verified,
            person.sequence,
        )
        return bool(kept)

    async def person(self, user_id: str) -> Person | None:
        row = await self._keyed.fetchrow("select * from person where user_id = $1 and not deleted", user_id)
        return person_of(row) if row else None

    async def forget_person(self, user_id: str) -> None:
        async with transaction(self._pool) as connection:
            await connection.execute(
                "insert into person (user_id, email, email_verified, sequence, deleted) values ($1, '', false, $2, true) "
                "on conflict (user_id) do update set email = '', email_verified = false, sequence = $2, deleted = true",
                user_id,
                _ENDED,
            )
            await connection.execute(
                "update membership set role = null, sequence = $2 where user_id = $1", user_id, _ENDED
            )


class Links:
    """Favourites, dismissed matches, contact messages, and what several copies agree on."""

    _pool: Pool

    async def add_favorite(self, entity_id: str, other_id: str, at: datetime) -> None:
        await self._pool.execute(
            "insert into favorite (entity_id, other_id, at) values ($1, $2, $3) on conflict do nothing",
            entity_id,
            other_id,
            at,
        )

    async def remove_favorite(self, entity_id: str, other_id: str) -> None:
        await self._pool.execute("delete from favorite where entity_id = $1 and other_id = $2", entity_id, other_id)

    async def favorites(self, entity_id: str, among: Sequence[str] | None = None) -> list[str]:
        rows = await self._pool.fetch(
            "select other_id from favorite where entity_id = $1 and ($2::text[] is null or other_id = any($2)) "
            "order by at desc, other_id",
            entity_id,
            None if among is None else list(among),
        )
        return [row["other_id"] for row in rows]

    async def dismiss(self, entity_id: str, other_id: str, at: datetime, events: Sequence[Envelope]) -> bool:
        async with transaction(self._pool) as connection:
            done = await connection.fetchval(
                "insert into dismissal (entity_id, other_id, at) values ($1, $2, $3) on conflict do nothing returning true",
                entity_id,
                other_id,
                at,
            )
            if done:
                await outbox.add(connection, events)
            return bool(done)

    async def dismissed(self, entity_id: str) -> list[str]:
        rows = await self._pool.fetch(
            "select other_id from dismissal where entity_id = $1 order by at desc, other_id", entity_id
        )
        return [row["other_id"] for row in rows]

    async def dismissed_by(self, ids: Sequence[str]) -> dict[str, list[str]]:
        rows = await self._pool.fetch(
            "select entity_id, array_agg(other_id order by other_id) as others from dismissal "
            "where entity_id = any($1::text[]) group by entity_id",
            list(ids),
        )
        return {row["entity_id"]: row["others"] for row in rows}

    async def forget_links(self, entity_id: str) -> None:
        async with transaction(self._pool) as connection:
            await connection.execute("delete from favorite where entity_id = $1 or other_id = $1", entity_id)
            await connection.execute("delete from dismissal where entity_id = $1 or other_id = $1", entity_id)

    async def add_message(self, message: Message, events: Sequence[Envelope]) -> None:
        async with transaction(self._pool) as connection:
            await connection.execute(
                "insert into message (id, from_entity_id, to_entity_id, by, body, sent_at) values ($1, $2, $3, $4, $5, $6)",
                message.id,
                message.from_entity_id,
                message.to_entity_id,
                message.by,
                message.body,
                message.sent_at,
            )
            await outbox.add(connection, events)

    async def note(self, key: str) -> Note:
        row = await self._pool.fetchrow("select version, value from note where key = $1", key)
        return Note(row["version"], row["value"]) if row else Note()

    async def swap_note(self, key: str, seen: Note, value: Any) -> bool:
        if seen.version == 0:
            sql = "insert into note (key, version, value) values ($1, $2 + 1, $3) on conflict do nothing returning true"
        else:
            sql = "update note set version = version + 1, value = $3 where key = $1 and version = $2 returning true"
        return bool(await self._pool.fetchval(sql, key, seen.version, value))
