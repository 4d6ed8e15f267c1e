"""What is kept of public reads: for a second, for everybody who shows no token, and for nobody else."""

import asyncio
import gc
import weakref
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.clients.directory import Changes
from gateway.public_reads import AHEAD_AT_ONCE, CHANGES, Kept, PublicReads
from gateway.tests.house import ANA, BAKERY, BEN, GARAGE, TAG, UNKNOWN, Asked, Heard, House, an_entity, refusal, seen_by
from gateway.tests.requests import MEMBER, OFFICE
from libs.common.bus.port import Bus
from libs.common.contracts.consumers import BROADCAST
from libs.common.contracts.directory import TagRenamedV1
from libs.common.errors import Refusal

BREAD = {"offers": "bread"}
FAVORITE = {"addToEntityID": BAKERY, "favoriteEntityID": GARAGE, "isFavorite": True}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def kept(text: str = "x") -> Kept:
    return Kept(200, (), text.encode())


def key(name: str) -> tuple[str, bytes, bool]:
    return name, b"", False


async def shown(house: House, **given: Any) -> Heard:
    return await house("GET", f"/api/v1/entities/{BAKERY}", **given)


def renames(house: House, name: str) -> None:
    """Behind the gateway's back: what it keeps it keeps."""
    house.services.on("directory", "POST", "/entities/fetch", {"items": [an_entity(BAKERY, name=name)]})
    house.services.on("directory", "GET", f"/entities/{BAKERY}", an_entity(BAKERY, name=name))


# what the gateway keeps, and of whom


async def test_the_second_who_asks_without_a_token_gets_the_first_ones_answer(house: House):
    first = await shown(house)
    second = await shown(house, headers={"User-Agent": "other", "Accept-Language": "de"}, peer="192.0.2.77")
    assert (first.status, second.body) == (200, first.body)
    assert len(house.services.asked) == 1
    assert (second.headers["cache-control"], second.headers["vary"]) == ("no-cache", "Authorization, Accept-Encoding")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    found = [await house("GET", "/api/v1/entities", query=BREAD) for _ in range(3)]
    assert len({each.body for each in found}) == 1
    assert len(house.services.of("matcher", "POST", "/search")) == 1
    await house("GET", "/api/v1/entities", query={"offers": "cake"})
    assert len(house.services.of("matcher", "POST", "/search")) == 2


@pytest.mark.parametrize(
    "who", [{"token": MEMBER}, {"token": OFFICE}, {"token": f"key:read:{BAKERY}"}, {"token": "forged"}]
)
async def test_who_shows_a_token_gets_nothing_of_visitors_and_leaves_them_nothing(house: House, who: Any):
    def seen(asked: Asked) -> dict[str, Any]:
        private = {} if asked.caller.token is None else {"telephone": "+1 555 0199"}
        return seen_by(asked, [an_entity(BAKERY, **private)])

    house.services.on("directory", "POST", "/entities/fetch", seen)
    house.services.on("directory", "GET", "/entities/mine", {"items": [an_entity(telephone="+1 555 0199")]})
    before = await shown(house, **who)
    public = await shown(house)
    assert "+1 555 0199" not in public.body.decode()
    after = await shown(house, **who)
    assert (after.status, after.body) == (before.status, before.body)
    if who["token"] not in {OFFICE, "forged"}:  # an admin sees here what everybody sees
        assert "+1 555 0199" in after.body.decode()
    assert after.headers["cache-control"] == "no-store"
    searched = await house("GET", "/api/v1/entities", query=BREAD, **who)
    assert searched.headers["cache-control"] == "no-store"
    assert "accountNumber" not in (await house("GET", "/api/v1/entities", query=BREAD)).body.decode()


