"""What identity hears: twice, out of order, and unreadable."""

import pydantic
import pytest

from libs.common.contracts.directory import EntityDeletedV1, EntityRegisteredV1
from services.identity.consumers import handlers
from services.identity.tests.conftest import Running


def registered(identity: Running, entity_id: str):
    event = EntityRegisteredV1(entity_id=entity_id, name="Ana's", email="a@example.org", status="pending")
    return event.envelope(subject=entity_id, sequence=1, time=identity.clock())


def deleted(identity: Running, entity_id: str):
    event = EntityDeletedV1(entity_id=entity_id, name="Ana's")
    return event.envelope(subject=entity_id, sequence=1, time=identity.clock())


async def test_the_profile_is_dropped_once_the_directory_has_it(identity: Running):
    entity_id = (await identity.sign_up())["entity_id"]
    handle = handlers(identity.deps)[EntityRegisteredV1.TYPE]
    envelope = registered(identity, entity_id)
    await handle(envelope)
    await handle(envelope)
    assert await identity.deps.pool.fetchval("select count(*) from pending_profiles") == 0


async def test_nobody_acts_for_a_deleted_entity_and_it_is_told_once(identity: Running):
    ana = await identity.sign_up()
    body = {"entity_id": ana["entity_id"], "name": "till", "scopes": ["read"]}
    await identity.call("POST", "/api-keys", body, token=ana["token"])
    handle = handlers(identity.deps)[EntityDeletedV1.TYPE]
    envelope = deleted(identity, ana["entity_id"])
    await handle(envelope)
    await handle(envelope)
    me = await identity.call("GET", "/users/me", token=ana["token"])
    assert me["memberships"] == []
    told = await identity.told("membership.changed.v1")
    assert [row["data"]["role"] for row in told] == ["owner", None]
    assert await identity.deps.pool.fetchval("select count(*) from api_keys where revoked_at is null") == 0


async def test_news_out_of_order_end_in_the_same_state(identity: Running):
    entity_id = (await identity.sign_up())["entity_id"]
    handle = handlers(identity.deps)
    await handle[EntityDeletedV1.TYPE](deleted(identity, entity_id))
    await handle[EntityRegisteredV1.TYPE](registered(identity, entity_id))
    assert await identity.deps.pool.fetchval("select count(*) from pending_profiles") == 0
    assert await identity.deps.pool.fetchval("select count(*) from memberships where role is not null") == 0


async def test_an_event_that_cannot_be_read_is_raised_so_that_it_ends_among_the_dead_letters(identity: Running):
    envelope = deleted(identity, "x")
    envelope.data.pop("entity_id")
    with pytest.raises(pydantic.ValidationError):
        await handlers(identity.deps)[EntityDeletedV1.TYPE](envelope)
    assert await identity.deps.pool.fetchval("select count(*) from inbox") == 0
