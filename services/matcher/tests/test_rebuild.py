"""The rebuild while the index is in use, on both doors: no gap, nothing lost, and it is checked."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.common.contracts.matcher import AuditRecordedV1
from libs.common.errors import Refusal
from services.matcher.domain.documents import Band, Dismissed, Gone, Profile, Tag, Tags
from services.matcher.index.port import Change, Index
from services.matcher.service.rebuild import Rebuilder, begin_for, compare, sentence
from services.matcher.service.search import SearchCommand, search
from services.matcher.tests.builders import LONG_AGO, FixedSource, KeptBus, an_entity, an_id, deps_of, fill


async def rebuilt(index: Index, source: FixedSource) -> Rebuilder:
    rebuilder = Rebuilder(deps_of(index, source=source))
    rebuilder.begin()
    assert rebuilder._task is not None
    await rebuilder._task
    return rebuilder


async def ids_of(index: Index, source: FixedSource, **asked: object) -> list[str]:
    await index.findable()
    return (await search(deps_of(index, source=source), SearchCommand(**{"page_size": 100, **asked}))).ids  # type: ignore[arg-type]


async def test_a_rebuild_puts_everything_right(index: Index):
    await fill(index, an_entity(1, offers=["old"], sequence=1), an_entity(9, offers=["surplus"]))
    source = FixedSource([an_entity(number, offers=["bread"], sequence=2) for number in range(1, 8)])
    rebuilder = await rebuilt(index, source)
    assert (rebuilder.status.state, rebuilder.status.read, rebuilder.status.checked_pages) == ("done", 7, 3)
    assert rebuilder.status.differing_pages == 0
    assert await ids_of(index, source, offers=("bread",)) == [an_id(number) for number in range(1, 8)]
    assert await ids_of(index, source, offers=("old",)) == []
    assert await ids_of(index, source, offers=("surplus",)) == []


async def test_what_no_export_tells_is_carried_over_and_the_ledgers_bands_are_read(index: Index):
    known = an_entity(1, more=[Band(4, -2), Dismissed(frozenset({an_id(2)}))])
    await fill(index, known, an_entity(2))
    source = FixedSource([an_entity(1), an_entity(2)], band_changes=[Change(an_id(2), (Band(1, 1),))])
    await rebuilt(index, source)
    first, second = await index.get(an_id(1)), await index.get(an_id(2))
    assert first is not None
    assert second is not None
    assert (first.band, first.dismissed, second.band) == (-2, frozenset({an_id(2)}), 1)


async def test_it_is_in_use_and_hears_events_while_it_is_rebuilt(index: Index):
    held = [an_entity(number, offers=["bread"]) for number in range(1, 10)]
    await fill(index, *held)
    searched: list[int] = []

    class WhileReading(FixedSource):
        async def entities(self, after: str = "") -> AsyncIterator[list[Change]]:
            async for changes in FixedSource.entities(self, after):
                yield changes
                number = int(changes[0].entity_id[-12:])
                await index.update(Change(an_id(number), (Tags(2, (Tag("honey", LONG_AGO),), ()),)))
                await index.update(Change(an_id(number + 1), (Gone(),)))
                searched.append(len(await ids_of(index, self)))

    source = WhileReading(held)
    rebuilder = await rebuilt(index, source)
    assert rebuilder.status.state == "done"
    assert searched == [8, 7, 6, 6, 6, 6]
    assert sorted(await ids_of(index, source, offers=("honey",))) == [an_id(1), an_id(4), an_id(7)]
    assert sorted(await ids_of(index, source, offers=("bread",))) == [an_id(3), an_id(6), an_id(9)]


async def test_a_rebuild_that_fails_leaves_the_index_as_it_is_and_says_why(index: Index):
    await fill(index, an_entity(1, offers=["bread"]))

    class Away(FixedSource):
        async def entities(self, after: str = "") -> AsyncIterator[list[Change]]:
            yield [an_entity(2)]
            raise Refusal.of(503, "service_away", "The directory does not answer.")

    source = Away()
    rebuilder = await rebuilt(index, source)
    assert rebuilder.status.state == "failed"
    assert "service_away" in (rebuilder.status.problem or "")
    assert await ids_of(index, source) == [an_id(1)]
    assert (await rebuilt(index, FixedSource([an_entity(3)]))).status.state == "done"
    assert await ids_of(index, source) == [an_id(3)]


async def test_a_source_that_loses_entities_half_way_is_not_believed(index: Index):
    await fill(index, an_entity(1), an_entity(2))

    class Forgetful(FixedSource):
        reads = 0

        async def entities(self, after: str = "") -> AsyncIterator[list[Change]]:
            self.reads += 1
            yield [an_entity(1)] if self.reads == 2 else [an_entity(1), an_entity(2)]

    rebuilder = await rebuilt(index, Forgetful())
    assert rebuilder.status.state == "failed"
    assert len(await ids_of(index, FixedSource())) == 2


async def test_what_an_admin_begins_is_in_the_activity_log_or_not_begun(index: Index):
    bus = KeptBus(takes=0)
    deps = deps_of(index, bus=bus, source=FixedSource([an_entity(1)]))
    rebuilder = Rebuilder(deps)
    with pytest.raises(Refusal) as refused:
        await begin_for(deps, rebuilder, "an-admin")
    assert (refused.value.status, rebuilder.status.state) == (503, "idle")
    bus.takes = None
    assert await begin_for(deps, rebuilder, "an-admin") is await begin_for(deps, rebuilder, "another")
    await rebuilder.fill_until_done()
    await begin_for(deps, rebuilder, None)
    await rebuilder.fill_until_done()
    [line] = [AuditRecordedV1.model_validate(each.data) for each in bus.told if each.type == AuditRecordedV1.TYPE]
    assert (line.actor_id, line.category, line.action) == ("an-admin", "admin", "index.rebuilt")
    assert (line.before, line.after) == ({"state": "idle"}, {"state": "running"})


async def test_a_second_call_joins_the_rebuild_under_way(index: Index):
    rebuilder = Rebuilder(deps_of(index, source=FixedSource([an_entity(1)])))
    assert rebuilder.begin() is rebuilder.begin()
    await rebuilder.fill_until_done()
    assert rebuilder.status.state == "done"
    await rebuilder.stop()


async def test_the_comparison_names_what_differs(index: Index):
    await fill(
        index,
        an_entity(1, name="Same", offers=["bread"]),
        an_entity(2, name="Here"),
        an_entity(4, name="Surplus"),
        Change(an_id(6), (Gone(),)),
    )
    directory = [
        an_entity(1, name="Same", offers=["bread"]),
        Change(an_id(2), (Profile(2, "There", True, True, ("food",)), Tags(1, (), ()))),
        an_entity(3, name="Missing"),
        Change(an_id(6), (Gone(),)),
        Change(an_id(7), (Gone(),)),
    ]
    compared = await asyncio.wait_for(compare(deps_of(index, source=FixedSource(directory, page=2))), 10)
    assert [sentence(each) for each in sorted(compared.differences, key=lambda each: each.entity_id)] == [
        f"entity {an_id(2)} differs in name, categories, newest",
        f"entity {an_id(3)} is missing from the index",
        f"entity {an_id(4)} is found though the directory does not have it",
    ]
    assert (compared.source, compared.index) == (5, 4)
