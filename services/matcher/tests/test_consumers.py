"""Events that come twice, late, in any order, or broken; and what is told of them."""

import asyncio
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from libs.common.bus.port import Handler
from libs.common.contracts.consumers import MATCHES, topics_of
from libs.common.contracts.directory import (
    DatedTag,
    EntityChangedV1,
    EntityDeletedV1,
    MatchDismissedV1,
    TagRenamedV1,
    TagsChangedV1,
)
from libs.common.contracts.ledger import AccountBandChangedV1
from libs.common.contracts.matcher import MatchFoundV1
from libs.common.envelope import Envelope
from services.matcher.consumers import broadcasts, change_in, subscriptions, to_tell
from services.matcher.domain.documents import Document
from services.matcher.index.memory import MemoryIndex
from services.matcher.index.port import Change, Index
from services.matcher.lexicon import NodeLexicon
from services.matcher.service.matches import NotTold
from services.matcher.service.news import News
from services.matcher.service.teller import Teller
from services.matcher.tests.builders import KeptBus, an_entity, an_id, deps_of, fill

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def changed(number: int, sequence: int = 1, **more: object) -> Envelope:
    shape = {
        "name": f"Entity {number}",
        "email": "a@example.org",
        "status": "tradingAccepted",
        "listed": True,
        "may_trade": True,
    }
    event = EntityChangedV1.model_validate({"entity_id": an_id(number), **shape, **more})
    return event.envelope(subject=an_id(number), sequence=sequence, time=NOW)


def tags_changed(number: int, offers: list[str], wants: list[str], sequence: int = 1, at: datetime = NOW) -> Envelope:
    lists = [[DatedTag(tag=tag, added_at=at) for tag in tags] for tags in (offers, wants)]
    event = TagsChangedV1(entity_id=an_id(number), listed=True, offers=lists[0], wants=lists[1])
    return event.envelope(subject=an_id(number), sequence=sequence, time=at)


def deleted(number: int) -> Envelope:
    return EntityDeletedV1(entity_id=an_id(number), name="x").envelope(subject=an_id(number), sequence=1, time=NOW)


def band(number: int, band: int, sequence: int = 1) -> Envelope:
    event = AccountBandChangedV1(entity_id=an_id(number), band=band)
    return event.envelope(subject=an_id(number), sequence=sequence, time=NOW)


def dismissed(number: int, other: int) -> Envelope:
    event = MatchDismissedV1(entity_id=an_id(number), other_entity_id=an_id(other))
    return event.envelope(subject=an_id(number), sequence=1, time=NOW)


@dataclass
class Matcher:
    """The parts that hear events."""

    news: News
    teller: Teller

    def handlers(self) -> list[dict[str, Handler]]:
        """As the bus does: the broadcast to every process, then both durable deliveries."""
        return [broadcasts(self.news), subscriptions(self.news), to_tell(self.teller)]


async def a_matcher(index: Index) -> tuple[Matcher, KeptBus]:
    bus = KeptBus()
    deps = deps_of(index, bus=bus)
    news = News(deps)
    await news.learn_words()
    return Matcher(news, Teller(deps, news)), bus


class SlowIndex(MemoryIndex):
    """Takes a change when it may."""

    def __init__(self, lexicon: NodeLexicon) -> None:
        super().__init__(lexicon)
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def update(self, change: Change) -> Document:
        self.begun.set()
        await self.may_end.wait()
        return await super().update(change)


async def hear(matcher: Matcher, *envelopes: Envelope) -> None:
    for envelope in envelopes:
        for handlers in matcher.handlers():
            if envelope.type in handlers:
                await handlers[envelope.type](envelope)


def test_it_handles_what_its_queues_are_bound_to(lexicon: NodeLexicon):
    deps = deps_of(MemoryIndex(lexicon))
    news = News(deps)
    assert frozenset(subscriptions(news)) == topics_of("matcher")
    assert frozenset(to_tell(Teller(deps, news))) == topics_of(MATCHES)


