"""Tags and categories with their counts; jobs; pictures."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from libs.common import outbox
from libs.common.database import Pool, transaction
from libs.common.envelope import Envelope
from services.directory.domain.tags import folded, heading
from services.directory.store.documents import job_document, job_of, term_of
from services.directory.store.port import Job, Slice, Term, TermFilter, TermKind
from services.directory.store.postgres.entities import Wheres, escaped

_TERM = "select id as _id, kind, name, made_by_admin, offers, wants, entities, sequence from term"
_SHOWN = "(made_by_admin or offers > 0 or wants > 0 or entities > 0)"
_COUNTS_OF_TAGS = """
    select name, count(*) filter (where listed and used = 'offers') as offers,
        count(*) filter (where listed and used = 'wants') as wants, 0 as entities, count(*) as held
    from (
        select t ->> 'tag' as name, used, (doc -> 'listed')::boolean as listed
        from entity, unnest(array['offers', 'wants']) as used, jsonb_array_elements(doc -> used) as t
        where $1::text[] is null or doc -> 'tags' ?| $1
    ) uses where $1::text[] is null or name = any($1) group by name
"""
_COUNTS_OF_CATEGORIES = """
    select name, 0 as offers, 0 as wants, count(*) filter (where (doc -> 'listed')::boolean) as entities, count(*) as held
    from entity, jsonb_array_elements_text(doc -> 'categories') as name
    where $1::text[] is null or (doc -> 'categories' ?| $1 and name = any($1)) group by name
