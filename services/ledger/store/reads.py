"""What is read: accounts, transfers, pending proposals, history. Whose it is, is part of each query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.clock import rfc3339
from libs.common.database import Pool


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads. `sees_all`: an admin or a service. `only_entity` narrows an API key to its entity."""

    user_id: str
    sees_all: bool
    only_entity: str | None = None


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """Which transfers of a list."""

    entity_id: str | None = None
    number: str | None = None
    statuses: Sequence[str] = ()
    date_from: datetime | None = None
    date_to: datetime | None = None

    @property
    def of_an_account(self) -> bool:
        """Whether it is looked up by an account, and not among all there are."""
        return self.entity_id is not None or self.number is not None


_OWN = """
({entity} = $1 or $1 is null) and ($2 or exists (
    select from membership_view m where m.entity_id = {entity} and m.user_id = $3))
"""
_ACCOUNT = """
a.id::text, a.entity_id::text, a.number, a.name, a.kind, a.unit, a.status, a.may_trade, a.frozen, a.balance, a.held_out,
a.min_balance, a.max_balance, a.opened_at, a.closed_at
"""
# What is asked stands in a row of its own: so a plan costs the same whatever the values are, and is made once a session. Made
# for the values it would seem cheaper by more than the making is judged to cost, and be made for every call.
_FETCHED = """
with asked as materialized (
    select $1::uuid as only_entity, $2::boolean as sees_all, $3::text as user_id, $4::uuid[] as entity_ids,
        $5::text[] as numbers
), mine as materialized (
    select m.entity_id from asked join membership_view m on m.user_id = asked.user_id
), found as materialized (
    select a.*, (a.entity_id = asked.only_entity or asked.only_entity is null)
        and (asked.sees_all or a.entity_id in (select entity_id from mine)) as own
    from asked cross join lateral (
        select * from account_view e where e.entity_id = any(asked.entity_ids)
        union select * from account_view n where n.number = any(asked.numbers)
    ) a
)
"""
PENDING_MAX = 200
_PENDING = f"""
select coalesce(json_agg(newest.shape), '[]') from (
    select json_build_object('direction', o.direction, 'initiator', t.initiator, 'shape', transfer_json(t)) as shape
    from (
        select h.transfer_id, 'out' as direction from hold_view h where h.payer = a.id
        union all
        select h.transfer_id, 'in' from hold_view h where h.payee = a.id
    ) o cross join lateral (select * from transfer_view v where v.id = o.transfer_id limit 1) t
    where t.expires_at > clock_timestamp()
    order by t.created_at desc, t.id desc limit {PENDING_MAX}
) newest
"""
_RESOLVED = (
    "case when t.outcome is null then 'initiated' when t.outcome = 'completed' then 'completed' else 'cancelled' end"
)


