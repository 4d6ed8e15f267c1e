"""Memberships and persons as identity told them; favourites, dismissals, messages and notes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from libs.common.clock import rfc3339
from libs.common.envelope import Envelope
from services.directory.store.documents import membership_of, person_of
from services.directory.store.mongodb.outbox import MongoOutbox
from services.directory.store.mongodb.schema import TOUCHED, Database
from services.directory.store.port import Membership, Message, Note, Person

_ENDED = 2**62


class People:
    """Who acts for which entity, and what is known of users."""

    _database: Database

    async def put_membership(self, membership: Membership) -> bool:
        key = f"{membership.entity_id}/{membership.user_id}"
        fields = {"entity_id": membership.entity_id, "user_id": membership.user_id, "role": membership.role}
        try:
            # an equal or newer one does not match, and the insert that upsert tries then is refused by its key
            await self._database.membership.update_one(
                {"_id": key, "sequence": {"$lt": membership.sequence}},
                {"$set": fields | {"sequence": membership.sequence}, **TOUCHED},
                upsert=True,
            )
        except DuplicateKeyError:
            return False
        return True

    async def memberships_of(self, user_id: str) -> list[Membership]:
        return await self._memberships({"user_id": user_id, "role": {"$ne": None}}, "entity_id")

    async def members(self, entity_id: str) -> list[Membership]:
        return await self._memberships({"entity_id": entity_id, "role": {"$ne": None}}, "user_id")

    async def _memberships(self, conditions: dict[str, Any], order: str) -> list[Membership]:
        found = await self._database.membership.find(conditions, sort=[(order, 1)]).to_list()
        return [membership_of(document) for document in found]

    async def role(self, entity_id: str, user_id: str) -> str | None:
        document = await self._database.membership.find_one({"_id": f"{entity_id}/{user_id}"})
        return document["role"] if document else None

    async def put_person(self, person: Person) -> bool:
        fields = {
            "user_id": person.user_id,
            "email": person.email,
            "email_verified": person.email_verified,
            "sequence": person.sequence,
            "deleted": False,
        }
        try:
            await self._database.person.update_one(
                {"_id": person.user_id, "sequence": {"$lt": person.sequence}, "deleted": {"$ne": True}},
                {"$set": fields},
                upsert=True,
            )
        except DuplicateKeyError:
            return False
        return True

    async def person(self, user_id: str) -> Person | None:
        document = await self._database.person.find_one({"_id": user_id, "deleted": False})
        return person_of(document) if document else None

    async def forget_person(self, user_id: str) -> None:
        gone = {"user_id": user_id, "email": "", "email_verified": False, "sequence": _ENDED, "deleted": True}
        await self._database.person.update_one({"_id": user_id}, {"$set": gone}, upsert=True)
        ended = {"$set": {"role": None, "sequence": _ENDED}, **TOUCHED}
        await self._database.membership.update_many({"user_id": user_id}, ended)


class Links:
    """Favourites, dismissed matches, contact messages, and what several copies agree on."""

    _database: Database
    outbox: MongoOutbox

    async def add_favorite(self, entity_id: str, other_id: str, at: datetime) -> None:
        await self._database.favorite.update_one(
            {"_id": f"{entity_id}/{other_id}"},
            {"$setOnInsert": {"entity_id": entity_id, "other_id": other_id, "at": rfc3339(at)}},
            upsert=True,
        )

    async def remove_favorite(self, entity_id: str, other_id: str) -> None:
        await self._database.favorite.delete_one({"_id": f"{entity_id}/{other_id}"})

    async def favorites(self, entity_id: str, among: Sequence[str] | None = None) -> list[str]:
        conditions: dict[str, Any] = {"entity_id": entity_id}
        if among is not None:
            conditions = {"_id": {"$in": [f"{entity_id}/{other_id}" for other_id in among]}}
        found = await self._database.favorite.find(conditions, sort=[("at", -1), ("other_id", 1)]).to_list()
        return [document["other_id"] for document in found]

    async def dismiss(self, entity_id: str, other_id: str, at: datetime, events: Sequence[Envelope]) -> bool:
        document = {"_id": f"{entity_id}/{other_id}", "entity_id": entity_id, "other_id": other_id, "at": rfc3339(at)}
        try:
            await self._database.dismissal.insert_one(document | self.outbox.waiting(events))
        except DuplicateKeyError:
            return False
        self.outbox.ring()
        return True

    async def dismissed(self, entity_id: str) -> list[str]:
        cursor = self._database.dismissal.find({"entity_id": entity_id}, sort=[("at", -1), ("other_id", 1)])
        return [document["other_id"] for document in await cursor.to_list()]

    async def dismissed_by(self, ids: Sequence[str]) -> dict[str, list[str]]:
        cursor = self._database.dismissal.find({"entity_id": {"$in": list(ids)}}, sort=[("other_id", 1)])
        found: dict[str, list[str]] = {}
        async for document in cursor:
            found.setdefault(document["entity_id"], []).append(document["other_id"])
        return found

    async def forget_links(self, entity_id: str) -> None:
        either = {"$or": [{"entity_id": entity_id}, {"other_id": entity_id}]}
        await self._database.favorite.delete_many(either)
        # what still has something to tell goes with the next deletion that comes by
        await self._database.dismissal.delete_many({"$and": [either, {"due": {"$exists": False}}]})

    async def add_message(self, message: Message, events: Sequence[Envelope]) -> None:
        document = {
            "_id": message.id,
            "from_entity_id": message.from_entity_id,
            "to_entity_id": message.to_entity_id,
            "by": message.by,
            "body": message.body,
            "sent_at": rfc3339(message.sent_at),
        }
        await self._database.message.insert_one(document | self.outbox.waiting(events))
        self.outbox.ring()

    async def note(self, key: str) -> Note:
        document = await self._database.note.find_one({"_id": key})
        return Note(document["version"], document["value"]) if document else Note()

    async def swap_note(self, key: str, seen: Note, value: Any) -> bool:
        if seen.version == 0:
            try:
                await self._database.note.insert_one({"_id": key, "version": 1, "value": value})
            except DuplicateKeyError:
                return False
            return True
        result = await self._database.note.update_one(
            {"_id": key, "version": seen.version}, {"$set": {"value": value}, "$inc": {"version": 1}}
        )
        return result.matched_count == 1
