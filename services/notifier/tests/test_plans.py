"""What is due is found by its index, whatever the planner knew when the session made its plan."""

from datetime import timedelta

from libs.common.ids import new_id
from services.notifier.store.mails import ClaimedMail, EndedMail, claim_mails, end_mails
from services.notifier.tests.conftest import Bench

BACKLOG = 400
READ_MAX = 60
"""Rows of mail and notice that a claim of four, or their end, may read; a plan that walks them reads hundreds."""


async def test_a_claim_reads_what_it_takes_and_not_the_backlog(bench: Bench) -> None:
    async with bench.pool.acquire() as connection:
        await connection.execute("vacuum analyze mail, notice")  # tables known to be empty
        now = bench.clock()

        async def claim() -> list[ClaimedMail]:
            return await claim_mails(connection, new_id(), now=now, until=now + timedelta(minutes=1), limit=4)

        async def read() -> int:
            await connection.execute("select pg_stat_force_next_flush()")
            await connection.execute("select pg_stat_clear_snapshot()")
            found = await connection.fetchval(
                "select sum(seq_tup_read + idx_tup_fetch)::int from pg_stat_user_tables where relname in ('mail', 'notice')"
            )
            return int(found)

        for _ in range(10):  # by then a session keeps its plan
            assert await claim() == []
        await connection.execute(
            "insert into notice (id, event_id, kind, audience, recipient_id, bell, params, at)"
            " select 'n' || g, 'e' || g, 'transfer_proposed', 'entity', 'x', true, '{}', $2"
            " from generate_series(1, $1::int) g",
            BACKLOG,
            now,
        )
        await connection.execute(
            "insert into mail (id, notice_id, due_at, created_at)"
            " select 'm' || g, 'n' || g, $2, $2 from generate_series(1, $1::int) g",
            BACKLOG,
            now,
        )
        before = await read()
        claimed = await claim()
        taken = await read()
        ended = await end_mails(connection, [EndedMail(mail, "sent") for mail in claimed], now)
        assert len(ended) == 4
        assert (taken - before <= READ_MAX, await read() - taken <= READ_MAX) == (True, True)
