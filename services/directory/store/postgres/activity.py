"""The activity log: rows that the database itself lets nobody change."""

from libs.common.database import Pool, transaction
from services.directory.domain.tags import folded
from services.directory.store.documents import activity_document, activity_of
from services.directory.store.port import Activity, ActivityFilter, Slice
from services.directory.store.postgres.entities import Wheres, escaped


class ActivityLog:
    """Lines of the activity log."""

    _pool: Pool

    async def record(self, activity: Activity) -> bool:
        done = await self._pool.fetchval(
            "insert into activity (id, at, doc) values ($1, $2, $3) on conflict do nothing returning true",
            activity.id,
            activity.at,
            activity_document(activity),
        )
        return bool(done)

    async def activities(self, wanted: ActivityFilter, part: Slice) -> tuple[list[Activity], int]:
        where = _where(wanted)
        async with transaction(self._pool, readonly=True) as connection:
            total: int = await connection.fetchval(f"select count(*) from activity where {where.sql}", *where.values)
            rows = await connection.fetch(
                f"select doc from activity where {where.sql} order by at desc, id desc "
                f"limit {part.limit:d} offset {part.offset:d}",
                *where.values,
            )
        return [activity_of(row["doc"]) for row in rows], total


def _where(wanted: ActivityFilter) -> Wheres:
    where = Wheres()
    for name in ("email", "action", "detail"):
        text = folded(getattr(wanted, name) or "")
        if text:
            where.add(f"doc -> 'keys' ->> '{name}' like {{}}", f"%{escaped(text)}%")
    for name in ("category", "entity_id"):
        if getattr(wanted, name):
            where.add(f"doc ->> '{name}' = {{}}", getattr(wanted, name))
    if wanted.date_from is not None:
        where.add("at >= {}", wanted.date_from)
    if wanted.date_to is not None:
        where.add("at < {}", wanted.date_to)
    return where
