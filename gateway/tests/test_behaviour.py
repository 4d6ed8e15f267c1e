"""What the published operations do beyond their shapes: whom they ask, what they pass on, what they keep to themselves."""

import asyncio
from datetime import datetime
from typing import Any, cast

import pytest

from gateway.tests.house import (
    ADMIN,
    ANA,
    BAKERY,
    BAKERY_NUMBER,
    BEN,
    GARAGE,
    GARAGE_NUMBER,
    SESSION_ENDS,
    TRANSFER,
    UNKNOWN,
    House,
    Tokens,
    a_line,
    a_transfer,
    an_account,
    an_entity,
    furnished,
    refusal,
)
from gateway.tests.requests import ADMIN_PATCH, MEMBER, OFFICE, PROPOSAL, SIGNUP

ENTITIES = {"querying_entity_id": BAKERY}


async def test_signup_asks_the_directory_first_then_identity_then_both_owners_with_the_same_ids(house: House):
    heard = await house("POST", "/api/v1/signup", SIGNUP)
    assert heard.json["data"] == {"userID": ANA, "entityID": BAKERY, "token": "a.signed.token"}
    order = [(each.service, each.method, each.path) for each in house.services.asked]
    assert order[:2] == [("directory", "POST", "/entities/validate"), ("identity", "POST", "/signup")]
    assert set(order[2:]) == {("directory", "PUT", f"/entities/{BAKERY}"), ("ledger", "PUT", f"/accounts/{BAKERY}")}
    assert all(each.caller.token is None for each in house.services.asked)
    profile = house.services.asked[1].body["profile"]
    assert profile["name"] == "Ana's bakery"
    assert profile["show_matches_since_last_login"] is True
    assert profile["daily_matches"] is False


@pytest.mark.parametrize(("service", "path"), [("directory", "/entities/.*"), ("ledger", "/accounts/.*")])
async def test_a_signup_stands_when_a_part_of_it_must_come_later_by_event(house: House, service: str, path: str):
    house.services.on(service, "PUT", path, refusal(503, "service_away", retry_after_s=1))
    assert (await house("POST", "/api/v1/signup", SIGNUP)).status == 200


async def test_signups_refusals_are_told_in_the_senders_own_words(house: House):
    house.services.on("directory", "POST", "/entities/validate", refusal(400, "not_a_website", "website"))
    assert (await house("POST", "/api/v1/signup", SIGNUP)).codes == [("not_a_website", "website")]
    house.services.on("directory", "POST", "/entities/validate", refusal(400, "too_long", "telephone"))
    assert (await house("POST", "/api/v1/signup", SIGNUP)).codes == [("too_long", "entityPhone")]
    assert house.services.of("identity", "POST", "/signup") == []
    house.services.on("directory", "POST", "/entities/validate", None)
    house.services.on("identity", "POST", "/signup", refusal(400, "email_taken", "email"))
    assert (await house("POST", "/api/v1/signup", SIGNUP)).codes == [("email_taken", "userEmail")]


async def test_all_that_is_wrong_with_a_signup_is_told_at_once(house: House):
    house.services.on("directory", "POST", "/entities/validate", refusal(400, "not_a_website", "website"))
    house.services.on("identity", "POST", "/signup/check", refusal(400, "password_weak", "password"))
    heard = await house("POST", "/api/v1/signup", SIGNUP)
    assert heard.status == 400
    assert sorted(heard.codes) == [("not_a_website", "website"), ("password_weak", "password")]
    assert house.services.of("identity", "POST", "/signup") == []