async def test_every_order_of_the_same_events_ends_in_the_same_state(lexicon: NodeLexicon):
    events = [
        changed(1, 1, name="Old", listed=False),
        changed(1, 2, name="New", categories=["food"]),
        tags_changed(1, ["bread"], []),
        tags_changed(1, ["honey"], ["rye"], sequence=2),
        band(1, 2, sequence=3),
        dismissed(1, 7),
    ]
    ends: set[Document] = set()
    for order in itertools.permutations(events):
        index = MemoryIndex(lexicon)
        news, _ = await a_matcher(index)
        await hear(news, *order, order[0])
        document = await index.get(an_id(1))
        assert document is not None
        ends.add(document)
    assert len(ends) == 1
    assert [tag.tag for tag in ends.pop().offers] == ["honey"]


async def test_a_deleted_entity_does_not_come_back_by_a_late_event(index: Index):
    news, bus = await a_matcher(index)
    await hear(news, deleted(1), changed(1, 9), tags_changed(1, ["bread"], [], sequence=9))
    document = await index.get(an_id(1))
    assert document == Document(an_id(1), gone=True)
    assert bus.told == []


async def test_new_tags_are_told_as_matches_with_an_id_that_follows_from_the_pair(index: Index):
    await fill(
        index,
        an_entity(2, wants=["bread"]),
        an_entity(3, offers=["honey"]),
        an_entity(4, wants=["bread"], listed=False),
    )
    news, bus = await a_matcher(index)
    await hear(news, changed(1), tags_changed(1, ["bread"], ["honey"]))
    told = [MatchFoundV1.read(envelope.data) for envelope in bus.told]
    assert {(each.offering_entity_id, each.wanting_entity_id, each.offer, each.want, each.kind) for each in told} == {
        (an_id(1), an_id(2), "bread", "bread", "exact"),
        (an_id(3), an_id(1), "honey", "honey", "exact"),
    }
    first = sorted(envelope.id for envelope in bus.told)
    bus.told.clear()
    await hear(news, tags_changed(1, ["bread"], ["honey"]))
    assert sorted(envelope.id for envelope in bus.told) == first


async def test_tags_that_stay_are_not_told_again(index: Index):
    await fill(index, an_entity(2, wants=["bread"]))
    news, bus = await a_matcher(index)
    await hear(news, changed(1), tags_changed(1, ["bread"], [], at=NOW - timedelta(hours=1)))
    assert len(bus.told) == 1
    bus.told.clear()
    later = tags_changed(1, ["bread"], [], sequence=2, at=NOW - timedelta(hours=1))
    await hear(news, Envelope(later.id, later.type, later.source, later.subject, NOW, later.data, 2))
    assert bus.told == []


async def test_who_becomes_listed_is_matched_whichever_event_comes_first(index: Index):
    await fill(index, an_entity(2, wants=["bread"]))
    for number, order in enumerate(itertools.permutations([0, 1]), start=10):
        news, bus = await a_matcher(index)
        events = [changed(number), tags_changed(number, ["bread"], [])]
        await hear(news, *(events[place] for place in order))
        assert [envelope.data["offering_entity_id"] for envelope in bus.told] == [an_id(number)]


async def test_what_the_bus_does_not_take_is_tried_again(index: Index):
    await fill(index, an_entity(2, wants=["bread"]), an_entity(3, wants=["bread"]))
    news, bus = await a_matcher(index)
    bus.takes = 1
    await hear(news, changed(1))
    with pytest.raises(NotTold):
        await hear(news, tags_changed(1, ["bread"], []))
    bus.takes = None
    bus.told.clear()
    await hear(news, tags_changed(1, ["bread"], []))
    assert len(bus.told) == 2


async def test_many_changes_of_one_entity_are_told_in_one_round(index: Index):
    await fill(index, an_entity(1, offers=["old"]), an_entity(2, wants=["bread"]), an_entity(3, wants=["honey"]))
    matcher, bus = await a_matcher(index)
    tell = to_tell(matcher.teller)[TagsChangedV1.TYPE]
    lists = [["bread"], ["bread", "jam"], ["bread", "honey", "jam"]]
    events = [tags_changed(1, each, [], sequence=place + 2) for place, each in enumerate(lists)]
    await tell(events[0])
    bus.rounds = 0
    await asyncio.gather(*(tell(event) for event in reversed(events)))
    assert bus.rounds <= 2, "the first begins at once, what comes meanwhile goes together"
    assert {(event.data["offer"], event.data["wanting_entity_id"]) for event in bus.told} == {
        ("bread", an_id(2)),
        ("honey", an_id(3)),
    }
    document = await index.get(an_id(1))
    assert document is not None
    assert document.tags_sequence == 4, "the queue of the matches may be ahead of the index"