class Reads:
    """Reads through the views, as the service's role. `pool` looks rows up; `walks` may go through whole tables."""

    def __init__(self, pool: Pool, walks: Pool) -> None:
        self._pool = pool
        self._walks = walks

    async def account(self, reader: Reader, entity_id: str) -> dict[str, Any] | None:
        """The entity's account, where the reader may see it."""
        own = _OWN.format(entity="a.entity_id")
        query = f"select {_ACCOUNT} from account_view a where a.entity_id = $4 and {own}"
        row = await self._pool.fetchrow(query, reader.only_entity, reader.sees_all, reader.user_id, entity_id)
        return None if row is None else _account(row)

    async def accounts(
        self,
        reader: Reader,
        *,
        entity_ids: Sequence[str] = (),
        numbers: Sequence[str] = (),
        with_pending: bool = False,
    ) -> list[dict[str, Any]]:
        """Whole for those the reader may see, and with their open proposals where asked; else what everybody may see of
        accounts that are listed."""
        pending = f", case when a.own then ({_PENDING}) end as pending" if with_pending else ""
        rows = await self._pool.fetch(
            f"""
            {_FETCHED} select {_ACCOUNT}, a.own{pending} from found a
            where a.own or a.kind <> 'member'
               or a.status in ('accepted', 'tradingPending', 'tradingRejected', 'tradingAccepted')
            order by a.number
            """,
            reader.only_entity,
            reader.sees_all,
            reader.user_id,
            list(entity_ids),
            list(numbers),
        )
        return [
            _account(row) | ({"pending": row["pending"]} if with_pending else {}) if row["own"] else _line(row)
            for row in rows
        ]

    async def find_entities(
        self,
        *,
        balance_min: int | None,
        max_positive_min: int | None,
        max_negative_min: int | None,
        number: str | None,
    ) -> list[str]:
        """Ids of entities whose account is at least so."""
        rows = await self._walks.fetch(
            """
            select entity_id::text from account_view
            where kind = 'member' and ($1::bigint is null or balance >= $1) and ($2::bigint is null or max_balance >= $2)
              and ($3::bigint is null or -min_balance >= $3) and ($4::text is null or number = $4)
            order by entity_id
            """,
            balance_min,
            max_positive_min,
            max_negative_min,
            number,
        )
        return [row[0] for row in rows]

    async def bands(self, *, after: str | None, limit: int) -> list[dict[str, Any]]:
        """Bands in entity id order, each with the sequence of its last event."""
        rows = await self._pool.fetch(
            """
            select entity_id::text, band, band_seq as sequence from account_view
            where entity_id is not null and ($1::uuid is null or entity_id > $1) order by entity_id limit $2
            """,
            after,
            limit,
        )
        return [dict(row) for row in rows]

    async def limit_history(self, entity_id: str) -> list[dict[str, Any]]:
        """Every change, newest first."""
        rows = await self._pool.fetch(
            """
            select l.* from limit_change_view l join account_view a on a.id = l.account_id
            where a.entity_id = $1 order by l.id desc limit 1000
            """,
            entity_id,
        )
        return [
            {
                "at": rfc3339(row["at"]),
                "old_max_negative_minor": -row["old_min"],
                "old_max_positive_minor": row["old_max"],
                "max_negative_minor": -row["new_min"],
                "max_positive_minor": row["new_max"],
                "by": row["by"],
                "reason": row["reason"],
            }
            for row in rows
        ]

    async def transfer(self, reader: Reader, transfer_id: str) -> str | None:
        """One transfer as JSON, for its parties."""
        payer, payee = _OWN.format(entity="t.payer_entity"), _OWN.format(entity="t.payee_entity")
        found: str | None = await self._pool.fetchval(
            f"select transfer_json(t)::text from transfer_view t where t.id = $4 and ({payer} or {payee})",
            reader.only_entity,
            reader.sees_all,
            reader.user_id,
            transfer_id,
        )
        return found

    async def transfers(
        self, reader: Reader, wanted: TransferFilter, *, offset: int, limit: int
    ) -> tuple[str, int] | None:
        """A page of transfers as JSON with commas between, newest first, and how many there are. None where an entity
        is wanted that the reader may not see."""
        values: list[Any] = [reader.only_entity, reader.sees_all, reader.user_id, wanted.entity_id]
        sides, where = _where(wanted, values)
        offset_at, limit_at = f"${len(values) + 1}::bigint", f"${len(values) + 2}::bigint"
        found = [f"from transfer_place_view t where {side} and {where}" for side in sides]
        # an account's index is in this order: wanting it, a planner that believes the table empty takes that index
        by_index = "order by t.created_at offset 0" if wanted.of_an_account else ""
        counts = " + ".join(f"(select count(*) from (select {each} {by_index}) each)" for each in found)
        newest = "order by created_at desc, id desc limit"
        firsts = " union all ".join(
            f"(select t.id, t.created_at {each} {newest} {offset_at} + {limit_at})" for each in found
        )
        own = _OWN.format(entity="a.entity_id")
        [row] = await (self._pool if wanted.of_an_account else self._walks).fetch(
            f"""
            with me as materialized (
                select a.id from account_view a where a.entity_id = $4 and {own}
            )
            select (select count(*) from me) as me, {counts} as total, (
                select string_agg(shown.json, ', ' order by page.created_at desc, page.id desc)
                from (select * from ({firsts}) first {newest} {limit_at} offset {offset_at}) page
                cross join lateral (
                    select transfer_json(t)::text as json from transfer_view t where t.id = page.id offset 0) shown
            ) as page
            """,
            *values,
            offset,
            limit,
        )
        return None if wanted.entity_id is not None and not row["me"] else (row["page"] or "", row["total"])

    async def pending(self, reader: Reader, entity_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Open proposals of these entities of the reader, newest first: the transfer, and the entity's side of it."""
        own = _OWN.format(entity="a.entity_id")
        rows = await self._pool.fetch(
            f"""
            with mine as (
                select a.id, a.entity_id from account_view a where a.entity_id = any($4::uuid[]) and {own}
            ), open as (
                select h.transfer_id, m.entity_id, 'out' as direction from hold_view h join mine m on m.id = h.payer
                union all
                select h.transfer_id, m.entity_id, 'in' from hold_view h join mine m on m.id = h.payee
            )
            select o.entity_id::text, o.direction, t.initiator, transfer_json(t)::text as shape
            from open o join transfer_view t on t.id = o.transfer_id
            where t.expires_at > clock_timestamp()
            order by t.created_at desc, t.id desc limit {PENDING_MAX}
            """,
            reader.only_entity,
            reader.sees_all,
            reader.user_id,
            list(entity_ids),
        )
        return [dict(row) for row in rows]

    async def names_of(self, numbers: Sequence[str]) -> dict[str, str]:
        """Names of accounts by their numbers."""
        rows = await self._pool.fetch(
            "select number, name from account_view where number = any($1::text[])", list(numbers)
        )
        return {row["number"]: row["name"] for row in rows}


def _where(wanted: TransferFilter, values: list[Any]) -> tuple[Sequence[str], str]:
    """Conditions; what they compare with is put to the values. The first ones exclude each other, and each is one look-up:
    an account pays or is paid, never both, while an index serves only one of them. The entity is looked up as `me`."""

    def given(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    accounts = [] if wanted.entity_id is None else ["(select id from me)"]
    if wanted.number is not None:
        accounts.append(f"(select a.id from account_view a where a.number = {given(wanted.number)})")
    sides = [f"t.{side} = {accounts[0]}" for side in ("payer", "payee")] if accounts else ["true"]
    parts = ["t.kind <> 'fee'", *(f"{account} in (t.payer, t.payee)" for account in accounts[1:])]
    if wanted.statuses:
        parts.append(f"{_RESOLVED} = any({given(list(wanted.statuses))}::text[])")
    if wanted.date_from is not None:
        parts.append(f"t.created_at >= {given(wanted.date_from)}")
    if wanted.date_to is not None:
        parts.append(f"t.created_at < {given(wanted.date_to)}")
    return sides, " and ".join(parts)


def _line(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("entity_id", "number", "name", "may_trade")}


def _account(row: Any) -> dict[str, Any]:
    shape = {
        "account_id": row["id"],
        "entity_id": row["entity_id"],
        "number": row["number"],
        "name": row["name"],
        "kind": row["kind"],
        "unit": row["unit"],
        "status": row["status"],
        "may_trade": row["may_trade"],
        "frozen": row["frozen"],
        "balance_minor": row["balance"],
        "held_minor": row["held_out"],
        "max_negative_minor": -row["min_balance"],
        "max_positive_minor": row["max_balance"],
        "available_to_spend_minor": row["balance"] - row["min_balance"] - row["held_out"],
        "available_to_receive_minor": row["max_balance"] - row["balance"],
        "opened_at": rfc3339(row["opened_at"]),
    }
    if row["closed_at"] is not None:
        shape["closed_at"] = rfc3339(row["closed_at"])
    return shape
