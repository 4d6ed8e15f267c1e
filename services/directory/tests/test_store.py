"""The contract of the directory's store, on every door."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from libs.common.contracts.directory import CategoryChangedV1, ContactSentV1, MatchDismissedV1
from libs.common.ids import new_id
from services.directory.domain.entity import Picture
from services.directory.domain.profile import Place
from services.directory.store.port import (
    Activity,
    ActivityFilter,
    Count,
    EntityFilter,
    Job,
    Membership,
    Message,
    Note,
    Person,
    Slice,
    Term,
    TermFilter,
    Write,
)
from services.directory.tests.builders import NOON, an_entity, first, following

ALL = Slice(0, 100)


async def kept(store, **fields):
    written = first(an_entity(**fields))
    assert await store.insert(written)
    return written.entity


async def waiting(store):
    async with store.outbox.claim(500) as claim:
        return list(claim.envelopes)


def an_event():
    return CategoryChangedV1(category_id="c", old=None, new="food").envelope(subject="c", sequence=1, time=NOON)


async def test_an_entity_comes_back_as_it_was_kept(store):
    entity = await kept(
        store,
        offers=("vegetables", "北京"),
        wants=("craft-beer",),
        status="tradingAccepted",
        categories=("food",),
        texts={"city": "Żary", "description": "Two\nlines"},
        declared_turnover=10**15,
        place=Place(52.123456, -0.5),
        pictures=(Picture("a.jpg", "b.jpg", 10, 20),),
        member_since=NOON,
        listed_since=NOON + timedelta(milliseconds=7),
    )
    assert await store.entity(entity.id) == entity
    assert await store.entity(new_id()) is None
    assert await store.entities([entity.id, new_id()]) == [entity]


async def test_a_glance_says_what_entities_are_to_whoever_looks(store):
    one, two, mine = [await kept(store, name=name) for name in ("One", "Two", "Mine")]
    await store.put_membership(Membership(mine.id, "user", "owner", 1))
    await store.put_membership(Membership(two.id, "user", None, 1))
    await store.add_favorite(mine.id, one.id, NOON)

    names = {one.id: "One", two.id: "Two", mine.id: "Mine"}

    async def glances(*arguments):
        found = await store.glance(*arguments)
        assert {glance.version for glance in found} <= {1}
        return {names[glance.entity_id]: (glance.is_own, glance.is_favorite) for glance in found}

    assert await glances([one.id, two.id, new_id()], None, None) == {"One": (False, False), "Two": (False, False)}
    assert await glances([one.id], "user", None) == {"One": (False, False), "Mine": (True, False)}
    assert await glances([one.id], "user", mine.id) == {"One": (False, True), "Mine": (True, False)}
    assert await glances([mine.id], "user", two.id) == {"Mine": (True, False), "Two": (False, False)}
    assert await glances([], "nobody", None) == {}
    await store.save([following(one, daily_matches=True)])
    assert [glance.version for glance in await store.glance([one.id], None, None)] == [2]


async def test_own_entities_come_with_all_who_act_for_them(store):
    one, two, other = [await kept(store, name=name) for name in ("One", "Two", "Other")]
    for entity, user_id, role in ((two, "user", "owner"), (one, "user", "member"), (one, "boss", "owner")):
        await store.put_membership(Membership(entity.id, user_id, role, 1))
    await store.put_membership(Membership(one.id, "gone", None, 1))
    await store.put_membership(Membership(other.id, "user", None, 1))
    found = [(entity, [(each.user_id, each.role) for each in members]) for entity, members in await store.own("user")]
    assert found == [(one, [("boss", "owner"), ("user", "member")]), (two, [("user", "owner")])]
    assert await store.own("gone") == await store.own("nobody") == []


async def test_an_id_is_taken_once(store):
    written = first(an_entity())
    assert await store.insert(written)
    assert not await store.insert(written)
    assert len(await waiting(store)) == len(written.events)


async def test_a_save_succeeds_only_on_the_version_that_it_saw(store):
    entity = await kept(store)
    one, other = following(entity, status="accepted"), following(entity, status="rejected")
    assert await store.save([one]) == [True]
    assert await store.save([other]) == [False]
    assert (await store.entity(entity.id)).status == "accepted"
    assert other.events[0].id not in {event.id for event in await waiting(store)}


async def test_of_many_saves_at_once_exactly_one_wins(store):
    entity = await kept(store)
    outcomes = await asyncio.gather(*(store.save([following(entity, daily_matches=bool(n % 2))]) for n in range(8)))
    assert sorted(outcomes) == [[False]] * 7 + [[True]]
    assert (await store.entity(entity.id)).version == 2


async def test_a_batch_keeps_what_can_be_kept_and_says_which(store):
    entities = [await kept(store, name=f"Number {n}") for n in range(5)]
    assert await store.save([following(entities[2], status="accepted")]) == [True]
    done = await store.save([following(entity, status="rejected") for entity in entities])
    assert done == [True, True, False, True, True]


async def test_events_wait_with_the_data_until_they_are_done_and_come_in_order(store):
    entity = await kept(store)
    written = following(entity, status="accepted")
    await store.save([written])
    async with store.outbox.claim(500) as claim:
        ids = [event.id for event in claim.envelopes]
        assert [event.sequence for event in claim.envelopes if event.type.endswith("entity.changed.v1")] == [1, 2]
        await claim.done({ids[0]})
    assert [event.id for event in await waiting(store)] == ids[1:]


async def test_two_relays_never_hold_the_same_event(store):
    for number in range(6):
        await kept(store, name=f"Number {number}")
    async with store.outbox.claim(8) as one, store.outbox.claim(500) as other:
        assert one.envelopes
        assert other.envelopes
        assert not {event.id for event in one.envelopes} & {event.id for event in other.envelopes}


async def test_an_event_that_is_told_while_a_relay_holds_others_is_not_lost(store):
    entity = await kept(store)
    async with store.outbox.claim(500) as claim:
        written = following(entity, status="accepted")
        assert await store.save([written]) == [True]
        await claim.done({event.id for event in claim.envelopes})
    assert {event.id for event in await waiting(store)} == {event.id for event in written.events}


async def test_a_relay_wakes_when_something_is_told(store):
    waiter = asyncio.create_task(store.outbox.wait(20))
    await asyncio.sleep(0)
    await kept(store)
    async with asyncio.timeout(10):
        await waiter


async def test_an_event_keeps_everything_that_it_says(store):
    written = first(an_entity(offers=("bread",)))
    await store.insert(written)
    assert {event.id: event for event in await waiting(store)} == {
        event.id: replace(event, traceparent=event.traceparent) for event in written.events
    }


async def test_the_export_goes_through_all_in_the_order_of_ids(store):
    entities = sorted([await kept(store, name=f"Number {n}") for n in range(5)], key=lambda entity: entity.id)
    assert [entity.id for entity in await store.after("", 2)] == [entity.id for entity in entities[:2]]
    assert [entity.id for entity in await store.after(entities[1].id, 10)] == [entity.id for entity in entities[2:]]


async def test_holders_of_a_tag_or_category_are_found_listed_or_not(store):
    one = await kept(store, offers=("bread",), status="accepted")
    two = await kept(store, wants=("bread",), categories=("food",))
    await kept(store, offers=("brown-bread",))
    ids = sorted([one.id, two.id])
    assert [entity.id for entity in await store.holding("tag", "bread", "", 10)] == ids
    assert [entity.id for entity in await store.holding("tag", "bread", ids[0], 10)] == ids[1:]
    assert [entity.id for entity in await store.holding("category", "food", "", 10)] == [two.id]
    assert await store.count_holding("tag", "bread") == 2


def filtered(field, text) -> EntityFilter:
    return replace(EntityFilter(), **{field: text})


ODD = [
    ".*",
    "^",
    "$",
    "%",
    "_",
    "\\",
    "a|b",
    "(",
    "[a-z]",
    "{$ne: 1}",
    "'; drop table entity; --",
    "a" * 200,
    "\u202e",
    "*",
]


@pytest.mark.parametrize("field", ["name", "email", "city", "region", "country"])
async def test_texts_find_parts_literally_ignoring_case_and_accents(store, field):
    found = await kept(store, name="", texts={field: "Café 100%_.* (East)"})
    await kept(store, name="", texts={field: "Bakery"})
    for text in ("cafe", "CAFÉ", "100%_", ".*", "(east)", "_.*"):
        assert await store.find(filtered(field, text), ALL) == ([found], 1), text
    for text in ODD:
        entities, total = await store.find(filtered(field, text), ALL)
        assert entities == ([found] if text in "café 100%_.* (east)" else []), text
        assert total == len(entities)


async def test_filters_combine(store):
    day = timedelta(days=1)
    one = await kept(store, name="B", offers=("bread", "organic-vegetables"), status="accepted", categories=("food",))
    two = await kept(store, name="A", wants=("bread",), created_at=NOON + day)
    gone = await kept(store, name="C", offers=("bread",), deleted=True)
    for wanted, expected in (
        (EntityFilter(), [two, one]),
        (EntityFilter(newest_first=True), [two, one]),
        (EntityFilter(ids=(one.id, gone.id)), [one]),
        (EntityFilter(ids=()), []),
        (EntityFilter(statuses=("accepted", "rejected")), [one]),
        (EntityFilter(category="food"), [one]),
        (EntityFilter(category="foo"), []),
        (EntityFilter(offers=("bread",)), [one]),
        (EntityFilter(offers=("vegetable", "nothing")), [one]),
        (EntityFilter(offers=("bread",), wants=("bread",)), []),
        (EntityFilter(tagged_since=NOON), [two, one]),
        (EntityFilter(tagged_since=NOON + day), []),
        (EntityFilter(offers=("bread",), tagged_since=NOON), [one]),
        (EntityFilter(offers=("bread",), tagged_since=NOON + day), []),
        (EntityFilter(name="b", statuses=("pending",)), []),
    ):
        assert await store.find(wanted, ALL) == (expected, len(expected)), wanted


async def test_pages_are_exact_and_deep_ones_work(store):
    for number in range(12):
        await kept(store, name=f"Number {number:02}")
    names = []
    for offset in (0, 5, 10, 15):
        page, total = await store.find(EntityFilter(), Slice(offset, 5))
        assert total == 12
        names += [entity.name for entity in page]
    assert names == [f"Number {number:02}" for number in range(12)]


async def test_statuses_are_counted_without_the_deleted(store):
    await kept(store)
    await kept(store, status="accepted")
    await kept(store, status="accepted", deleted=True)
    assert await store.count_by_status() == {"pending": 1, "accepted": 1}


async def test_the_newest_membership_stays(store):
    entity_id, user_id = new_id(), new_id()
    assert await store.put_membership(Membership(entity_id, user_id, "owner", 0))
    assert not await store.put_membership(Membership(entity_id, user_id, "member", 0))
    assert await store.put_membership(Membership(entity_id, user_id, "member", 3))
    assert not await store.put_membership(Membership(entity_id, user_id, "owner", 2))
    assert await store.role(entity_id, user_id) == "member"
    assert [found.entity_id for found in await store.memberships_of(user_id)] == [entity_id]
    assert [found.user_id for found in await store.members(entity_id)] == [user_id]
    assert await store.put_membership(Membership(entity_id, user_id, None, 4))
    assert await store.role(entity_id, user_id) is None
    assert await store.memberships_of(user_id) == await store.members(entity_id) == []


async def test_a_deleted_person_stays_deleted_whatever_comes_late(store):
    person = Person(new_id(), "someone@example.org", email_verified=True, sequence=5)
    assert await store.put_person(person)
    assert not await store.put_person(replace(person, email="old@example.org", sequence=4))
    assert await store.person(person.user_id) == person
    await store.put_membership(Membership("entity", person.user_id, "owner", 1))
    await store.forget_person(person.user_id)
    await store.forget_person(person.user_id)
    assert not await store.put_person(replace(person, sequence=99))
    assert not await store.put_membership(Membership("entity", person.user_id, "owner", 99))
    assert await store.person(person.user_id) is None
    assert await store.memberships_of(person.user_id) == []


async def test_favorites_are_kept_once_newest_first(store):
    for minute, other in enumerate(["a", "b", "a"]):
        await store.add_favorite("me", other, NOON + timedelta(minutes=minute))
    assert await store.favorites("me") == ["b", "a"]
    assert await store.favorites("me", ["a", "c"]) == ["a"]
    await store.remove_favorite("me", "b")
    await store.remove_favorite("me", "b")
    assert await store.favorites("me") == ["a"]


async def test_a_dismissal_is_told_once(store):
    event = MatchDismissedV1(entity_id="me", other_entity_id="a").envelope(subject="me/a", sequence=1, time=NOON)
    assert await store.dismiss("me", "a", NOON, [event])
    assert not await store.dismiss("me", "a", NOON, [event])
    assert await store.dismissed("me") == ["a"]
    assert await store.dismissed_by(["me", "you"]) == {"me": ["a"]}
    assert await waiting(store) == [event]


async def test_links_of_a_deleted_entity_go_both_ways(store):
    await store.add_favorite("me", "you", NOON)
    await store.add_favorite("you", "me", NOON)
    await store.add_favorite("you", "they", NOON)
    await store.forget_links("me")
    assert await store.favorites("me") == []
    assert await store.favorites("you") == ["they"]


async def test_a_message_is_kept_and_told(store):
    event = ContactSentV1(
        message_id="m",
        from_entity_id="a",
        from_name="",
        from_email="",
        to_entity_id="b",
        to_name="",
        to_email="",
        body="hi",
    ).envelope(subject="m", sequence=1, time=NOON)
    await store.add_message(Message("m", "a", "b", "user", "hi", NOON), [event])
    assert await waiting(store) == [event]


async def test_a_note_is_swapped_only_as_it_was_seen(store):
    assert await store.note("key") == Note()
    assert await store.swap_note("key", Note(), [1])
    assert not await store.swap_note("key", Note(), [2])
    seen = await store.note("key")
    assert seen == Note(1, [1])
    outcomes = await asyncio.gather(*(store.swap_note("key", seen, [n]) for n in range(6)))
    assert outcomes.count(True) == 1


async def test_counts_of_terms_follow_listed_entities(store):
    entity = await kept(store, offers=("bread", "beer"), wants=("beer",), categories=("food",), status="accepted")
    await kept(store, offers=("bread",))
    await store.save([Write(replace(entity, version=2), counts=(Count("tag", "bread", "offers", 2),))])
    assert (await store.term_named("tag", "bread")).offers == 3
    await store.recount("tag", ["bread"])
    assert (await store.term_named("tag", "bread")).offers == 1
    beer = await store.term_named("tag", "beer")
    assert (beer.offers, beer.wants) == (1, 1)
    assert (await store.term_named("category", "food")).entities == 1


async def test_a_recount_of_all_mends_drops_and_keeps(store):
    entity = await kept(store, offers=("bread",), categories=("food",), status="accepted")
    drift = (Count("tag", "ghost", "wants", 1), Count("tag", "bread", "offers", 5))
    await store.save([Write(replace(entity, version=2), counts=drift)])
    await store.add_term(Term(new_id(), "tag", "made", made_by_admin=True))
    await store.recount("tag")
    await store.recount("category")
    found, _ = await store.terms(TermFilter("tag"), ALL)
    assert [(term.name, term.offers, term.wants) for term in found] == [("bread", 1, 0), ("made", 0, 0)]
    assert await store.term_named("tag", "ghost") is None
    assert (await store.term_named("category", "food")).entities == 1


async def test_terms_are_found_by_prefix_and_fragment_literally(store):
    await kept(store, offers=("café", "coffee", "3d-printing"), wants=("coffee",), status="accepted")
    await kept(store, offers=("secret",))

    async def names(**wanted):
        found, total = await store.terms(TermFilter("tag", **wanted), ALL)
        assert total == len(found)
        return [term.name for term in found]

    assert await names() == ["3d-printing", "café", "coffee"]
    assert await names(prefix="caf") == ["café"]
    assert await names(fragment="FE") == ["café", "coffee"]
    assert await names(prefix="print") == []
    assert await names(used_as="wants") == ["coffee"]
    assert await names(most_used_first=True) == ["coffee", "3d-printing", "café"]
    assert await names(letter="C") == ["café", "coffee"]
    assert await names(letter="#") == ["3d-printing"]
    assert await names(made_by_admin=True) == []
    assert await store.letters("tag") == {"#": 1, "C": 2}
    for odd in ODD:
        if odd.casefold() not in "cafecoffee3d-printing":
            assert await names(fragment=odd) == [], odd


async def test_a_term_is_made_once_renamed_unless_taken_and_removed(store):
    one, other = Term(new_id(), "tag", "bread", made_by_admin=True), Term(new_id(), "tag", "bakery")
    assert await store.add_term(one, [an_event()])
    assert await store.add_term(other)
    assert not await store.add_term(replace(one, id=new_id()), [an_event()])
    assert len(await waiting(store)) == 1
    assert not await store.put_term(replace(one, name="bakery"))
    assert await store.put_term(replace(one, name="loaf", sequence=2))
    assert await store.term(one.id) == replace(one, name="loaf", sequence=2)
    await store.remove_term(one.id)
    await store.remove_term(one.id)
    assert await store.term(one.id) is None
    assert await store.term_named("tag", "loaf") is None
    assert await store.add_term(replace(one, id=new_id(), name="loaf"))
    assert len(await waiting(store)) == 1, "what a removed term had to tell is still told"


async def test_a_job_reads_the_same_while_a_relay_has_its_event_in_hand(store):
    job = Job(new_id(), "tag", "term", "new", "admin", NOON, version=1)
    assert await store.put_job(job, [an_event()])
    async with store.outbox.claim(500) as claim:
        assert claim.envelopes
        assert await store.job(job.id) == job


async def test_a_job_is_replaced_only_by_its_next_version(store):
    job = Job(new_id(), "tag", "term", "new", "admin", NOON, version=1)
    assert await store.put_job(job)
    assert not await store.put_job(job)
    running = replace(job, status="running", old="old", cursor="c", entities_total=7, version=2)
    assert await store.put_job(running, [an_event()])
    assert not await store.put_job(running)
    assert await store.job(job.id) == running
    later = Job(new_id(), "tag", "term", None, "admin", NOON, version=1)
    await store.put_job(later)
    assert await store.open_jobs() == [running, later]
    assert await store.jobs(1) == [later]
    done = replace(running, status="done", finished_at=NOON, version=3)
    assert await store.put_job(done)
    assert await store.open_jobs() == [later]
    assert len(await waiting(store)) == 1


async def test_pictures_go_when_nobody_shows_them_and_they_are_old(store):
    await kept(store, pictures=(Picture("shown.jpg", "small.jpg", 1, 1),))
    for name in ("shown.jpg", "small.jpg", "lost.jpg", "fresh.jpg"):
        at = NOON + timedelta(hours=2) if name == "fresh.jpg" else NOON
        await store.put_picture(name, b"\x00\xff" + name.encode(), "image/jpeg", at)
        await store.put_picture(name, b"\x00\xff" + name.encode(), "image/jpeg", at)
    assert await store.drop_pictures(NOON + timedelta(hours=1)) == 1
    assert await store.picture("shown.jpg") == (b"\x00\xffshown.jpg", "image/jpeg")
    assert await store.picture("lost.jpg") is None
    assert await store.drop_pictures(NOON + timedelta(hours=3), ["small.jpg"]) == 0
    assert await store.picture("fresh.jpg") is not None


def a_line(minutes=0, **fields):
    return Activity(
        **{
            "id": new_id(),
            "at": NOON + timedelta(minutes=minutes),
            "category": "user",
            "action": "login.succeeded",
            "detail": "Logged in from 100% of places.",
            **fields,
        }
    )


async def test_the_activity_log_keeps_each_line_once_and_finds_it(store):
    one = a_line(actor_email="Someone@Example.org", before={"a": [1]}, after={"b": None}, entity_id="e")
    two = a_line(5, category="admin", action="limits.changed", detail="Set a limit.")
    assert await store.record(one)
    assert not await store.record(one)
    assert await store.record(two)
    for wanted, expected in (
        (ActivityFilter(), [two, one]),
        (ActivityFilter(email="someone@"), [one]),
        (ActivityFilter(email="some.ne"), []),
        (ActivityFilter(category="admin"), [two]),
        (ActivityFilter(action="login"), [one]),
        (ActivityFilter(detail="100%"), [one]),
        (ActivityFilter(detail="1%0"), []),
        (ActivityFilter(entity_id="e"), [one]),
        (ActivityFilter(date_from=NOON + timedelta(minutes=5)), [two]),
        (ActivityFilter(date_to=NOON + timedelta(minutes=5)), [one]),
    ):
        assert await store.activities(wanted, ALL) == (expected, len(expected)), wanted
    assert await store.activities(ActivityFilter(), Slice(1, 1)) == ([one], 2)


async def test_the_store_says_that_it_is_well(store):
    assert await store.healthy()
