"""What is kept of what members see: never shown to who sees less, gone at once or within a second when it changes."""

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from gateway.tests.house import (
    ADMIN,
    ANA,
    BAKERY,
    BEN,
    GARAGE,
    HIDDEN,
    UNKNOWN,
    Asked,
    Heard,
    House,
    an_account,
    furnished,
    refusal,
)
from gateway.tests.requests import MEMBER, OFFICE
from libs.common.peers import Caller

BENS = f"member:{BEN}"
CLARA = "0199b3f0-0000-7000-8000-000000000004"
CLARAS = f"member:{CLARA}"
CAFE = HIDDEN
BREAD = {"offers": "bread"}
LAYERS = {
    "public": ("city",),
    "member": ("city", "telephone"),
    "trader": ("city", "telephone", "email"),
    "whole": ("city", "telephone", "email", "version", "daily_matches"),
}


@dataclass
class Town:
    """A directory of three entities, as the real one shows them; a clock that the gateway goes by."""

    now: float = 0.0
    entities: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    told: dict[str, list[str] | None] = field(default_factory=lambda: {"ids": [], "users": []})
    mark: int = 0

    def clock(self) -> float:
        return self.now

    def change(self, entity_id: str, **fields: Any) -> None:
        """Behind the gateway's back."""
        self.entities[entity_id] |= fields
        ids = self.told["ids"]
        assert ids is not None
        ids.append(entity_id)

    def act_for(self, user_id: str, *entity_ids: str) -> None:
        self.members[user_id] = list(entity_ids)
        users = self.told["users"]
        assert users is not None
        users.append(user_id)

    def changes(self, asked: Asked) -> dict[str, Any]:
        self.mark += 1
        told, self.told = self.told, {"ids": [], "users": []}
        return {"mark": str(self.mark), **told}

    def _own(self, asked: Asked) -> list[str]:
        token = asked.caller.token
        if token is None:
            return []
        kind, _, rest = token.partition(":")
        own = self.members.get(ANA if kind == "key" else rest, [])
        return [each for each in own if kind != "key" or each == rest.partition(":")[2]]

    def seen(self, asked: Asked) -> dict[str, Any]:
        own = self._own(asked)
        trades = any(self.entities[each]["status"] == "tradingAccepted" for each in own)
        sight = "public" if asked.caller.token is None else "trader" if trades else "member"
        return {"items": [*filter(None, (self._view(each, sight, own) for each in asked.body["ids"]))]} | {
            "sight": sight,
            "own": own,
        }

    def _view(self, entity_id: str, sight: str, own: list[str]) -> dict[str, Any] | None:
        entity = self.entities.get(entity_id)
        if entity is None or (entity["status"] in {"pending", "deleted"} and entity_id not in own):
            return None
        if entity_id in own:
            sight = "whole"
        elif sight == "trader" and entity["status"] != "tradingAccepted":
            sight = "member"
        return {
            "id": entity_id,
            "name": entity["name"],
            "status": entity["status"],
            **{name: entity[name] for name in LAYERS[sight] if name in entity},
        }

    def mine(self, asked: Asked) -> dict[str, Any]:
        own = self._own(asked)
        return {"items": [self._view(each, "whole", own) for each in own]}

    def patch(self, asked: Asked) -> dict[str, Any]:
        entity_id = asked.path.rsplit("/", 1)[1]
        self.entities[entity_id] |= asked.body
        return self._view(entity_id, "whole", [entity_id]) or {}


@pytest.fixture
def town() -> Town:
    """Ana's bakery and Ben's garage trade; Clara's café is not let in to that yet."""
    entities = {
        each: {
            "name": name,
            "status": status,
            "city": "Town",
            "telephone": f"+1 555 {name}",
            "email": f"{name}@example.org",
            "version": 3,
            "daily_matches": True,
        }
        for each, name, status in (
            (BAKERY, "bakery", "tradingAccepted"),
            (GARAGE, "garage", "tradingAccepted"),
            (CAFE, "cafe", "accepted"),
        )
    }
    return Town(entities=entities, members={ANA: [BAKERY], BEN: [GARAGE], CLARA: [CAFE]})


