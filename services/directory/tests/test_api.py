"""The endpoints: shapes, statuses, who may call what, and odd input."""

from typing import Any

import asyncpg
import pytest
from pymongo.errors import NetworkTimeout, ServerSelectionTimeoutError, WaitQueueTimeoutError

from libs.common.errors import Refusal
from libs.common.ids import new_id
from libs.common.testing import eventually
from services.directory.service.people import user_changed
from services.directory.store.port import Activity, Person
from services.directory.tests.builders import a_user, an_admin, signed_up

GATEWAY, MATCHER = "service:gateway", "service:matcher"
ADMIN = f"admin:{an_admin().id}"


@pytest.fixture
def user():
    return a_user()


@pytest.fixture
def token(user):
    return f"user:{user.id}"


async def test_a_signup_is_put_and_seen_by_its_owner(api, user, token):
    entity_id = new_id()
    body = {
        "owner_user_id": user.id,
        "owner_email": "a@example.org",
        "profile": {"name": "Green Acres", "offers": ["A 1"]},
    }
    await api(GATEWAY, "POST", "/entities/validate", body["profile"])
    put = await api(GATEWAY, "PUT", f"/entities/{entity_id}", body)
    assert put == await api(GATEWAY, "PUT", f"/entities/{entity_id}", body)
    (mine,) = (await api(token, "GET", "/entities/mine"))["items"]
    assert mine == {
        "id": entity_id,
        "name": "Green Acres",
        "email": "a@example.org",
        "status": "pending",
        "listed": False,
        "may_trade": False,
        "own": True,
        "offers": ["a-1"],
        "wants": [],
        "categories": [],
        "pictures": [],
        "version": 1,
        "created_at": "2026-03-02T12:00:00.000Z",
        "show_matches_since_last_login": True,
        "daily_matches": False,
        "users": [{"user_id": user.id, "role": "owner"}],
    }
    assert await api(token, "GET", f"/entities/{entity_id}") == mine


async def test_services_ask_which_entities_changed(api, deps, user, door):
    first = await api(GATEWAY, "GET", "/entities/changes")
    assert first["ids"] is None
    entity = await signed_up(deps, user)
    told = await api(GATEWAY, "GET", "/entities/changes", since=first["mark"])
    assert told["ids"] == [entity.id]
    assert told["users"] == [user.id]
    marks = [told["mark"]]

    async def tells(ids: list[str], users: list[str]) -> bool:
        told = await api(GATEWAY, "GET", "/entities/changes", since=marks[-1])
        marks.append(told["mark"])
        return (told["ids"], told["users"]) == (ids, users)

    # MongoDB names what changed a while before, too; other transactions of a server may make a mark older
    again = [entity.id] if door == "mongodb" else []
    await eventually(lambda: tells(again, [user.id] if again else []))
    await deps.store.forget_person(user.id)
    assert await tells(again, [user.id])
    for odd in ("x", "-1", "1" * 30, "٣", ""):
        assert (await api(GATEWAY, "GET", "/entities/changes", since=odd))["ids"] is None


async def test_a_fetch_says_how_much_its_caller_sees_and_which_are_their_own(api, deps, user, token):
    other, entity = a_user(), await signed_up(deps, user, "tradingAccepted")
    second = await signed_up(deps, other, "accepted")
    for caller, sight, own in (
        (GATEWAY, "public", []),
        (f"user:{other.id}", "member", [second.id]),
        (token, "trader", [entity.id]),
        (f"key:{user.id}:{entity.id}", "trader", [entity.id]),
        (f"key:{user.id}:{second.id}", "member", []),
        (ADMIN, "whole", []),
        (MATCHER, "whole", []),
    ):
        for ids in ([], [second.id]):
            looked = await api(caller, "POST", "/entities/fetch", {"ids": ids})
            assert (looked["sight"], looked["own"], [each["id"] for each in looked["items"]]) == (sight, own, ids)
    await deps.store.forget_person(user.id)
    assert (await api(token, "POST", "/entities/fetch", {"ids": []})) == {"items": [], "sight": "member", "own": []}


async def test_a_bad_profile_names_every_field(api):
    profile = {"name": "x" * 101, "declared_turnover": "much", "colour": "red"}
    with pytest.raises(Refusal) as refused:
        await api(GATEWAY, "POST", "/entities/validate", profile)
    assert refused.value.status == 400
    assert {problem.field: problem.code for problem in refused.value.problems} == {
        "name": "too_long",
        "declared_turnover": "not_a_number",
        "colour": "unknown_field",
    }


