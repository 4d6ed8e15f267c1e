"""Plans that a session makes while the books are empty look up by key: what a payment reads does not grow with the books."""

from libs.common.database import Pool, create_pool
from libs.common.ids import new_id
from services.ledger.app import LOOKING_UP
from services.ledger.settings import SERVICE_ROLE
from services.ledger.store.postings import Asked, Consent, Payment, Postings, Proposal
from services.ledger.store.reads import Reader, Reads, TransferFilter
from services.ledger.store.statements import StatementRange, Statements
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


async def test_what_a_page_reads_does_not_grow_with_the_books(node: Node) -> None:
    """Sessions that began on new books, which nobody has analysed."""
    baker, smith, me = [await node.member() for _ in range(3)]
    pool = await create_pool(node.settings.ledger_url, role=SERVICE_ROLE, size_max=1, session=LOOKING_UP)
    reads, statements, reader = Reads(pool, pool), Statements(pool), Reader(me.user_id, sees_all=False)
    mine, sent = TransferFilter(entity_id=me.entity_id), TransferFilter(entity_id=me.entity_id, statuses=["completed"])

    async def pages() -> list[int]:
        """How many of everything there are."""
        found = [await reads.transfers(reader, wanted, offset=0, limit=10) for wanted in (mine, sent)]
        pending = await reads.pending(reader, [me.entity_id])
        lines = await statements.page(me.entity_id, StatementRange(), before_seq=None, limit=20)
        return [total for _, total in filter(None, found)] + [len(pending), len(lines)]

    try:
        assert await pages() == [0, 0, 0, 0]
        for _ in range(ROUNDS // SIZE):
            await _pay(node.ledger.postings, [(baker, smith)] * SIZE * SIZE)
        await _pay(node.ledger.postings, [(me, smith), (smith, me)])
        assert (await node.propose(me, baker, 1))[0] == 201
        before = await _read(pool)
        assert await pages() == [3, 2, 1, 2]
        after = await _read(pool)
    finally:
        await pool.close()
    grown = {table: after[table] - before[table] for table in TABLES}
    assert grown["transfer"] > 0, "nothing was counted"
    assert {table: rows for table, rows in grown.items() if rows > READ_MAX} == {}


async def test_accounts_are_fetched_by_a_plan_that_is_made_once(node: Node) -> None:
    members = [await node.member() for _ in range(4)]
    pool = await create_pool(node.settings.ledger_url, role=SERVICE_ROLE, size_max=1, session=LOOKING_UP)
    try:
        reads, reader = Reads(pool, pool), Reader(members[0].user_id, sees_all=False)
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
    await _pay(postings, [(payer, payee)] * SIZE)
    proposals = [
        Proposal(_asked(payee.user_id), new_id(), payee.number, payer.number, True, 1, "") for _ in range(SIZE)
    ]
    proposed = await postings.propose(proposals)
    accepted = await postings.accept([Consent(_asked(payer.user_id), proposal.id) for proposal in proposals])
    assert {outcome.code for outcome in (*proposed, *accepted)} == {"ok"}


async def _pay(postings: Postings, pairs: list[tuple[Member, Member]]) -> None:
    """A payment on behalf from the first to the second of each pair."""
    paid = await postings.pay(
        [Payment(_asked("admin"), new_id(), payer.number, payee.number, 1, "") for payer, payee in pairs]
    )
    assert {outcome.code for outcome in paid} == {"ok"}


def _asked(caller: str) -> Asked:
    return Asked(caller, None, new_id(), b"h", None)


async def _read(pool: Pool) -> dict[str, int]:
    """Rows that were read from each table so far, by look-ups or by going through it."""
    async with pool.acquire() as connection:
        await connection.execute("select pg_stat_force_next_flush()")
        await connection.execute("select pg_stat_clear_snapshot()")
        rows = await connection.fetch(
            "select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) as read from pg_stat_user_tables"
        )
    return {row["relname"]: row["read"] for row in rows}