@pytest.fixture(scope="module")
def times() -> list[Town]:
    """The towns of the tests so far; the last one stands."""
    return []


@pytest.fixture(scope="module")
def built(times: list[Town]) -> House:
    """With the clock of the town that stands, which never goes back."""
    return House(clock=lambda: times[-1].now if times else 0.0, rate_per_minute=1_000_000)


@pytest.fixture
def house(built: House, times: list[Town], town: Town) -> House:
    """The gateway over this town."""
    town.now = times[-1].now + 10 if times else 100.0
    times.append(town)
    built.services.routes.clear()
    built.services.asked.clear()
    built.gateway.public_reads.drop()
    furnished(built)
    on = built.services.on
    on("matcher", "POST", "/search", {"ids": [BAKERY, GARAGE, CAFE], "total": 3, "how": {}})
    on("directory", "GET", "/entities/changes", town.changes)
    on("directory", "POST", "/entities/fetch", town.seen)
    on("directory", "GET", "/entities/mine", town.mine)
    on("directory", "PATCH", "/entities/.*", town.patch)
    on("ledger", "POST", "/accounts/fetch", _accounts)
    return built


def _accounts(asked: Asked) -> dict[str, Any]:
    return {"items": [an_account(each, number=_number(each)) for each in asked.body["entity_ids"]]}


def _number(entity_id: str) -> str:
    return f"10000000000000{entity_id[-2:]}"


async def found(house: House, token: str | None) -> dict[str, Any]:
    """A search's entities by id."""
    heard = await house("GET", "/api/v1/entities", query=BREAD, token=token)
    assert heard.status == 200
    return {each["id"]: each for each in heard.json["data"]}


async def one(house: House, token: str | None, entity_id: str = GARAGE) -> Heard:
    return await house("GET", f"/api/v1/entities/{entity_id}", token=token)


async def mine(house: House, token: str) -> list[Any]:
    heard = await house("GET", "/api/v1/user/entities", token=token)
    assert heard.status == 200
    return list(heard.json["data"])


def asked(house: House) -> list[tuple[str, Any]]:
    """What the directory was asked for people since the last time, about entities."""
    about = [(each.path, each.body and each.body.get("ids")) for each in house.services.asked if _is_look(each)]
    house.services.asked.clear()
    return about


def _is_look(each: Asked) -> bool:
    return (
        each.service == "directory"
        and each.caller.token is not None
        and each.path in {"/entities/fetch", "/entities/mine"}
    )


async def settled(house: House, town: Town) -> None:
    """The gateway has its first mark: from now on it can prove."""
    for _ in range(2):
        await found(house, MEMBER)
        await one(house, MEMBER)
        town.now += 1
    await everybody_looks(house)
    await everybody_looks(house)
    asked(house)


async def everybody_looks(house: House) -> None:
    for token in (MEMBER, BENS, CLARAS, None):
        await found(house, token)
        await one(house, token)
        if token:
            await mine(house, token)


async def test_each_sees_what_is_for_them_whoever_looked_before(house: House, town: Town):
    await settled(house, town)
    for _ in range(2):
        ana, ben, clara, visitor = [await found(house, token) for token in (MEMBER, BENS, CLARAS, None)]
        assert (ana[GARAGE]["email"], ana[GARAGE]["telephone"]) == ("garage@example.org", "+1 555 garage")
        assert "email" not in ana[CAFE], "it does not trade"
        assert ben[BAKERY]["email"] == "bakery@example.org"
        assert [each in clara[GARAGE] for each in ("telephone", "email")] == [True, False]
        assert not {"telephone", "email", "accountNumber"} & visitor[GARAGE].keys()
        # of their own they see the whole, and of it nobody else
        assert [who[BAKERY].get("receiveDailyMatchNotificationEmail") for who in (ana, ben, clara, visitor)] == [
            True,
            None,
            None,
            None,
        ]
        assert clara[CAFE]["receiveDailyMatchNotificationEmail"] is True
        assert [who[GARAGE]["accountNumber"] for who in (ana, ben, clara)] == [_number(GARAGE)] * 3
        emails = [(await one(house, token)).json["data"].get("email") for token in (MEMBER, CLARAS, None, OFFICE)]
        assert emails == ["garage@example.org", None, None, None], "an admin sees here what everybody sees"
        town.now += 1
    assert asked(house) == []


