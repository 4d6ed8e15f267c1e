"""Accounts as they are opened, judged, limited and closed, and who acts for them."""

from libs.common.database import Pool
from libs.common.ids import new_id
from services.ledger.domain import new_number

_OPEN = "select open_account($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_OPEN_COMMUNITY = "select open_community_account($1, $2, $3, $4, $5, $6)"
_NUMBER_TRIES_MAX = 20


class Accounts:
    """The functions of the database that change accounts, save for what moves credit."""

    def __init__(self, pool: Pool, *, unit: str, min_balance: int, max_balance: int) -> None:
        self._pool = pool
        self._unit = unit
        self._min_balance = min_balance
        self._max_balance = max_balance

    async def open(self, entity_id: str, name: str, owner_user_id: str | None, request_id: str | None) -> None:
        """Idempotent: an account that is there stays as it is; an owner is added."""
        for _ in range(_NUMBER_TRIES_MAX):
            limits = self._min_balance, self._max_balance
            code = await self._pool.fetchval(
                _OPEN, new_id(), entity_id, name, owner_user_id, new_number(), self._unit, *limits, request_id
            )
            if code == "ok":
                return
        raise RuntimeError("no free account number was found")

    async def open_community(self, name: str, *, min_balance: int, max_balance: int) -> None:
        """An account of the community itself; one of a name."""
        for _ in range(_NUMBER_TRIES_MAX):
            code = await self._pool.fetchval(
                _OPEN_COMMUNITY, new_id(), name, new_number(), self._unit, min_balance, max_balance
            )
            if code == "ok":
                return
        raise RuntimeError("no free account number was found")

    async def set_standing(
        self,
        entity_id: str,
        *,
        status: str | None,
        may_trade: bool | None,
        name: str | None,
        admin: str | None = None,
        request_id: str | None = None,
    ) -> str:
        """Codes: ok, unknown_account, account_closed. None leaves as it is."""
        return str(
            await self._pool.fetchval(
                "select set_standing($1, $2, $3, $4, $5, $6)", entity_id, status, may_trade, name, admin, request_id
            )
        )

    async def set_limits(
        self,
        entity_id: str,
        *,
        min_balance: int | None,
        max_balance: int | None,
        by: str | None,
        reason: str,
        request_id: str | None,
    ) -> str:
        """Codes: ok, unknown_account, account_closed, limit_below_balance. None leaves as it is."""
        return str(
            await self._pool.fetchval(
                "select set_limits($1, $2, $3, $4, $5, $6)", entity_id, min_balance, max_balance, by, reason, request_id
            )
        )

    async def close(self, entity_id: str, *, by: str | None, request_id: str | None) -> str:
        """Codes: ok, unknown_account, balance_not_zero, transfers_open."""
        return str(await self._pool.fetchval("select close_account($1, $2, $3)", entity_id, by, request_id))

    async def record_refusal(
        self, *, caller: str, number: str, amount_minor: int, count: int, request_id: str | None
    ) -> None:
        """Tells the activity log of refusals by a limit; `count` since the last record of this caller."""
        await self._pool.execute(
            "select record_refusal($1, $2, $3, $4, $5)", caller, number, amount_minor, count, request_id
        )
