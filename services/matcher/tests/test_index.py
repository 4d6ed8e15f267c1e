"""The contract of the index, on every door: what is found, in which order, counted and paged."""

import random
from dataclasses import replace
from typing import Any

import pytest

from libs.common.errors import Refusal
from services.matcher.domain.documents import Band, Dismissed, Document, Gone, Profile, Tag, Tags
from services.matcher.index import elastic, elastic_marks, elastic_pages
from services.matcher.index.port import Change, Index, Order, Query
from services.matcher.service.matches import matches
from services.matcher.service.search import SearchCommand, count, search, suggest
from services.matcher.tests.builders import LONG_AGO, an_entity, an_id, deps_of, fill


async def found(index: Index, **asked: object) -> list[int]:
    """The numbers of the entities that a search finds, in order."""
    command = SearchCommand(**{"page_size": 100, **asked})  # type: ignore[arg-type]
    answer = await search(deps_of(index), command)
    assert answer.total == len(answer.ids)
    assert set(answer.how) == set(answer.ids)
    assert await search(deps_of(index), replace(command, reasons=False)) == replace(answer, how={})
    return [int(entity_id[-12:]) for entity_id in answer.ids]


async def test_a_tag_finds_itself_its_parts_its_singular_and_its_slips(index: Index):
    await fill(
        index,
        an_entity(1, offers=["vegetalbes"]),
        an_entity(2, offers=["organic-vegetables"]),
        an_entity(3, offers=["vegetables"]),
        an_entity(4, offers=["vegetable"]),
        an_entity(5, offers=["printing"]),
        an_entity(6, wants=["vegetables"]),
    )
    assert await found(index, offers=("vegetables",)) == [3, 4, 2, 1]
    assert await found(index, offers=("Végétables!",)) == [3, 4, 2, 1]
    assert await found(index, offers=("painting",)) == []
    assert await found(index, wants=("vegetables",)) == [6]


async def test_several_tags_are_ored_with_earlier_ones_weighing_more_and_both_sides_are_anded(index: Index):
    await fill(
        index,
        an_entity(1, offers=["bread"]),
        an_entity(2, offers=["honey"]),
        an_entity(3, offers=["bread", "honey"], wants=["plumber"]),
        an_entity(4, wants=["plumber"]),
    )
    assert await found(index, offers=("honey", "bread")) == [3, 2, 1]
    assert await found(index, offers=("bread", "honey")) == [3, 1, 2]
    assert await found(index, offers=("bread",), wants=("plumber",)) == [3]


async def test_a_name_is_found_whole_in_part_and_with_typos(index: Index):
    await fill(
        index,
        an_entity(1, name="The Old Bakery"),
        an_entity(2, name="Café Müller"),
        an_entity(3, name="Bakery & Sons"),
        an_entity(4, name="Garden Tools"),
    )
    assert await found(index, name="bakery") == [3, 1]
    assert await found(index, name="old bakery") == [1]
    assert await found(index, name="bak") == [3, 1]
    assert await found(index, name="akery") == [3, 1]
    assert await found(index, name="bakrey") == [3, 1]
    assert await found(index, name="MULLER") == [2]
    assert await found(index, name="cafe") == [2]
    assert await found(index, name="bakery garden") == []


@pytest.mark.parametrize(
    "text", ["*", ".*", "ba* OR garden~", "???", '"', "\\", "[a-z]+", "%", "_", "\x00", "\u202e", "((((", "{}"]
)
async def test_what_looks_like_an_expression_is_text(index: Index, text: str):
    await fill(index, an_entity(1, name="Bakery", offers=["bread"]))
    assert await found(index, name=text) == []
    assert await found(index, offers=(text,)) == []


