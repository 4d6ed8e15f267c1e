"""What needs more than one word: refunds, groups of transfers, and the fees that rules add."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from libs.common.database import Pool
from libs.common.ids import new_id
from services.ledger.store.postings import Asked, Outcome, proposal_times


@dataclass(frozen=True, slots=True)
class GroupLeg:
    """One transfer of a group. Account numbers."""

    id: str
    payer: str
    payee: str
    amount_minor: int
    description: str


@dataclass(frozen=True, slots=True)
class Fee:
    """What a rule would add to a transfer."""

    name: str
    amount_minor: int
    entity_id: str | None
    number: str
    payee_name: str


_REFUND = """
select code, room, replayed, answer from propose_refund($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_GROUP = """
select code, room, replayed, answer
from propose_group($1, $2::uuid[], $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""
_ACCEPT_GROUP = "select code, room, replayed, answer from accept_group($1, $2, $3, $4, $5, $6)"
_END_GROUP = "select code, room, replayed, answer from end_group($1, $2, $3, $4, $5, $6)"


class Agreements:
    """The functions of the database for all of these."""

    def __init__(self, pool: Pool, *, reserve: bool, lifetime_s: int, reminder_s: int) -> None:
        self._pool = pool
        self._reserve = reserve
        self._times = proposal_times(lifetime_s, reminder_s)

    async def refund(self, asked: Asked, transfer_id: str, amount_minor: int | None, description: str) -> Outcome:
        """Codes: ok, not_a_party, not_completed, refund_too_large, idempotency_conflict, and those of a proposal."""
        return await self._one(
            _REFUND,
            new_id(),
            transfer_id,
            asked.caller,
            asked.only_entity,
            amount_minor,
            description,
            asked.key,
            asked.body_hash,
            asked.request_id,
            self._reserve,
            *self._times,
        )

    async def propose_group(self, asked: Asked, initiator: str, legs: Sequence[GroupLeg]) -> Outcome:
        """Codes: ok, not_your_account, not_in_group, limit_reached, idempotency_conflict, and those of a proposal."""
        try:
            return await self._one(
                _GROUP,
                new_id(),
                [leg.id for leg in legs],
                asked.caller,
                asked.only_entity,
                initiator,
                [leg.payer for leg in legs],
                [leg.payee for leg in legs],
                [leg.amount_minor for leg in legs],
                [leg.description for leg in legs],
                asked.key,
                asked.body_hash,
                asked.request_id,
                self._reserve,
                *self._times,
            )
        except asyncpg.CheckViolationError as fault:
            if fault.constraint_name != "account_within_limits":
                raise
            return Outcome("limit_reached", None, replayed=False, answer=None)

    async def accept_group(self, asked: Asked, group_id: str, entity_id: str) -> Outcome:
        """Codes: ok, limit_reached, not_a_party, transfer_finished, may_not_trade, account_frozen."""
        return await self._one(
            _ACCEPT_GROUP, group_id, entity_id, asked.caller, asked.only_entity, self._reserve, asked.request_id
        )

    async def end_group(self, asked: Asked, group_id: str, *, by_admin: bool, reason: str) -> Outcome:
        """Codes: ok, not_a_party, transfer_finished."""
        return await self._one(
            _END_GROUP, group_id, asked.caller, asked.only_entity, by_admin, reason, asked.request_id
        )

    async def group(self, group_id: str, *, user_id: str, sees_all: bool, only_entity: str | None) -> str | None:
        """A group as JSON, for its parties."""
        found: str | None = await self._pool.fetchval(
            """
            select group_json($1)::text where exists (
                select from transfer_view t where t.group_id = $1 and ($2 or exists (
                    select from membership_view m where m.user_id = $3 and m.entity_id in (t.payer_entity, t.payee_entity)
                      and ($4::uuid is null or m.entity_id = $4))))
            """,
            group_id,
            sees_all,
            user_id,
            only_entity,
        )
        return found

    async def fees(self, payer: str, payee: str, amount_minor: int) -> list[Fee]:
        """What the rules would add now to a transfer between these numbers."""
        rows = await self._pool.fetch(
            """
            select r.name, fee_of($3, r.share_ppm) as amount, a.entity_id::text, a.number, a.name as payee_name
            from fee_rule_view r join account_view a on a.id = r.payee
            where r.ended_at is null and a.number not in ($1, $2) and fee_of($3, r.share_ppm) > 0 order by r.made_at
            """,
            payer,
            payee,
            amount_minor,
        )
        return [Fee(**_fee(row)) for row in rows]

    async def fee_rules(self) -> list[dict[str, Any]]:
        """The rules in force, oldest first."""
        rows = await self._pool.fetch(
            """
            select r.id::text, r.name, r.share_ppm, a.number, a.name as payee_name
            from fee_rule_view r join account_view a on a.id = r.payee where r.ended_at is null order by r.made_at
            """
        )
        return [
            {
                "id": row["id"],
                "name": row["name"],
                "share_ppm": row["share_ppm"],
                "payee": {"entity_id": None, "number": row["number"], "name": row["payee_name"]},
            }
            for row in rows
        ]

    async def community_number(self, name: str) -> str | None:
        """The number of the community's account of this name."""
        found: str | None = await self._pool.fetchval(
            "select number from account_view where kind = 'community' and name = $1", name
        )
        return found

    async def add_fee(self, name: str, share_ppm: int, payee: str, by: str, request_id: str | None) -> tuple[str, str]:
        """Code and the rule's id. Codes: ok, unknown_account."""
        rule = new_id()
        code = await self._pool.fetchval(
            "select add_fee_rule($1, $2, $3, $4, $5, $6)", rule, name, share_ppm, payee, by, request_id
        )
        return str(code), rule

    async def end_fee(self, rule_id: str, by: str, request_id: str | None) -> str:
        """Codes: ok, unknown_fee."""
        return str(await self._pool.fetchval("select end_fee_rule($1, $2, $3)", rule_id, by, request_id))

    async def _one(self, query: str, *values: object) -> Outcome:
        row = await self._pool.fetchrow(query, *values)
        assert row is not None
        return Outcome(row[0], row[1], bool(row[2]), row[3])


def _fee(row: Any) -> dict[str, Any]:
    return {
        "name": row["name"],
        "amount_minor": row["amount"],
        "entity_id": row["entity_id"],
        "number": row["number"],
        "payee_name": row["payee_name"],
    }