"""


class Terms:
    """Tags and categories."""

    _pool: Pool

    async def terms(self, wanted: TermFilter, part: Slice) -> tuple[list[Term], int]:
        where = _where(wanted)
        order = "offers + wants + entities desc, key, name" if wanted.most_used_first else "key, name"
        total: int = await self._pool.fetchval(f"select count(*) from term where {where.sql}", *where.values)
        rows = await self._pool.fetch(
            f"{_TERM} where {where.sql} order by {order} limit {part.limit:d} offset {part.offset:d}", *where.values
        )
        return [term_of(row) for row in rows], total

    async def letters(self, kind: TermKind) -> dict[str, int]:
        rows = await self._pool.fetch(
            f"select letter, count(*) as count from term where kind = $1 and {_SHOWN} group by letter order by letter",
            kind,
        )
        return {row["letter"]: row["count"] for row in rows}

    async def term(self, term_id: str) -> Term | None:
        row = await self._pool.fetchrow(f"{_TERM} where id = $1", term_id)
        return term_of(row) if row else None

    async def term_named(self, kind: TermKind, name: str) -> Term | None:
        row = await self._pool.fetchrow(f"{_TERM} where kind = $1 and name = $2", kind, name)
        return term_of(row) if row else None

    async def add_term(self, term: Term, events: Sequence[Envelope] = ()) -> bool:
        async with transaction(self._pool) as connection:
            done = await connection.fetchval(
                "insert into term (id, kind, name, key, letter, made_by_admin, sequence) values ($1, $2, $3, $4, $5, $6, $7) "
                "on conflict (kind, name) do nothing returning true",
                term.id,
                term.kind,
                term.name,
                folded(term.name),
                heading(term.name),
                term.made_by_admin,
                term.sequence,
            )
            if done and events:
                await outbox.add(connection, events)
            return bool(done)

    async def put_term(self, term: Term) -> bool:
        try:
            await self._pool.execute(
                "update term set name = $2, key = $3, letter = $4, made_by_admin = $5, sequence = $6 where id = $1",
                term.id,
                term.name,
                folded(term.name),
                heading(term.name),
                term.made_by_admin,
                term.sequence,
            )
        except asyncpg.UniqueViolationError:
            return False
        return True

    async def remove_term(self, term_id: str) -> None:
        await self._pool.execute("delete from term where id = $1", term_id)

    async def recount(self, kind: TermKind, names: Sequence[str] | None = None) -> None:
        counts = _COUNTS_OF_TAGS if kind == "tag" else _COUNTS_OF_CATEGORIES
        given = None if names is None else list(names)
        async with transaction(self._pool) as connection:
            # nobody moves a counter between the counting and the setting; whoever saves an entity waits that long
            await connection.execute("lock table term in share row exclusive mode")
            await connection.execute(
                f"with counted as materialized ({counts}) update term set offers = coalesce(c.offers, 0), "
                "wants = coalesce(c.wants, 0), entities = coalesce(c.entities, 0) "
                "from term t left join counted c on c.name = t.name where t.kind = $2 and term.id = t.id "
                "and ($1::text[] is null or t.name = any($1)) and (term.offers, term.wants, term.entities) "
                "is distinct from (coalesce(c.offers, 0), coalesce(c.wants, 0), coalesce(c.entities, 0))",
                given,
                kind,
            )
            await connection.execute(
                f"with counted as materialized ({counts}) delete from term where kind = $2 and not made_by_admin "
                "and ($1::text[] is null or name = any($1)) and name not in (select name from counted)",
                given,
                kind,
            )


def _where(wanted: TermFilter) -> Wheres:
    where = Wheres()
    where.add("kind = {}", wanted.kind)
    where.add(_SHOWN)
    if wanted.prefix:
        where.add("key like {}", f"{escaped(folded(wanted.prefix))}%")
    if wanted.fragment:
        where.add("key like {}", f"%{escaped(folded(wanted.fragment))}%")
    if wanted.letter:
        where.add("letter = {}", wanted.letter)
    if wanted.used_as:
        where.add(f"{wanted.used_as} > 0")
    if wanted.made_by_admin is not None:
        where.add("made_by_admin = {}", wanted.made_by_admin)
    return where


class Jobs:
    """Renames and deletes under way."""

    _pool: Pool

    async def put_job(self, job: Job, events: Sequence[Envelope] = ()) -> bool:
        if job.version == 1:
            sql = "insert into job (id, version, doc) values ($1, $2, $3) on conflict do nothing returning true"
        else:
            sql = "update job set version = $2, doc = $3 where id = $1 and version = $2 - 1 returning true"
        async with transaction(self._pool) as connection:
            done = await connection.fetchval(sql, job.id, job.version, job_document(job))
            if done and events:
                await outbox.add(connection, events)
            return bool(done)

    async def job(self, job_id: str) -> Job | None:
        document = await self._pool.fetchval("select doc from job where id = $1", job_id)
        return job_of(document) if document else None

    async def jobs(self, limit: int) -> list[Job]:
        rows = await self._pool.fetch("select doc from job order by id desc limit $1", limit)
        return [job_of(row["doc"]) for row in rows]

    async def open_jobs(self) -> list[Job]:
        rows = await self._pool.fetch(
            "select doc from job where doc ->> 'status' in ('waiting', 'running') order by id"
        )
        return [job_of(row["doc"]) for row in rows]


class Pictures:
    """Bytes by their content's name."""

    _pool: Pool

    async def put_picture(self, name: str, content: bytes, content_type: str, at: datetime) -> None:
        await self._pool.execute(
            "insert into picture (name, content, content_type, put_at) values ($1, $2, $3, $4) "
            "on conflict (name) do update set put_at = excluded.put_at",
            name,
            content,
            content_type,
            at,
        )

    async def picture(self, name: str) -> tuple[bytes, str] | None:
        row = await self._pool.fetchrow("select content, content_type from picture where name = $1", name)
        return (row["content"], row["content_type"]) if row else None

    async def drop_pictures(self, before: datetime, names: Sequence[str] | None = None) -> int:
        rows = await self._pool.fetch(
            "delete from picture p where put_at < $1 and ($2::text[] is null or name = any($2)) "
            "and not exists (select from entity where doc -> 'picture_names' ? p.name) returning name",
            before,
            None if names is None else list(names),
        )
        return len(rows)
