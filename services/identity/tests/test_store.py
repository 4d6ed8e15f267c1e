"""What the database itself keeps and refuses, and what is swept."""

from datetime import timedelta

import asyncpg
import pytest

from services.identity.app import migrate
from services.identity.store import sessions, upkeep, users
from services.identity.tests.conftest import Running, settings_for


async def test_migrating_twice_changes_nothing(database):
    await migrate(settings_for(database))


async def test_the_database_refuses_a_second_user_of_an_address(identity: Running):
    await identity.sign_up()
    with pytest.raises(asyncpg.UniqueViolationError):
        await identity.deps.pool.execute(
            "insert into users (id, email, email_key, password_hash, password_changed_at, role, created_at)"
            " select 'x', email, email_key, password_hash, password_changed_at, role, created_at from users"
        )


@pytest.mark.parametrize("change", ["role = 'root'", "email = repeat('x', 101)", "telephone = repeat('1', 26)"])
async def test_the_database_refuses_what_the_domain_refuses(identity: Running, change):
    await identity.sign_up()
    with pytest.raises(asyncpg.CheckViolationError):
        await identity.deps.pool.execute(f"update users set {change}")


@pytest.mark.parametrize("fragment", ["%", "_", "\\", "a%a", "'", "' or 1=1 --", ".*", "\\%"])
async def test_a_fragment_is_literal(identity: Running, fragment):
    await identity.sign_up(last_name="plain")
    await identity.sign_up(email="ben@example.org", last_name=f"x{fragment}y")
    async with identity.deps.pool.acquire() as connection:
        found, total = await users.search(connection, last_name=fragment, email="", limit=10, offset=0)
    assert (total, [user.email for user in found]) == (1, ["ben@example.org"])


async def test_only_named_columns_of_a_user_can_be_changed(identity: Running):
    async with identity.deps.pool.acquire() as connection:
        with pytest.raises(ValueError, match="not columns"):
            await users.change(connection, "x", {"password_hash = 'x', role": "admin"})


async def test_what_ran_out_is_swept_and_the_rest_stays(identity: Running):
    answer = await identity.sign_up()
    await identity.log_in(kind="browser")
    await identity.call("POST", "/logout", token=answer["token"])
    pool, now = identity.deps.pool, identity.clock()
    assert await upkeep.sweep(pool, now) == 0
    async with pool.acquire() as connection:
        assert len(await sessions.revocations(connection, now)) == 1
    assert await upkeep.sweep(pool, now + timedelta(days=3)) == 2
    assert await pool.fetchval("select count(*) from sessions") == 1
    await upkeep.sweep(pool, now + timedelta(days=500))
    for table in ("sessions", "revocations", "attempts", "one_time_tokens", "devices", "refresh_tokens"):
        assert await pool.fetchval(f"select count(*) from {table}") == 0, table