async def test_trading_members_stand_first_by_default_and_other_orders_do_not_care(index: Index):
    await fill(
        index,
        an_entity(1, offers=["bread"], name="Anna", trading=False, newest=LONG_AGO + 3),
        an_entity(2, offers=["rye-bread"], name="Zoe", newest=LONG_AGO + 1),
        an_entity(3, offers=["bread"], name="Mia", newest=LONG_AGO + 2),
    )
    assert await found(index, offers=("bread",)) == [3, 2, 1]
    assert await found(index) == [3, 2, 1]
    assert await found(index, order="name") == [1, 3, 2]
    assert await found(index, order="newest") == [1, 3, 2]


async def test_distance_narrows_and_orders_and_those_without_a_place_come_last(index: Index):
    await fill(
        index,
        an_entity(1, place=(52.52, 13.40)),
        an_entity(2, place=(52.40, 13.06)),
        an_entity(3),
        an_entity(4, place=(48.14, 11.58)),
    )
    here = {"latitude": 52.5, "longitude": 13.3}
    assert await found(index, order="distance", **here) == [1, 2, 4, 3]
    assert await found(index, order="distance", distance_km=30.0, **here) == [1, 2]
    with pytest.raises(Refusal, match="place_missing"):
        await found(index, order="distance")


async def test_category_favourites_and_tagged_since_combine(index: Index):
    await fill(
        index,
        an_entity(1, offers=["bread"], categories=["Food"]),
        an_entity(2, offers=["bread"], categories=["food", "arts"], at=LONG_AGO + 1000),
        an_entity(3, wants=["honey"], at=LONG_AGO + 1000),
        an_entity(4, offers=["honey"], categories=["arts"]),
    )
    assert await found(index, category="food") == [1, 2]
    assert await found(index, category="FÓOD", offers=("bread",), ids=(an_id(2), an_id(4))) == [2]
    assert await found(index, ids=(an_id(4), an_id(77))) == [4]
    assert await found(index, ids=()) == []
    assert await found(index, tagged_since=LONG_AGO + 500) == [2, 3]
    assert await found(index, tagged_since=LONG_AGO + 500, offers=("bread", "honey")) == [2]
    assert await found(index, tagged_since=LONG_AGO + 1001) == []


async def test_tagged_since_with_a_tag_asks_for_the_date_of_that_tag(index: Index):
    newer = Tags(2, (Tag("bread", LONG_AGO), Tag("honey", LONG_AGO + 1000)), ())
    await fill(index, an_entity(1, offers=["bread"]), Change(an_id(1), (newer,)))
    assert await found(index, tagged_since=LONG_AGO + 500, offers=("honey",)) == [1]
    assert await found(index, tagged_since=LONG_AGO + 500, offers=("bread",)) == []


async def test_pages_are_exact_and_a_page_past_the_end_is_empty(index: Index):
    await fill(index, *(an_entity(number, name=f"Shop {number:03d}", offers=["bread"]) for number in range(1, 24)))
    deps = deps_of(index)
    pages = [await search(deps, SearchCommand(offers=("bread",), page=page, page_size=10)) for page in (1, 2, 3, 4)]
    assert [answer.total for answer in pages] == [23] * 4
    assert [len(answer.ids) for answer in pages] == [10, 10, 3, 0]
    assert [x for answer in pages for x in answer.ids] == [an_id(number) for number in range(1, 24)]


async def test_the_unlisted_the_deleted_and_removed_tags_are_found_by_nobody(index: Index):
    await fill(
        index,
        an_entity(1, offers=["bread"], name="Bakery", listed=False),
        an_entity(2, offers=["bread"], name="Bakery"),
        an_entity(3, offers=["bread"], name="Bakery"),
    )
    await index.update(Change(an_id(2), (Gone(),)))
    await index.update(Change(an_id(3), (Tags(2, (), ()),)))
    await index.findable()
    assert await found(index, offers=("bread",)) == []
    assert await found(index, name="bakery") == [3]
    assert await suggest(deps_of(index), text="bre", kind=None, limit=10) == []
    assert await index.update(Change(an_id(2), (Profile(9, "Back", True, True),))) == Document(an_id(2), gone=True)


