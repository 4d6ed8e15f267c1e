"""Entities, one document each, their waiting events inside: one atomic update changes and tells."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bson import Timestamp
from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, DuplicateKeyError

from libs.common.clock import rfc3339
from libs.common.ids import new_id
from services.directory.domain.entity import Entity
from services.directory.domain.tags import folded, heading
from services.directory.store.documents import KEYS, entity_document, entity_of, membership_of
from services.directory.store.mongodb.outbox import MongoOutbox
from services.directory.store.mongodb.schema import TOUCHED, Database
from services.directory.store.port import Changes, EntityFilter, Glance, Membership, Slice, TermKind, Write, few

_DUPLICATE_KEY = 11000
_FIELD = {"tag": "tags", "category": "categories"}
_BEAT = "entities_asked"
_BEATEN: dict[str, Any] = {"$currentDate": {"at": {"$type": "timestamp"}}}


def part_of(text: str) -> dict[str, Any]:
    """A condition that finds this text literally in a folded field."""
    return {"$regex": re.escape(folded(text))}


def _timestamp(mark: str) -> Timestamp:
    time, inc = divmod(int(mark), 1 << 32)
    return Timestamp(min(time, (1 << 32) - 1), inc)


def _number(moment: Timestamp) -> int:
    return (moment.time << 32) + moment.inc


class Entities:
    """Entities."""

    _database: Database
    _late_s: int
    """By how much a write may be seen later than its server's clock said; its time limit is shorter."""
    outbox: MongoOutbox

    async def insert(self, write: Write) -> bool:
        document = entity_document(write.entity) | self.outbox.waiting(write.events)
        # as an update, so that the server sets the time; what is there does not match and is in the way of the insert
        seen = {"_id": document.pop("_id"), "version": 0}
        try:
            await self._database.entity.update_one(
                seen, {"$set": {"version": document.pop("version")}, "$setOnInsert": document, **TOUCHED}, upsert=True
            )
        except DuplicateKeyError:
            return False
        await self._told([write])
        return True

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        done = await self._saved(writes)
        await self._told([write for write, is_done in zip(writes, done, strict=True) if is_done])
        return done

    async def _saved(self, writes: Sequence[Write]) -> list[bool]:
        if len(writes) == 1:
            result = await self._database.entity.update_one(*self._replacing(writes[0]))
            return [result.matched_count == 1]
        # what somebody changed meanwhile does not match, and the insert that upsert tries then is refused by its key:
        # so the answer to one command says for each whether it was done
        updates = [UpdateOne(*self._replacing(write), upsert=True) for write in writes]
        done = [True] * len(writes)
        for index in await _refused(self._database.entity, updates):
            done[index] = False
        return done

    def _replacing(self, write: Write) -> tuple[dict[str, Any], dict[str, Any]]:
        document = entity_document(write.entity)
        seen = {"_id": document.pop("_id"), "version": write.entity.version - 1}
        if write.before is not None and write.before.version == seen["version"]:
            # no other field can differ from what is stored at that version
            there = entity_document(write.before)
            same = {name: document.pop(name) for name in list(document) if document[name] == there.get(name)}
            # an insert is never meant; were it tried (see _saved), it would be refused for its key and nothing else
            return seen, {**self.outbox.pushing(write.events, document), "$setOnInsert": same, **TOUCHED}
        return seen, {**self.outbox.pushing(write.events, document), **TOUCHED}

    async def entity(self, entity_id: str) -> Entity | None:
        document = await self._database.entity.find_one({"_id": entity_id}, {"pending": 0})
        return entity_of(document) if document else None

    async def entities(self, ids: Sequence[str]) -> list[Entity]:
        return await self._list({"_id": {"$in": list(ids)}})

    async def glance(self, ids: Sequence[str], user_id: str | None, viewer_id: str | None) -> list[Glance]:
        own: set[str] = set()
        if user_id is not None:
            found = await self._database.membership.find({"user_id": user_id, "role": {"$ne": None}}).to_list()
            own = {document["entity_id"] for document in found}
        wanted = {*ids, *(own if viewer_id is None else [viewer_id])}
        favorites: set[str] = set()
        if viewer_id is not None:
            keys = [f"{viewer_id}/{entity_id}" for entity_id in wanted]
            links = await self._database.favorite.find({"_id": {"$in": keys}}).to_list()
            favorites = {document["other_id"] for document in links}
        there = await self._database.entity.find({"_id": {"$in": sorted(wanted)}}, {"version": 1}).to_list()
        return [Glance(each["_id"], each["version"], each["_id"] in own, each["_id"] in favorites) for each in there]

    async def own(self, user_id: str) -> list[tuple[Entity, list[Membership]]]:
        acting = {"role": {"$ne": None}}
        ids = [
            each["entity_id"] for each in await self._database.membership.find({"user_id": user_id, **acting}).to_list()
        ]
        if not ids:
            return []
        entities = await self._list({"_id": {"$in": ids}}, [("_id", 1)])
        found = self._database.membership.find({"entity_id": {"$in": ids}, **acting}, sort=[("user_id", 1)])
        members = [membership_of(document) for document in await found.to_list()]
        return [(entity, [each for each in members if each.entity_id == entity.id]) for entity in entities]

    async def changes(self, since: str | None, limit: int) -> Changes | None:
        asked = None if since is None else _timestamp(since)
        follows = asked is not None and await self._beat_after(asked)
        if not follows:
            await self._database.note.update_one({"_id": _BEAT}, _BEATEN, upsert=True)
        # what was committed before this beat, which the majority has, is seen by who asks the majority after it
        beat = await self._database.note.find_one({"_id": _BEAT})
        if beat is None:
            return None  # somebody emptied the collection meanwhile
        mark = str(_number(beat["at"]))
        if asked is None:
            return Changes(mark)
        if not follows:
            return Changes(mark, None, None)
        since_then = {"touched": {"$gte": Timestamp(max(0, asked.time - self._late_s), 0)}}
        entities = await self._database.entity.find(since_then, {"_id": 1}, limit=limit + 1).to_list()
        members = await self._database.membership.find(since_then, {"user_id": 1}, limit=limit + 1).to_list()
        return Changes(
            mark, few([each["_id"] for each in entities], limit), few([each["user_id"] for each in members], limit)
        )

    async def _beat_after(self, since: Timestamp) -> bool:
        """Has the server write its time down; False where what stands there is older than this: the mark is of another
        database, or of this one before it was put back from a copy."""
        result = await self._database.note.update_one({"_id": _BEAT, "at": {"$gte": since}}, _BEATEN)
        return result.matched_count == 1

    async def after(self, entity_id: str, limit: int) -> list[Entity]:
        return await self._list({"_id": {"$gt": entity_id}}, [("_id", 1)], limit=limit)

    async def holding(self, kind: TermKind, name: str, after: str, limit: int) -> list[Entity]:
        return await self._list({_FIELD[kind]: name, "_id": {"$gt": after}}, [("_id", 1)], limit=limit)

    async def count_holding(self, kind: TermKind, name: str) -> int:
        return await self._database.entity.count_documents({_FIELD[kind]: name})

    async def find(self, wanted: EntityFilter, part: Slice) -> tuple[list[Entity], int]:
        conditions = _conditions(wanted)
        order = [("created_at", -1), ("_id", -1)] if wanted.newest_first else [("keys.name", 1), ("_id", 1)]
        total = await self._database.entity.count_documents(conditions)
        if part.offset >= total:
            return [], total
        return await self._list(conditions, order, skip=part.offset, limit=part.limit), total

    async def count_by_status(self) -> dict[str, int]:
        found = await self._database.entity.aggregate(
            [{"$match": {"deleted": False}}, {"$group": {"_id": "$status", "count": {"$sum": 1}}}]
        )
        return {row["_id"]: row["count"] for row in await found.to_list()}

    async def _list(
        self, conditions: dict[str, Any], order: list[tuple[str, int]] | None = None, *, skip: int = 0, limit: int = 0
    ) -> list[Entity]:
        cursor = self._database.entity.find(conditions, {"pending": 0}, sort=order, skip=skip, limit=limit)
        return [entity_of(document) for document in await cursor.to_list()]

    async def _told(self, writes: Sequence[Write]) -> None:
        """After the commit: counters of terms, which are counted anew now and then, and the relay's bell."""
        if any(write.events for write in writes):
            self.outbox.ring()
        moved: dict[tuple[TermKind, str], Counter[str]] = {}
        for count in (count for write in writes for count in write.counts):
            moved.setdefault((count.kind, count.name), Counter())[count.field] += count.by
        if moved:
            await self._count([_move(kind, name, fields) for (kind, name), fields in moved.items()])

    async def _count(self, moves: list[UpdateOne]) -> None:
        if again := await _refused(self._database.term, moves):
            # two made the same term at once: now it is there
            await self._database.term.bulk_write([moves[index] for index in again], ordered=False)


