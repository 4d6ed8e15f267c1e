"""What moves credit: one call of one function each, many items in, one outcome an item out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.database import Pool


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and under which key. `only_entity` narrows an API key to its entity."""

    caller: str
    only_entity: str | None
    key: str | None
    body_hash: bytes
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """One transfer to propose. Account numbers; `outgoing`: the initiator pays."""

    asked: Asked
    id: str
    initiator: str
    receiver: str
    outgoing: bool
    amount_minor: int
    description: str


@dataclass(frozen=True, slots=True)
class Consent:
    """Accepting one proposal."""

    asked: Asked
    transfer_id: str


@dataclass(frozen=True, slots=True)
class Ending:
    """Rejecting or cancelling one proposal."""

    asked: Asked
    transfer_id: str
    by_admin: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Payment:
    """One transfer on behalf. Account numbers."""

    asked: Asked
    id: str
    payer: str
    payee: str
    amount_minor: int
    description: str


@dataclass(frozen=True, slots=True)
class PastTransfer:
    """One line of an imported past."""

    id: str
    at: datetime
    payer: str
    payee: str
    amount_minor: int
    description: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item. `answer` is the transfer as JSON where there is one to show."""

    code: str
    room_minor: int | None
    replayed: bool
    answer: str | None


_PROPOSE = """
select code, room, replayed, answer
from propose_batch($1::uuid[], $2, $3::uuid[], $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) order by item
"""
_ACCEPT = """
select code, room, replayed, answer from accept_batch($1::uuid[], $2, $3::uuid[], $4, $5, $6) order by item
"""
_END = """
select code, room, replayed, answer from end_batch($1, $2::uuid[], $3, $4::uuid[], $5, $6, $7, $8, $9) order by item
"""
_PAY = """
select code, room, replayed, answer from pay_batch($1::uuid[], $2, $3, $4, $5, $6, $7, $8, $9) order by item
"""
_IMPORT = "select code from import_batch($1::uuid[], $2, $3, $4, $5, $6, $7, $8) order by item"


def proposal_times(lifetime_s: int, reminder_s: int) -> tuple[timedelta, timedelta]:
    """How long a proposal lives, and how long before its end both are reminded: never in its first half.

    Without a reminder its moment lies after the end, where nobody looks for it any more.
    """
    before_s = min(float(reminder_s), lifetime_s / 2) if reminder_s else -1.0
    return timedelta(seconds=lifetime_s), timedelta(seconds=before_s)


class Postings:
    """The functions of the database that move credit."""

    def __init__(self, pool: Pool, *, reserve: bool, lifetime_s: int, reminder_s: int) -> None:
        self._pool = pool
        self._reserve = reserve
        self._lifetime, self._remind_before = proposal_times(lifetime_s, reminder_s)

    async def propose(self, items: Sequence[Proposal]) -> list[Outcome]:
        """Codes: ok, not_your_account, idempotency_conflict, same_account, unknown_account, other_unit, may_not_trade,
        other_may_not_trade, account_frozen, limit_reached (with room), other_limit_reached."""
        return await self._call(_PROPOSE, *self._proposals(items))

    async def propose_all_or_none(self, items: Sequence[Proposal]) -> list[Outcome]:
        """As propose; where one is refused, none is kept."""
        async with self._pool.acquire() as connection:
            open_transaction = connection.transaction()
            await open_transaction.start()
            kept = False
            try:
                rows = await connection.fetch(_PROPOSE, *self._proposals(items))
                kept = all(row[0] == "ok" for row in rows)
            finally:
                await (open_transaction.commit() if kept else open_transaction.rollback())
        return [Outcome(row[0], row[1], bool(row[2]), row[3] if kept else None) for row in rows]

    def _proposals(self, items: Sequence[Proposal]) -> list[object]:
        return [
            [item.id for item in items],
            [item.asked.caller for item in items],
            [item.asked.only_entity for item in items],
            [item.initiator for item in items],
            [item.receiver for item in items],
            [item.outgoing for item in items],
            [item.amount_minor for item in items],
            [item.description for item in items],
            [item.asked.key for item in items],
            [item.asked.body_hash for item in items],
            [item.asked.request_id for item in items],
            self._reserve,
            self._lifetime,
            self._remind_before,
        ]

    async def accept(self, items: Sequence[Consent]) -> list[Outcome]:
        """Codes: ok, limit_reached (the proposal is cancelled then), not_a_party, own_proposal, transfer_finished,
        idempotency_conflict, may_not_trade, other_may_not_trade, account_frozen."""
        return await self._call(
            _ACCEPT,
            [item.transfer_id for item in items],
            [item.asked.caller for item in items],
            [item.asked.only_entity for item in items],
            [item.asked.key for item in items],
            [item.asked.body_hash for item in items],
            [item.asked.request_id for item in items],
        )

    async def reject(self, items: Sequence[Ending]) -> list[Outcome]:
        """Codes: ok, not_a_party, own_proposal, transfer_finished, idempotency_conflict."""
        return await self._end("reject", items)

    async def cancel(self, items: Sequence[Ending]) -> list[Outcome]:
        """Codes: ok, not_a_party, not_own_proposal, transfer_finished, idempotency_conflict."""
        return await self._end("cancel", items)

    async def _end(self, operation: str, items: Sequence[Ending]) -> list[Outcome]:
        return await self._call(
            _END,
            operation,
            [item.transfer_id for item in items],
            [item.asked.caller for item in items],
            [item.asked.only_entity for item in items],
            [item.by_admin for item in items],
            [item.reason for item in items],
            [item.asked.key for item in items],
            [item.asked.body_hash for item in items],
            [item.asked.request_id for item in items],
        )

    async def pay(self, items: Sequence[Payment]) -> list[Outcome]:
        """Transfers on behalf. Codes: ok, idempotency_conflict, unknown_payer, unknown_account, same_account, other_unit,
        may_not_trade, other_may_not_trade, account_frozen, limit_reached, other_limit_reached."""
        return await self._call(
            _PAY,
            [item.id for item in items],
            [item.asked.caller for item in items],
            [item.payer for item in items],
            [item.payee for item in items],
            [item.amount_minor for item in items],
            [item.description for item in items],
            [item.asked.key for item in items],
            [item.asked.body_hash for item in items],
            [item.asked.request_id for item in items],
        )

    async def import_past(self, items: Sequence[PastTransfer], caller: str | None, request_id: str | None) -> list[str]:
        """Codes: imported, repeated, unknown_payer, unknown_account, same_account, other_unit, account_closed,
        account_frozen, account_in_use, date_in_future, date_order, limit_reached, other_limit_reached."""
        rows = await self._pool.fetch(
            _IMPORT,
            [item.id for item in items],
            [item.at for item in items],
            [item.payer for item in items],
            [item.payee for item in items],
            [item.amount_minor for item in items],
            [item.description for item in items],
            caller,
            request_id,
        )
        return [row["code"] for row in rows]

    async def expire_due(self, limit: int) -> int:
        """Ends proposals whose time is over, by the database's clock; how many."""
        return int(await self._pool.fetchval("select expire_due($1)", limit))

    async def remind_due(self, limit: int) -> int:
        """Tells of proposals that will expire soon; how many."""
        return int(await self._pool.fetchval("select remind_due($1)", limit))

    async def forget_outcomes(self, days: int) -> int:
        """Forgets what old Idempotency-Keys found; how many."""
        return int(await self._pool.fetchval("select forget_outcomes(make_interval(days => $1))", days))

    async def _call(self, query: str, *arrays: object) -> list[Outcome]:
        rows = await self._pool.fetch(query, *arrays)
        return [Outcome(row[0], row[1], bool(row[2]), row[3]) for row in rows]
