"""Books for the tests of proof and audit: payments, sealed blocks, and an owner who breaks the rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from libs.common.database import OwnConnection, Pool, create_pool
from services.ledger.service.sealer import seal
from services.ledger.settings import AUDITOR_ROLE, OWNER_ROLE
from services.ledger.signing import LedgerKeys
from services.ledger.store.blocks import Blocks
from services.ledger.tests.conftest import Member, Node


@dataclass
class Books:
    """A node whose payments are sealed."""

    node: Node
    keys: LedgerKeys
    blocks: Blocks
    pool: Pool

    async def seal(self) -> int:
        return await seal(self.blocks, self.keys)

    async def get(self, path: str, token: str, **query: str) -> tuple[int, bytes]:
        """Status and body as it came."""
        answer = await self.node.http.get(path, params=query, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, answer.content

    async def statement(self, who: Member, ending: str = "json", **query: str) -> bytes:
        status, content = await self.get(f"/accounts/{who.entity_id}/statement.{ending}", who.token, **query)
        assert status == 200, content
        return content

    @asynccontextmanager
    async def tampered(self, *statements: str) -> AsyncIterator[OwnConnection]:
        """What the tables' owner can do with all triggers off; taken back at the end."""
        connection = self.node.owner
        held = connection.transaction()
        await held.start()
        try:
            await connection.execute(f"set local role {OWNER_ROLE}")
            for table in ("entry", "transfer", "block", "account"):
                await connection.execute(f"alter table {table} disable trigger user")
            for statement in statements:
                assert not (await connection.execute(statement)).endswith(" 0"), statement
            for table in ("entry", "transfer", "block", "account"):
                await connection.execute(f"alter table {table} enable trigger user")
            yield connection
        finally:
            await held.rollback()


@asynccontextmanager
async def books_of(node: Node) -> AsyncIterator[Books]:
    """The auditor's pool and the ledger's keys beside a node."""
    pool = await create_pool(node.settings.ledger_url, role=AUDITOR_ROLE, size_max=3)
    try:
        yield Books(node, LedgerKeys.of(node.settings.proof_secret), Blocks(pool), pool)
    finally:
        await pool.close()


def as_pool(connection: OwnConnection) -> Pool:
    """One connection where a store wants a pool: it looks inside the connection's transaction."""
    return cast("Pool", cast("Any", connection))