async def test_what_did_not_change_is_asked_for_once(house: House, town: Town):
    await settled(house, town)
    for _ in range(3):
        town.now += 1
        assert len(await found(house, MEMBER)) == 3
        assert (await one(house, MEMBER)).status == 200
        assert len(await mine(house, MEMBER)) == 1
    assert asked(house) == []
    # a second key of another entity has eyes of its own
    key = f"key:read:{CAFE}"
    assert "email" not in (await found(house, key))[GARAGE]
    assert "receiveDailyMatchNotificationEmail" not in (await found(house, key))[BAKERY]
    assert await mine(house, key) == []


@pytest.mark.parametrize("waits", [False, True], ids=["through this gateway", "behind its back"])
@pytest.mark.parametrize(
    ("change", "is_gone"),
    [
        ({"email": ""}, lambda entity: not entity.get("email")),
        ({"telephone": ""}, lambda entity: not entity.get("telephone")),
        ({"status": "accepted"}, lambda entity: "email" not in entity),
        ({"status": "pending"}, lambda entity: entity == {}),
        ({"status": "deleted"}, lambda entity: entity == {}),
    ],
    ids=["hides its address", "hides its telephone", "may trade no more", "is listed no more", "is deleted"],
)
async def test_what_an_entity_shows_no_more_nobody_sees(house: House, town: Town, change, is_gone, waits):
    await settled(house, town)
    assert not is_gone((await found(house, MEMBER))[GARAGE])
    if waits:
        town.change(GARAGE, **change)
        town.now += 1
    else:
        town.entities[GARAGE] |= change
        await house.gateway.context.clients.directory.change(Caller(token=BENS), GARAGE, {})
    for token in (MEMBER, CLARAS, None):
        assert is_gone((await found(house, token)).get(GARAGE, {}))
        heard = await one(house, token)
        assert is_gone(heard.json["data"] if heard.status == 200 else {})
        if change.get("status") in {"pending", "deleted"}:
            assert heard.status == 400
            assert heard.codes == [("entity_unknown", None)]


@pytest.mark.parametrize("losing", ["membership", "trade", "both at once unnamed"])
async def test_who_loses_a_right_has_lost_it_within_a_second(house: House, town: Town, losing):
    await settled(house, town)
    town.act_for(BEN, GARAGE, CAFE)
    town.now += 1
    await everybody_looks(house)
    assert "email" in (await found(house, MEMBER))[GARAGE]
    if losing == "trade":
        town.change(BAKERY, status="accepted")
    else:
        town.act_for(ANA)
    if losing == "both at once unnamed":
        town.told["users"] = None  # more than can be named
    town.now += 0.99
    await found(house, MEMBER)
    town.now += 0.01
    ana = await found(house, MEMBER)
    assert "email" not in ana[GARAGE]
    assert "email" not in (await one(house, MEMBER)).json["data"]
    if losing != "trade":
        assert "receiveDailyMatchNotificationEmail" not in ana[BAKERY]
        assert await mine(house, MEMBER) == []
    ben = await found(house, BENS)
    assert [ben[each].get("receiveDailyMatchNotificationEmail") for each in (GARAGE, CAFE, BAKERY)] == [
        True,
        True,
        None,
    ]


async def test_a_visitors_list_is_not_made_of_what_is_a_second_old_already(house: House, town: Town):
    await settled(house, town)
    for token in (OFFICE, None):
        assert (await found(house, token))[GARAGE]["city"] == "Town"
    town.now += 0.7
    town.change(GARAGE, city="Elsewhere")
    town.now += 0.25
    assert (await found(house, OFFICE))[GARAGE]["city"] == "Town"
    heard = await house("GET", "/api/v1/entities", query=BREAD | {"page": "1"})
    assert {each["id"]: each["city"] for each in heard.json["data"]}[GARAGE] == "Elsewhere"


async def test_who_gets_a_right_has_it_within_a_second(house: House, town: Town):
    await settled(house, town)
    town.act_for(CLARA, CAFE, GARAGE)
    town.now += 1
    assert (await found(house, CLARAS))[BAKERY]["email"] == "bakery@example.org"
    assert len(await mine(house, CLARAS)) == 2