async def test_faults_of_shape_and_what_the_services_refuse_are_told_together(house: House):
    house.services.on("directory", "POST", "/entities/validate", refusal(400, "not_a_website", "website"))
    house.services.on("identity", "POST", "/signup/check", refusal(400, "email_invalid", "email"))
    given = {**SIGNUP, "website": "not one", "password": 5, "declaredTurnover": "much", "offers": ["x", 7]}
    heard = await house("POST", "/api/v1/signup", given)
    assert heard.status == 400
    assert {field for _, field in heard.codes} == {"password", "declaredTurnover", "offers", "userEmail", "website"}
    asked = house.services.of("directory", "POST", "/entities/validate")[0].body
    assert "declared_turnover" not in asked
    assert "offers" not in asked
    assert house.services.of("identity", "POST", "/signup") == []
    heard = await house("POST", "/api/v1/signup", {"website": "not one"})
    assert {field for _, field in heard.codes} == {"userEmail", "password", "website"}


async def test_where_a_service_is_away_the_faults_of_shape_are_told_alone(house: House):
    house.services.on("directory", "POST", "/entities/validate", refusal(503, "service_away", retry_after_s=1))
    heard = await house("POST", "/api/v1/signup", {**SIGNUP, "password": 5})
    assert (heard.status, {field for _, field in heard.codes}) == (400, {"password"})
    for raw in (b"", b"[]"):
        assert (await house("POST", "/api/v1/signup", raw=raw)).codes == [("malformed_body", None)]


async def test_a_patch_sends_only_what_was_given_and_clears_by_null_and_by_the_empty_text(house: House):
    body = {"city": "", "website": None, "offers": None, "showTagsMatchedSinceLastLogin": None, "name": "New"}
    await house("PATCH", f"/api/v1/user/entities/{BAKERY}", body, token=MEMBER)
    asked = house.services.of("directory", "PATCH", ".*")[0]
    assert asked.body == {
        "city": None,
        "website": None,
        "offers": [],
        "show_matches_since_last_login": False,
        "name": "New",
    }
    assert asked.caller.token == MEMBER


async def test_if_match_becomes_the_version_and_the_answer_has_an_etag(house: House):
    heard = await house(
        "PATCH", f"/api/v1/user/entities/{BAKERY}", {"city": "X"}, token=MEMBER, headers={"If-Match": '"3"'}
    )
    assert house.services.of("directory", "PATCH", ".*")[0].query == {"if_version": 3}
    assert heard.headers["etag"] == '"4"'
    heard = await house("PATCH", f"/api/v1/user/entities/{BAKERY}", {}, token=MEMBER, headers={"If-Match": "x"})
    assert heard.codes == [("if_match_invalid", "If-Match")]


async def test_own_entities_cost_two_questions_however_many_there_are(house: House):
    many = [an_entity(f"0199b3f0-0000-7000-8000-0000000001{number:02}") for number in range(20)]
    house.services.on("directory", "GET", "/entities/mine", {"items": many})
    heard = await house("GET", "/api/v1/user/entities", token=MEMBER)
    assert len(heard.json["data"]) == 20
    assert len(house.services.asked) == 2


async def test_an_own_entity_comes_with_exact_amounts_and_its_open_transfers(house: House):
    whole = (await house("GET", "/api/v1/user/entities", token=MEMBER)).exact["data"][0]
    assert str(whole["balance"]) == "-10.5"
    assert (whole["maxNegativeBalance"], whole["maxPositiveBalance"]) == (500, 1000)
    assert str(whole["availableToSpend"]) == "489.5"
    assert [each["id"] for each in whole["pendingTransfers"]] == [TRANSFER]
    assert whole["pendingTransfers"][0]["transfer"] == "out"
    assert whole["pendingTransfers"][0]["isInitiator"] is True


async def test_nobody_but_a_member_gets_account_numbers_in_a_search(house: House):
    query = {"offers": "bread"}
    visitor = (await house("GET", "/api/v1/entities", query=query)).json["data"]
    assert all("accountNumber" not in each and "balance" not in each for each in visitor)
    admin = (await house("GET", "/api/v1/entities", query=query, token=OFFICE)).json["data"]
    assert admin == visitor
    member = (await house("GET", "/api/v1/entities", query=query, token=MEMBER)).json["data"]
    assert member[0]["accountNumber"] == BAKERY_NUMBER
    assert all("balance" not in each for each in member)


