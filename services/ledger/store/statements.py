"""An account's history: pages of its statement by cursor, its balance at a moment, its days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from libs.common.clock import rfc3339
from libs.common.database import Pool


@dataclass(frozen=True, slots=True)
class StatementRange:
    """Which entries: from a moment (included) to a moment (excluded), with a text in description or counterparty."""

    date_from: datetime | None = None
    date_to: datetime | None = None
    text: str | None = None


_LINE = """
e.seq, e.transfer_id::text, e.at, e.amount, e.balance_after, t.kind, t.description, t.parent_id::text,
case when e.amount < 0 then t.payee_entity else t.payer_entity end::text as other_entity,
case when e.amount < 0 then t.payee_number else t.payer_number end as other_number,
case when e.amount < 0 then t.payee_name else t.payer_name end as other_name
"""


class Statements:
    """Reads of one account's entries."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(
        self, entity_id: str, wanted: StatementRange, *, before_seq: int | None, limit: int
    ) -> list[dict[str, Any]]:
        """Lines before a sequence number, newest first: a range scan of the entries' key, wherever the range begins."""
        where, values = _where(entity_id, wanted, before_seq)
        rows = await self._pool.fetch(
            f"""
            select {_LINE}
            from entry_view e join transfer_view t on t.id = e.transfer_id
            where {where} order by e.seq desc limit ${len(values) + 1}
            """,
            *values,
            limit,
        )
        return [_line(row) for row in rows]

    async def balance_at(self, entity_id: str, at: datetime) -> int:
        """The balance after the last entry before or at this moment: one look-up."""
        found = await self._pool.fetchval(
            """
            select e.balance_after from entry_view e
            where e.account_id = (select a.id from account_view a where a.entity_id = $1) and e.at <= $2
            order by e.at desc, e.seq desc limit 1
            """,
            entity_id,
            at,
        )
        return int(found or 0)

    async def days(self, entity_id: str, *, first: date, last: date, zone: str) -> list[dict[str, Any]]:
        """Balance at the end of each local day from first to last, and what came in and went out on it."""
        rows: Sequence[Any] = await self._pool.fetch(
            """
            with mine as (select a.id from account_view a where a.entity_id = $1),
            moved as (
                select (e.at at time zone $4)::date as day,
                       sum(e.amount) filter (where e.amount > 0) as came, -sum(e.amount) filter (where e.amount < 0) as went
                from entry_view e
                where e.account_id = (select id from mine)
                  and e.at >= ($2::date)::timestamp at time zone $4
                  and e.at < (($3::date + 1))::timestamp at time zone $4
                group by 1
            )
            select d.day::date as day, coalesce(m.came, 0)::bigint as came, coalesce(m.went, 0)::bigint as went,
                   coalesce((
                       select e.balance_after from entry_view e
                       where e.account_id = (select id from mine) and e.at < $2::date::timestamp at time zone $4
                       order by e.at desc, e.seq desc limit 1), 0)::bigint as before
            from generate_series($2::date::timestamp, $3::date::timestamp, interval '1 day') as d(day)
            left join moved m on m.day = d.day::date
            order by d.day
            """,
            entity_id,
            first,
            last,
            zone,
        )
        points = []
        balance = rows[0]["before"] if rows else 0
        for row in rows:
            balance += row["came"] - row["went"]
            points.append(
                {
                    "day": row["day"].isoformat(),
                    "balance_minor": balance,
                    "in_minor": row["came"],
                    "out_minor": row["went"],
                }
            )
        return points


_MINE = "(select a.id from account_view a where a.entity_id = $1)"


def _where(entity_id: str, wanted: StatementRange, before_seq: int | None) -> tuple[str, list[Any]]:
    """Moments become sequence numbers by a look-up each (both rise together), so that every bound is one of the key's."""
    parts = [f"e.account_id = {_MINE}"]
    values: list[Any] = [entity_id]

    def given(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    if before_seq is not None:
        parts.append(f"e.seq < {given(before_seq)}")
    if wanted.date_from is not None:
        first = f"x.account_id = {_MINE} and x.at >= {given(wanted.date_from)} order by x.at, x.seq limit 1"
        parts.append(f"e.seq >= (select x.seq from entry_view x where {first})")
    if wanted.date_to is not None:
        last = f"x.account_id = {_MINE} and x.at < {given(wanted.date_to)} order by x.at desc, x.seq desc limit 1"
        parts.append(f"e.seq <= (select x.seq from entry_view x where {last})")
    if wanted.text is not None:
        words = "lower(t.description || ' ' || t.payer_name || ' ' || t.payee_name)"
        parts.append(f"strpos({words}, lower({given(wanted.text)})) > 0")
    return " and ".join(parts), values


def _line(row: Any) -> dict[str, Any]:
    return {
        "transfer_id": row["transfer_id"],
        "seq": row["seq"],
        "at": rfc3339(row["at"]),
        "kind": row["kind"],
        "counterparty": {
            "entity_id": row["other_entity"],
            "number": row["other_number"],
            "name": row["other_name"],
        },
        "description": row["description"],
        "amount_minor": row["amount"],
        "balance_after_minor": row["balance_after"],
    }
