"""Entities as JSONB documents with real indexes; their events go into the outbox in the same transaction."""

from collections.abc import Sequence
from typing import Any

from libs.common import outbox
from libs.common.clock import rfc3339
from libs.common.database import Connection, Pool, transaction
from libs.common.ids import new_id
from services.directory.domain.entity import Entity
from services.directory.domain.tags import folded, heading
from services.directory.store.documents import KEYS, entity_document, entity_of
from services.directory.store.port import Changes, EntityFilter, Glance, Membership, Slice, TermKind, Write, few

_ALIVE = "not (doc -> 'deleted')::boolean"
_HOLDING = {"tag": "doc -> 'tags' ? $1", "category": "doc -> 'categories' ? $1"}

# What is asked stands in a row of its own: so a plan costs the same whatever the values are, and is made once a session. Made
# for the values it would seem cheaper by more than the making is judged to cost, and be made for every call.
_GLANCE = """
with asked as materialized (
    select $1::text[] as ids, $2::text as user_id, $3::text as viewer
), own as materialized (
    select m.entity_id from asked join membership m on m.user_id = asked.user_id and m.role is not null
), wanted as (
    select unnest(ids) as id from asked union select viewer from asked where viewer is not null
    union select own.entity_id from own, asked where viewer is null
)
select e.id, e.version, e.id in (select entity_id from own) as is_own,
    exists (select from asked join favorite f on f.entity_id = asked.viewer and f.other_id = e.id) as is_favorite
from wanted join entity e using (id)
"""
_GLANCE_OF_NOBODY = """
with asked as materialized (select $1::text[] as ids)
select e.id, e.version from asked cross join unnest(ids) as wanted (id) join entity e using (id)
"""
_SEVERAL = """
with asked as materialized (select $1::text[] as ids)
select e.doc from asked cross join unnest(ids) as wanted (id) join entity e using (id)
"""
# The mark is the oldest transaction that had not ended: whatever ends later than this statement looks has its number or a
# later one, and so is found from there.
_CHANGES = """
select pg_snapshot_xmin(pg_current_snapshot())::text as mark, array(
    select id from entity where changed >= $1::text::xid8 order by changed limit $2
) as ids, array(
    select user_id from membership where changed >= $1::text::xid8 order by changed limit $2
) as users
"""
_SAVE = """
update entity e set version = n.version, doc = n.doc from unnest($1::text[], $2::bigint[], $3::jsonb[]) as n (id, version, doc)
where e.id = n.id and e.version = n.version - 1 returning e.id
"""
_OWN = """
select e.doc, array(
    select array[m.user_id, m.role] from membership m where m.entity_id = e.id and m.role is not null order by m.user_id
) as members
from membership o join entity e on e.id = o.entity_id
where o.user_id = $1 and o.role is not null order by e.id
"""


def escaped(text: str) -> str:
    """The text with LIKE's own characters taken literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


class Wheres:
    """Conditions of a query with their parameters."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.values: list[Any] = []

    def add(self, condition: str, *values: Any) -> None:
        """`{}` in the condition stands for each value in turn."""
        places = []
        for value in values:
            self.values.append(value)
            places.append(f"${len(self.values)}")
        self.conditions.append(condition.format(*places))

    @property
    def sql(self) -> str:
        return " and ".join(self.conditions) or "true"


