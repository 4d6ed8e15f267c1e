"""Which door the address names."""

from pathlib import Path

import asyncpg
from pymongo.errors import ConnectionFailure, ExecutionTimeout

from libs.common.migration import migrate
from libs.common.service import StartRefused
from services.directory.store.mongodb.door import MongoStore
from services.directory.store.port import DirectoryStore
from services.directory.store.postgres.door import PostgresStore

MIGRATIONS = Path(__file__).parents[1] / "migrations"
AWAY: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    ConnectionFailure,
    ExecutionTimeout,
)
"""What a door raises when its server is away, too slow or too full: worth another try, and no fault of ours."""
_MONGO = ("mongodb://", "mongodb+srv://")


async def open_store(
    url: str, *, size_max: int = 8, statement_timeout_s: float = 10.0, connect_timeout_s: float = 30.0
) -> DirectoryStore:
    """The store at this address. Raises StartRefused."""
    limits = {"statement_timeout_s": statement_timeout_s, "connect_timeout_s": connect_timeout_s}
    if url.startswith(_MONGO):
        return await MongoStore.open(url, size_max=size_max, **limits)
    if url.startswith(("postgresql://", "postgres://")):
        return await PostgresStore.open(url, size_max=size_max, **limits)
    raise StartRefused(
        f"MCCS_DIRECTORY_URL is {url.partition('://')[0]}…: it must be embedded:, postgresql://… or mongodb://….",
        status=2,
    )


async def prepare_store(url: str, *, connect_timeout_s: float = 30.0) -> None:
    """Brings the store at this address up to this code: tables, or collections and indexes. Raises StartRefused."""
    if not url.startswith(_MONGO):
        await migrate(url, MIGRATIONS, "directory", connect_timeout_s=connect_timeout_s)
        return
    store = await MongoStore.open(url, size_max=2, statement_timeout_s=600, connect_timeout_s=connect_timeout_s)
    try:
        await store.prepare()
    finally:
        await store.close()