async def test_a_change_whose_matches_cannot_be_told_does_not_hold_up_the_others(index: Index):
    await fill(index, an_entity(1), an_entity(2), an_entity(3, wants=["bread"]), an_entity(4, wants=["honey"]))
    matcher, bus = await a_matcher(index)
    bus.refuses = an_id(1)
    tell = to_tell(matcher.teller)[TagsChangedV1.TYPE]
    done = await asyncio.gather(
        *(tell(tags_changed(number, [tag], [], sequence=2)) for number, tag in ((1, "bread"), (2, "honey"))),
        return_exceptions=True,
    )
    assert [type(each) for each in done] == [NotTold, type(None)]
    assert [event.data["offer"] for event in bus.told] == ["honey"]


async def test_telling_waits_for_changes_on_their_way_into_the_index_but_not_for_ever(lexicon: NodeLexicon):
    index = SlowIndex(lexicon)
    matcher, _ = await a_matcher(index)
    writing = asyncio.create_task(matcher.news.learn(change_in(changed(1))))
    await index.begun.wait()
    await matcher.news.quiet(0.001)  # some changes are always under way: it returns all the same
    waiting = asyncio.create_task(matcher.news.quiet(60))
    index.may_end.set()
    await asyncio.wait_for(asyncio.gather(writing, waiting), 10)


async def test_who_dismissed_me_is_not_told_of_me(index: Index):
    await fill(index, an_entity(2, wants=["bread"]))
    news, bus = await a_matcher(index)
    await hear(news, dismissed(2, 1), changed(1), tags_changed(1, ["bread"], []))
    assert bus.told == []


async def test_a_poison_event_is_refused_and_changes_nothing(index: Index):
    news, _ = await a_matcher(index)
    good = tags_changed(1, ["bread"], [])
    poison = Envelope("x", good.type, good.source, good.subject, NOW, {"entity_id": an_id(1), "offers": 7}, 1)
    with pytest.raises(ValidationError):
        await hear(news, poison)
    assert await index.get(an_id(1)) is None


async def test_an_admins_tag_is_right_as_it_is_written(index: Index):
    await fill(index, an_entity(1, offers=["grobbel"]))
    news, _ = await a_matcher(index)
    assert index.tags.meet(("grobble",)).kinds == {"grobbel": "fuzzy"}
    made = TagRenamedV1(old=None, new="grobble").envelope(subject="t", sequence=1, time=NOW)
    await hear(news, made, TagRenamedV1(old=None, new="grobbel").envelope(subject="u", sequence=1, time=NOW))
    assert index.tags.meet(("grobble",)).kinds == {}
    await hear(news, TagRenamedV1(old="grobble", new=None).envelope(subject="t", sequence=2, time=NOW))
    assert index.tags.meet(("grobble",)).kinds == {"grobbel": "fuzzy"}


async def test_words_heard_before_the_word_list_is_there_are_learned_with_it(lexicon: NodeLexicon):
    index = MemoryIndex(lexicon)
    news = News(deps_of(index))
    await broadcasts(news)[TagsChangedV1.TYPE](tags_changed(1, ["bread"], []))
    assert "bread" not in index.tags
    await news.learn_words()
    assert "bread" in index.tags


async def test_a_word_of_a_name_is_remembered_until_names_or_the_lexicon_change(index: Index):
    await fill(index, an_entity(1, name="Bakery Grobbel"))
    news, _ = await a_matcher(index)
    assert index.names.meet("grobble").kinds == {"grobbel": "fuzzy"}
    assert index.names.meet("grobble") is index.names.meet("grobble")
    await hear(news, changed(2, name="Grobbles"))
    assert index.names.meet("grobble").kinds == {"grobbel": "fuzzy", "grobbles": "exact"}
    for made in ("grobble", "grobbel"):
        await hear(news, TagRenamedV1(old=None, new=made).envelope(subject=made, sequence=1, time=NOW))
    assert index.names.meet("grobble").kinds == {"grobbles": "exact"}
