"""Events in: twice, late, in any order, malformed, and for what is not known yet."""

import itertools
from typing import Any, cast

import pytest
from pydantic import ValidationError

from libs.common.contracts import directory as own
from libs.common.contracts import identity, ledger, matcher, notifier
from libs.common.ids import new_id
from services.directory.consumers import handlers
from services.directory.service import reading
from services.directory.service.deps import Rules
from services.directory.store.port import ActivityFilter, Slice
from services.directory.tests.builders import NOON, a_user, signed_up, told


@pytest.fixture
def deps(deps):
    """Where addresses must be confirmed."""
    return type(deps)(deps.store, deps.clock, Rules(must_verify=True))


async def hear(deps, *envelopes):
    known = handlers(deps)
    for envelope in envelopes:
        await known[envelope.type](envelope)


def registered(user, entity_id, **profile):
    event = identity.UserRegisteredV1(
        user_id=user.id, entity_id=entity_id, email="a@example.org", profile={"name": "Green Acres", **profile}
    )
    return event.envelope(subject=user.id, sequence=1, time=NOON)


def user_changed(user, sequence, *, verified=False, email="a@example.org"):
    event = identity.UserChangedV1(user_id=user.id, email=email, email_verified=verified)
    return event.envelope(subject=user.id, sequence=sequence, time=NOON)


def membership(user, entity_id, role, sequence):
    event = identity.MembershipChangedV1(entity_id=entity_id, user_id=user.id, role=role)
    return event.envelope(subject=f"{entity_id}/{user.id}", sequence=sequence, time=NOON)


async def test_any_order_of_a_signups_news_ends_in_the_same_state(deps):
    for order in itertools.permutations(range(4)):
        user, entity_id = a_user(), new_id()
        news = [
            registered(user, entity_id, city="Town"),
            user_changed(user, 1),
            user_changed(user, 2, verified=True),
            membership(user, entity_id, "owner", 1),
        ]
        await hear(deps, *(news[number] for number in order))
        await hear(deps, *news)
        (mine,) = await reading.mine(deps, user)
        assert (mine["id"], mine["city"], mine["email"]) == (entity_id, "Town", "a@example.org")
        assert (await deps.store.entity(entity_id)).verified, order
        assert (await deps.store.person(user.id)).sequence == 2
        await told(deps)


async def test_a_signup_that_came_by_the_gateway_is_not_made_again_by_the_event(deps):
    user = a_user()
    entity = await signed_up(deps, user, "accepted")
    await told(deps)
    await hear(deps, registered(user, entity.id, city="Elsewhere"))
    assert await deps.store.entity(entity.id) == entity
    assert await told(deps) == []


async def test_a_profile_that_breaks_the_rules_does_not_lose_the_signup(deps):
    user, entity_id = a_user(), new_id()
    await hear(deps, registered(user, entity_id, website="ftp://x", offers="bread", city="Town"))
    assert (await deps.store.entity(entity_id)).texts == {
        "name": "Green Acres",
        "city": "Town",
        "email": "a@example.org",
    }


async def test_who_left_and_comes_late_does_not_act_again(deps):
    user = a_user()
    entity = await signed_up(deps, user)
    await hear(deps, membership(user, entity.id, None, 5), membership(user, entity.id, "member", 4))
    assert await reading.mine(deps, user) == []
    await hear(deps, membership(user, entity.id, "member", 6))
    assert len(await reading.mine(deps, user)) == 1


async def test_a_deleted_user_is_forgotten_for_good(deps):
    user = a_user()
    entity = await signed_up(deps, user)
    gone = identity.UserDeletedV1(user_id=user.id).envelope(subject=user.id, sequence=1, time=NOON)
    await hear(deps, user_changed(user, 3), gone, gone, user_changed(user, 4, verified=True))
    await hear(deps, membership(user, entity.id, "owner", 9))
    assert await deps.store.person(user.id) is None
    assert await reading.mine(deps, user) == []


async def test_a_membership_of_a_confirmed_user_lists_an_entity(deps):
    user, friend = a_user(), a_user()
    entity = await signed_up(deps, user, "accepted")
    await hear(deps, user_changed(friend, 1, verified=True), membership(friend, entity.id, "member", 1))
    assert (await deps.store.entity(entity.id)).listed


@pytest.mark.parametrize("kind", [part.AuditRecordedV1 for part in (identity, ledger, own, matcher, notifier)])
async def test_the_activity_log_hears_every_service_once(deps, kind):
    user = a_user()
    await hear(deps, user_changed(user, 1))
    audit = kind(
        actor_id=user.id, category="user", action="limits.changed", detail="Did it.", before={"a": 1}, at=NOON
    ).envelope(subject="x", sequence=1, time=NOON)
    await hear(deps, audit, audit)
    lines, total = await deps.store.activities(ActivityFilter(email="a@example"), Slice())
    assert (total, lines[0].id, lines[0].before) == (1, audit.id, {"a": 1})


@pytest.mark.parametrize("event_type", list(handlers(cast("Any", None))))
async def test_poison_is_raised_so_that_it_ends_in_the_dead_letters(deps, event_type):
    with pytest.raises(ValidationError):
        await handlers(deps)[event_type](
            type(user_changed(a_user(), 1))("id", event_type, "identity", "s", NOON, {"nonsense": True})
        )