async def test_a_member_changes_the_profile_under_its_version(api, deps, user, token):
    entity = await signed_up(deps, user)
    path = f"/entities/{entity.id}"
    changed = await api(
        token, "PATCH", path, {"city": "Town", "declared_turnover": 10, "place": {"latitude": 1, "longitude": 2}}
    )
    assert (changed["city"], changed["version"], changed["place"]) == ("Town", 2, {"latitude": 1.0, "longitude": 2.0})
    assert await api.refused(token, "PATCH", path, {"city": "X"}, if_version=1) == (409, ["version_conflict"])
    cleared = await api(token, "PATCH", path, {"city": None, "declared_turnover": None}, if_version=2)
    assert "city" not in cleared
    assert "declared_turnover" not in cleared
    dry = await api(token, "PATCH", path, {"city": "X"}, dry_run=True)
    assert (dry["city"], (await api(token, "GET", path))["version"]) == ("X", 3)


async def test_an_admin_decides_and_finds(api, deps, user, token):
    entity = await signed_up(deps, user, name="Café Ñandú")
    path = f"/entities/{entity.id}"
    assert await api.refused(token, "PATCH", path, {"status": "accepted"}) == (403, ["admin_only"])
    changed = await api(ADMIN, "PATCH", path, {"status": "tradingAccepted", "categories": ["Food & Drink"]})
    assert (changed["status"], changed["categories"], changed["own"]) == ("tradingAccepted", ["food-drink"], False)
    assert changed["member_since"] == "2026-03-02T12:00:00.000Z"
    for query in (
        {"name": "nandu"},
        {"status": ["tradingAccepted"]},
        {"category": "food drink"},
        {"ids": [entity.id, "x"]},
    ):
        found = await api(ADMIN, "POST", "/entities/query", query)
        assert (found["total"], found["items"][0]["id"]) == (1, entity.id), query
    assert (await api(ADMIN, "GET", "/entities", name="cafe", page_size=1))["total"] == 1
    assert (await api(ADMIN, "POST", "/entities/query", {"offers": ["!!!"]}))["total"] == 0
    assert (await api(ADMIN, "GET", "/entities/counts"))["tradingAccepted"] == 1
    assert await api.refused(ADMIN, "POST", "/entities/query", {"status": ["done"]}) == (400, ["unknown_value"])
    assert await api.refused(ADMIN, "POST", "/entities/query", {"page_size": 101}) == (400, ["invalid"])


async def test_what_is_no_id_is_like_an_unknown_one(api, token):
    for odd in ("x", "%00", "..%2Fmine", new_id().upper(), "1%27%20or%201=1", "$ne"):
        assert (await api.refused(GATEWAY, "GET", f"/entities/{odd}"))[0] == 404, odd
        assert (await api.refused(token, "PATCH", f"/entities/{odd}", {"city": "X"}))[0] in (403, 404), odd
    assert (await api(GATEWAY, "POST", "/entities/fetch", {"ids": ["x", new_id()]}))["items"] == []
    assert await api.refused(GATEWAY, "PUT", "/entities/x", {"owner_user_id": new_id(), "profile": {}}) == (
        400,
        ["not_an_id"],
    )