class Entities:
    """Entities."""

    _pool: Pool
    _keyed: Pool
    """Its sessions find rows by their keys."""

    async def insert(self, write: Write) -> bool:
        async with transaction(self._pool) as connection:
            done = await connection.fetchval(
                "insert into entity (id, version, doc) values ($1, $2, $3) on conflict do nothing returning true",
                write.entity.id,
                write.entity.version,
                entity_document(write.entity),
            )
            if done:
                await _tell(connection, [write])
            return bool(done)

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        async with transaction(self._keyed) as connection:
            rows = await connection.fetch(
                _SAVE,
                [write.entity.id for write in writes],
                [write.entity.version for write in writes],
                [entity_document(write.entity) for write in writes],
            )
            done = {row["id"] for row in rows}
            await _tell(connection, [write for write in writes if write.entity.id in done])
            return [write.entity.id in done for write in writes]

    async def entity(self, entity_id: str) -> Entity | None:
        document = await self._keyed.fetchval("select doc from entity where id = $1", entity_id)
        return entity_of(document) if document else None

    async def entities(self, ids: Sequence[str]) -> list[Entity]:
        rows = await self._keyed.fetch(_SEVERAL, list(dict.fromkeys(ids)))
        return [entity_of(row["doc"]) for row in rows]

    async def glance(self, ids: Sequence[str], user_id: str | None, viewer_id: str | None) -> list[Glance]:
        if user_id is None and viewer_id is None:
            rows = await self._keyed.fetch(_GLANCE_OF_NOBODY, list(dict.fromkeys(ids)))
        else:
            rows = await self._keyed.fetch(_GLANCE, list(ids), user_id, viewer_id)
        return [Glance(*row) for row in rows]

    async def own(self, user_id: str) -> list[tuple[Entity, list[Membership]]]:
        rows = await self._keyed.fetch(_OWN, user_id)
        return [
            (entity := entity_of(row["doc"]), [Membership(entity.id, *member) for member in row["members"]])
            for row in rows
        ]

    async def changes(self, since: str | None, limit: int) -> Changes | None:
        [row] = await self._keyed.fetch(_CHANGES, since, limit + 1)
        return Changes(row["mark"], few(row["ids"], limit), few(row["users"], limit))

    async def after(self, entity_id: str, limit: int) -> list[Entity]:
        rows = await self._pool.fetch("select doc from entity where id > $1 order by id limit $2", entity_id, limit)
        return [entity_of(row["doc"]) for row in rows]

    async def holding(self, kind: TermKind, name: str, after: str, limit: int) -> list[Entity]:
        rows = await self._pool.fetch(
            f"select doc from entity where {_HOLDING[kind]} and id > $2 order by id limit $3", name, after, limit
        )
        return [entity_of(row["doc"]) for row in rows]

    async def count_holding(self, kind: TermKind, name: str) -> int:
        count: int = await self._pool.fetchval(f"select count(*) from entity where {_HOLDING[kind]}", name)
        return count

    async def find(self, wanted: EntityFilter, part: Slice) -> tuple[list[Entity], int]:
        where = _where(wanted)
        order = (
            "(doc ->> 'created_at') collate \"C\" desc, id desc"
            if wanted.newest_first
            else "(doc -> 'keys' ->> 'name') collate \"C\", id"
        )
        async with transaction(self._pool, readonly=True) as connection:
            total: int = await connection.fetchval(f"select count(*) from entity where {where.sql}", *where.values)
            rows = await connection.fetch(
                f"select doc from entity where id in (select id from entity where {where.sql} "
                f"order by {order} limit {part.limit:d} offset {part.offset:d}) order by {order}",
                *where.values,
            )
        return [entity_of(row["doc"]) for row in rows], total

    async def count_by_status(self) -> dict[str, int]:
        rows = await self._pool.fetch(
            f"select doc ->> 'status' as status, count(*) as count from entity where {_ALIVE} group by 1"
        )
        return {row["status"]: row["count"] for row in rows}


def _where(wanted: EntityFilter) -> Wheres:
    where = Wheres()
    where.add(_ALIVE)
    if wanted.ids is not None:
        where.add("id = any({}::text[])", list(wanted.ids))
    for name in KEYS:
        text = folded(getattr(wanted, name) or "")
        if text:
            where.add(f"doc -> 'keys' ->> '{name}' like {{}}", f"%{escaped(text)}%")
    if wanted.statuses:
        where.add("doc ->> 'status' = any({}::text[])", list(wanted.statuses))
    if wanted.category:
        where.add("doc -> 'categories' ? {}", wanted.category)
    since = "" if wanted.tagged_since is None else rfc3339(wanted.tagged_since)
    for name, tags in (("offers", wanted.offers), ("wants", wanted.wants)):
        if tags:
            where.add(
                f"exists (select from jsonb_array_elements(doc -> '{name}') t where t ->> 'tag' like any({{}}::text[]) "
                "and t ->> 'added_at' collate \"C\" >= {})",
                [f"%{escaped(tag)}%" for tag in tags],
                since,
            )
    if since and not wanted.offers and not wanted.wants:
        where.add(
            "exists (select from jsonb_array_elements((doc -> 'offers') || (doc -> 'wants')) t "
            "where t ->> 'added_at' collate \"C\" >= {})",
            since,
        )
    return where


async def _tell(connection: Connection, writes: Sequence[Write]) -> None:
    """The writes' events into the outbox, and the terms' counters moved, in the order of names so that nobody waits
    for each other crosswise."""
    events = [event for write in writes for event in write.events]
    if events:
        await outbox.add(connection, events)
    moved: dict[tuple[str, str], dict[str, int]] = {}
    for count in (count for write in writes for count in write.counts):
        fields = moved.setdefault((count.kind, count.name), {})
        fields[count.field] = fields.get(count.field, 0) + count.by
    if moved:
        await connection.executemany(
            "insert into term (id, kind, name, key, letter, offers, wants, entities) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (kind, name) do update set "
            "offers = term.offers + excluded.offers, wants = term.wants + excluded.wants, "
            "entities = term.entities + excluded.entities",
            [_counted(kind, name, fields) for (kind, name), fields in sorted(moved.items())],
        )


def _counted(kind: str, name: str, fields: dict[str, int]) -> tuple[Any, ...]:
    counts = (fields.get(field, 0) for field in ("offers", "wants", "entities"))
    return (new_id(), kind, name, folded(name), heading(name), *counts)
