"""The PostgreSQL door of the directory's store."""

import asyncpg

from libs.common.database import BY_INDEX, PLANNED_ONCE, Pool, create_pool
from libs.common.outbox import PostgresOutbox
from services.directory.store.postgres.activity import ActivityLog
from services.directory.store.postgres.entities import Entities
from services.directory.store.postgres.people import Links, People
from services.directory.store.postgres.terms import Jobs, Pictures, Terms


class PostgresStore(Entities, People, Links, Terms, Jobs, Pictures, ActivityLog):
    """Documents in JSONB; one transaction per write. Entities, and who acts for which, are found by their keys in sessions of
    their own, which plan that once and by index: planned while there were few, a look would read every entity there is."""

    counts_may_drift = False

    def __init__(self, pool: Pool, keyed: Pool) -> None:
        self._pool = pool
        self._keyed = keyed
        self.outbox = PostgresOutbox(pool)

    @classmethod
    async def open(
        cls, url: str, *, size_max: int, statement_timeout_s: float, connect_timeout_s: float
    ) -> "PostgresStore":
        """Raises StartRefused where the server is not there in time."""
        pool = await create_pool(
            url, size_max=size_max, statement_timeout_s=statement_timeout_s, connect_timeout_s=connect_timeout_s
        )
        try:
            keyed = await create_pool(
                url,
                size_max=size_max,
                statement_timeout_s=statement_timeout_s,
                connect_timeout_s=connect_timeout_s,
                session=BY_INDEX | PLANNED_ONCE,
            )
        except BaseException:
            await pool.close()
            raise
        return cls(pool, keyed)

    async def close(self) -> None:
        await self.outbox.close()
        await self._keyed.close()
        await self._pool.close()

    async def healthy(self) -> bool:
        try:
            return bool(await self._pool.fetchval("select true", timeout=2))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
