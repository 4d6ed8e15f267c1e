"""The best of many lists: the same as by a search, and nothing is asked or read twice that is known."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from services.matcher.domain.documents import Dismissed, Document, Tag, Tags
from services.matcher.index.elastic import ElasticIndex
from services.matcher.index.elastic_best import Bests
from services.matcher.index.port import Asked, Change, Index, Query
from services.matcher.tests.builders import LONG_AGO, an_entity, an_id, fill


class Counting:
    """A client that counts what is asked."""

    def __init__(self, index: ElasticIndex) -> None:
        self._client = index._client
        self.searches = 0
        self.read: list[str] = []

    async def msearch(self, *, searches: Sequence[Any], **more: Any) -> Any:
        self.searches += len(searches) // 2
        return await self._client.msearch(searches=searches, **more)

    async def mget(self, *, ids: Sequence[str], **more: Any) -> Any:
        self.read += ids
        return await self._client.mget(ids=ids, **more)


def who_wants(index: Index, tag: str, *without: int, size: int = 50) -> Query:
    asked = (Asked("wants", 1, index.tags.meet((tag,))),)
    left_out = frozenset(an_id(number) for number in without)
    return Query(asked=asked, either_side=True, without=left_out, trading_first=False, trading_points=40, size=size)


def numbers(found: list[Document]) -> list[int]:
    return [int(document.entity_id[-12:]) for document in found]


async def test_the_best_are_those_of_a_search_without_whom_i_leave_out(index: Index):
    await fill(
        index,
        an_entity(1, wants=["rye-bread"], trading=False),
        an_entity(2, wants=["bread"]),
        an_entity(3, wants=["rye-bread"]),
        an_entity(4, wants=["bread"], trading=False),
        an_entity(5, wants=["bread"], listed=False),
        an_entity(6, wants=["bread"]),
    )
    queries = [
        who_wants(index, "bread", 2),
        who_wants(index, "bread", 6),
        who_wants(index, "bread", 2, 6, size=1),
        who_wants(index, "jam"),
        who_wants(index, "bread", 2, *range(20, 50)),
    ]
    found = [numbers(each) for each in await asyncio.gather(*(index.best(query) for query in queries))]
    searched = [numbers((await index.search(query)).documents) for query in queries]
    assert found == searched == [[6, 3, 4, 1], [2, 3, 4, 1], [3], [], [6, 3, 4, 1]]


@pytest.mark.parametrize("index", ["elasticsearch"], indirect=True)
async def test_equal_lists_are_asked_for_once_and_known_documents_read_once(index: ElasticIndex):
    await fill(index, *(an_entity(number, wants=["bread"]) for number in range(1, 6)))
    client = Counting(index)
    bests = Bests(client, index.name)  # type: ignore[arg-type]  # it takes the place of a client
    first, second = await bests.of([who_wants(index, "bread", 1), who_wants(index, "bread", 2)])
    assert (sorted(numbers(first)), sorted(numbers(second))) == ([2, 3, 4, 5], [1, 3, 4, 5])
    assert client.searches == 1
    assert sorted(client.read) == [an_id(number) for number in range(1, 6)]

    client.read.clear()
    await index.update(Change(an_id(3), (Tags(2, (), (Tag("bread", LONG_AGO), Tag("jam", LONG_AGO))),)))
    await index.update(Change(an_id(4), (Tags(2, (), ()),)))
    await index.update(Change(an_id(5), (Dismissed(frozenset({an_id(1)})),)))
    await index.findable()
    [again] = await bests.of([who_wants(index, "bread", 1)])
    assert sorted(numbers(again)) == [2, 3, 5]
    assert sorted(client.read) == [an_id(3), an_id(5)], "those that were written since"
    by_id = {document.entity_id: document for document in again}
    assert [tag.tag for tag in by_id[an_id(3)].wants] == ["bread", "jam"]
    assert by_id[an_id(5)].dismissed == {an_id(1)}


@pytest.mark.parametrize("index", ["elasticsearch"], indirect=True)
async def test_what_a_rebuild_wrote_is_not_taken_for_what_was_known(index: ElasticIndex):
    await fill(index, an_entity(1, wants=["bread"]))
    bests = Bests(index._client, index.name)
    assert [document.newest for document in (await bests.of([who_wants(index, "bread")]))[0]] == [LONG_AGO]
    target = await index.rebuilding()
    await target.update([an_entity(1, wants=["bread"], newest=LONG_AGO + 1)])
    await target.commit()
    assert [document.newest for document in (await bests.of([who_wants(index, "bread")]))[0]] == [LONG_AGO + 1]
