"""Pools: Python values in and out, limits on everything, and no state from one use to the next."""

import asyncio

import asyncpg
import pytest
import pytest_asyncio

from libs.common.database import create_pool, place, transaction
from libs.common.ids import new_id
from libs.common.service import StartRefused


@pytest_asyncio.fixture
async def pool(postgres):
    opened = await create_pool(postgres, statement_timeout_s=1, lock_timeout_s=0.1, size_max=3)
    yield opened
    await opened.close()


async def test_json_and_ids_are_python_values(pool):
    identity = new_id()
    assert await pool.fetchval("select $1::jsonb", {"a": ["é", 1, None]}) == {"a": ["é", 1, None]}
    assert await pool.fetchval("select $1::uuid", identity) == identity
    assert await pool.fetchval("select $1::uuid[]", [identity]) == [identity]
    assert await pool.fetchval("select $1::jsonb[]", [{"a": [1]}, {}]) == [{"a": [1]}, {}]


async def test_a_transaction_is_whole_or_not_at_all(pool):
    await pool.execute("create table t (x int)")

    async def fails():
        async with transaction(pool) as connection:
            await connection.execute("insert into t values (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with transaction(pool) as connection:
        await connection.execute("insert into t values (2)")
    assert [row["x"] for row in await pool.fetch("select x from t")] == [2]


async def test_a_reading_transaction_cannot_write(pool):
    await pool.execute("create table t (x int)")
    async with transaction(pool, readonly=True) as connection:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("insert into t values (1)")


async def test_a_statement_and_a_wait_for_a_lock_end_in_time(pool):
    await pool.execute("create table t (x int)")
    with pytest.raises(asyncpg.QueryCanceledError):
        await pool.execute("select pg_sleep(5)")
    async with transaction(pool) as connection:
        await connection.execute("lock table t")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await pool.execute("insert into t values (1)")


async def test_a_transaction_left_open_by_hand_does_not_reach_the_next_user(postgres):
    pool = await create_pool(postgres, size_max=1)
    async with pool.acquire() as connection:
        await connection.execute("begin; create table half (x int)")
    assert await pool.fetchval("select to_regclass('half')") is None
    await pool.close()


async def test_whoever_waits_for_a_connection_has_it_before_whoever_comes_later(postgres):
    pool = await create_pool(postgres, size_max=1)
    served: list[str] = []

    async def worker(name: str) -> None:
        for _ in range(5):
            async with pool.acquire():
                served.append(name)
                await asyncio.sleep(0)

    await asyncio.gather(*map(worker, "abcdef"))
    assert "".join(served) == "abcdef" * 5
    await pool.close()


async def test_a_turn_that_was_given_up_goes_to_the_next_and_none_is_given_twice(postgres):
    pool = await create_pool(postgres, size_max=1)
    held = await pool.acquire()
    with pytest.raises(TimeoutError):
        await pool.acquire(timeout=0.01)
    waiting = [asyncio.create_task(pool.fetchval("select $1::integer", number)) for number in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    for _ in range(2):
        await pool.release(held)
    assert await asyncio.gather(*waiting[1:]) == [1, 2]
    held = await pool.acquire()
    with pytest.raises(TimeoutError):
        await pool.acquire(timeout=0.01)
    held.terminate()  # the server went away in the middle
    await pool.release(held)
    assert await pool.fetchval("select 7") == 7
    await pool.close()


async def test_a_pool_acts_as_its_role_and_stays_so(pool, postgres):
    role = f"r{new_id()[-12:]}"
    await pool.execute(f"create role {role}")
    try:
        acting = await create_pool(postgres, role=role, size_max=1)
        for _ in range(3):
            assert await acting.fetchval("select current_user") == role
        await acting.close()
    finally:
        await pool.execute(f"drop role {role}")


async def test_a_server_that_comes_late_is_waited_for():
    began = asyncio.get_running_loop().time()
    with pytest.raises(StartRefused, match=r"127\.0\.0\.1:1/x cannot be reached within 0\.3 s") as caught:
        await create_pool("postgresql://user:pass@127.0.0.1:1/x", connect_timeout_s=0.3)
    assert asyncio.get_running_loop().time() - began < 5
    assert "pass" not in caught.value.sentence


async def test_a_database_that_is_not_there_is_one_sentence(embedded_postgres):
    with pytest.raises(StartRefused, match="nothing_here"):
        await create_pool(embedded_postgres.url("nothing_here"), connect_timeout_s=1)


@pytest.mark.parametrize("url", ["", "embedded:", "mysql://x/y"])
async def test_what_is_no_address_of_postgresql_is_wrong_use(url):
    with pytest.raises(StartRefused) as caught:
        await create_pool(url)
    assert caught.value.status == 2


def test_messages_name_the_place_without_the_password():
    assert place("postgresql://user:pa@ss@host:1/db") == "postgresql://host:1/db"
