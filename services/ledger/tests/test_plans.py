"""Plans that a session makes while the books are empty look up by key: what a payment reads does not grow with the books."""

from libs.common.database import Pool, create_pool
from libs.common.ids import new_id
from services.ledger.settings import SERVICE_ROLE
from services.ledger.store.postings import Asked, Consent, Payment, Postings, Proposal
from services.ledger.store.reads import Reader, Reads
from services.ledger.tests.conftest import Member, Node

ROUNDS = 60
SIZE = 5
READ_MAX = 60
"""Rows of a table that one round may read for one of its items; a plan that walks the books reads hundreds."""
TABLES = ("account", "entry", "hold", "idempotency", "membership", "resolution", "transfer")


async def test_what_a_posting_reads_does_not_grow_with_the_books(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    await node.owner.execute("vacuum analyze")  # the worst that a plan can be made from: tables known to be empty
    pool = await create_pool(node.settings.ledger_url, role=SERVICE_ROLE, size_max=1)
    postings = Postings(pool, reserve=True, lifetime_s=3600, reminder_s=60)
    try:
        for _ in range(ROUNDS - 1):
            await _one_round(postings, baker, smith)
        before = await _read(pool)
        await _one_round(postings, baker, smith)
        after = await _read(pool)
    finally:
        await pool.close()
    assert before["transfer"] > 0, "nothing was counted"
    assert before["entry"] > 0, "nothing was counted"
    grown = {table: after[table] - before[table] for table in TABLES}
    assert {table: rows for table, rows in grown.items() if rows > READ_MAX * SIZE} == {}


async def test_accounts_are_fetched_by_a_plan_that_is_made_once(node: Node) -> None:
    members = [await node.member() for _ in range(4)]
    pool = await create_pool(node.settings.ledger_url, role=SERVICE_ROLE, size_max=1)
    try:
        reads, reader = Reads(pool), Reader(members[0].user_id, sees_all=False)
        for wanted in (members[:1], members, members[:1], [], members, members[:1], members, members[:1]):
            ids = [member.entity_id for member in wanted]
            found = await reads.accounts(reader, entity_ids=ids, with_pending=True)
            assert {account["entity_id"] for account in found} == set(ids)
        [plans] = await pool.fetch(
            "select custom_plans, generic_plans from pg_prepared_statements where statement like '%as pending %from found a%' and statement not like '%prepared_statements%'"
        )
    finally:
        await pool.close()
    assert plans["generic_plans"] >= 2, "it is planned anew for other values"


async def _one_round(postings: Postings, payer: Member, payee: Member) -> None:
    """Payments on behalf, and payments in two steps that are accepted."""

    def asked(caller: str) -> Asked:
        return Asked(caller, None, new_id(), b"h", None)

    paid = await postings.pay(
        [Payment(asked("admin"), new_id(), payer.number, payee.number, 1, "") for _ in range(SIZE)]
    )
    proposals = [Proposal(asked(payee.user_id), new_id(), payee.number, payer.number, True, 1, "") for _ in range(SIZE)]
    proposed = await postings.propose(proposals)
    accepted = await postings.accept([Consent(asked(payer.user_id), proposal.id) for proposal in proposals])
    assert {outcome.code for outcome in (*paid, *proposed, *accepted)} == {"ok"}


async def _read(pool: Pool) -> dict[str, int]:
    """Rows that were read from each table so far, by look-ups or by going through it."""
    async with pool.acquire() as connection:
        await connection.execute("select pg_stat_force_next_flush()")
        await connection.execute("select pg_stat_clear_snapshot()")
        rows = await connection.fetch(
            "select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) as read from pg_stat_user_tables"
        )
    return {row["relname"]: row["read"] for row in rows}
