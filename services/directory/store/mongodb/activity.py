"""The activity log: documents that this door only ever adds."""

from typing import Any

from pymongo.errors import DuplicateKeyError

from libs.common.clock import rfc3339
from services.directory.domain.tags import folded
from services.directory.store.documents import activity_document, activity_of
from services.directory.store.mongodb.entities import part_of
from services.directory.store.mongodb.schema import Database
from services.directory.store.port import Activity, ActivityFilter, Slice


class ActivityLog:
    """Lines of the activity log."""

    _database: Database

    async def record(self, activity: Activity) -> bool:
        try:
            await self._database.activity.insert_one(activity_document(activity))
        except DuplicateKeyError:
            return False
        return True

    async def activities(self, wanted: ActivityFilter, part: Slice) -> tuple[list[Activity], int]:
        conditions = _conditions(wanted)
        total = await self._database.activity.count_documents(conditions)
        cursor = self._database.activity.find(
            conditions, sort=[("at", -1), ("_id", -1)], skip=part.offset, limit=part.limit
        )
        return [activity_of(document) for document in await cursor.to_list()], total


def _conditions(wanted: ActivityFilter) -> dict[str, Any]:
    conditions: dict[str, Any] = {}
    for name in ("email", "action", "detail"):
        if folded(getattr(wanted, name) or ""):
            conditions[f"keys.{name}"] = part_of(getattr(wanted, name))
    for name in ("category", "entity_id"):
        if getattr(wanted, name):
            conditions[name] = getattr(wanted, name)
    bounds = {}
    if wanted.date_from is not None:
        bounds["$gte"] = rfc3339(wanted.date_from)
    if wanted.date_to is not None:
        bounds["$lt"] = rfc3339(wanted.date_to)
    return conditions | ({"at": bounds} if bounds else {})
