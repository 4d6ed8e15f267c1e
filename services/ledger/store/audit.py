"""What the auditor looks at, and where it notes what it found. Every check is one statement, so one moment of the books."""

from dataclasses import asdict, dataclass
from typing import Any

import asyncpg

from libs.common.clock import rfc3339
from libs.common.database import Pool

CHECK_TIMEOUT_S = 900
FAULTS_MAX = 100
"""Of one check and run: what is broken in a thousand places is named in a hundred."""

_CHAIN = """
with recent as (select account_id, min(seq) as from_seq from entry where pos > $1 and pos <= $2 group by account_id),
line as (
    select e.account_id, e.seq, e.amount, e.balance_after, e.transfer_id,
           lag(e.seq) over w as before_seq, lag(e.balance_after) over w as before, r.from_seq
    from recent r join entry e on e.account_id = r.account_id and e.seq >= r.from_seq - 1
    window w as (partition by e.account_id order by e.seq))
select array[a.number] as numbers, format('entry %s of account %s (transfer %s) does not follow from the one before',
       l.seq, a.number, l.transfer_id) as detail
from line l join account a on a.id = l.account_id
where l.seq >= l.from_seq
  and (l.seq <> coalesce(l.before_seq, 0) + 1 or l.balance_after <> coalesce(l.before, 0) + l.amount)
order by a.number, l.seq limit $3
"""
_NEWEST = """
with recent as (select distinct account_id from entry where pos > $1 and pos <= $2)
select array[a.number] as numbers, format('account %s says %s after %s entries, its newest entry says %s after %s',
       a.number, a.balance, a.seq, e.balance_after, e.seq) as detail
from recent r join account a on a.id = r.account_id
cross join lateral (select seq, balance_after from entry where account_id = a.id order by seq desc limit 1) e
where e.seq <> a.seq or e.balance_after <> a.balance
order by a.number limit $3
"""
_LEGS = """
select array(select distinct a.number from entry x join account a on a.id = x.account_id
             where x.transfer_id = e.transfer_id order by 1) as numbers,
       format('the entries of transfer %s sum to %s in %s legs', e.transfer_id, sum(e.amount), count(*)) as detail
from entry e where e.pos > $1 and e.pos <= $2
group by e.transfer_id having sum(e.amount) <> 0 or count(*) <> 2
order by e.transfer_id limit $3
"""
SUMS = {
    "zero_sum": """
        select '{}'::text[] as numbers, format('all balances in %s sum to %s', unit, sum(balance)) as detail
        from account group by unit having sum(balance) <> 0 limit $1""",
    "holds": """
        with open_group as (
            select distinct t.group_id from hold h join transfer t on t.id = h.transfer_id where t.group_id is not null),
        held as (
            select account_id, sum(reserved) as reserved from (
                select payer as account_id, reserved from hold where reserved > 0
                union all
                select c.account_id, c.reserved from group_consent c join open_group using (group_id)
                where c.reserved > 0) one
            group by account_id)
        select array[a.number] as numbers,
               format('account %s holds %s, its open proposals reserve %s', a.number, a.held_out, coalesce(h.reserved, 0))
                   as detail
        from account a full join held h on h.account_id = a.id
        where coalesce(a.held_out, 0) <> coalesce(h.reserved, 0) order by a.number limit $1""",
}
GUARDS = {
    "guards": """
        select '{}'::text[] as numbers, format('%s %s %s', coalesce(d.kind, n.kind), coalesce(d.name, n.name), case
            when n.name is null then 'is gone' when d.name is null then 'was not there when the guards were set'
            else 'is not as it was set' end) as detail
        from guard_due d full join guard_now n on n.kind = d.kind and n.name = d.name
        where d.digest is distinct from n.digest order by 2 limit $1""",
}
CHANGED = {"chain_of_balances": _CHAIN, "newest_entry": _NEWEST, "legs": _LEGS}
WHOLE = {
    "limits": """
        select array[number] as numbers, format('account %s is outside its limits', number) as detail from account
        where balance > max_balance or balance - held_out < min_balance order by number limit $1""",
    "empty_accounts": """
        select array[a.number] as numbers, format('account %s has a balance of %s without an entry', a.number, a.balance)
            as detail
        from account a where (a.balance <> 0 or a.seq <> 0) and not exists (select from entry e where e.account_id = a.id)
        order by a.number limit $1""",
    "headers": """
        select array[p.number, q.number] as numbers, format('the header of transfer %s was changed', t.id) as detail
        from transfer t join account p on p.id = t.payer join account q on q.id = t.payee
        where t.body_hash <> header_hash(t.id, t.payer, t.payee, t.amount, t.kind, t.description) order by t.id limit $1""",
    "outcomes": """
        select array[p.number, q.number] as numbers,
               format('transfer %s is %s with %s entries', t.id, coalesce(r.kind, 'open'), coalesce(e.legs, 0)) as detail
        from transfer t join account p on p.id = t.payer join account q on q.id = t.payee
        left join resolution r on r.transfer_id = t.id
        left join (select transfer_id, count(*) as legs from entry group by transfer_id) e on e.transfer_id = t.id
        where (coalesce(r.kind, '') = 'completed') <> (coalesce(e.legs, 0) > 0) order by t.id limit $1""",
    "orphans": """
        select array[a.number] as numbers, format('entry %s of account %s belongs to no transfer', e.seq, a.number) as detail
        from entry e left join account a on a.id = e.account_id left join transfer t on t.id = e.transfer_id
        where t.id is null or a.id is null order by e.pos limit $1""",
    "unresolved": """
        select array[p.number, q.number] as numbers, format('transfer %s has neither an outcome nor a place among the open', t.id)
            as detail
        from transfer t join account p on p.id = t.payer join account q on q.id = t.payee
        where t.kind <> 'fee' and not exists (select from resolution r where r.transfer_id = t.id)
          and not exists (select from hold h where h.transfer_id = t.id) order by t.id limit $1""",
    "limits_history": """
        select array[a.number] as numbers, format('the limits of account %s are not those of its history', a.number) as detail
        from account a left join lateral (
            select c.new_min, c.new_max from limit_change c where c.account_id = a.id order by c.id desc limit 1) l on true
        where (l.new_min is not null or a.kind = 'member')
          and (a.min_balance, a.max_balance) is distinct from (l.new_min, l.new_max) order by a.number limit $1""",
}


