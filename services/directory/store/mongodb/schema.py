"""Collections, what the server itself refuses in them, and indexes: made at start, safe to repeat."""

from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import CollectionInvalid

from services.directory.domain.entity import PICTURES_MAX, STATUSES
from services.directory.domain.profile import TEXT_LENGTH_MAX
from services.directory.domain.tags import CATEGORIES_MAX, TAG_LENGTH_MAX, TAGS_MAX

Database = AsyncDatabase[dict[str, Any]]

PENDING = ("entity", "term", "job", "message", "dismissal")
"""Collections whose documents carry events that wait to be told."""

TOUCHED: dict[str, Any] = {"$currentDate": {"touched": {"$type": "timestamp"}}}
"""With every write of an entity or a membership: the server's clock while it carries it out."""

_WHOLE = {"bsonType": ["int", "long"]}
_TAGS = {
    "bsonType": "array",
    "maxItems": TAGS_MAX,
    "items": {
        "bsonType": "object",
        "required": ["tag", "added_at"],
        "properties": {
            "tag": {"bsonType": "string", "minLength": 1, "maxLength": TAG_LENGTH_MAX},
            "added_at": {"bsonType": "string", "pattern": "^[0-9-]{10}T.*Z$"},
        },
    },
}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "entity": {
        "bsonType": "object",
        "required": ["version", "status", "listed", "deleted", "texts", "offers", "wants", "created_at"],
        "properties": {
            "_id": {"bsonType": "string"},
            "version": {**_WHOLE, "minimum": 1},
            "status": {"enum": list(STATUSES)},
            "listed": {"bsonType": "bool"},
            "deleted": {"bsonType": "bool"},
            "texts": {
                "bsonType": "object",
                "additionalProperties": False,
                "properties": {
                    name: {"bsonType": "string", "maxLength": length} for name, length in TEXT_LENGTH_MAX.items()
                },
            },
            "offers": _TAGS,
            "wants": _TAGS,
            "categories": {"bsonType": "array", "maxItems": CATEGORIES_MAX},
            "pictures": {"bsonType": "array", "maxItems": PICTURES_MAX},
        },
    },
    "membership": {
        "bsonType": "object",
        "required": ["entity_id", "user_id", "sequence"],
        "properties": {"role": {"bsonType": ["string", "null"]}, "sequence": _WHOLE},
    },
    "person": {
        "bsonType": "object",
        "required": ["user_id", "email", "email_verified", "sequence", "deleted"],
        "properties": {"email": {"bsonType": "string"}, "email_verified": {"bsonType": "bool"}, "sequence": _WHOLE},
    },
    "term": {
        "bsonType": "object",
        "required": ["kind", "name", "key", "offers", "wants", "entities"],
        "properties": {
            "kind": {"enum": ["tag", "category"]},
            "name": {"bsonType": "string", "minLength": 1, "maxLength": TAG_LENGTH_MAX},
        },
    },
    "message": {
        "bsonType": "object",
        "required": ["from_entity_id", "to_entity_id", "body"],
        "properties": {"body": {"bsonType": "string", "minLength": 1, "maxLength": 5000}},
    },
    "activity": {"bsonType": "object", "required": ["at", "category", "action", "detail"]},
}
_INDEXES: dict[str, list[IndexModel]] = {
    "entity": [
        IndexModel([("keys.name", ASCENDING), ("_id", ASCENDING)], name="name"),
        IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("status", ASCENDING)], name="status"),
        IndexModel([("tags", ASCENDING), ("_id", ASCENDING)], name="tags"),
        IndexModel([("categories", ASCENDING), ("_id", ASCENDING)], name="categories"),
        IndexModel([("picture_names", ASCENDING)], name="pictures"),
        IndexModel([("touched", ASCENDING)], name="touched", sparse=True),
    ],
    "membership": [
        IndexModel([("user_id", ASCENDING)], name="user"),
        IndexModel([("entity_id", ASCENDING)], name="entity"),
        IndexModel([("touched", ASCENDING)], name="touched", sparse=True),
    ],
    "person": [],
    "favorite": [
        IndexModel([("entity_id", ASCENDING), ("at", DESCENDING)], name="entity"),
        IndexModel([("other_id", ASCENDING)], name="other"),
    ],
    "dismissal": [
        IndexModel([("entity_id", ASCENDING), ("at", DESCENDING)], name="entity"),
        IndexModel([("other_id", ASCENDING)], name="other"),
    ],
    "message": [],
    "note": [],
    "term": [
        IndexModel([("kind", ASCENDING), ("name", ASCENDING)], name="kind_name", unique=True),
        IndexModel([("kind", ASCENDING), ("key", ASCENDING), ("name", ASCENDING)], name="key"),
    ],
    "job": [IndexModel([("status", ASCENDING)], name="status")],
    "picture": [IndexModel([("put_at", ASCENDING)], name="put_at")],
    "activity": [
        IndexModel([("at", DESCENDING), ("_id", DESCENDING)], name="at"),
        IndexModel([("entity_id", ASCENDING), ("at", DESCENDING)], name="entity"),
        IndexModel([("category", ASCENDING), ("at", DESCENDING)], name="category"),
    ],
}


async def prepare(database: Database) -> None:
    """Makes what is missing; what stands gets today's schema."""
    there = set(await database.list_collection_names())
    for name, indexes in _INDEXES.items():
        schema = {"$jsonSchema": _SCHEMAS[name]} if name in _SCHEMAS else {}
        if name in there:
            await database.command({"collMod": name, "validator": schema, "validationLevel": "moderate"})
        else:
            await _create(database, name, schema)
        waiting = []
        if name in PENDING:
            waiting = [IndexModel([(field, ASCENDING)], name=field, sparse=True) for field in ("due", "claim")]
            await _drop_partial(database[name])
        if indexes or waiting:
            await database[name].create_indexes([*indexes, *waiting])


async def _drop_partial(collection: AsyncCollection[dict[str, Any]]) -> None:
    """Indexes as they were before they were sparse; not every server that speaks MongoDB's protocol searches by those."""
    for name, about in (await collection.index_information()).items():
        if "partialFilterExpression" in about:
            await collection.drop_index(name)


async def _create(database: Database, name: str, schema: dict[str, Any]) -> None:
    try:
        await database.create_collection(name, validator=schema)
    except CollectionInvalid:
        return  # another copy of the service was quicker