async def test_an_older_fact_loses_and_parts_may_come_in_any_order(index: Index):
    await fill(index, Change(an_id(1), (Tags(5, (Tag("bread", LONG_AGO),), ()), Band(3, 2))))
    assert await found(index, offers=("bread",)) == []
    await fill(index, an_entity(1, offers=["honey"], sequence=4), Change(an_id(1), (Band(2, -1),)))
    assert await found(index, offers=("bread",)) == [1]
    assert await found(index, offers=("honey",)) == []
    document = await index.get(an_id(1))
    assert document is not None
    assert (document.band, document.tags_sequence, document.profile_sequence) == (2, 5, 4)


async def test_counts_and_suggestions_count_listed_members(index: Index):
    await fill(
        index,
        an_entity(1, offers=["vegetables"], wants=["plumbing"]),
        an_entity(2, offers=["vegetable", "organic-vegetables"]),
        an_entity(3, offers=["vegan-food"], wants=["vegetables"], listed=False),
        an_entity(4, wants=["vegetables"]),
    )
    deps = deps_of(index)
    assert await count(deps, kind="wants", tag="Vegetables") == 2
    assert await count(deps, kind="offers", tag="vegetalbes") == 1
    assert await count(deps, kind="offers", tag="!!!") == 0
    assert await suggest(deps, text="veg", kind=None, limit=10) == [
        ("vegetables", 2), ("vegetable", 1), ("organic-vegetables", 1),
    ]  # fmt: skip
    assert await suggest(deps, text="Veg", kind="offers", limit=2) == [("vegetable", 1), ("vegetables", 1)]
    assert await suggest(deps, text="zzz", kind=None, limit=10) == []


async def test_matches_are_counterparts_with_reasons_best_first(index: Index):
    await fill(
        index,
        an_entity(1, offers=["bread"], wants=["honey"], place=(52.5, 13.4)),
        an_entity(2, offers=["honey"], wants=["bread"], place=(52.5, 13.4)),
        an_entity(3, offers=["bread"]),
        an_entity(4, wants=["rye-bread"], trading=False),
        an_entity(5, wants=["bread"], listed=False),
        an_entity(6, wants=["bread"]),
    )
    answer = await matches(deps_of(index), an_id(1), since=0, limit=10)
    assert [int(item.document.entity_id[-12:]) for item in answer.items] == [2, 6, 4]
    assert answer.total == 3
    best = answer.items[0]
    assert best.mutual
    assert [(pair.side, pair.mine, pair.theirs, pair.kind) for pair in best.pairs] == [
        ("offers", "bread", "bread", "exact"),
        ("wants", "honey", "honey", "exact"),
    ]
    assert [reason.code for reason in best.reasons] == [
        "best_kind", "offers_wanted", "wants_offered", "mutual", "trading", "distance",
    ]  # fmt: skip
    assert 1 >= best.score > answer.items[1].score > answer.items[2].score > 0


async def test_dismissed_matches_are_left_out_for_who_dismissed_them(index: Index):
    await fill(
        index, an_entity(1, offers=["bread"], more=[Dismissed(frozenset({an_id(2)}))]), an_entity(2, wants=["bread"])
    )
    assert (await matches(deps_of(index), an_id(1), since=0, limit=10)).total == 0
    assert (await matches(deps_of(index), an_id(2), since=0, limit=10)).total == 1


async def test_since_shows_what_appeared_then_whichever_side_was_new(index: Index):
    new = LONG_AGO + 1000
    await fill(
        index,
        an_entity(1, offers=["bread"]),
        an_entity(2, wants=["bread"]),
        an_entity(3, wants=["bread"], at=new),
    )
    deps = deps_of(index)
    assert [x.document.entity_id for x in (await matches(deps, an_id(1), since=new, limit=10)).items] == [an_id(3)]
    assert (await matches(deps, an_id(3), since=new, limit=10)).total == 1
    assert (await matches(deps, an_id(2), since=new, limit=10)).total == 0


