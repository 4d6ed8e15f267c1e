"""Many callers at once: one key, one payment; no deadlock; sums that hold while everything moves."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from libs.common.database import connect, create_pool
from libs.common.ids import new_id
from services.ledger.service.clock import act_on_due
from services.ledger.settings import SERVICE_ROLE
from services.ledger.store.postings import Asked, Payment, Postings
from services.ledger.tests.conftest import Member, Node, at_once

CALLERS = 64
ROUNDS = 5


async def test_a_hundred_callers_with_one_key_make_one_transfer(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    answers = await at_once(*(node.propose(baker, smith, 100, key="same") for _ in range(100)))
    assert {status for status, _ in answers} == {201}
    assert len({shape["id"] for _, shape in answers}) == 1
    assert sum("replayed" not in shape for _, shape in answers) == 1
    transfer = answers[0][1]["id"]
    accepts = await at_once(*(node.act("accept", transfer, smith, key="same") for _ in range(100)))
    assert {(status, shape["status"]) for status, shape in accepts} == {(200, "completed")}
    without_key = await at_once(*(node.act("accept", transfer, smith) for _ in range(10)))
    assert {shape["errors"][0]["code"] for _, shape in without_key} == {"transfer_finished"}
    assert (await node.balance(baker), await node.balance(smith)) == (-100, 100)
    await node.assert_sound()


async def test_one_key_with_two_bodies_at_once_is_one_transfer_and_conflicts(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    answers = await at_once(*(node.propose(baker, smith, 1 + n % 2, key="k") for n in range(40)))
    done = [shape["amount_minor"] for status, shape in answers if status == 201]
    refused = {shape["errors"][0]["code"] for status, shape in answers if status == 409}
    assert (len(set(done)), len(done), refused) == (1, 20, {"idempotency_conflict"})
    assert await node.owner.fetchval("select count(*) from transfer") == 1


async def test_a_refusal_is_judged_again_under_the_same_key(node: Node) -> None:
    baker, smith = await node.member(low=-100), await node.member()
    assert (await node.propose(baker, smith, 200, key="k"))[0] == 400
    limits = {"max_negative_minor": 500, "reason": "more"}
    await node.call("PUT", f"/accounts/{baker.entity_id}/limits", "admin", limits)
    status, proposed = await node.propose(baker, smith, 200, key="k")
    assert status == 201
    await node.act("accept", proposed["id"], smith)
    status, again = await node.propose(baker, smith, 200, key="k")
    assert (status, again["id"], again["status"], again["replayed"]) == (201, proposed["id"], "initiated", True)
    assert (await node.propose(baker, smith, 201, key="k"))[0] == 409


async def test_two_processes_with_one_key_give_one_answer(node: Node) -> None:
    """Two writers with connections of their own, as two copies of the service have."""
    baker, smith = await node.member(), await node.member()
    pools = [await create_pool(node.settings.ledger_url, role=SERVICE_ROLE, size_max=1) for _ in range(2)]
    copies = [Postings(pool, reserve=True, lifetime_s=100, reminder_s=0) for pool in pools]

    def items() -> list[Payment]:
        return [
            Payment(Asked("admin", None, f"k{n}", b"h", None), new_id(), baker.number, smith.number, 1, "")
            for n in range(30)
        ]

    try:
        first, second = await asyncio.gather(*(copy.pay(items()) for copy in copies))
    finally:
        for pool in pools:
            await pool.close()
    assert [outcome.code for outcome in first] == ["ok"] * 30
    assert [outcome.answer for outcome in first] == [outcome.answer for outcome in second]
    assert await node.balance(smith) == 30
    await node.assert_sound()


async def test_opposite_payments_do_not_deadlock(node: Node) -> None:
    members = [await node.member() for _ in range(6)]
    pools = [await create_pool(node.settings.ledger_url, role=SERVICE_ROLE, size_max=1) for _ in range(4)]
    before = await node.owner.fetchval("select deadlocks from pg_stat_database where datname = current_database()")

    async def copy(number: int, pool: Any) -> list[str]:
        postings = Postings(pool, reserve=True, lifetime_s=100, reminder_s=0)
        chance = random.Random(number)
        codes = []
        for _ in range(15):
            batch = []
            for _ in range(8):
                payer, payee = chance.sample(members, 2)
                asked = Asked("admin", None, None, b"", None)
                batch.append(Payment(asked, new_id(), payer.number, payee.number, 1, ""))
            codes += [outcome.code for outcome in await postings.pay(batch)]
        return codes

    try:
        codes = await asyncio.gather(*(copy(number, pool) for number, pool in enumerate(pools)))
    finally:
        for pool in pools:
            await pool.close()
    assert {code for part in codes for code in part} == {"ok"}
    after = await node.owner.fetchval("select deadlocks from pg_stat_database where datname = current_database()")
    assert after == before
    await node.assert_sound()


async def test_every_running_balance_inside_a_batch_is_held_against_the_limit(node: Node) -> None:
    baker, smith = await node.member(low=-1000, high=500), await node.member()
    await node.pay(smith, baker, 490)
    asked = Asked("admin", None, None, b"", None)
    up = Payment(asked, new_id(), smith.number, baker.number, 100, "")
    down = Payment(asked, new_id(), baker.number, smith.number, 100, "")
    assert [outcome.code for outcome in await node.ledger.postings.pay([up, down])] == ["other_limit_reached", "ok"]
    down, up = Payment(asked, new_id(), *down_of(baker, smith)), Payment(asked, new_id(), *down_of(smith, baker))
    assert [outcome.code for outcome in await node.ledger.postings.pay([down, up])] == ["ok", "ok"]
    await node.assert_sound()


def down_of(payer: Member, payee: Member) -> tuple[str, str, int, str]:
    return payer.number, payee.number, 50, ""


async def test_the_bank_balances_while_everybody_acts_at_once(node: Node) -> None:
    seed = random.randrange(2**32)
    members = [await node.member(str(n), low=-3000, high=3000) for n in range(8)]
    watching = asyncio.create_task(_watch(node))
    try:
        await asyncio.gather(*(_caller(node, members, random.Random(seed + n)) for n in range(CALLERS)))
    finally:
        watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert await act_on_due(node.ledger) >= 0
    await node.assert_sound()
    assert await node.owner.fetchval("select count(*) from resolution") > CALLERS, f"seed {seed}"


async def _caller(node: Node, members: list[Member], chance: random.Random) -> None:
    """Does what comes; every answer is one of those that are foreseen."""
    for _ in range(ROUNDS):
        payer, payee = chance.sample(members, 2)
        by = chance.choice(["payer", "payee"])
        status, shape = await node.propose(payer, payee, chance.randrange(1, 1500), by=by, key=new_id())
        assert status in (201, 400, 429), shape
        if status != 201:
            assert shape["errors"][0]["code"] in ("limit_reached", "too_many_tries"), shape
            continue
        receiver, starter = (payee, payer) if by == "payer" else (payer, payee)
        verb, who = chance.choice(
            [
                ("accept", receiver),
                ("accept", receiver),
                ("accept", receiver),
                ("reject", receiver),
                ("cancel", starter),
            ]
        )
        key = new_id()
        answers = await asyncio.gather(*(node.act(verb, shape["id"], who, key=key) for _ in range(2)))
        assert {a[0] for a in answers} <= {200, 400}, answers
        assert len({a[1].get("status", "refused") for a in answers}) == 1, answers
        if verb == "accept" and answers[0][0] == 200 and chance.random() < 0.3:
            refund = await node.call("POST", f"/transfers/{shape['id']}/refund", payee.token, {"amount_minor": 1})
            assert refund[0] in (201, 400), refund
            if refund[0] == 201:
                assert (await node.act("accept", refund[1]["id"], payer))[0] in (200, 400)


async def _watch(node: Node) -> None:
    """On a snapshot of its own: the sum is zero and nobody is beyond a limit, at every moment."""
    connection = await connect(node.settings.ledger_url)
    try:
        while True:
            row = await connection.fetchrow(
                """
                select sum(balance) as total, bool_and(balance between min_balance and max_balance) as within,
                       (select coalesce(sum(amount), 0) from entry) as entries from account
                """
            )
            assert row is not None
            assert (row["total"], row["within"], row["entries"]) == (0, True, 0)
            await asyncio.sleep(0.005)
    finally:
        await connection.close()


async def test_the_database_refuses_an_unbalanced_posting_even_from_inside(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    done = await node.pay(baker, smith, 5)
    with pytest.raises(asyncpg.CheckViolationError, match="sum to zero"):
        await node.owner.execute(
            "insert into entry (account_id, seq, transfer_id, amount, balance_after, at)"
            " select account_id, 9, transfer_id, 7, 7, now() from entry where transfer_id = $1 limit 1",
            done["id"],
        )


async def test_connections_that_die_under_way_lose_and_double_nothing(node: Node) -> None:
    """Every caller repeats under its own key until it is answered, while the database's sessions are killed."""
    baker, smith = await node.member(low=-1_000_000), await node.member(high=1_000_000)
    killing = asyncio.create_task(_kill_sessions(node))

    async def answered(ask: Callable[[], Awaitable[tuple[int, Any]]], wanted: int) -> Any:
        async with asyncio.timeout(60):
            while True:
                status, shape = await ask()
                if status == wanted:
                    return shape
                assert (status, shape["errors"][0]["code"]) == (503, "store_away"), shape
                await asyncio.sleep(0.01)  # as Retry-After asks, only sooner

    async def pay(number: int) -> str:
        proposed = await answered(lambda: node.propose(baker, smith, 1, key=f"p{number}"), 201)
        done = await answered(lambda: node.act("accept", proposed["id"], smith, key=f"a{number}"), 200)
        return str(done["id"])

    try:
        acknowledged = [await asyncio.gather(*(pay(block * 20 + n) for n in range(20))) for block in range(4)]
    finally:
        killing.cancel()
        killed = (await at_once(killing))[0]
    paid = {transfer for block in acknowledged for transfer in block}
    rows = await node.owner.fetch("select transfer_id from resolution where kind = 'completed'")
    assert {row[0] for row in rows} == paid
    assert (len(paid), await node.owner.fetchval("select balance from account where number = $1", smith.number)) == (
        80,
        80,
    )
    assert isinstance(killed, asyncio.CancelledError)
    await node.assert_sound()


async def _kill_sessions(node: Node) -> None:
    while True:
        await node.owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        await asyncio.sleep(0.2)
