"""The MongoDB door of the directory's store.

Written for MongoDB 6 to 8 with these commands alone: insert, find, update (`$set`, `$setOnInsert`, `$inc`, `$push`, `$pull`,
`$min`, `$unset`,
`$currentDate`), delete, count, aggregate (`$match`, `$project`, `$unwind`, `$group`, `$sort`), create, collMod, createIndexes,
dropIndexes, listIndexes, listCollections, ping. No multi-document transaction, no findAndModify, no server-side script.
"""

import asyncio
import math
import time

from pymongo import AsyncMongoClient
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError

from libs.common.database import place
from libs.common.service import StartRefused
from services.directory.store.mongodb.activity import ActivityLog
from services.directory.store.mongodb.entities import Entities
from services.directory.store.mongodb.outbox import MongoOutbox
from services.directory.store.mongodb.people import Links, People
from services.directory.store.mongodb.schema import Database, prepare
from services.directory.store.mongodb.terms import Jobs, Pictures, Terms

DATABASE = "mccs_directory"
LATE_S = 20
"""What a write may take beyond its time limit until others see it."""


class MongoStore(Entities, People, Links, Terms, Jobs, Pictures, ActivityLog):
    """Documents in MongoDB; one atomic update per write, acknowledged by the majority."""

    counts_may_drift = True

    def __init__(self, client: AsyncMongoClient[dict[str, object]], database: Database, *, late_s: int) -> None:
        self._client = client
        self._late_s = late_s
        self._database = database
        self.outbox = MongoOutbox(database)

    @classmethod
    async def open(
        cls, url: str, *, size_max: int, statement_timeout_s: float, connect_timeout_s: float
    ) -> "MongoStore":
        """Raises StartRefused where the server is not there in time. The database is the one the URL names."""
        try:
            client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
                url,
                appname="mccs directory",
                maxPoolSize=max(size_max, 20),
                timeoutMS=int(statement_timeout_s * 1000),
                serverSelectionTimeoutMS=2000,
                w="majority",
                journal=True,
                readConcernLevel="majority",
                readPreference="primary",
            )
        except (ConfigurationError, InvalidURI, ValueError) as fault:
            raise StartRefused(f"{place(url)} is not a MongoDB address: {fault}.", status=2) from None
        try:
            await _patiently(client, url, connect_timeout_s)
        except BaseException:
            await client.close()
            raise
        late_s = math.ceil(statement_timeout_s) + LATE_S
        return cls(client, client.get_default_database(DATABASE), late_s=late_s)

    async def prepare(self) -> None:
        """Collections, schemas and indexes; safe to repeat."""
        await prepare(self._database)

    async def close(self) -> None:
        await self._client.close()

    async def healthy(self) -> bool:
        try:
            await self._client.admin.command("ping")
        except PyMongoError:
            return False
        return True


async def _patiently(client: AsyncMongoClient[dict[str, object]], url: str, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            await client.admin.command("ping")
            return
        except OperationFailure as fault:
            reason = fault.details.get("errmsg") if fault.details else fault
            await client.close()
            raise StartRefused(f"MongoDB at {place(url)} lets us not in: {reason}.") from None
        except PyMongoError:
            if time.monotonic() >= deadline:
                await client.close()
                raise StartRefused(
                    f"MongoDB at {place(url)} cannot be reached within {within_s:g} s; is it running?"
                ) from None
            await asyncio.sleep(0.2)