async def test_a_match_that_helps_both_balances_stands_before_one_that_does_not(index: Index):
    await fill(
        index,
        an_entity(1, offers=["bread"], more=[Band(1, -2)]),
        an_entity(2, wants=["bread"], more=[Band(1, -1)]),
        an_entity(3, wants=["bread"], more=[Band(1, 2)]),
    )
    answer = await matches(deps_of(index), an_id(1), since=0, limit=10)
    assert [int(item.document.entity_id[-12:]) for item in answer.items] == [3, 2]
    assert [["balance" in {r.code for r in item.reasons}] for item in answer.items] == [[True], [False]]


async def test_documents_come_in_id_order_from_behind_an_id(index: Index):
    await fill(index, *(an_entity(number) for number in (3, 1, 2)), an_entity(4, listed=False))
    assert [x.entity_id async for x in index.documents("", 10)] == [an_id(number) for number in (1, 2, 3, 4)]
    assert [x.entity_id async for x in index.documents(an_id(1), 2)] == [an_id(2), an_id(3)]


async def test_a_query_for_nothing_known_counts_nobody(index: Index):
    await fill(index, an_entity(1, offers=["bread"]))
    assert await index.count(Query(asked=())) == 0
    assert await index.count(Query()) == 1


@pytest.mark.parametrize("window", [7, 40])
@pytest.mark.parametrize("order", ["relevance", "name", "newest", "distance"])
async def test_rows_far_down_are_right_from_either_end_and_one_by_one(
    index: Index, order: Order, window: int, monkeypatch: pytest.MonkeyPatch
):
    walked: list[Query] = []
    in_tiers: list[Query] = []
    walking, by_tiers = elastic_pages.Pages._walked, elastic_pages.Pages._tiered

    async def walk(self: elastic_pages.Pages, query: Query, *where: Any) -> Any:
        walked.append(query)
        return await walking(self, query, *where)

    async def tiered(self: elastic_pages.Pages, query: Query) -> Any:
        found = await by_tiers(self, query)
        in_tiers.extend([query] if found else [])
        return found

    monkeypatch.setattr(elastic_pages.Pages, "_walked", walk)
    monkeypatch.setattr(elastic_pages.Pages, "_tiered", tiered)
    monkeypatch.setattr(elastic_pages, "WINDOW", window)
    monkeypatch.setattr(elastic_pages, "FAR", 3)
    monkeypatch.setattr(elastic_marks, "NEAR", 9)
    chance = random.Random(4)
    names = ("Shop {}", "Überfluss {}", "日本語の{}", "Zu {} \U0001d4b7", "\U0010ffff{}")
    await fill(index, *(
        an_entity(
            number,
            name=chance.choice(names).format(chance.randrange(9)),
            offers=[chance.choice(("bread", "rye-bread", "braed"))],
            trading=chance.random() < 0.5,
            newest=LONG_AGO + 1000 * chance.randrange(9),
            place=(50.0, chance.randrange(5) / 10) if chance.random() < 0.7 else None,
        )
        for number in range(60)
    ))  # fmt: skip
    deps = deps_of(index)
    for offers in ((), ("bread",)):

        def asked(page: int, page_size: int, offers: tuple[str, ...] = offers) -> SearchCommand:
            return SearchCommand(
                offers=offers, order=order, latitude=50.0, longitude=0.0, page=page, page_size=page_size
            )

        whole = (await search(deps, asked(1, 100))).ids
        assert len(set(whole)) == 60
        for page in (20, 1, 2, 3, 12, 13, 6, 5, 19, 21, 12):
            answer = await search(deps, replace(asked(page, 3), reasons=page % 2 == 0))
            assert answer.ids == whole[(page - 1) * 3 : page * 3]
            assert answer.total == 60
    counted = window == 40 and (order in ("name", "newest"))
    assert not (walked and counted), "who is sorted by a number is counted, not walked"
    assert bool(in_tiers) == (isinstance(index, elastic.ElasticIndex) and order == "relevance")