async def test_who_may_call_what(api, deps, user, token):
    entity = await signed_up(deps, user, "accepted")
    doomed = await signed_up(deps, a_user(), "accepted")
    path, other = f"/entities/{entity.id}", f"user:{a_user().id}"
    key, watch = f"key:{user.id}:{entity.id}", f"operator:{a_user().id}"
    calls: list[tuple[str, str, Any, set[str]]] = [
        ("POST", "/entities/validate", {}, {GATEWAY, MATCHER}),
        ("PUT", f"/entities/{new_id()}", {"owner_user_id": new_id(), "profile": {}}, {GATEWAY, MATCHER}),
        ("GET", "/export/entities", None, {GATEWAY, MATCHER}),
        ("GET", "/entities/mine", None, {GATEWAY, MATCHER, token, other, key, ADMIN, watch}),
        ("GET", path, None, {GATEWAY, MATCHER, token, other, key, ADMIN, watch}),
        ("POST", "/entities/fetch", {"ids": []}, {GATEWAY, MATCHER, token, other, key, ADMIN, watch}),
        ("PATCH", path, {}, {token, ADMIN}),
        ("GET", "/entities", None, {ADMIN}),
        ("POST", "/entities/query", {}, {ADMIN}),
        ("GET", "/entities/counts", None, {ADMIN, watch}),
        ("GET", "/entities/changes", None, {GATEWAY, MATCHER}),
        ("DELETE", f"/entities/{doomed.id}", None, {GATEWAY, ADMIN}),
        ("GET", f"{path}/favorites", None, {GATEWAY, MATCHER, token, key, ADMIN}),
        ("GET", f"{path}/favorites/ids", None, {GATEWAY, MATCHER, token, key, ADMIN}),
        ("GET", f"{path}/dismissals", None, {GATEWAY, MATCHER, token, key, ADMIN}),
        ("DELETE", f"{path}/favorites/{new_id()}", None, {token}),
        ("GET", "/categories", None, {GATEWAY, MATCHER, token, other, key, ADMIN, watch}),
        ("GET", "/categories/letters", None, {GATEWAY, MATCHER, token, other, key, ADMIN, watch}),
        ("GET", "/tags", None, {GATEWAY, MATCHER, token, other, key, ADMIN, watch}),
        ("POST", "/tags", {"name": "!"}, set()),
        ("POST", "/categories", {"name": "!"}, set()),
        ("PATCH", f"/tags/{new_id()}", {"name": "a"}, set()),
        ("DELETE", f"/categories/{new_id()}", None, set()),
        ("GET", "/jobs", None, {ADMIN, watch}),
        ("GET", f"/jobs/{new_id()}", None, set()),
        ("GET", "/activity", None, {ADMIN}),
    ]
    for method, where, body, allowed in calls:
        for caller in (GATEWAY, MATCHER, token, other, key, ADMIN, watch):
            status = await api.status(caller, method, where, body)
            is_judged = caller == ADMIN or (caller == watch and where.startswith("/jobs/"))
            expected = (200, 201, 204) if caller in allowed else (400, 403, 404) if is_judged else (403,)
            assert status in expected, (method, where, caller, status)
        assert (await api.refused("nobody", method, where, body))[0] == 401


async def test_favorites_and_dismissals_and_messages(api, deps, user, token):
    mine = await signed_up(deps, user, "accepted")
    other = await signed_up(deps, a_user(), "accepted")
    path = f"/entities/{mine.id}"
    await api(token, "PUT", f"{path}/favorites/{other.id}")
    assert (await api(token, "GET", f"{path}/favorites/ids"))["items"] == [other.id]
    assert (await api(token, "GET", f"{path}/favorites"))["items"][0]["is_favorite"] is True
    assert (await api(token, "GET", f"/entities/{other.id}", viewer_entity_id=mine.id))["is_favorite"] is True
    await api(token, "DELETE", f"{path}/favorites/{other.id}")
    assert (await api(token, "GET", f"{path}/favorites")) == {"items": [], "total": 0}
    await api(token, "POST", f"{path}/dismissals", {"other_entity_id": other.id, "reason": "Too far"})
    assert (await api(token, "GET", f"{path}/dismissals"))["items"] == [other.id]
    message = {"from_entity_id": mine.id, "to_entity_id": other.id, "body": "Hello"}
    assert (await api(token, "POST", "/contact-messages", message))["message_id"]
    assert await api.refused(token, "POST", "/contact-messages", message | {"body": ""}) == (400, ["required"])
    assert await api.refused(token, "POST", "/contact-messages", message | {"extra": 1}) == (400, ["unknown_field"])


async def test_tags_and_categories_are_listed_and_administered(api, deps, user, token):
    await signed_up(deps, user, "accepted", offers=["bread"], wants=["brown bread"])
    assert await api(GATEWAY, "GET", "/tags", fragment="BREAD", order="uses") == {
        "items": [
            {"id": item["id"], "name": item["name"], "offers": offers, "wants": wants, "made_by_admin": False}
            for item, offers, wants in zip((await api(GATEWAY, "GET", "/tags"))["items"], (1, 0), (0, 1), strict=True)
        ],
        "total": 2,
    }
    made = await api(ADMIN, "POST", "/categories", {"name": "Food & Drink"})
    assert made == {"id": made["id"], "name": "food-drink", "entities": 0}
    assert await api.refused(ADMIN, "POST", "/categories", {"name": "food drink"}) == (409, ["category_exists"])
    assert await api(GATEWAY, "GET", "/categories/letters") == {"items": [{"letter": "F", "categories": 1}]}
    assert (await api(GATEWAY, "GET", "/categories", letter="f"))["total"] == 1
    renamed = await api(ADMIN, "PATCH", f"/categories/{made['id']}", {"name": "Eating"})
    assert (renamed["category"]["name"], renamed["job"]["status"]) == ("eating", "done")
    tag = (await api(GATEWAY, "GET", "/tags", prefix="bread"))["items"][0]
    merged = await api(ADMIN, "PATCH", f"/tags/{tag['id']}", {"name": "brown-bread"})
    assert (merged["tag"]["name"], merged["job"]["entities_done"]) == ("brown-bread", 1)
    assert (await api(token, "GET", "/entities/mine"))["items"][0]["offers"] == ["brown-bread"]
    deleted = await api(ADMIN, "DELETE", f"/tags/{merged['tag']['id']}")
    assert (deleted["tag"]["name"], deleted["job"]["new"]) == ("brown-bread", None)
    assert (await api(GATEWAY, "GET", "/tags"))["total"] == 0
    assert len((await api(ADMIN, "GET", "/jobs"))["items"]) == 3
    assert (await api(ADMIN, "GET", f"/jobs/{deleted['job']['id']}"))["status"] == "done"