async def test_a_search_takes_several_values_by_commas_and_by_repeating(house: House):
    await house("GET", "/api/v1/entities", query="offers=bread,organic%20cake&offers=eggs&wants=,")
    body = house.services.of("matcher", "POST", "/search")[0].body
    assert body["offers"] == ["bread", "organic cake", "eggs"]
    assert body["wants"] == []


async def test_favourites_only_searches_among_the_favourites(house: House):
    await house("GET", "/api/v1/entities", query={"favorites_only": "true"} | ENTITIES, token=MEMBER)
    assert house.services.of("matcher", "POST", "/search")[0].body["ids"] == [GARAGE]
    assert (await house("GET", "/api/v1/entities", query={"favorites_only": "true"} | ENTITIES)).status == 401
    heard = await house("GET", "/api/v1/entities", query={"favorites_only": "true"}, token=MEMBER)
    assert heard.codes == [("required", "querying_entity_id")]


async def test_a_search_as_somebody_elses_entity_is_refused_even_when_nothing_is_found(house: House):
    house.services.on("matcher", "POST", "/search", {"ids": [], "total": 0, "how": {}})
    house.services.on("directory", "POST", "/entities/fetch", refusal(403, "not_yours"))
    heard = await house("GET", "/api/v1/entities", query={"querying_entity_id": GARAGE}, token=MEMBER)
    assert heard.status == 403


async def test_an_empty_list_says_one_page(house: House):
    house.services.on("matcher", "POST", "/search", {"ids": [], "total": 0, "how": {}})
    heard = await house("GET", "/api/v1/entities")
    assert heard.json == {"data": [], "meta": {"numberOfResults": 0, "totalPages": 1}}
    heard = await house("GET", "/api/v1/transfers", query={"status": "all"} | ENTITIES, token=MEMBER)
    assert heard.json["meta"] == {"numberOfResults": 21, "totalPages": 3}


async def test_a_ledger_that_is_away_costs_a_search_only_the_account_numbers():
    house = furnished(House())
    house.services.on("ledger", "POST", "/accounts/fetch", refusal(503, "service_away", retry_after_s=2))
    heard = await house("GET", "/api/v1/entities", token=MEMBER)
    assert heard.status == 200
    assert all("accountNumber" not in each for each in heard.json["data"])
    money = await house("GET", "/api/v1/user/entities", token=MEMBER)
    assert money.status == 503
    assert money.headers["retry-after"] == "2"


async def test_an_account_number_is_permanent_and_asked_for_once_for_whoever_is_logged_in():
    house = furnished(House())
    house.services.on("ledger", "POST", "/accounts/fetch", {"items": [an_account()]})  # the other has no account yet
    found = await house("GET", "/api/v1/entities", token=MEMBER)
    assert [each.get("accountNumber") for each in found.json["data"]] == [BAKERY_NUMBER, None]
    house.services.on("ledger", "POST", "/accounts/fetch", refusal(503, "service_away"))
    path = f"/api/v1/entities/{BAKERY}"
    assert (await house("GET", path, token=f"member:{BEN}")).json["data"]["accountNumber"] == BAKERY_NUMBER
    for token in (OFFICE, None):  # an admin sees here what everybody sees
        assert "accountNumber" not in (await house("GET", path, token=token)).json["data"]
    house.services.on("ledger", "POST", "/accounts/fetch", {"items": [a_line()]})
    found = await house("GET", "/api/v1/entities", token=f"member:{BEN}")
    assert [each.get("accountNumber") for each in found.json["data"]] == [BAKERY_NUMBER, GARAGE_NUMBER]
    asked = [each.body["entity_ids"] for each in house.services.of("ledger", "POST", "/accounts/fetch")]
    assert asked == [[BAKERY, GARAGE], [GARAGE]]


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ("2026-03-01", "2026-02-28T23:00:00.000Z"),
        ("2026-07-01", "2026-06-30T22:00:00.000Z"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01t12:00:00.5+02:00", "2026-03-01T10:00:00.500Z"),
        ("1767225600", "2026-01-01T00:00:00.000Z"),
    ],
)
async def test_a_time_is_read_in_three_forms_and_a_plain_date_is_the_local_day(given: str, start: str):
    house = furnished(House(time_zone="Europe/Berlin"))
    query = {"status": "all", "date_from": given, "date_to": given} | ENTITIES
    assert (await house("GET", "/api/v1/transfers", query=query, token=MEMBER)).status == 200
    asked = house.services.of("ledger", "GET", "/transfers")[0].query
    assert asked["date_from"] == start
    lasts = datetime.fromisoformat(asked["date_to"]) - datetime.fromisoformat(start)
    assert lasts.total_seconds() == (86400 if len(given) == 10 and "-" in given else 0.001)


