"""What other services told: remembered and acted on in one call, one transaction."""

import asyncpg

from libs.common.database import Pool
from libs.common.envelope import Envelope
from libs.common.ids import new_id
from services.ledger.domain import new_number

_NUMBER_TRIES_MAX = 20


class Heard:
    """Messages heard once, older ones dropped. Answers `ok`, `heard` or why nothing was done."""

    def __init__(self, pool: Pool, *, unit: str, min_balance: int, max_balance: int) -> None:
        self._pool = pool
        self._opening = (unit, min_balance, max_balance)

    async def registered(self, envelope: Envelope, *, entity_id: str, name: str, owner_user_id: str | None) -> str:
        """Opens the account with the node's first limits."""
        for _ in range(_NUMBER_TRIES_MAX):
            try:
                return await self._call(
                    "select hear_registered($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                    envelope,
                    new_id(),
                    entity_id,
                    name,
                    owner_user_id,
                    new_number(),
                    *self._opening,
                )
            except asyncpg.UniqueViolationError:
                continue
        raise RuntimeError("no free account number was found")

    async def standing(self, envelope: Envelope, *, entity_id: str, status: str, may_trade: bool) -> str:
        """The status and what it allows."""
        query = "select hear_standing($1, $2, $3, $4, $5, $6, $7, null)"
        return await self._call(query, envelope, entity_id, status, may_trade)

    async def named(self, envelope: Envelope, *, entity_id: str, name: str) -> str:
        """The name under which the account is shown."""
        return await self._call("select hear_standing($1, $2, $3, $4, $5, null, null, $6)", envelope, entity_id, name)

    async def deleted(self, envelope: Envelope, *, entity_id: str) -> str:
        """Closes the account, where nothing speaks against it."""
        return await self._call("select hear_deleted($1, $2, $3, $4, $5)", envelope, entity_id)

    async def membership(self, envelope: Envelope, *, entity_id: str, user_id: str, role: str | None) -> str:
        """Who acts for whom."""
        query = "select hear_membership($1, $2, $3, $4, $5, $6, $7)"
        return await self._call(query, envelope, entity_id, user_id, role)

    async def _call(self, query: str, envelope: Envelope, *values: object) -> str:
        message = (envelope.id, envelope.type, envelope.subject, envelope.sequence)
        return str(await self._pool.fetchval(query, *message, *values))