async def test_the_activity_log_is_searched(api, deps):
    await user_changed(deps, Person("u", "a@example.org", sequence=1))
    await deps.store.record(
        Activity(new_id(), deps.now(), "admin", "limits.changed", "Raised a limit.", actor_email="a@example.org")
    )
    found = await api(ADMIN, "GET", "/activity", email="A@EXAMPLE", category="admin", date_from="2026-03-02T00:00:00Z")
    assert (found["total"], found["items"][0]["detail"]) == (1, "Raised a limit.")
    assert (await api(ADMIN, "GET", "/activity", detail="%"))["total"] == 0
    assert (await api(ADMIN, "GET", "/activity", date_to="2026-03-02T12:00:00Z"))["total"] == 0
    assert (await api.refused(ADMIN, "GET", "/activity", date_from="yesterday"))[0] == 400


NASTY = [
    "\x00",
    "a\x00b",
    "%",
    "_%",
    ".*",
    "(" * 200,
    "a" * 201,
    "\u202e",
    "'; drop table entity; --",
    '{"$ne":1}',
    "🂡",
    "\\",
    "*?",
]


@pytest.mark.parametrize("text", NASTY)
async def test_any_text_is_text_everywhere(api, deps, user, text):
    await signed_up(deps, user, "accepted", offers=["bread"])
    for path, names in (
        ("/tags", ("prefix", "fragment")),
        ("/categories", ("prefix", "fragment", "letter")),
        ("/activity", ("email", "category", "action", "detail", "entity_id", "date_from", "date_to")),
        (
            "/entities",
            ("name", "email", "category", "city", "offers", "wants", "tagged_since", "ids", "status", "order"),
        ),
        ("/export/entities", ("after",)),
    ):
        for name in names:
            caller = GATEWAY if path == "/export/entities" else ADMIN
            status = await api.status(caller, "GET", path, **{name: text})
            assert status in (200, 400), (path, name)
            if status == 200 and path in ("/tags", "/categories", "/activity"):
                assert (await api(caller, "GET", path, **{name: text}))["items"] == [], (path, name)


async def test_odd_bodies_are_refused_and_nothing_is_half_done(api, deps, user, token):
    entity = await signed_up(deps, user)
    bodies: list[Any] = [
        [],
        "text",
        7,
        None,
        {"name": {"$gt": ""}},
        {"offers": {"0": "a"}},
        {"offers": [["a"]]},
        {"wants": [None]},
    ]
    for body in bodies:
        assert (await api.refused(token, "PATCH", f"/entities/{entity.id}", body))[0] == 400, body
    assert await deps.store.entity(entity.id) == entity


async def test_times_that_no_calendar_has_are_refused(api):
    for when in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"):
        assert (await api.refused(ADMIN, "GET", "/entities", tagged_since=when))[0] == 400


@pytest.mark.parametrize("door", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    "fault",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError(),
        asyncpg.QueryCanceledError(),
        asyncpg.TooManyConnectionsError(),
        asyncpg.InterfaceError("pool is closed"),
        ServerSelectionTimeoutError(),
        NetworkTimeout(),
        WaitQueueTimeoutError(),
    ],
    ids=repr,
)
async def test_a_store_that_is_away_is_a_503_with_a_time_to_come_back(api, deps, monkeypatch, fault):
    async def away(*_):
        raise fault

    monkeypatch.setattr(deps.store, "entities", away)
    with pytest.raises(Refusal) as refused:
        await api(GATEWAY, "GET", f"/entities/{new_id()}")
    assert (refused.value.status, refused.value.problems[0].code, refused.value.retry_after_s) == (503, "store_away", 2)
