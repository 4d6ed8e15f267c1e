"""What each door's server refuses by itself, whoever talks to it, and what a dead relay leaves behind."""

import re
import time
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio
from bson import Timestamp
from pymongo import AsyncMongoClient
from pymongo.errors import WriteError

from libs.common.database import create_pool
from libs.common.testing import eventually
from services.directory.store.documents import entity_document
from services.directory.store.doors import prepare_store
from services.directory.store.mongodb.outbox import MongoOutbox
from services.directory.store.port import Activity, Membership, Write
from services.directory.store.postgres import entities
from services.directory.store.postgres.door import PostgresStore
from services.directory.tests.builders import NOON, an_entity, first, following

on_postgres = pytest.mark.parametrize("door", ["embedded", "server"], indirect=True)
on_mongodb = pytest.mark.parametrize("door", ["mongodb"], indirect=True)
WRONG: list[dict[str, Any]] = [
    {"status": "done"},
    {"version": 0},
    {"listed": "yes"},
    {"offers": [{"tag": f"t{n}", "added_at": "2026-03-02T12:00:00.000Z"} for n in range(11)]},
    {"pictures": [{}] * 6},
    {"texts": {"name": "x" * 101}},
]


@pytest_asyncio.fixture
async def postgres_connection(store_url):
    """A connection past the store."""
    connection = await asyncpg.connect(store_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def mongo_database(store_url):
    """A client past the store."""
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(store_url) as client:
        yield client.get_default_database()


@on_postgres
async def test_a_look_is_planned_once_whatever_is_looked_at(store, store_url):
    entities = [first(an_entity()) for _ in range(12)]
    for each in entities:
        await store.insert(each)
    ids = [each.entity.id for each in entities]
    pool = await create_pool(store_url, size_max=1)
    try:
        looking = PostgresStore(pool, pool)
        for wanted, viewer in ((ids[:1], None), (ids, ids[0]), (ids[:1], None), ([], None)) * 3:
            await looking.glance(wanted, "user", viewer)
        [plans] = await pool.fetch(
            "select custom_plans, generic_plans from pg_prepared_statements where statement like '%is_favorite%' and statement not like '%prepared_statements%'"
        )
        await looking.outbox.close()
    finally:
        await pool.close()
    assert plans["generic_plans"] >= 4, "it is planned anew for other values"


@on_postgres
async def test_what_is_found_by_its_key_is_found_by_index_also_where_it_was_planned_while_nobody_was_there(store):
    statements = {
        "_GLANCE": (entities._GLANCE, "array['a', 'b'], 'u', 'a'"),
        "_GLANCE_OF_NOBODY": (entities._GLANCE_OF_NOBODY, "array['a', 'b']"),
        "_SEVERAL": (entities._SEVERAL, "array['a', 'b']"),
        "_OWN": (entities._OWN, "'u'"),
        "_CHANGES": (entities._CHANGES, "'7', 10"),
        "_SAVE": (entities._SAVE, "array['a'], array[1], array['{}']::jsonb[]"),
    }
    async with store._keyed.acquire() as connection:
        for name, (sql, values) in statements.items():
            kinds = "(text[], bigint[], jsonb[])" if name == "_SAVE" else ""
            await connection.execute(f"prepare {name}{kinds} as {sql}")
            plan = "\n".join(row[0] for row in await connection.fetch(f"explain (costs off) execute {name}({values})"))
            assert not re.search("Seq Scan on (entity|membership)", plan), f"{name}\n{plan}"
            await connection.execute(f"deallocate {name}")


@on_postgres
async def test_what_changed_since_a_mark_is_named_whoever_ends_later(store, store_url, postgres_connection):
    old, other = [first(an_entity()) for _ in range(2)]
    await store.insert(old)
    mark = await _quiet(store)
    async with postgres_connection.transaction():
        # begun before the mark is asked for, ended after it
        await postgres_connection.execute("update entity set doc = doc where id = $1", old.entity.id)
        await store.insert(other)
        told = await store.changes(mark, 10)
        assert told.ids == (other.entity.id,)
        mark = told.mark
    told = await store.changes(mark, 10)
    assert old.entity.id in (told.ids or ())
    mark = await _quiet(store)
    await store.save([following(old.entity, daily_matches=True), following(other.entity, daily_matches=True)])
    assert (await store.changes(mark, 1)).ids is None
    assert set((await store.changes(mark, 2)).ids) == {old.entity.id, other.entity.id}


@on_postgres
async def test_whose_memberships_changed_is_named_whoever_ends_later(store, postgres_connection):
    await store.put_membership(Membership("e1", "u1", "owner", 1))
    mark = await _quiet(store)
    async with postgres_connection.transaction():
        await postgres_connection.execute("update membership set role = null where user_id = 'u1'")
        await store.put_membership(Membership("e1", "u2", "owner", 1))
        told = await store.changes(mark, 10)
        assert told.users == ("u2",)
    assert "u1" in (await store.changes(told.mark, 10)).users


async def _quiet(store) -> str:
    """A mark since which nothing changed: other databases of this server may have long transactions, which make it older."""
    marks: list[str] = [(await store.changes(None, 10)).mark]

    async def names_nothing() -> bool:
        told = await store.changes(marks[-1], 10)
        marks.append(told.mark)
        return (told.ids, told.users) == ((), ())

    await eventually(names_nothing)
    return marks[-1]


@on_mongodb
async def test_what_changed_since_a_mark_is_named_also_when_its_time_was_written_long_before(store, mongo_database):
    old, other = [first(an_entity()) for _ in range(2)]
    assert await store.insert(old)
    assert not await store.insert(old), "the id is taken"
    assert (await mongo_database.entity.find_one({}))["version"] == 1
    assert await mongo_database.entity.count_documents({"touched": {"$type": "timestamp"}}) == 1
    # so long ago that no write which said so can come to sight any more
    await _say_touched(mongo_database, old, _now_s() - 60)
    mark = (await store.changes(None, 10)).mark
    assert (await store.changes(mark, 10)).ids == ()
    await store.insert(other)
    told = await store.changes(mark, 10)
    assert told.ids == (other.entity.id,)
    # it read the clock before the mark and is seen only now
    await _say_touched(mongo_database, old, _now_s() - 25)
    told = await store.changes(told.mark, 10)
    assert set(told.ids) == {old.entity.id, other.entity.id}
    for each in (old, other):
        await _say_touched(mongo_database, each, _now_s() - 60)
    assert (await store.changes(told.mark, 10)).ids == ()
    # one alone and several together; a deletion is a change like any other
    [gone] = await store.save([following(old.entity, deleted=True)])
    assert gone
    assert (await store.changes(told.mark, 10)).ids == (old.entity.id,)
    assert await store.save([following(other.entity, daily_matches=True), following(old.entity)]) == [True, False]
    assert (await store.changes(told.mark, 1)).ids is None
    assert set((await store.changes(told.mark, 2)).ids) == {old.entity.id, other.entity.id}
    # a membership
    assert told.users == ()
    await store.put_membership(Membership("e1", "u1", "owner", 1))
    await store.put_membership(Membership("e2", "u1", "owner", 1))
    assert (await store.changes(told.mark, 10)).users == ("u1",)
    await mongo_database.membership.update_many({}, {"$set": {"touched": Timestamp(_now_s() - 25, 0)}})
    assert (await store.changes(told.mark, 10)).users == ("u1",)


@on_mongodb
async def test_a_mark_that_the_server_has_not_reached_proves_nothing(store, mongo_database):
    await store.insert(first(an_entity()))
    mark = (await store.changes(None, 10)).mark
    ahead = str((_now_s() + 3600) << 32)
    told = await store.changes(ahead, 10)
    assert told.ids is None
    assert int(mark) <= int(told.mark) < int(ahead)
    assert (await store.changes(told.mark, 10)).ids is not None
    # put back from a copy
    await mongo_database.note.delete_many({})
    assert (await store.changes(told.mark, 10)).ids is None
    assert (await store.changes("9" * 19, 10)).ids is None


async def _say_touched(database, written: Write, at_s: int) -> None:
    """As a write whose server read its clock at this moment."""
    await database.entity.update_one({"_id": written.entity.id}, {"$set": {"touched": Timestamp(at_s, 0)}})


def _now_s() -> int:
    return int(time.time())


@on_postgres
async def test_postgres_lets_nobody_change_the_activity_log(store, postgres_connection):
    await store.record(Activity("id", NOON, "user", "login.succeeded", "Logged in."))
    for sql in ("update activity set at = now()", "delete from activity", "truncate activity"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await postgres_connection.execute(sql)


@on_postgres
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: next(iter(wrong)))
async def test_postgres_refuses_a_wrong_entity(store, postgres_connection, wrong):
    written = first(an_entity())
    await store.insert(written)
    await postgres_connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_json, decoder=str)
    document = entity_document(written.entity) | wrong
    with pytest.raises(asyncpg.CheckViolationError):
        await postgres_connection.execute("update entity set doc = $1, version = $2", document, document["version"])


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