async def _refused(collection: AsyncCollection[dict[str, Any]], updates: Sequence[UpdateOne]) -> list[int]:
    """Carries updates with upsert out; which were refused because a document with their key is there."""
    try:
        await collection.bulk_write(list(updates), ordered=False)
    except BulkWriteError as fault:
        errors = fault.details["writeErrors"]
        if any(error["code"] != _DUPLICATE_KEY for error in errors):
            raise
        return [error["index"] for error in errors]
    return []


def _move(kind: TermKind, name: str, fields: Mapping[str, int]) -> UpdateOne:
    """One update of a term, however many entities took it up or left it."""
    fresh = {
        "_id": new_id(),
        "key": folded(name),
        "letter": heading(name),
        "made_by_admin": False,
        "sequence": 0,
        **{field: 0 for field in ("offers", "wants", "entities") if field not in fields},
    }
    return UpdateOne(
        {"kind": kind, "name": name},
        {"$inc": {**fields, "uses": sum(fields.values())}, "$setOnInsert": fresh},
        upsert=True,
    )


def _conditions(wanted: EntityFilter) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = [{"deleted": False}]
    if wanted.ids is not None:
        conditions.append({"_id": {"$in": list(wanted.ids)}})
    conditions += [
        {f"keys.{name}": part_of(getattr(wanted, name))} for name in KEYS if folded(getattr(wanted, name) or "")
    ]
    if wanted.statuses:
        conditions.append({"status": {"$in": list(wanted.statuses)}})
    if wanted.category:
        conditions.append({"categories": wanted.category})
    since = {} if wanted.tagged_since is None else {"added_at": {"$gte": rfc3339(wanted.tagged_since)}}
    for name, tags in (("offers", wanted.offers), ("wants", wanted.wants)):
        if tags:
            any_of = {"$regex": "|".join(re.escape(tag) for tag in tags)}
            conditions.append({name: {"$elemMatch": {"tag": any_of, **since}}})
    if since and not wanted.offers and not wanted.wants:
        conditions.append({"$or": [{name: {"$elemMatch": since}} for name in ("offers", "wants")]})
    return {"$and": conditions}
