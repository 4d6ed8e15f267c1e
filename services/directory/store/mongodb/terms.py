"""Tags and categories with their counts; jobs; pictures."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bson.binary import Binary
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from libs.common.clock import rfc3339
from libs.common.envelope import Envelope
from services.directory.domain.tags import folded
from services.directory.store.documents import job_document, job_of, term_document, term_of
from services.directory.store.mongodb.entities import part_of
from services.directory.store.mongodb.outbox import MongoOutbox
from services.directory.store.mongodb.schema import Database
from services.directory.store.port import Job, Slice, Term, TermFilter, TermKind

_COUNTED = ("offers", "wants", "entities")


class Terms:
    """Tags and categories."""

    _database: Database
    outbox: MongoOutbox

    async def terms(self, wanted: TermFilter, part: Slice) -> tuple[list[Term], int]:
        conditions = _conditions(wanted)
        order = [("key", 1), ("name", 1)]
        if wanted.most_used_first:
            order.insert(0, ("uses", -1))
        total = await self._database.term.count_documents(conditions)
        cursor = self._database.term.find(conditions, sort=order, skip=part.offset, limit=part.limit)
        return [term_of(document) for document in await cursor.to_list()], total

    async def letters(self, kind: TermKind) -> dict[str, int]:
        found = await self._database.term.aggregate(
            [
                {"$match": _conditions(TermFilter(kind))},
                {"$group": {"_id": "$letter", "count": {"$sum": 1}}},
                {"$sort": {"_id": 1}},
            ]
        )
        return {row["_id"]: row["count"] for row in await found.to_list()}

    async def term(self, term_id: str) -> Term | None:
        document = await self._database.term.find_one({"_id": term_id, "removed": {"$exists": False}})
        return term_of(document) if document else None

    async def term_named(self, kind: TermKind, name: str) -> Term | None:
        document = await self._database.term.find_one({"kind": kind, "name": name})
        return term_of(document) if document else None

    async def add_term(self, term: Term, events: Sequence[Envelope] = ()) -> bool:
        document = term_document(term) | {"uses": 0, **dict.fromkeys(_COUNTED, 0)}
        try:
            await self._database.term.insert_one(document | self.outbox.waiting(events))
        except DuplicateKeyError:
            return False
        self.outbox.ring()
        return True

    async def put_term(self, term: Term) -> bool:
        kept = {name: value for name, value in term_document(term).items() if name not in ("_id", "kind", *_COUNTED)}
        try:
            await self._database.term.update_one({"_id": term.id}, {"$set": kept})
        except DuplicateKeyError:
            return False
        return True

    async def remove_term(self, term_id: str) -> None:
        gone = await self._database.term.delete_one({"_id": term_id, "due": {"$exists": False}})
        if gone.deleted_count == 0:
            # it still has something to tell: its name is free at once, it goes with the next recount
            unseen = {"name": term_id, "removed": True, "made_by_admin": False, "uses": 0, **dict.fromkeys(_COUNTED, 0)}
            await self._database.term.update_one({"_id": term_id}, {"$set": unseen})

    async def recount(self, kind: TermKind, names: Sequence[str] | None = None) -> None:
        counted = await self._counted(kind, names)
        conditions: dict[str, Any] = {"kind": kind}
        if names is not None:
            conditions["name"] = {"$in": list(names)}
        there = await self._database.term.find(conditions).to_list()
        moves = []
        for document in there:
            uses = counted.get(document["name"], {})
            now = {field: uses.get(field, 0) for field in _COUNTED}
            if now != {field: document[field] for field in _COUNTED}:
                moves.append(UpdateOne({"_id": document["_id"]}, {"$set": now | {"uses": sum(now.values())}}))
        if moves:
            await self._database.term.bulk_write(moves, ordered=False)
        unused = [document["_id"] for document in there if document["name"] not in counted]
        await self._database.term.delete_many(
            {"_id": {"$in": unused}, "made_by_admin": False, "uses": {"$lte": 0}, "due": {"$exists": False}}
        )

    async def _counted(self, kind: TermKind, names: Sequence[str] | None) -> dict[str, dict[str, int]]:
        """Name to counts, of all that anybody has, listed or not."""
        counted: dict[str, dict[str, int]] = {}
        given = None if names is None else list(names)
        for field in ("offers", "wants") if kind == "tag" else ("categories",):
            name = f"{field}.tag" if kind == "tag" else field
            steps: list[dict[str, Any]] = [{"$match": {name: {"$in": given}}}] if given is not None else []
            steps += [{"$project": {"listed": 1, field: 1}}, {"$unwind": f"${field}"}]
            if given is not None:
                steps.append({"$match": {name: {"$in": given}}})
            steps.append({"$group": {"_id": f"${name}", "count": {"$sum": {"$cond": ["$listed", 1, 0]}}}})
            found = await self._database.entity.aggregate(steps)
            for row in await found.to_list():
                counted.setdefault(row["_id"], {})["entities" if kind == "category" else field] = row["count"]
        return counted


def _conditions(wanted: TermFilter) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = [
        {"kind": wanted.kind},
        {"$or": [{"made_by_admin": True}, *({field: {"$gt": 0}} for field in _COUNTED)]},
    ]
    if wanted.prefix and folded(wanted.prefix):
        conditions.append({"key": {"$regex": f"^{re.escape(folded(wanted.prefix))}"}})
    if wanted.fragment and folded(wanted.fragment):
        conditions.append({"key": part_of(wanted.fragment)})
    if wanted.letter:
        conditions.append({"letter": wanted.letter})
    if wanted.used_as:
        conditions.append({wanted.used_as: {"$gt": 0}})
    if wanted.made_by_admin is not None:
        conditions.append({"made_by_admin": wanted.made_by_admin})
    return {"$and": conditions}


class Jobs:
    """Renames and deletes under way."""

    _database: Database
    outbox: MongoOutbox

    async def put_job(self, job: Job, events: Sequence[Envelope] = ()) -> bool:
        document = job_document(job)
        if job.version == 1:
            try:
                await self._database.job.insert_one(document | self.outbox.waiting(events))
            except DuplicateKeyError:
                return False
        else:
            conditions = {"_id": document.pop("_id"), "version": job.version - 1}
            result = await self._database.job.update_one(conditions, self.outbox.pushing(events, document))
            if result.matched_count == 0:
                return False
        self.outbox.ring()
        return True

    async def job(self, job_id: str) -> Job | None:
        document = await self._database.job.find_one({"_id": job_id}, {"pending": 0, "due": 0})
        return job_of(document) if document else None

    async def jobs(self, limit: int) -> list[Job]:
        return await self._jobs_where({}, -1, limit)

    async def open_jobs(self) -> list[Job]:
        return await self._jobs_where({"status": {"$in": ["waiting", "running"]}}, 1, 0)

    async def _jobs_where(self, conditions: dict[str, Any], order: int, limit: int) -> list[Job]:
        cursor = self._database.job.find(conditions, {"pending": 0, "due": 0}, sort=[("_id", order)], limit=limit)
        return [job_of(document) for document in await cursor.to_list()]


class Pictures:
    """Bytes by their content's name."""

    _database: Database

    async def put_picture(self, name: str, content: bytes, content_type: str, at: datetime) -> None:
        fields = {"content": Binary(content), "content_type": content_type}
        await self._database.picture.update_one(
            {"_id": name}, {"$set": {"put_at": rfc3339(at)}, "$setOnInsert": fields}, upsert=True
        )

    async def picture(self, name: str) -> tuple[bytes, str] | None:
        document = await self._database.picture.find_one({"_id": name})
        return (bytes(document["content"]), document["content_type"]) if document else None

    async def drop_pictures(self, before: datetime, names: Sequence[str] | None = None) -> int:
        conditions: dict[str, Any] = {"put_at": {"$lt": rfc3339(before)}}
        if names is not None:
            conditions["_id"] = {"$in": list(names)}
        dropped = 0
        async for document in self._database.picture.find(conditions, {"_id": 1}):
            if await self._database.entity.find_one({"picture_names": document["_id"]}, {"_id": 1}) is None:
                result = await self._database.picture.delete_one({**conditions, "_id": document["_id"]})
                dropped += result.deleted_count
        return dropped
