"""Millions of entries at once, as the tables' owner with the guards off; whether they are sound is audited afterwards."""

from libs.common.database import OwnConnection

LARGE = (0, 1)
SMALL = (2, 3)
SMALL_ENTRIES = 1_000
LARGE_ENTRIES = 1_000_000

# `rounds` payments of 1 from each first account of a pair to the second, in the order of time
_SEED = """
with pair as (
    select p.id as payer, q.id as payee, p.seq as payer_seq, q.seq as payee_seq, p.balance as payer_balance,
           q.balance as payee_balance
    from generate_series({first}, {last}, 2) i
    join account p on p.name = 'Member ' || i join account q on q.name = 'Member ' || (i + 1)
), paid as materialized (
    select bench_id() as id, r, clock_timestamp() as at, pair.* from generate_series(1, {rounds}) r, pair
), header as (
    insert into transfer (id, payer, payee, amount, kind, description, initiator, created_at, body_hash)
    select id, payer, payee, 1, 'adminTransfer', 'seeded', 'admin', at,
           header_hash(id, payer, payee, 1, 'adminTransfer', 'seeded') from paid
), outcome as (
    insert into resolution (transfer_id, kind, at, actor) select id, 'completed', at, 'admin' from paid
), leg as (
    insert into entry (account_id, seq, transfer_id, amount, balance_after, at)
    select leg.* from paid, lateral (values
        (payer, payer_seq + r, id, -1::bigint, payer_balance - r, at),
        (payee, payee_seq + r, id, 1::bigint, payee_balance + r, at)) leg
)
update account a set seq = a.seq + {rounds}, last_at = clock_timestamp(), only_imported = false,
    balance = a.balance + case when exists (select from pair where payer = a.id) then -{rounds} else {rounds} end
where exists (select from pair where a.id in (payer, payee))
"""
PAIRS_A_TIME = 200
ROUNDS_A_TIME = 100_000


async def seed(connection: OwnConnection, entries: int, accounts: int) -> int:
    """About so many entries: the first pair gets up to a million each, the second a thousand, the rest share. How many."""
    large = min(LARGE_ENTRIES, entries // 4)
    small = min(SMALL_ENTRIES, entries // 40)
    rest = max(1, (entries - 2 * large - 2 * small) // (accounts - 4))
    await connection.execute("set session_replication_role = replica")
    try:
        await _pay(connection, LARGE[0], LARGE[1], large)
        await _pay(connection, SMALL[0], SMALL[1], small)
        for first in range(4, accounts, PAIRS_A_TIME):
            await _pay(connection, first, min(first + PAIRS_A_TIME, accounts) - 1, rest)
    finally:
        await connection.execute("set session_replication_role = origin")
    for statement in ("vacuum analyze", "checkpoint"):
        await connection.execute(statement)
    return int(await connection.fetchval("select count(*) from entry"))


async def _pay(connection: OwnConnection, first: int, last: int, rounds: int) -> None:
    while rounds > 0:
        part = min(rounds, max(1, ROUNDS_A_TIME * 2 // (last - first + 1)))
        await connection.execute(_SEED.format(first=first, last=last - 1, rounds=part))
        rounds -= part