async def test_own_entities_show_a_change_at_once_and_the_ledger_is_asked_every_time(house: House, town: Town):
    await settled(house, town)
    for number in range(3):
        heard = await house("PATCH", f"/api/v1/user/entities/{BAKERY}", {"city": f"City {number}"}, token=MEMBER)
        assert heard.status == 200
        house.services.on(
            "ledger", "POST", "/accounts/fetch", {"items": [an_account(BAKERY, balance_minor=number * 100)]}
        )
        [entity] = await mine(house, MEMBER)
        assert (entity["city"], entity["balance"], entity["id"]) == (f"City {number}", number, BAKERY)
        assert (await found(house, MEMBER))[BAKERY]["city"] == f"City {number}"
        assert (await found(house, BENS))[BAKERY]["city"] == f"City {number}"
    assert len(house.services.of("ledger", "POST", "/accounts/fetch")) >= 6
    house.services.on("ledger", "POST", "/accounts/fetch", refusal(503, "service_away"))
    assert (await house("GET", "/api/v1/user/entities", token=MEMBER)).status == 503


async def test_a_new_entity_of_ones_own_is_there_at_once(house: House, town: Town):
    await settled(house, town)
    town.entities[UNKNOWN] = dict(town.entities[CAFE])
    town.members[ANA].append(UNKNOWN)
    house.services.on("directory", "PUT", f"/entities/{UNKNOWN}", {"id": UNKNOWN})
    await house.gateway.context.clients.directory.create(Caller(), UNKNOWN, owner_user_id=ANA, profile={})
    assert [each["id"] for each in await mine(house, MEMBER)] == [BAKERY, UNKNOWN]


async def test_what_changed_while_it_was_asked_for_is_not_kept(house: House, town: Town):
    await settled(house, town)
    town.now += 1
    town.change(GARAGE, city="Elsewhere")

    def late(asked: Asked) -> Any:
        answer = orjson.loads(orjson.dumps(town.seen(asked)))
        town.entities[GARAGE]["city"] = "Further"
        house.gateway.public_reads.drop(GARAGE)
        return answer

    house.services.on("directory", "POST", "/entities/fetch", late)
    assert (await found(house, MEMBER))[GARAGE]["city"] == "Elsewhere"
    house.services.on("directory", "POST", "/entities/fetch", town.seen)
    assert (await found(house, MEMBER))[GARAGE]["city"] == "Further"


async def test_without_its_account_number_nothing_of_an_entity_is_kept(house: House, town: Town):
    ledger = house.gateway.context.clients.ledger
    known, ledger._numbers = ledger._numbers, {}
    house.services.on("ledger", "POST", "/accounts/fetch", refusal(503, "service_away"))
    assert "accountNumber" not in (await found(house, CLARAS))[GARAGE]
    ledger._numbers = known | {each: _number(each) for each in town.entities}
    assert (await found(house, CLARAS))[GARAGE]["accountNumber"] == _number(GARAGE)


@pytest.mark.parametrize("said", [{}, {"sight": "whole", "own": []}, {"sight": "something new"}])
async def test_a_directory_that_does_not_say_why_is_asked_every_time(house: House, town: Town, said):
    house.services.on("directory", "POST", "/entities/fetch", lambda asked: {"items": town.seen(asked)["items"]} | said)
    for token in (MEMBER, CLARAS, MEMBER, CLARAS):
        assert ("email" in (await found(house, token))[GARAGE]) == (token == MEMBER)
    assert asked(house) == [("/entities/fetch", [BAKERY, GARAGE, CAFE])] * 4


async def test_looking_as_one_of_several_own_entities_is_asked_every_time(house: House, town: Town):
    await settled(house, town)
    for _ in range(2):
        await house("GET", "/api/v1/entities", query=BREAD | {"querying_entity_id": BAKERY}, token=MEMBER)
        await house("GET", f"/api/v1/entities/{GARAGE}", query={"querying_entity_id": BAKERY}, token=MEMBER)
    assert asked(house) == [("/entities/fetch", [BAKERY, GARAGE, CAFE])] * 2
    assert ADMIN not in str(house.gateway.public_reads._of.keys())
