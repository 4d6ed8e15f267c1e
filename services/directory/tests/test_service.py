"""Use cases of entities, links and terms, on every door of the store."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import orjson
import pytest

from libs.common.contracts.directory import AuditRecordedV1, ContactSentV1
from libs.common.errors import Refusal
from libs.common.ids import new_id
from services.directory.domain.entity import CannotApply
from services.directory.domain.viewing import Sight
from services.directory.service import activity, entities, jobs, links, reading, terms
from services.directory.service.deps import Deps, Rules
from services.directory.service.faces import Faces
from services.directory.service.housekeeping import tidy
from services.directory.service.jobs import carry_on, finish_within
from services.directory.store.port import ActivityFilter, EntityFilter, Membership, Person, Slice, TermFilter
from services.directory.tests.builders import a_service, a_user, an_admin, an_entity, signed_up, told

ALL = Slice(0, 100)


async def one(*arguments):
    """An entity as somebody sees it."""
    return orjson.loads((await reading.one(*arguments)).json)


def kinds(events):
    return Counter(event.type.removeprefix("directory.") for event in events)


async def test_a_signup_is_told_once_however_often_it_is_made(deps):
    user, entity_id = a_user(), new_id()
    made = await asyncio.gather(
        *(entities.create(deps, entity_id, user.id, {"name": "Green Acres", "offers": ["Bread"]}) for _ in range(4))
    )
    assert {entity.id for entity in made} == {entity_id}
    events = await told(deps)
    assert kinds(events) == {
        "entity.registered.v1": 1,
        "entity.changed.v1": 1,
        "tags.changed.v1": 1,
        "audit.recorded.v1": 1,
    }
    assert [shown["id"] for shown in await reading.mine(deps, user)] == [entity_id]
    assert (await reading.mine(deps, user))[0]["users"] == [{"user_id": user.id, "role": "owner"}]


async def test_a_signup_without_an_address_of_its_own_gets_the_owners(deps):
    entity = await entities.create(deps, new_id(), new_id(), {"name": "A"}, owner_email="a@example.org")
    assert entity.email == "a@example.org"
    other = await entities.create(deps, new_id(), new_id(), {"email": "b@example.org"}, owner_email="a@example.org")
    assert other.email == "b@example.org"


async def test_a_profile_against_the_rules_is_refused_but_an_accepted_signup_is_not_lost(deps):
    with pytest.raises(Refusal) as refused:
        await entities.create(deps, new_id(), new_id(), {"name": "x" * 101, "website": "ftp://x.org"})
    assert {problem.field for problem in refused.value.problems} == {"name", "website"}
    entity = await entities.create(deps, new_id(), new_id(), {"name": "x" * 101, "city": "Town"}, strict=False)
    assert entity.texts == {"city": "Town"}


async def test_a_decision_has_all_its_consequences(deps):
    user, admin = a_user(), an_admin()
    entity = await signed_up(deps, user, offers=["bread"])
    await told(deps)
    assert (await deps.store.terms(TermFilter("tag"), ALL))[1] == 0
    deps.clock.move(days=3)
    after = await entities.change(deps, admin, entity.id, {"status": "tradingAccepted", "categories": ["Food"]})
    assert (after.listed, after.may_trade) == (True, True)
    assert after.member_since == after.listed_since == after.offers[0].added_at == deps.now()
    events = {event.type.removeprefix("directory."): event for event in await told(deps)}
    assert set(events) == {
        "entity.changed.v1",
        "tags.changed.v1",
        "entity.status_changed.v1",
        "audit.recorded.v1",
        "category.changed.v1",
    }
    decided = events["entity.status_changed.v1"].data
    assert (decided["old"], decided["new"], decided["may_trade"], decided["by"]) == (
        "pending",
        "tradingAccepted",
        True,
        admin.id,
    )
    assert events["entity.changed.v1"].data["categories"] == ["food"]
    assert events["tags.changed.v1"].data["listed"] is True
    assert [term.name for term in (await deps.store.terms(TermFilter("tag"), ALL))[0]] == ["bread"]


async def test_sequences_rise_by_one_per_kind_whoever_changes_at_once(deps):
    user = a_user()
    entity = await signed_up(deps, user)
    await asyncio.gather(
        *(entities.change(deps, user, entity.id, {"city": f"Town {n}", "offers": [f"tag {n}"]}) for n in range(4))
    )
    events = await told(deps)
    for kind in ("directory.entity.changed.v1", "directory.tags.changed.v1"):
        sequences = sorted(event.sequence for event in events if event.type == kind)
        assert sequences == [1, 2, 3, 4, 5]
    assert (await deps.store.entity(entity.id)).version == 5


async def test_a_change_that_changes_nothing_tells_nothing(deps):
    user = a_user()
    entity = await signed_up(deps, user, city="Town")
    await told(deps)
    assert (await entities.change(deps, user, entity.id, {"city": " Town "})).version == entity.version
    assert await told(deps) == []


async def test_the_log_has_what_changed_before_and_after(deps):
    user = a_user()
    entity = await signed_up(deps, user, city="Town", telephone="1")
    await told(deps)
    await entities.change(deps, user, entity.id, {"city": "Village", "telephone": None})
    (audit,) = [event for event in await told(deps) if event.type.endswith("audit.recorded.v1")]
    assert audit.data["before"] == {"city": "Town", "telephone": "1"}
    assert audit.data["after"] == {"city": "Village"}
    assert (audit.data["actor_id"], audit.data["category"]) == (user.id, "user")


async def test_an_older_version_is_refused_and_a_dry_run_changes_nothing(deps):
    user = a_user()
    entity = await signed_up(deps, user)
    dry = await entities.change(deps, user, entity.id, {"city": "Town"}, dry_run=True)
    assert dry.texts["city"] == "Town"
    assert await deps.store.entity(entity.id) == entity
    await entities.change(deps, user, entity.id, {"city": "Town"}, if_version=1)
    with pytest.raises(Refusal) as refused:
        await entities.change(deps, user, entity.id, {"city": "Village"}, if_version=1)
    assert (refused.value.status, refused.value.problems[0].code) == (409, "version_conflict")


async def test_only_its_people_and_admins_change_an_entity_and_only_admins_its_status(deps):
    user = a_user()
    entity = await signed_up(deps, user, "accepted")
    key = replace(user, kind="api_key", entity_id=entity.id, scopes=frozenset({"read", "propose"}))
    for caller, change in (
        (a_user(), {"city": "Town"}),
        (key, {"city": "Town"}),
        (a_service(), {"city": "Town"}),
        (user, {"status": "tradingAccepted"}),
        (user, {"categories": ["food"]}),
        (replace(user, role="operator", id=new_id()), {"city": "Town"}),
    ):
        with pytest.raises(Refusal) as refused:
            await entities.change(deps, caller, entity.id, change)
        assert refused.value.status == 403, (caller, change)
    assert await deps.store.entity(entity.id) == entity


async def test_an_admins_faults_are_told_together(deps):
    entity = await signed_up(deps, a_user())
    with pytest.raises(Refusal) as refused:
        await entities.change(
            deps, an_admin(), entity.id, {"status": "done", "categories": ["x" * 51], "email": "nobody"}
        )
    assert [problem.field for problem in refused.value.problems] == ["email", "status", "categories"]


async def test_an_unlisted_entity_is_seen_by_its_own_people_and_admins_alone(deps):
    user, other = a_user(), a_user()
    entity = await signed_up(deps, user, "rejected")
    for caller in (other, a_service("gateway")):
        assert await reading.several(deps, caller, [entity.id]) == []
        with pytest.raises(Refusal) as refused:
            await reading.one(deps, caller, entity.id)
        assert refused.value.status == 404
    for caller in (user, an_admin(), a_service("notifier")):
        assert (await one(deps, caller, entity.id))["id"] == entity.id


async def test_addresses_are_for_traders_and_telephones_for_members(deps):
    user, friend = a_user(), a_user()
    shown = await signed_up(deps, user, "tradingAccepted", telephone="1", email="a@example.org")
    mine = await signed_up(deps, friend, "accepted")
    anonymous = await one(deps, a_service("gateway"), shown.id)
    member = await one(deps, friend, shown.id, mine.id)
    assert "telephone" not in anonymous
    assert member["telephone"] == "1"
    assert "email" not in member
    await entities.change(deps, an_admin(), mine.id, {"status": "tradingAccepted"})
    assert (await one(deps, friend, shown.id, mine.id))["email"] == "a@example.org"
    with pytest.raises(Refusal) as refused:
        await reading.one(deps, friend, shown.id, shown.id)
    assert refused.value.status == 403


async def test_a_fetch_keeps_the_order_and_drops_what_is_not_listed(deps):
    ids = [(await signed_up(deps, a_user(), status)).id for status in ("accepted", "pending", "tradingAccepted")]
    shown = await reading.several(deps, a_service("gateway"), [ids[2], new_id(), ids[1], ids[0], ids[2]])
    assert [orjson.loads(entity.json)["id"] for entity in shown] == [ids[2], ids[0]]


async def test_what_others_see_is_made_once_for_a_version_and_never_shown_for_another(deps, monkeypatch):
    user, friend, gateway = a_user(), a_user(), a_service("gateway")
    entity = await signed_up(deps, user, "tradingAccepted", city="Town", telephone="1", email="a@example.org")
    await signed_up(deps, friend, "tradingAccepted")
    read: list[list[str]] = []
    entities_of = deps.store.entities

    async def counted(ids):
        read.append(list(ids))
        return await entities_of(ids)

    monkeypatch.setattr(deps.store, "entities", counted)
    for caller in (gateway, friend, gateway):
        assert (await one(deps, caller, entity.id))["city"] == "Town"
    assert [ids.count(entity.id) for ids in read].count(1) == 1
    assert "telephone" not in await one(deps, gateway, entity.id)
    assert (await one(deps, friend, entity.id))["email"] == "a@example.org"
    # whichever process writes: the version is asked for with every look
    for change in ({"city": "Village"}, {"city": None, "telephone": "2"}):
        await entities.change(Deps(deps.store, deps.clock), user, entity.id, change)
        assert (await one(deps, gateway, entity.id)).get("city") == change["city"]
    assert (await one(deps, friend, entity.id))["telephone"] == "2"
    await entities.change(Deps(deps.store, deps.clock), an_admin(), entity.id, {"status": "rejected"})
    assert await reading.several(deps, gateway, [entity.id]) == []
    assert (await one(deps, user, entity.id))["telephone"] == "2"


async def test_what_nobody_looked_at_yet_is_read_once_and_without_a_glance(deps, monkeypatch):
    shown, hidden = [await signed_up(deps, a_user(), status) for status in ("accepted", "pending")]
    ids = [hidden.id, shown.id, new_id()]
    glances: list[list[str]] = []
    glance_at = deps.store.glance

    async def counted(ids, user_id, viewer_id):
        glances.append(list(ids))
        return await glance_at(ids, user_id, viewer_id)

    monkeypatch.setattr(deps.store, "glance", counted)
    for glanced in (0, 1):
        looked = await reading.looked(deps, a_service("gateway"), ids)
        assert [orjson.loads(each.json)["id"] for each in looked.items] == [shown.id]
        assert (looked.sight, looked.own, len(glances)) == (Sight.PUBLIC, [], glanced)
    assert len(await reading.several(Deps(deps.store, deps.clock), a_service("matcher"), ids)) == 2
    assert len(glances) == 1
    await entities.change(deps, an_admin(), shown.id, {"status": "rejected"})
    assert await reading.several(deps, a_service("gateway"), ids) == []


async def test_faces_that_were_not_asked_for_longest_go_first():
    faces, many = Faces(faces_max=2), [an_entity(version=1) for _ in range(3)]
    faces.keep(many[:2])
    assert faces.get(many[0].id, 1) is not None
    faces.keep(many[2:])
    assert [faces.get(entity.id, 1) is not None for entity in many] == [True, False, True]
    assert (len(faces), faces.get(many[0].id, 2)) == (2, None)


FORM = {
    "name": "Green Acres",
    "inc_type": "sole",
    "description": "Vegetables",
    "address": "Lane 1",
    "city": "Town",
    "region": "Hills",
    "postal_code": "1",
    "country": "Land",
    "first_name": "Ana",
    "last_name": "Ruiz",
    "telephone": "1",
    "agreement": True,
}


async def test_an_application_is_told_and_can_be_made_once(deps):
    user = a_user()
    entity = await signed_up(deps, user, "accepted")
    with pytest.raises(Refusal) as refused:
        await entities.apply_for_trading(
            deps, user, entity.id, FORM | {"inc_type": "gmbh", "city": "", "agreement": "on"}
        )
    assert sorted((problem.field, problem.code) for problem in refused.value.problems) == [
        ("agreement", "required"),
        ("city", "required"),
        ("inc_type", "unknown_value"),
    ]
    await told(deps)
    assert (await entities.apply_for_trading(deps, user, entity.id, FORM)).status == "tradingPending"
    assert {"application.received.v1", "entity.status_changed.v1"} <= set(kinds(await told(deps)))
    with pytest.raises(CannotApply):
        await entities.apply_for_trading(deps, user, entity.id, FORM)


async def test_a_deleted_entity_is_gone_for_everybody_and_its_tombstone_tells_it(deps):
    user, other, admin = a_user(), a_user(), an_admin()
    entity = await signed_up(deps, user, "accepted", offers=["bread"])
    fan = await signed_up(deps, other, "accepted")
    await links.add_favorite(deps, other, fan.id, entity.id)
    await told(deps)
    with pytest.raises(Refusal):
        await entities.delete(deps, user, entity.id)
    assert (await entities.delete(deps, admin, entity.id)).name == "Green Acres"
    assert (await entities.delete(deps, admin, entity.id)).deleted
    assert kinds(await told(deps)) == {"entity.deleted.v1": 1, "tags.changed.v1": 1, "audit.recorded.v1": 1}
    assert await reading.mine(deps, user) == []
    assert await links.favorite_ids(deps, other, fan.id) == []
    assert (await deps.store.terms(TermFilter("tag"), ALL))[1] == 0
    items, _ = await reading.export(deps, "", 100)
    assert {"entity_id": entity.id, "deleted": True} in items
    with pytest.raises(Refusal) as refused:
        await entities.create(deps, entity.id, user.id, {})
    assert refused.value.status == 409


async def test_the_export_says_what_the_events_said(deps):
    for number in range(3):
        await signed_up(deps, a_user(), "accepted", offers=[f"tag {number}"])
    events = {(event.subject, event.type, event.sequence): event.data for event in await told(deps)}
    items, following = await reading.export(deps, "", 2)
    rest, end = await reading.export(deps, following or "", 2)
    assert (len(items), len(rest), end) == (2, 1, None)
    for item in items + rest:
        entity_id = item["entity_id"]
        assert item["entity"] == events[entity_id, "directory.entity.changed.v1", item["entity_sequence"]]
        assert item["tags"] == events[entity_id, "directory.tags.changed.v1", item["tags_sequence"]]
        assert item["dismissed"] == []


async def test_where_addresses_must_be_confirmed_any_order_of_news_ends_listed(deps):
    strict = replace(deps, rules=Rules(must_verify=True))
    user = a_user()
    entity = await signed_up(strict, user, "accepted", offers=["bread"])
    assert not entity.listed
    confirmed = await entities.confirm_address(strict, entity.id)
    assert confirmed is not None
    assert confirmed.listed
    assert await entities.confirm_address(strict, entity.id) == confirmed
    early = a_user()
    await strict.store.put_person(Person(early.id, "e@example.org", email_verified=True, sequence=2))
    assert (await signed_up(strict, early, "accepted")).listed
    assert await entities.confirm_address(strict, new_id()) is None


async def test_favorites_are_shown_listed_ones_first_come_last(deps):
    user = a_user()
    mine = await signed_up(deps, user, "accepted")
    others = [await signed_up(deps, a_user(), "accepted", name=f"Number {n}") for n in range(3)]
    for other in others:
        await links.add_favorite(deps, user, mine.id, other.id)
        deps.clock.move(minutes=1)
    await entities.change(deps, an_admin(), others[1].id, {"status": "rejected"})
    shown, total = await links.favorites(deps, user, mine.id, Slice(0, 1))
    items = [orjson.loads(entity.json) for entity in shown]
    assert ([(entity["name"], entity["is_favorite"]) for entity in items], total) == ([("Number 2", True)], 2)
    for other_id, status in ((mine.id, 400), (new_id(), 404), (others[1].id, 404)):
        with pytest.raises(Refusal) as refused:
            await links.add_favorite(deps, user, mine.id, other_id)
        assert refused.value.status == status
    with pytest.raises(Refusal) as refused:
        await links.favorites(deps, a_user(), mine.id, ALL)
    assert refused.value.status == 403


def line_of(events) -> tuple[Any, ...]:
    """The one line for the activity log among these."""
    (line,) = [each.data for each in events if each.type == AuditRecordedV1.TYPE]
    return line["action"], line["actor_id"], line["entity_id"], line["after"]


async def test_the_activity_log_has_a_line_for_every_favourite_that_came_or_went(deps):
    user = a_user()
    mine = await signed_up(deps, user, "accepted")
    other = await signed_up(deps, a_user(), "accepted", name="Other")
    await deps.store.put_person(Person(user.id, "me@example.org", sequence=1))
    for change in (links.add_favorite, links.remove_favorite):
        for _ in range(2):
            await change(deps, user, mine.id, other.id)
        deps.clock.move(seconds=1)
    found, total = await activity.search(deps, ActivityFilter(action="favorite."), ALL)
    assert [(line.action, line.actor_email, line.entity_id, line.subject_id) for line in found] == [
        (action, "me@example.org", mine.id, other.id) for action in ("favorite.removed", "favorite.added")
    ]
    assert total == 2
    assert [(line.before, line.after) for line in found] == [
        ({"favorite": other.id}, None),
        (None, {"favorite": other.id}),
    ]
    assert all("Other" in line.detail for line in found)


async def test_a_contact_message_is_told_with_both_addresses_and_throttled_over_all_copies(deps):
    copies = [replace(deps, rules=Rules(contact_per_hour=3)) for _ in range(2)]
    user, receiver = a_user(), a_user()
    sender = await signed_up(deps, user, "accepted", email="s@example.org")
    target = await signed_up(deps, receiver, "accepted", name="Target")
    await deps.store.put_person(Person(receiver.id, "r@example.org", sequence=1))
    await told(deps)
    await links.contact(copies[0], user, sender.id, target.id, " Hello\r\nthere ")
    events = await told(deps)
    (event,) = [each for each in events if each.type == ContactSentV1.TYPE]
    assert line_of(events) == ("contact.sent", user.id, sender.id, {"to_entity_id": target.id, "to_name": "Target"})
    assert (event.data["from_email"], event.data["to_email"]) == ("s@example.org", "r@example.org")
    assert event.data["body"] == "Hello\nthere"
    outcomes = await asyncio.gather(
        *(links.contact(copies[n % 2], user, sender.id, target.id, "Hi") for n in range(6)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(refused) == 4
    assert {(refusal.status, refusal.retry_after_s) for refusal in refused} == {(429, 3601)}
    deps.clock.move(seconds=3601)
    assert await links.contact(copies[0], user, sender.id, target.id, "Hi")


async def test_only_listed_entities_write_and_are_written_to(deps):
    user = a_user()
    sender, pending = await signed_up(deps, user, "accepted"), await signed_up(deps, a_user())
    own_pending = await signed_up(deps, user)
    for from_id, to_id, body, status in (
        (sender.id, pending.id, "Hi", 404),
        (own_pending.id, sender.id, "Hi", 400),
        (sender.id, sender.id, "Hi", 400),
        (sender.id, pending.id, "  ", 400),
        (sender.id, pending.id, "x" * 5001, 400),
        (pending.id, sender.id, "Hi", 403),
    ):
        with pytest.raises(Refusal) as refused:
            await links.contact(deps, user, from_id, to_id, body)
        assert refused.value.status == status, (from_id, to_id, body)


async def test_a_dismissed_match_is_told_once(deps):
    user = a_user()
    mine, other = await signed_up(deps, user, "accepted"), await signed_up(deps, a_user(), "accepted")
    await told(deps)
    for _ in range(2):
        await links.dismiss(deps, user, mine.id, other.id, "Too far")
    events = await told(deps)
    assert kinds(events) == {"match.dismissed.v1": 1, "audit.recorded.v1": 1}
    assert line_of(events) == ("match.dismissed", user.id, mine.id, {"dismissed": other.id, "reason": "Too far"})
    assert await links.dismissed(deps, user, mine.id) == [other.id]
    assert (await reading.export(deps, "", 100))[0][0]["dismissed"] == [other.id]


async def renamed(deps, kind, name, to, *, delete=False):
    term = await deps.store.term_named(kind, name)
    job = await terms.start_job(deps, an_admin(), kind, term.id, to, delete=delete)
    return await finish_within(deps, job, 20)


async def test_a_renamed_tag_reaches_every_entity_and_merges(deps, monkeypatch):
    monkeypatch.setattr(jobs, "BATCH", 3)
    owners = [a_user() for _ in range(7)]
    made = [await signed_up(deps, user, "accepted", offers=["bread"], wants=["beer"]) for user in owners]
    pending = await signed_up(deps, a_user(), wants=["bread", "loaf"])
    await signed_up(deps, a_user(), "accepted", offers=["loaf"])
    await told(deps)
    job = await renamed(deps, "tag", "bread", "Loaf!")
    assert (job.status, job.entities_done, job.entities_total) == ("done", 8, 8)
    for entity in made:
        after = await deps.store.entity(entity.id)
        assert [(dated.tag, dated.added_at) for dated in after.offers] == [("loaf", entity.offers[0].added_at)]
    assert [dated.tag for dated in (await deps.store.entity(pending.id)).wants] == ["loaf"]
    found, _ = await deps.store.terms(TermFilter("tag"), ALL)
    assert [(term.name, term.offers, term.wants, term.made_by_admin) for term in found] == [
        ("beer", 0, 7, False),
        ("loaf", 8, 0, True),
    ]
    events = kinds(await told(deps))
    assert (events["tag.renamed.v1"], events["tags.changed.v1"], events["audit.recorded.v1"]) == (1, 8, 1)


async def test_a_deleted_category_is_taken_from_every_entity(deps):
    entity = await signed_up(deps, a_user(), "accepted")
    await entities.change(deps, an_admin(), entity.id, {"categories": ["food", "drink"]})
    job = await renamed(deps, "category", "food", None, delete=True)
    assert job.status == "done"
    assert (await deps.store.entity(entity.id)).categories == ("drink",)
    assert await deps.store.term_named("category", "food") is None


async def test_a_job_goes_on_where_a_dead_process_left_it(deps, monkeypatch):
    monkeypatch.setattr(jobs, "BATCH", 2)
    for _ in range(6):
        await signed_up(deps, a_user(), "accepted", offers=["bread"])
    term = await deps.store.term_named("tag", "bread")
    job = await terms.start_job(deps, an_admin(), "tag", term.id, "loaf", delete=False)
    original = jobs._change_all
    batches = []

    async def dies_in_the_second(deps, job, batch):
        batches.append(batch)
        if len(batches) == 2:
            raise asyncio.CancelledError
        await original(deps, job, batch)

    monkeypatch.setattr(jobs, "_change_all", dies_in_the_second)
    with pytest.raises(asyncio.CancelledError):
        await finish_within(deps, job, 20)
    left = await deps.store.job(job.id)
    assert (left.status, left.entities_done) == ("running", 2)
    assert not await carry_on(deps, float("inf")), "the dead one still holds the right to work"
    deps.clock.move(seconds=31)
    assert await carry_on(deps, float("inf"))
    assert (await deps.store.job(job.id)).status == "done"
    assert await deps.store.count_holding("tag", "bread") == 0
    assert (await deps.store.term_named("tag", "loaf")).offers == 6
    assert kinds(await told(deps))["tag.renamed.v1"] == 1


async def test_members_change_their_tags_while_a_rename_runs(deps, monkeypatch):
    monkeypatch.setattr(jobs, "BATCH", 2)
    owners = {user: await signed_up(deps, user, "accepted", offers=["bread"]) for user in [a_user() for _ in range(6)]}

    async def members():
        for user, entity in owners.items():
            await entities.change(deps, user, entity.id, {"wants": ["beer"]})

    job, _ = await asyncio.gather(renamed(deps, "tag", "bread", "loaf"), members())
    assert job.status == "done"
    for entity in owners.values():
        after = await deps.store.entity(entity.id)
        assert ([dated.tag for dated in after.offers], [dated.tag for dated in after.wants]) == (["loaf"], ["beer"])


async def test_jobs_follow_each_other_in_order(deps):
    await signed_up(deps, a_user(), "accepted", offers=["a"])
    term, admin = await deps.store.term_named("tag", "a"), an_admin()
    for name in ("b", "c"):
        await terms.start_job(deps, admin, "tag", term.id, name, delete=False)
    assert await carry_on(deps, float("inf"))
    assert [name for name in "abc" if await deps.store.count_holding("tag", name)] == ["c"]
    assert await deps.store.open_jobs() == []


async def test_a_term_is_made_by_an_admin_once(deps):
    admin = an_admin()
    await signed_up(deps, a_user(), "accepted", offers=["bread"])
    hidden = await signed_up(deps, a_user(), "accepted", offers=["beer"])
    await entities.change(deps, admin, hidden.id, {"status": "rejected"})
    await told(deps)
    assert (await terms.create(deps, admin, "tag", "Organic Food!")).name == "organic-food"
    assert (await terms.create(deps, admin, "tag", "beer")).made_by_admin, "nobody could see that it was there"
    for name in ("bread", "organic food", "ORGANIC-FOOD"):
        with pytest.raises(Refusal) as refused:
            await terms.create(deps, admin, "tag", name)
        assert (refused.value.status, refused.value.problems[0].code) == (409, "tag_exists")
    assert kinds(await told(deps)) == {"tag.renamed.v1": 2, "audit.recorded.v1": 2}


async def test_terms_are_asked_for_in_any_spelling_and_odd_text_finds_nothing(deps):
    await signed_up(deps, a_user(), "accepted", offers=["organic vegetables", "bread"])

    async def names(**wanted):
        return [term.name for term in (await terms.listing(deps, TermFilter("tag", **wanted), ALL))[0]]

    assert await names(prefix="Organic Veg") == ["organic-vegetables"]
    assert await names(fragment="VEGÉT") == ["organic-vegetables"]
    assert await names(fragment=".*") == await names(prefix="%") == []


async def test_the_house_is_kept(deps):
    await deps.store.put_picture("lost.jpg", b"x", "image/jpeg", deps.now())
    await tidy(deps)
    assert await deps.store.picture("lost.jpg") is not None
    deps.clock.move(hours=2)
    await tidy(deps)
    assert await deps.store.picture("lost.jpg") is None


async def test_admins_find_by_anything(deps):
    user = a_user()
    entity = await signed_up(deps, user, "accepted", city="Żary", offers=["bread"])
    shown, total = await reading.find(deps, EntityFilter(city="zary", offers=("brea",)), ALL)
    assert (total, shown[0]["id"], shown[0]["version"]) == (1, entity.id, 2)
    with pytest.raises(Refusal):
        await reading.find(deps, EntityFilter(name="a\x00b"), ALL)


async def test_a_key_reads_for_its_one_entity(deps):
    user = a_user()
    one, two = await signed_up(deps, user, "accepted"), await signed_up(deps, user, "accepted")
    key = replace(user, kind="api_key", entity_id=one.id, scopes=frozenset({"read"}))
    assert [shown["id"] for shown in await reading.mine(deps, key)] == [one.id]
    assert await links.favorite_ids(deps, key, one.id) == []
    with pytest.raises(Refusal):
        await links.favorite_ids(deps, key, two.id)
    await deps.store.put_membership(Membership(one.id, user.id, None, 9))
    assert await reading.mine(deps, key) == []
    blind = replace(key, scopes=frozenset({"propose"}))
    for call in (
        reading.mine(deps, blind),
        reading.several(deps, blind, [one.id]),
        links.dismissed(deps, blind, one.id),
    ):
        with pytest.raises(Refusal) as refused:
            await call
        assert refused.value.problems[0].code == "scope_missing"