@pytest.mark.parametrize(
    "given", ["yesterday", "2026-13-01", "2026-02-30", "2026-03-01T12:00:00", "1e9", "-5", "2026-3-1"]
)
async def test_any_other_time_is_a_400_that_names_it(house: House, given: str):
    query = {"status": "all", "date_from": given} | ENTITIES
    heard = await house("GET", "/api/v1/transfers", query=query, token=MEMBER)
    assert heard.codes == [("not_a_time", "date_from")]


async def test_the_idempotency_key_passes_on(house: House):
    await house("POST", "/api/v1/transfers", PROPOSAL, token=MEMBER, headers={"Idempotency-Key": "once"})
    assert house.services.asked[-1].caller.idempotency_key == "once"
    for bad in ("", "x" * 256, "a\x7f"):
        heard = await house("POST", "/api/v1/transfers", PROPOSAL, token=MEMBER, headers={"Idempotency-Key": bad})
        assert heard.codes == [("idempotency_key_invalid", None)]


async def test_another_body_under_the_same_key_is_400_on_v1(house: House):
    house.services.on("ledger", "POST", "/transfers", refusal(409, "idempotency_conflict"))
    heard = await house("POST", "/api/v1/transfers", PROPOSAL, token=MEMBER)
    assert (heard.status, heard.codes) == (400, [("idempotency_conflict", None)])


async def test_the_ledgers_fields_are_told_in_the_senders_own_words(house: House):
    house.services.on("ledger", "POST", "/transfers", refusal(400, "limit_reached", "amount_minor"))
    heard = await house("POST", "/api/v1/transfers", PROPOSAL, token=MEMBER)
    assert heard.codes == [("limit_reached", "amount")]


@pytest.mark.parametrize("action", ["accept", "reject", "cancel"])
async def test_who_is_no_party_gets_the_same_401_as_for_an_unknown_transfer(house: House, action: str):
    house.services.on("ledger", "POST", f"/transfers/{TRANSFER}/{action}", refusal(403, "not_a_party"))
    heard = [
        await house("PATCH", f"/api/v1/transfers/{each}", {"action": action}, token=MEMBER)
        for each in (TRANSFER, UNKNOWN)
    ]
    assert heard[0].status == heard[1].status == 401
    assert heard[0].json == heard[1].json
    assert "Garage" not in heard[0].body.decode()


@pytest.mark.parametrize(("action", "initiator", "side"), [
    ("accept", "payer", "in"), ("accept", "payee", "out"), ("cancel", "payer", "out"), ("reject", "payee", "out"),
])  # fmt: skip
async def test_the_answer_to_a_decision_is_seen_from_who_decided(house: House, action: str, initiator: str, side: str):
    house.services.on(
        "ledger", "POST", f"/transfers/{TRANSFER}/.*", a_transfer(initiator=initiator, status="completed")
    )
    heard = await house("PATCH", f"/api/v1/transfers/{TRANSFER}", {"action": action}, token=MEMBER)
    assert heard.json["data"]["transfer"] == side