class StillBroken(Exception):  # noqa: N818  a refusal
    """An account that a fault names still contradicts its entries: it stays frozen."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a check found; accounts by number, to be frozen."""

    check: str
    detail: str
    numbers: tuple[str, ...] = ()


class AuditStore:
    """The auditor's eyes and notebook; its pool has the auditor's role."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def sums(self) -> list[Fault]:
        """Per unit and holds: cheap enough for every second."""
        return [fault for name, sql in SUMS.items() for fault in await self._run(name, sql, FAULTS_MAX)]

    async def changed(self, after_pos: int, upto_pos: int) -> list[Fault]:
        """The accounts and transfers with entries in this range of positions, and the guards."""
        found = [
            fault
            for name, sql in CHANGED.items()
            for fault in await self._run(name, sql, after_pos, upto_pos, FAULTS_MAX)
        ]
        return found + [fault for name, sql in GUARDS.items() for fault in await self._run(name, sql, FAULTS_MAX)]

    async def whole(self) -> list[Fault]:
        """What is only seen by reading everything."""
        return [fault for name, sql in WHOLE.items() for fault in await self._run(name, sql, FAULTS_MAX)]

    async def report(self, kind: str, took_ms: int, faults: list[Fault]) -> int:
        """Notes the run and its faults, freezes what they name; how many were new."""
        shape = [asdict(fault) for fault in faults]
        return int(await self._pool.fetchval("select audit_report($1, $2, $3::jsonb)", kind, took_ms, shape))

    async def clear(self, fault_id: int, by: str, reason: str) -> bool:
        """Ends a fault that was repaired; False where there is no such open fault. Raises StillBroken."""
        try:
            return bool(await self._pool.fetchval("select audit_clear($1, $2, $3)", fault_id, by, reason))
        except asyncpg.CheckViolationError:
            raise StillBroken from None

    async def whole_is_due(self, every_s: float) -> bool:
        """Whether nobody has checked everything for so long."""
        sql = """select not exists (select from audit_run where kind = 'full'
                                    and at > clock_timestamp() - make_interval(secs => $1))"""
        return bool(await self._pool.fetchval(sql, every_s))

    async def state(self) -> dict[str, Any]:
        """When each kind of check last ran, and every open fault."""
        runs = await self._pool.fetch("select kind, at, took_ms, faults from audit_run")
        faults = await self._pool.fetch(
            "select id, check_name, detail, numbers, found_at from audit_open order by id limit $1", FAULTS_MAX
        )
        counts = await self._pool.fetchrow(
            "select (select count(*) from account) as a, (select count(*) from hold) as h"
        )
        assert counts is not None
        return {
            "ok": not faults,
            "checked_at": rfc3339(max(run["at"] for run in runs)) if runs else None,
            "runs": {run["kind"]: {"at": rfc3339(run["at"]), "took_ms": run["took_ms"]} for run in runs},
            "accounts": counts["a"],
            "open_proposals": counts["h"],
            "faults": [
                {
                    "id": fault["id"],
                    "check": fault["check_name"],
                    "detail": fault["detail"],
                    "numbers": fault["numbers"],
                    "found_at": rfc3339(fault["found_at"]),
                }
                for fault in faults
            ],
        }

    async def _run(self, name: str, sql: str, *values: int) -> list[Fault]:
        rows = await self._pool.fetch(sql, *values, timeout=CHECK_TIMEOUT_S)
        return [Fault(name, row["detail"], tuple(number for number in row["numbers"] if number)) for row in rows]