@on_mongodb
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: next(iter(wrong)))
async def test_mongodb_refuses_a_wrong_entity(store, mongo_database, wrong):
    await store.insert(first(an_entity()))
    with pytest.raises(WriteError):
        await mongo_database.entity.update_one({}, {"$set": wrong})


@on_mongodb
async def test_what_a_dead_relay_held_is_told_when_its_lease_runs_out(store, mongo_database):
    written = first(an_entity())
    await store.insert(written)
    dying = MongoOutbox(mongo_database, lease_ms=0).claim(500)
    claim = await dying.__aenter__()
    assert len(claim.envelopes) == len(written.events)
    # it dies here: nothing is done, nothing let go
    async with store.outbox.claim(500) as other:
        assert [event.id for event in other.envelopes] == [event.id for event in written.events]


@on_mongodb
async def test_mongodb_sends_the_difference_of_a_change_alone(store, mongo_database):
    written = first(an_entity(texts={"city": "Town"}))
    await store.insert(written)
    await mongo_database.entity.update_one({}, {"$set": {"texts.region": "kept by nobody else"}})
    assert await store.save([following(written.entity, daily_matches=True)]) == [True]
    stored = await mongo_database.entity.find_one({})
    assert (stored["daily_matches"], stored["texts"]["region"]) == (True, "kept by nobody else")


@on_mongodb
async def test_what_waits_is_found_without_reading_what_does_not(store, mongo_database):
    touched = {"touched": {"$gte": Timestamp(5, 0)}}
    questions: list[tuple[str, Any]] = [("entity", {"due": {"$lte": 5}}), ("entity", {"claim": "a token"})]
    for name, asked in [*questions, ("entity", touched), ("membership", touched)]:
        told = await mongo_database.command("explain", {"find": name, "filter": asked})
        assert "COLLSCAN" not in str(told["queryPlanner"]["winningPlan"])


@on_mongodb
async def test_the_indexes_of_earlier_code_give_way(store_url, mongo_database):
    await mongo_database.entity.drop_index("due")
    await mongo_database.entity.create_index("due", name="due", partialFilterExpression={"due": {"$exists": True}})
    await prepare_store(store_url)
    assert (await mongo_database.entity.index_information())["due"].get("sparse") is True