async def test_what_members_search_for_is_found_once_a_second_and_shown_to_each_anew(house: House):
    def telephones(asked: Asked) -> dict[str, Any]:
        return {"items": [an_entity(each, telephone=asked.caller.token) for each in asked.body["ids"]]}

    house.services.on("directory", "POST", "/entities/fetch", telephones)
    for member in (f"member:{ANA}", f"member:{BEN}", f"key:read:{BAKERY}"):
        heard = await house("GET", "/api/v1/entities", query=BREAD, token=member)
        assert {each["telephone"] for each in heard.json["data"]} == {member}
        assert heard.headers["cache-control"] == "no-store"
    [search] = house.services.of("matcher", "POST", "/search")
    assert (search.caller.token, search.caller.client_address) == (None, None)
    assert search.body["reasons"] is False
    mine = BREAD | {"favorites_only": "true", "querying_entity_id": BAKERY}
    for _ in range(2):
        await house("GET", "/api/v1/entities", query=mine, token=MEMBER)
    await house("GET", "/api/v1/entities", query=BREAD | {"page": "2"}, token=MEMBER)
    assert len(house.services.of("matcher", "POST", "/search")) == 4
    # a visitor's answer is kept whole, from the moment its own search began
    await house("GET", "/api/v1/entities", query=BREAD)
    assert len(house.services.of("matcher", "POST", "/search")) == 5
    await house("POST", "/api/v1/favorites", FAVORITE, token=MEMBER)
    await house("GET", "/api/v1/entities", query=BREAD, token=MEMBER)
    assert len(house.services.of("matcher", "POST", "/search")) == 6


async def test_a_search_that_is_refused_is_asked_again(house: House):
    house.services.on("matcher", "POST", "/search", refusal(503, "index_not_ready", retry_after_s=2))
    for _ in range(2):
        assert (await house("GET", "/api/v1/entities", query=BREAD, token=MEMBER)).status == 503
    assert len(house.services.of("matcher", "POST", "/search")) == 2
    assert len(house.gateway.public_reads) == 0


async def test_a_token_of_the_node_beside_is_no_visitors_request(house: House):
    await shown(house, headers={"X-Service-Token": "service:operator"})
    assert len(house.gateway.public_reads) == 0


async def test_refusals_are_not_kept(house: House):
    assert (await house("GET", f"/api/v1/entities/{UNKNOWN}")).status == 400
    house.services.on("directory", "POST", "/entities/fetch", refusal(503, "service_away", retry_after_s=3))
    away = await shown(house)
    assert (away.status, away.headers["retry-after"]) == (503, "3")
    renames(house, "Back again")
    assert (await shown(house)).json["data"]["name"] == "Back again"
    for query in ({"querying_entity_id": BAKERY}, {"favorites_only": "true"}, {"page": "0"}):
        assert (await house("GET", "/api/v1/entities", query=query)).status in {400, 401}
    assert len(house.gateway.public_reads) == 1


async def test_only_operations_that_say_so_are_kept_and_all_else_is_asked_every_time(house: House):
    for _ in range(2):
        await house("GET", "/api/v1/balance", token=MEMBER, query={"querying_entity_id": BAKERY})
        await house("GET", "/api/v1/tags")
    assert len(house.services.asked) == 4
    assert len(house.gateway.public_reads) == 0


async def test_a_change_through_this_gateway_shows_at_once(house: House):
    await shown(house)
    renames(house, "Renamed")
    assert (await shown(house)).json["data"]["name"] == "Ana's bakery"
    changed = await house("PATCH", f"/api/v1/user/entities/{BAKERY}", {"description": "New"}, token=MEMBER)
    assert changed.status == 200
    assert (await shown(house)).json["data"]["name"] == "Renamed"


async def test_a_write_drops_every_list_and_of_single_entities_those_that_it_may_change(house: House):
    house.services.on("directory", "PATCH", f"/entities/{GARAGE}", an_entity(GARAGE))
    writes = [
        (("PATCH", f"/api/v1/user/entities/{GARAGE}", {"city": "Town"}), MEMBER, 1),
        (("POST", "/api/v1/favorites", FAVORITE | {"addToEntityID": GARAGE, "favoriteEntityID": BAKERY}), MEMBER, 1),
        (("PATCH", f"/api/v1/admin/entities/{BAKERY}", {"status": "rejected"}), OFFICE, 0),
        (("DELETE", f"/api/v1/admin/entities/{BAKERY}", None), OFFICE, 0),
        (("PATCH", f"/api/v1/admin/tags/{TAG}", {"name": "rye"}), OFFICE, 0),
    ]
    for asked, token, left in writes:
        await shown(house)
        await house("GET", "/api/v1/entities", query=BREAD)
        assert len(house.gateway.public_reads) == 2
        assert (await house(*asked, token=token)).status == 200
        assert len(house.gateway.public_reads) == left, asked
        house.gateway.public_reads.drop()