async def test_unknown_and_foreign_entities_are_told_apart_by_nobody(house: House):
    for path in ("/api/v1/balance", "/api/v1/statement"):
        house.services.on("ledger", "GET", "/accounts/.*", refusal(403, "not_a_member"))
        foreign = await house("GET", path, query={"querying_entity_id": GARAGE}, token=MEMBER)
        house.services.on("ledger", "GET", "/accounts/.*", refusal(404, "no_account"))
        unknown = await house("GET", path, query={"querying_entity_id": UNKNOWN}, token=MEMBER)
        assert (foreign.status, foreign.json) == (unknown.status, unknown.json)
        assert foreign.status == 403


async def test_an_admins_change_is_judged_by_all_before_anything_is_changed(house: House):
    house.services.on("identity", "PUT", f"/memberships/{BAKERY}", refusal(400, "user_unknown", "user_ids"))
    heard = await house("PATCH", f"/api/v1/admin/entities/{BAKERY}", ADMIN_PATCH, token=OFFICE)
    assert heard.codes == [("user_unknown", "users")]
    assert house.services.of("ledger", "PUT", ".*") == []
    assert all(each.query.get("dry_run") for each in house.services.of("directory", "PATCH", ".*"))


async def test_problems_of_several_owners_come_together(house: House):
    house.services.on("identity", "PUT", f"/memberships/{BAKERY}", refusal(400, "user_unknown", "user_ids"))
    house.services.on("directory", "PATCH", f"/entities/{BAKERY}", refusal(400, "not_a_website", "website"))
    heard = await house("PATCH", f"/api/v1/admin/entities/{BAKERY}", ADMIN_PATCH, token=OFFICE)
    assert set(heard.codes) == {("user_unknown", "users"), ("not_a_website", "website")}


async def test_an_admins_change_reaches_limits_directory_standing_and_people_in_this_order(house: House):
    heard = await house("PATCH", f"/api/v1/admin/entities/{BAKERY}", ADMIN_PATCH, token=OFFICE)
    assert heard.status == 200
    done = [
        (each.service, each.path)
        for each in house.services.asked
        if each.method in {"PUT", "PATCH"} and not each.query.get("dry_run")
    ]
    assert done == [
        ("ledger", f"/accounts/{BAKERY}/limits"),
        ("directory", f"/entities/{BAKERY}"),
        ("ledger", f"/accounts/{BAKERY}/standing"),
        ("identity", f"/memberships/{BAKERY}"),
    ]
    limits = house.services.of("ledger", "PUT", ".*/limits")[0].body
    assert (limits["max_negative_minor"], limits["max_positive_minor"]) == (50000, 100000)


async def test_a_limit_below_the_balance_leaves_everything_as_it_was(house: House):
    house.services.on(
        "ledger", "PUT", f"/accounts/{BAKERY}/limits", refusal(400, "limit_below_balance", "max_negative_minor")
    )
    heard = await house("PATCH", f"/api/v1/admin/entities/{BAKERY}", ADMIN_PATCH, token=OFFICE)
    assert heard.codes == [("limit_below_balance", "maxNegativeBalance")]
    assert all(each.query.get("dry_run") for each in house.services.of("directory", "PATCH", ".*"))


async def test_an_entity_is_deleted_only_after_the_ledger_closed_its_account(house: House):
    house.services.on("ledger", "DELETE", "/accounts/.*", refusal(409, "balance_not_zero"))
    heard = await house("DELETE", f"/api/v1/admin/entities/{BAKERY}", token=OFFICE)
    assert (heard.status, heard.codes) == (400, [("balance_not_zero", None)])
    assert house.services.of("directory", "DELETE", ".*") == []