async def test_an_event_of_the_directory_drops_what_is_kept(house: House):
    heard: dict[str, Any] = {}

    class Hearing:
        async def listen(self, handlers, *, on_connected) -> None:
            heard.update(handlers, connected=on_connected)

    await house.gateway.public_reads.hear(cast("Bus", Hearing()))
    assert set(CHANGES) == set(heard) - {"connected"} <= BROADCAST
    for kind in CHANGES:
        await shown(house)
        await house("GET", "/api/v1/entities", query=BREAD)
        assert len(house.gateway.public_reads) == 2
        data = {} if kind == TagRenamedV1.TYPE else {"entity_id": GARAGE}
        await heard[kind](SimpleNamespace(data=data))
        # what is about another entity stays, lists do not
        assert len(house.gateway.public_reads) == (0 if kind == TagRenamedV1.TYPE else 1)
        await shown(house)
        await heard[kind](SimpleNamespace(data={"entity_id": BAKERY}))
        assert len(house.gateway.public_reads) == 0
    await shown(house)
    await heard["connected"]()
    assert len(house.gateway.public_reads) == 0


async def test_head_and_compression_have_their_own_form_of_the_same_answer(house: House):
    house.services.on("directory", "POST", "/entities/fetch", {"items": [an_entity(BAKERY, description="b" * 3000)]})
    plain = await shown(house)
    small = await shown(house, headers={"Accept-Encoding": "gzip"})
    assert (small.headers["content-encoding"], "content-encoding" in plain.headers) == ("gzip", False)
    assert int(small.headers["content-length"]) == len(small.body) < len(plain.body)
    head = await house("HEAD", f"/api/v1/entities/{BAKERY}")
    assert (head.body, head.headers["content-length"]) == (b"", str(len(plain.body)))


# how it keeps


async def test_nothing_is_answered_that_was_read_a_second_before():
    clock = Clock()
    reads = PublicReads(clock=clock, ahead=1.0)
    gate = asyncio.Event()

    async def slow() -> Kept:
        await gate.wait()
        return kept("first")

    first = asyncio.ensure_future(reads.answer(key("a"), slow))
    await asyncio.sleep(0)
    clock.now += 0.7  # counts from the beginning of its making, not from its end
    gate.set()
    assert (await first).body == b"first"
    assert reads.get(key("a")) is not None
    clock.now += 0.3
    assert reads.get(key("a")) is None

    async def second() -> Kept:
        return kept("second")

    assert (await reads.answer(key("a"), second)).body == b"second"
    assert (len(reads), reads.bytes) == (1, 6)


async def test_what_is_made_at_once_is_not_all_made_anew_at_once():
    clock, chances = Clock(), iter([0.0, 0.5, 0.999])
    reads = PublicReads(clock=clock, chance=lambda: next(chances), ahead=1.0)

    async def make() -> Kept:
        return kept()

    for name in "abc":
        await reads.answer(key(name), make)
    left = []
    for _ in range(6):
        left.append("".join(name for name in "abc" if reads.get(key(name))))
        clock.now += 0.2 if clock.now < 100.7 else 0.1
    assert left == ["abc", "abc", "abc", "abc", "ab", "a"]
    clock.now += 0.1
    assert reads.get(key("a")) is None


class Counted:
    """Makes answers that say which they are, when the gate is open."""

    def __init__(self, **given: Any) -> None:
        self.clock = Clock()
        self.reads = PublicReads(clock=self.clock, chance=lambda: 0.0, **given)
        self.gate = asyncio.Event()
        self.gate.set()
        self.made: list[str] = []
        self.fault: Refusal | None = None

    async def look(self, name: str = "a") -> str:
        async def make() -> Kept:
            self.made.append(name)
            text = f"{name}{self.made.count(name)}"
            await self.gate.wait()
            if self.fault:
                raise self.fault
            return kept(text)

        return (self.reads.get(key(name)) or await self.reads.answer(key(name), make)).body.decode()

    async def rest(self) -> None:
        """Whatever is being made gets as far as it can."""
        for _ in range(4):
            await asyncio.sleep(0)


async def test_what_is_asked_for_again_is_made_anew_before_its_time_and_nobody_waits_for_it():
    counted = Counted()
    await counted.look()
    counted.clock.now += 0.7
    await counted.look()
    await counted.rest()
    assert counted.made == ["a"]
    counted.clock.now += 0.1
    counted.gate.clear()
    assert [await counted.look() for _ in range(3)] == ["a1"] * 3
    await counted.rest()
    assert counted.made == ["a", "a"]
    counted.gate.set()
    await counted.rest()
    assert await counted.look() == "a2"
    # it counts from when its making began
    counted.clock.now += 0.99
    assert await counted.look() == "a2"
    counted.clock.now += 0.02
    await counted.rest()
    assert await counted.look() == "a3"
    assert (len(counted.reads), counted.reads.bytes) == (1, 2)


async def test_when_the_time_is_over_one_waits_for_what_was_begun_before():
    counted = Counted()
    await counted.look()
    counted.clock.now += 0.9
    counted.gate.clear()
    assert await counted.look() == "a1"
    counted.clock.now += 0.1
    waiting = [asyncio.ensure_future(counted.look()) for _ in range(3)]
    await counted.rest()
    counted.gate.set()
    assert [await each for each in waiting] == ["a2"] * 3
    assert counted.made == ["a", "a"]
    assert (len(counted.reads), counted.reads.bytes) == (1, 2)


async def test_what_was_begun_before_a_change_is_shown_to_nobody_who_asks_after_it():
    counted = Counted()
    await counted.look()
    counted.clock.now += 0.9
    counted.gate.clear()
    await counted.look()
    await counted.rest()
    counted.reads.drop()
    counted.gate.set()
    await counted.rest()
    assert len(counted.reads) == 0
    assert await counted.look() == "a3"


async def test_what_cannot_be_made_anew_stays_its_second_and_is_not_tried_again():
    counted = Counted()
    await counted.look()
    counted.clock.now += 0.8
    counted.fault = Refusal.of(503, "store_away", "Away.")
    for _ in range(3):
        assert await counted.look() == "a1"
        await counted.rest()
    assert counted.made == ["a", "a"]
    counted.clock.now += 0.2
    with pytest.raises(Refusal):
        await counted.look()
    counted.fault = None
    assert await counted.look() == "a4"


async def test_few_are_made_anew_at_once_before_their_time():
    counted = Counted()
    names = [f"n{number}" for number in range(2 * AHEAD_AT_ONCE + 3)]
    for name in names:
        await counted.look(name)
    counted.clock.now += 0.8
    counted.made.clear()
    counted.gate.clear()
    for name in names:
        await counted.look(name)
    await counted.rest()
    assert len(counted.made) == AHEAD_AT_ONCE
    counted.gate.set()
    await counted.rest()
    for name in names:
        await counted.look(name)
    await counted.rest()
    assert len(counted.made) == 2 * AHEAD_AT_ONCE