async def test_admin_entities_are_narrowed_by_the_ledger_first(house: House):
    query = {"balance": "0", "max_neg_bal": "500", "status": ["pending,accepted", "tradingPending"]}
    await house("GET", "/api/v1/admin/entities", query=query, token=OFFICE)
    assert house.services.of("ledger", "GET", "/accounts")[0].query == {
        "balance_min_minor": 0,
        "max_negative_min_minor": 50000,
    }
    asked = house.services.of("directory", "POST", "/entities/query")[0].body
    assert asked["ids"] == [BAKERY]
    assert asked["status"] == ["pending", "accepted", "tradingPending"]


async def test_a_users_entities_must_exist(house: House):
    house.services.on("directory", "POST", "/entities/fetch", {"items": [an_entity()]})
    heard = await house("PATCH", f"/api/v1/admin/users/{ANA}", {"entities": [BAKERY, UNKNOWN]}, token=OFFICE)
    assert heard.codes == [("entity_unknown", "entities")]


async def test_favorite_is_accepted_in_the_place_of_is_favorite(house: House):
    body = {"addToEntityID": BAKERY, "favoriteEntityID": GARAGE, "favorite": False}
    assert (await house("POST", "/api/v1/favorites", body, token=MEMBER)).status == 200
    assert house.services.asked[-1].method == "DELETE"
    del body["favorite"]
    assert (await house("POST", "/api/v1/favorites", body, token=MEMBER)).codes == [("required", "isFavorite")]


async def test_a_key_acts_only_for_its_entity_in_matches(house: House):
    house.services.on("matcher", "GET", "/matches", {"items": [], "total": 0})
    house.services.on("directory", "GET", "/entities/.*/dismissals", {"items": []})
    query = {"querying_entity_id": BAKERY}
    assert (await house("GET", "/api/v1/matches", query=query, token=f"key:read:{BAKERY}")).status == 200
    assert (await house("GET", "/api/v1/matches", query=query, token=f"key:read:{GARAGE}")).status == 403


async def test_two_clients_at_once_do_not_see_each_others_answers(house: House):
    house.services.on("identity", "GET", "/users/me", lambda asked: {
        "id": asked.caller.token.split(":")[1], "email": "x", "first_name": "", "last_name": "", "telephone": ""})  # fmt: skip
    ids = [ANA, BEN, ADMIN] * 20
    heard = await asyncio.gather(*(house("GET", "/api/v1/user", token=f"member:{each}") for each in ids))
    assert [each.json["data"]["id"] for each in heard] == ids


async def test_a_balance_is_one_object_with_its_limits(house: House):
    heard = await house("GET", "/api/v1/balance", query=ENTITIES, token=MEMBER)
    assert heard.json["data"] == {
        "unit": "CR",
        "balance": -10.5,
        "maxPositiveBalance": 1000,
        "maxNegativeBalance": 500,
        "available": 489.5,
        "availableToSpend": 489.5,
        "availableToReceive": 1010.5,
    }
    house.services.on("ledger", "GET", "/accounts/.*", an_account(balance_minor=30, max_positive_minor=10))
    assert b'"balance":0.3,' in (await house("GET", "/api/v1/balance", query=ENTITIES, token=MEMBER)).body


def leaving(house: House, **account: Any) -> None:
    """A person who is the only one to act for the bakery."""
    only = {"entity_id": BAKERY, "user_id": ANA, "role": "owner", "since": "2026-01-01T00:00:00.000Z"}
    house.services.on("identity", "GET", "/memberships", {"items": [only]})
    house.services.on(
        "identity",
        "POST",
        f"/users/{ANA}/departure",
        lambda asked: None if asked.body["closed_entity_ids"] else refusal(409, "last_owner"),
    )
    house.services.on("ledger", "POST", "/accounts/fetch", {"items": [an_account(**account)]})
    house.services.on("ledger", "GET", "/pending", {"items": []})