async def test_who_asks_at_the_same_time_waits_for_one_making_and_one_who_leaves_harms_nobody():
    reads = PublicReads()
    gate, made = asyncio.Event(), []

    async def make() -> Kept:
        made.append(1)
        await gate.wait()
        return kept()

    asking = [asyncio.ensure_future(reads.answer(key("a"), make)) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    gate.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [kept()] * 4
    assert len(made) == 1


async def test_what_lasts_holds_nothing_of_the_request_that_made_it():
    """Thousands of whole requests were gone through by the collector, which stopped the process for a tenth of a second."""
    reads = PublicReads()

    class Request:
        """What a making may hold."""

    async def ask() -> "weakref.ref[Request]":
        request = Request()

        async def make() -> Kept:
            return kept(type(request).__name__)

        await reads.answer(key("a"), make, about=BAKERY)
        return weakref.ref(request)

    held = await ask()
    assert held() is None
    assert reads.get(key("a")) == kept("Request")


async def test_what_was_being_made_when_something_changed_is_not_kept():
    reads = PublicReads()
    gate = asyncio.Event()

    async def old() -> Kept:
        await gate.wait()
        return kept("old")

    async def new() -> Kept:
        return kept("new")

    before = asyncio.ensure_future(reads.answer(key("a"), old))
    await asyncio.sleep(0)
    reads.drop()
    assert (await reads.answer(key("a"), new)).body == b"new"
    gate.set()
    assert (await before).body == b"old"
    kept_now = reads.get(key("a"))
    assert kept_now is not None
    assert (kept_now.body, reads.bytes) == (b"new", 3)


async def test_neither_entries_nor_bytes_grow_beyond_their_bounds():
    async def make() -> Kept:
        return kept("x" * 100)

    few = PublicReads(entries_max=10)
    for number in range(50):
        await few.answer(key(str(number)), make)
    assert (len(few), few.bytes) == (10, 1000)
    small = PublicReads(bytes_max=250)
    for number in range(50):
        await small.answer(key(str(number)), make)
        await asyncio.sleep(0)
    assert (len(small), small.bytes) == (2, 200)
    tiny = PublicReads(bytes_max=50)
    assert (await tiny.answer(key("a"), make)).body == b"x" * 100
    await asyncio.sleep(0)
    assert (len(tiny), tiny.bytes) == (0, 0)


async def test_public_entities_asked_at_once_are_one_question(house: House):
    heard = await asyncio.gather(
        shown(house),
        house("GET", f"/api/v1/entities/{GARAGE}"),
        house("GET", f"/api/v1/entities/{UNKNOWN}"),
        house("HEAD", f"/api/v1/entities/{GARAGE}", headers={"Accept-Encoding": "gzip"}),
    )
    assert [each.status for each in heard] == [200, 200, 400, 200]
    assert [each.body["ids"] for each in house.services.of("directory", "POST", "/entities/fetch")] == [
        [BAKERY, GARAGE, UNKNOWN]
    ]


# while it is proven true


class Directory:
    """Tells what changed, and makes answers that say how often each was made."""

    def __init__(self, *, ahead: float = 1.0) -> None:
        self.clock = Clock()
        self.reads = PublicReads(clock=self.clock, ahead=ahead)
        self.reads.follow(self.changes)
        self.asked: list[str | None] = []
        self.mark = 0
        self.made: dict[str, int] = {}
        self.ids: tuple[str, ...] | None = ()
        self.fault: Refusal | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def changes(self, since: str | None) -> Changes:
        self.asked.append(since)
        if self.fault:
            raise self.fault
        told, self.ids = self.ids, ()
        self.mark += 1
        return {"mark": str(self.mark), "ids": None if told is None else list(told), "users": []}

    async def look(self, entity_id: str) -> int:
        """The how-maniest answer about it this is."""

        async def make() -> Kept:
            self.made[entity_id] = number = self.made.get(entity_id, 0) + 1
            await self.gate.wait()
            return kept(str(number))

        found = self.reads.get(key(entity_id)) or await self.reads.answer(key(entity_id), make, about=entity_id)
        return int(found.body)

    async def begin(self, *entity_ids: str) -> None:
        """They are kept and the first mark is known."""
        for _ in range(2):
            for entity_id in entity_ids:
                await self.look(entity_id)
            self.clock.now += 1
        await self.look(entity_ids[0])
        self.asked.clear()
        self.made.clear()
        for entity_id in entity_ids:
            await self.look(entity_id)
        self.made.clear()


async def test_an_answer_about_one_entity_stays_while_the_directory_says_that_it_did_not_change():
    directory = Directory()
    await directory.begin("a", "b")
    for _ in range(5):
        directory.clock.now += 1
        await asyncio.gather(*(directory.look(each) for each in "aabab"))
        directory.clock.now += 0.9
        await directory.look("a")
    assert directory.made == {}
    assert directory.asked == ["2", "3", "4", "5", "6"]  # once a second, from mark to mark
    directory.clock.now += 1
    directory.ids = ("b", "somebody else")
    assert await directory.look("a") == 2
    await directory.look("b")
    assert directory.made == {"b": 1}


async def test_nobody_reads_what_was_true_more_than_a_second_ago_also_when_no_event_comes():
    directory = Directory()
    await directory.begin("a")
    directory.clock.now += 1
    await directory.look("a")
    directory.ids = ("a",)  # it changes just after it was asked for
    directory.clock.now += 0.99
    await directory.look("a")
    assert directory.made == {}
    directory.clock.now += 0.01
    await directory.look("a")
    assert directory.made == {"a": 1}


async def test_the_directory_is_asked_before_the_second_is_over_and_nobody_waits():
    directory = Directory(ahead=0.75)
    await directory.begin("a", "b")
    directory.clock.now += 0.5
    await directory.look("a")
    assert directory.asked == []
    directory.clock.now += 0.3
    directory.ids = ("b",)
    assert directory.reads.get(key("a")) is not None
    assert directory.reads.get(key("a")) is not None
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(directory.asked) == 1
    directory.clock.now += 0.3
    await directory.look("a")
    assert directory.made == {}, "that answer counts from when it was asked for"
    await directory.look("b")
    assert directory.made == {"b": 1}


async def test_what_the_first_mark_does_not_cover_or_cannot_name_is_made_anew():
    directory = Directory()
    await directory.look("a")
    directory.clock.now += 1
    await directory.look("a")
    assert (directory.asked, directory.made) == ([None], {"a": 2})
    directory.clock.now += 1
    directory.ids = None
    await directory.look("a")
    assert (directory.asked, directory.made) == ([None, "1"], {"a": 3})
    assert (len(directory.reads), directory.reads.bytes) == (1, 1)


async def test_a_directory_that_is_away_or_cannot_tell_leaves_every_answer_its_second():
    directory = Directory()
    await directory.begin("a")
    directory.fault = Refusal.of(503, "store_away", "Away.")
    for number in (1, 2):
        directory.clock.now += 1
        await directory.look("a")
        assert directory.made == {"a": number}
    directory.fault = None
    directory.clock.now += 1
    await directory.look("a")
    assert directory.made == {"a": 2}  # what changed meanwhile is told by the same mark
    alone = PublicReads(clock=directory.clock)

    async def make() -> Kept:
        return kept()

    await alone.answer(key("a"), make, about="a")
    directory.clock.now += 1
    assert alone.get(key("a")) is None
    assert (await alone.answer(key("a"), make, about="a")).body == b"x"


async def test_what_is_being_made_while_changes_are_told_is_answered_and_not_kept():
    directory = Directory()
    await directory.begin("a", "b")
    directory.clock.now += 1
    directory.gate.clear()
    slow = asyncio.ensure_future(directory.look("c"))
    await asyncio.sleep(0)
    await directory.look("a")
    directory.gate.set()
    assert await slow == 1
    assert await directory.look("c") == 2


async def test_a_change_that_is_heard_of_drops_what_is_about_it_alone_and_every_list():
    directory = Directory()
    await directory.begin("a", "b")

    async def found() -> Kept:
        return kept("list")

    await directory.reads.answer(key("list"), found)
    directory.reads.drop("a")
    assert directory.reads.get(key("list")) is None
    await asyncio.gather(directory.look("a"), directory.look("b"))
    assert directory.made == {"a": 1}
    directory.reads.drop()
    assert (len(directory.reads), directory.reads.bytes) == (0, 0)


async def test_what_was_not_asked_for_longest_goes_first_and_no_name_of_it_stays():
    reads = PublicReads(lasting_max=2)

    async def make() -> Kept:
        return kept()

    for name in "aba":
        assert reads.get(key(name)) or await reads.answer(key(name), make, about=name)
    await reads.answer(key("c"), make, about="c")
    assert [reads.get(key(name)) is not None for name in "abc"] == [True, False, True]
    reads.drop("b")
    assert (len(reads), reads.bytes) == (2, 2)


async def test_what_lasts_is_nothing_that_a_collector_goes_through():
    reads = PublicReads()

    def tracked() -> int:
        for _ in range(3):  # a tuple of tuples is left alone once those are
            gc.collect()
        return len(gc.get_objects())

    before = tracked()
    for number in range(1000):
        answer = Kept(200, ((b"vary", b"x%d" % number),), b"body %d" % number)
        reads.keep(key(f"{number}"), answer, reads.begin(), about=(f"entity {number}",))
    assert len(reads) == 1000
    assert tracked() - before < 100