async def test_who_leaves_closes_the_entities_that_nobody_else_acts_for(house: House):
    leaving(house, balance_minor=0)
    heard = await house("DELETE", "/api/v1/user", {"password": "a-Long-1-password"}, token=MEMBER)
    assert heard.status == 200
    done = [(each.service, each.method) for each in house.services.asked if each.method in {"DELETE", "POST"}]
    assert done == [
        ("identity", "POST"),
        ("ledger", "POST"),
        ("ledger", "DELETE"),
        ("directory", "DELETE"),
        ("identity", "POST"),
    ]
    assert house.services.asked[-1].body["closed_entity_ids"] == [BAKERY]


async def test_who_leaves_with_a_balance_is_told_so_and_nothing_is_closed(house: House):
    leaving(house, balance_minor=-1)
    heard = await house("DELETE", "/api/v1/user", {"password": "a-Long-1-password"}, token=MEMBER)
    assert (heard.status, heard.codes) == (409, [("balance_not_zero", None)])
    assert [each for each in house.services.asked if each.method == "DELETE"] == []


async def test_a_wrong_password_ends_the_leaving_at_once(house: House):
    leaving(house)
    house.services.on("identity", "POST", f"/users/{ANA}/departure", refusal(400, "current_password_wrong", "password"))
    heard = await house("DELETE", "/api/v1/user", {"password": "not-the-1-password"}, token=MEMBER)
    assert heard.codes == [("current_password_wrong", "password")]
    assert len(house.services.asked) == 1


async def noted(house: House) -> list[Any]:
    """What was told to identity about refusals."""
    await house.gateway.context.refusals.drain()
    assert all(each.caller.token is None for each in house.services.of("identity", "POST", "/refusals"))
    return [each.body for each in house.services.of("identity", "POST", "/refusals")]


async def test_who_asks_for_an_admins_or_anothers_operation_is_noted_by_operation_alone(house: House):
    assert (await house("GET", f"/api/v1/admin/entities/{GARAGE}", token=MEMBER)).status == 403
    assert (await house("GET", f"/api/v1/transfers/{UNKNOWN}", token=MEMBER)).status in {401, 403}
    assert (await house("GET", "/api/v1/admin/audit", token=f"key:read:{BAKERY}")).status == 403
    assert await noted(house) == [
        {"user_id": ANA, "role": "member", "operation": "GET /api/v1/admin/entities/{entityID}", "times": 1},
        {"user_id": ANA, "role": "member", "operation": "GET /api/v1/transfers/{transferID}", "times": 1},
        {"user_id": ANA, "role": "member", "operation": "GET /api/v1/admin/audit", "times": 1},
    ]


async def test_what_identity_noted_itself_and_who_is_not_known_are_not_noted_again(house: House):
    house.services.on("identity", "GET", "/memberships", refusal(403, "forbidden"))
    assert (await house("GET", f"/api/v1/entities/{GARAGE}/people", token=MEMBER)).status == 403
    assert (await house("GET", "/api/v1/admin/audit")).status == 401
    assert (await house("GET", "/api/v1/admin/audit", token="service:directory")).status == 401
    assert await noted(house) == []


async def test_a_refusal_stands_where_it_cannot_be_noted(house: House):
    house.services.on("identity", "POST", "/refusals", refusal(503, "service_away", retry_after_s=1))
    heard = await house("GET", "/api/v1/admin/audit", token=MEMBER)
    assert (heard.status, heard.codes) == (403, [("admins_only", None)])


@pytest.mark.parametrize(("path", "token"), [("logout", MEMBER), ("admin/logout", OFFICE)])
async def test_who_logged_out_is_refused_at_once_before_any_event_came(house: House, path: str, token: str):
    house.services.on("identity", "POST", "/logout", None)
    assert (await house("POST", f"/api/v1/{path}", token=token)).status == 200
    verifier = cast("Tokens", house.gateway.context.wiring.verifier)
    assert verifier.forgotten[f"session-{token.partition(':')[2]}"] == SESSION_ENDS
