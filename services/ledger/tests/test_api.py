"""The ledger over its real routes: two steps, refusals, reads, rights."""

from typing import Any

from libs.common.auth import Principal
from libs.common.ids import new_id
from services.ledger.tests.conftest import Node


async def test_a_payer_proposes_and_the_payee_accepts(node: Node) -> None:
    baker, smith = await node.member("Bakery"), await node.member("Smithy")
    status, proposed = await node.propose(baker, smith, 1050)
    assert status == 201
    assert proposed["status"] == "initiated"
    assert proposed["payer"] == {"entity_id": baker.entity_id, "number": baker.number, "name": "Bakery"}
    assert proposed["amount_minor"] == 1050
    status, accepted = await node.act("accept", proposed["id"], smith)
    assert (status, accepted["status"]) == (200, "completed")
    assert accepted["completed_at"] >= accepted["proposed_at"]
    assert (await node.balance(baker), await node.balance(smith)) == (-1050, 1050)
    assert (await node.told_types())[-2:] == ["ledger.transfer.proposed.v1", "ledger.transfer.completed.v1"]
    await node.assert_sound()


async def test_a_payees_request_is_accepted_by_the_payer(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    _, proposed = await node.propose(baker, smith, 700, by="payee")
    assert proposed["initiator"] == "payee"
    assert (await node.act("accept", proposed["id"], smith))[1]["errors"][0]["code"] == "own_proposal"
    status, accepted = await node.act("accept", proposed["id"], baker)
    assert (status, accepted["resolved_by"]) == (200, "payer")
    await node.assert_sound()


async def test_a_payers_proposal_reserves_and_its_end_releases(node: Node) -> None:
    baker, smith = await node.member(low=-1000), await node.member()
    _, proposed = await node.propose(baker, smith, 900)
    _, account = await node.call("GET", f"/accounts/{baker.entity_id}", baker.token)
    assert (account["held_minor"], account["available_to_spend_minor"]) == (900, 100)
    status, refused = await node.propose(baker, smith, 200)
    assert status == 400
    assert refused["errors"][0]["code"] == "limit_reached"
    assert "largest possible amount is 1.00" in refused["errors"][0]["message"]
    status, rejected = await node.call(
        "POST", f"/transfers/{proposed['id']}/reject", smith.token, {"reason": "not today"}
    )
    assert (status, rejected["status"], rejected["outcome"], rejected["reason"]) == (
        200,
        "cancelled",
        "rejected",
        "not today",
    )
    assert (await node.propose(baker, smith, 1000))[0] == 201
    await node.assert_sound()


async def test_the_other_partys_limit_is_not_told(node: Node) -> None:
    baker, smith = await node.member(), await node.member(high=100)
    status, refused = await node.propose(baker, smith, 200)
    assert status == 400
    assert refused["errors"][0]["code"] == "limit_reached"
    assert "largest" not in refused["errors"][0]["message"]


async def test_nobody_finds_the_others_balance_by_halving(node: Node) -> None:
    baker, smith, miller = await node.member(), await node.member(high=100), await node.member()
    for _ in range(5):
        assert (await node.propose(baker, smith, 200))[0] == 400
    status, refused = await node.propose(baker, smith, 90)
    assert (status, refused["errors"][0]["code"]) == (429, "too_many_tries")
    assert (await node.propose(baker, miller, 90))[0] == 201
    assert (await node.propose(miller, smith, 90))[0] == 201
    records = [data for _, data in await node.told() if data.get("action") == "limit.refused"]
    assert [record["after"]["count"] for record in records] == [1] * 5


async def test_a_limit_breach_at_accept_cancels_and_tells_both(node: Node) -> None:
    baker, smith, miller = await node.member(low=-1000), await node.member(), await node.member()
    _, requested = await node.propose(baker, smith, 800, by="payee")
    await node.pay(baker, miller, 500)
    status, refused = await node.act("accept", requested["id"], baker, key="k1")
    assert (status, refused["errors"][0]["code"]) == (400, "limit_reached")
    again = await node.act("accept", requested["id"], baker, key="k1")
    assert again == (status, refused)
    assert (await node.act("accept", requested["id"], baker))[1]["errors"][0]["code"] == "transfer_finished"
    _, seen = await node.call("GET", f"/transfers/{requested['id']}", smith.token)
    assert (seen["status"], seen["outcome"], seen["resolved_by"]) == ("cancelled", "refused_by_limit", "system")
    kind, fact = (await node.told())[-1]
    assert (kind, fact["by"], fact["outcome"]) == ("ledger.transfer.cancelled.v1", "system", "refused_by_limit")
    await node.assert_sound()


async def test_only_its_initiator_or_an_admin_cancels(node: Node) -> None:
    baker, smith, other = await node.member(), await node.member(), await node.member()
    _, first = await node.propose(baker, smith, 100)
    _, second = await node.propose(baker, smith, 100)
    assert (await node.act("cancel", first["id"], smith))[1]["errors"][0]["code"] == "not_own_proposal"
    assert (await node.act("cancel", first["id"], other))[0] == 403
    assert (await node.act("cancel", first["id"], baker))[1]["resolved_by"] == "payer"
    status, cancelled = await node.call("POST", f"/transfers/{second['id']}/cancel", "admin", {"reason": "fraud"})
    assert (status, cancelled["resolved_by"], cancelled["reason"]) == (200, "admin", "fraud")
    assert ("ledger.audit.recorded.v1", "transfer.cancelled") in [(k, d.get("action")) for k, d in await node.told()]
    await node.assert_sound()


async def test_strangers_learn_nothing_of_a_transfer(node: Node) -> None:
    baker, smith, stranger = await node.member(), await node.member(), await node.member()
    _, proposed = await node.propose(baker, smith, 100)
    known = await node.act("accept", proposed["id"], stranger)
    unknown = await node.act("accept", new_id(), stranger)
    assert known == unknown
    assert known[0] == 403
    assert (await node.call("GET", f"/transfers/{proposed['id']}", stranger.token))[0] == 403
    assert (await node.call("GET", f"/accounts/{baker.entity_id}", stranger.token))[0] == 403
    assert (await node.call("GET", f"/accounts/{baker.entity_id}/statement", stranger.token))[0] == 403
    assert (await node.call("GET", "/transfers", stranger.token, query={"entity_id": baker.entity_id}))[0] == 403
    status, found = await node.call("POST", "/accounts/fetch", stranger.token, {"numbers": [baker.number]})
    assert (status, found["items"]) == (
        200,
        [{"entity_id": baker.entity_id, "number": baker.number, "name": "Bakery", "may_trade": True}],
    )


async def test_accounts_are_fetched_by_lists_of_texts_and_what_is_no_id_finds_nothing(node: Node) -> None:
    baker = await node.member()

    async def fetch(**body: object) -> tuple[int, Any]:
        status, told = await node.call("POST", "/accounts/fetch", baker.token, body)
        return status, told.get("errors") or told["items"]

    assert await fetch(entity_ids=["x"], numbers=["1"]) == (200, [])
    for wrong, code in (("x", "not_a_list"), ([1], "not_a_list"), (["x"] * 201, "too_long")):
        status, [problem] = await fetch(entity_ids=wrong)
        assert (status, problem["code"], problem["field"]) == (400, code, "entity_ids")
    assert (await fetch(names=[]))[0] == 400
    assert (await node.call("GET", "/accounts/x", baker.token))[0] == 403
    assert (await node.call("GET", "/accounts/x", "admin"))[0] == 403
    assert (await node.call("GET", f"/accounts/{new_id()}", "admin"))[0] == 404


async def test_nobody_pays_from_anothers_account(node: Node) -> None:
    baker, thief = await node.member(), await node.member()
    body = {
        "direction": "out",
        "initiator": baker.number,
        "receiver": thief.number,
        "amount_minor": 1,
        "description": "",
    }
    status, refused = await node.call("POST", "/transfers", thief.token, body)
    assert (status, refused["errors"][0]["code"]) == (403, "not_your_account")
    assert (await node.call("POST", "/transfers", None, body))[0] == 401
    assert (await node.call("POST", "/transfers", "gateway", body))[0] == 403


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"amount_minor": "10"}, "amount_not_a_number"),
    ({"amount_minor": 0.1}, "amount_not_a_number"),
    ({"amount_minor": True}, "amount_not_a_number"),
    ({"amount_minor": None}, "missing"),
    ({"amount_minor": 0}, "amount_not_positive"),
    ({"amount_minor": -5}, "amount_not_positive"),
    ({"amount_minor": 10**14 + 1}, "amount_too_large"),
    ({"direction": "sideways"}, "direction_wrong"),
    ({"direction": ["out"]}, "direction_wrong"),
    ({"receiver": "1234567812345678"}, "unknown_account"),
    ({"receiver": 12}, "unknown_account"),
    ({"receiver": None}, "missing"),
    ({"description": "x" * 501}, "description_too_long"),
    ({"description": "a\u0007b"}, "description_control_character"),
    ({"description": 7}, "description_not_a_text"),
    ({"colour": "red"}, "unknown_field"),
]
BAD_BODIES = [b"{", b"[]", b"NaN", b'{"amount_minor": NaN}', b'{"a": 1, "a": 2}', b"\xff", b'"x"']


async def test_bad_input_has_its_code_and_writes_nothing(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    body = {
        "direction": "out",
        "initiator": baker.number,
        "receiver": smith.number,
        "amount_minor": 5,
        "description": "",
    }
    for change, code in BAD_FIELDS:
        status, refused = await node.call("POST", "/transfers", baker.token, body | change)
        assert (status, refused["errors"][0]["code"]) == (400, code), change
    for raw in BAD_BODIES:
        status, refused = await node.call("POST", "/transfers", baker.token, raw=raw)
        assert (status, refused["errors"][0]["code"]) == (400, "malformed_body"), raw
    status, refused = await node.call("POST", "/transfers", baker.token, body, key="x" * 201)
    assert (status, refused["errors"][0]["code"]) == (400, "idempotency_key_wrong")
    assert await node.owner.fetchval("select count(*) from transfer") == 0


async def test_who_may_not_trade_neither_pays_nor_is_paid(node: Node) -> None:
    baker, waiting, hidden = await node.member(), await node.member(trades=False), await node.member(trades=False)
    standing = {"status": "accepted", "may_trade": False}
    await node.call("PUT", f"/accounts/{waiting.entity_id}/standing", "gateway", standing)
    assert (await node.propose(baker, waiting, 5))[1]["errors"][0]["code"] == "may_not_trade"
    assert (await node.propose(waiting, baker, 5))[1]["errors"][0]["code"] == "may_not_trade"
    assert (await node.propose(baker, hidden, 5))[1]["errors"][0]["code"] == "unknown_account"
    assert (await node.propose(baker, baker, 5))[1]["errors"][0]["code"] == "same_account"


async def test_a_lost_standing_stops_the_accept_but_not_the_reject(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    _, proposed = await node.propose(baker, smith, 5)
    standing = {"status": "tradingRejected", "may_trade": False}
    await node.call("PUT", f"/accounts/{baker.entity_id}/standing", "admin", standing)
    assert (await node.act("accept", proposed["id"], smith))[1]["errors"][0]["code"] == "may_not_trade"
    assert (await node.act("reject", proposed["id"], smith))[0] == 200


async def test_an_admin_pays_on_behalf_at_once(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    body = {"payer": baker.number, "payee": smith.number, "amount_minor": 300, "description": "set right"}
    assert (await node.call("POST", "/transfers/on-behalf", baker.token, body))[0] == 403
    status, paid = await node.call("POST", "/transfers/on-behalf", "admin", body, key="one")
    assert (status, paid["status"], paid["kind"], paid["initiator"]) == (201, "completed", "adminTransfer", "admin")
    status, again = await node.call("POST", "/transfers/on-behalf", "admin", body, key="one")
    assert (status, again["id"], again["replayed"]) == (201, paid["id"], True)
    too_much = body | {"amount_minor": 49_999}
    assert (await node.call("POST", "/transfers/on-behalf", "admin", too_much))[1]["errors"][0][
        "code"
    ] == "limit_reached"
    assert await node.balance(smith) == 300
    await node.assert_sound()


async def test_pending_shows_each_sides_view_of_several_entities(node: Node) -> None:
    baker, smith = await node.member("Bakery"), await node.member("Smithy")
    await node.propose(baker, smith, 100)
    await node.propose(smith, baker, 200, by="payee")
    status, found = await node.call(
        "GET", "/pending", baker.token, query={"entity_ids": f"{baker.entity_id},{smith.entity_id}"}
    )
    assert status == 200
    assert [
        (i["entity_id"], i["direction"], i["may_accept"], i["may_cancel"], i["amount_minor"]) for i in found["items"]
    ] == [
        (baker.entity_id, "in", False, True, 200),
        (baker.entity_id, "out", False, True, 100),
    ]
    _, found = await node.call("GET", "/pending", smith.token, query={"entity_ids": smith.entity_id})
    assert [(i["direction"], i["may_accept"]) for i in found["items"]] == [("out", True), ("in", True)]
    both = {"entity_ids": [baker.entity_id, smith.entity_id], "with_pending": True}
    for token, whose in ((smith.token, {smith.entity_id}), ("admin", {baker.entity_id, smith.entity_id})):
        _, fetched = await node.call("POST", "/accounts/fetch", token, both)
        accounts = {account["entity_id"]: account for account in fetched["items"]}
        assert {entity_id for entity_id, account in accounts.items() if "pending" in account} == whose
        assert accounts[smith.entity_id]["pending"] == found["items"]
    _, fetched = await node.call("POST", "/accounts/fetch", smith.token, {"entity_ids": [smith.entity_id]})
    assert "pending" not in fetched["items"][0]


async def test_transfers_are_listed_by_page_status_and_date(node: Node) -> None:
    baker, smith, other = await node.member(), await node.member(), await node.member()
    for amount in range(1, 6):
        await node.pay(baker, smith, amount)
    _, rejected = await node.propose(baker, smith, 6)
    await node.act("reject", rejected["id"], smith)
    _, pending = await node.propose(other, baker, 7)
    mine = {"entity_id": baker.entity_id}
    status, found = await node.call("GET", "/transfers", baker.token, query=mine | {"page_size": "3"})
    assert (status, found["total"], [i["amount_minor"] for i in found["items"]]) == (200, 7, [7, 6, 5])
    _, found = await node.call("GET", "/transfers", baker.token, query=mine | {"page": "3", "page_size": "3"})
    assert [i["amount_minor"] for i in found["items"]] == [1]
    _, found = await node.call("GET", "/transfers", baker.token, query=mine | {"status": "cancelled,initiated"})
    assert [i["amount_minor"] for i in found["items"]] == [7, 6]
    _, found = await node.call("GET", "/transfers", baker.token, query=mine | {"date_from": pending["proposed_at"]})
    assert found["total"] == 1
    _, found = await node.call("GET", "/transfers", "admin", query={"number": other.number})
    assert found["total"] == 1
    backwards = {"date_from": "2026-02-02T00:00:00Z", "date_to": "2026-02-01T00:00:00Z"}
    for query in (
        {"page": "0"},
        {"page": "x"},
        {"page_size": "101"},
        {"status": "odd"},
        {"date_from": "soon"},
        backwards,
    ):
        assert (await node.call("GET", "/transfers", baker.token, query=mine | query))[0] == 400


async def test_a_list_is_of_one_account_of_two_together_or_of_all(node: Node) -> None:
    baker, smith, other = [await node.member() for _ in range(3)]
    for payer, payee, amount in ((baker, smith, 1), (smith, baker, 2), (baker, other, 3), (other, smith, 4)):
        await node.pay(payer, payee, amount)
    await node.propose(other, baker, 5)
    mine = {"entity_id": baker.entity_id}
    for query, amounts in (
        (mine, [5, 3, 2, 1]),
        (mine | {"number": smith.number}, [2, 1]),
        (mine | {"number": baker.number}, [5, 3, 2, 1]),
        (mine | {"number": other.number, "status": "completed"}, [3]),
        ({"number": other.number}, [5, 4, 3]),
        ({"number": "0" * 16}, []),
        ({}, [5, 4, 3, 2, 1]),
        ({"status": "initiated"}, [5]),
        ({"status": "cancelled"}, []),
    ):
        for size in (1, 2, 100):
            pages = range(1, 2 + len(amounts) // size)
            asked = [query | {"page": str(page), "page_size": str(size)} for page in pages]
            found = [(await node.call("GET", "/transfers", "admin", query=each))[1] for each in asked]
            assert {one["total"] for one in found} == {len(amounts)}
            assert [item["amount_minor"] for one in found for item in one["items"]] == amounts


async def test_a_statement_goes_on_by_cursor_with_the_running_balance(node: Node) -> None:
    baker, smith = await node.member("Bakery"), await node.member("Smithy")
    for amount in (100, 200, 300):
        await node.pay(baker, smith, amount)
    path = f"/accounts/{smith.entity_id}/statement"
    _, first = await node.call("GET", path, smith.token, query={"limit": "2"})
    assert [(i["amount_minor"], i["balance_after_minor"]) for i in first["items"]] == [(300, 600), (200, 300)]
    assert first["items"][0]["counterparty"]["name"] == "Bakery"
    _, second = await node.call("GET", path, smith.token, query={"limit": "2", "cursor": first["next"]})
    assert [i["balance_after_minor"] for i in second["items"]] == [100]
    assert second["next"] is None
    _, found = await node.call("GET", path, smith.token, query={"text": "BAKE"})
    assert len(found["items"]) == 3
    _, found = await node.call("GET", path, smith.token, query={"text": "100%"})
    assert found["items"] == []
    assert (await node.call("GET", path, smith.token, query={"cursor": "%%%"}))[0] == 400
    day = {"date_from": "2020-01-01T00:00:00Z", "date_to": first["items"][1]["at"]}
    _, found = await node.call("GET", path, smith.token, query=day)
    assert [i["seq"] for i in found["items"]] in ([1], [1, 2])
    _, found = await node.call("GET", path, smith.token, query={"date_from": first["items"][0]["at"]})
    assert found["items"][0]["seq"] == 3
    for nothing in ({"date_to": "2020-01-01T00:00:00Z"}, {"date_from": "2999-01-01T00:00:00Z"}):
        assert (await node.call("GET", path, smith.token, query=nothing))[1]["items"] == []
    backwards = {"date_from": day["date_to"], "date_to": day["date_from"]}
    assert (await node.call("GET", path, smith.token, query=backwards))[1]["errors"][0]["code"] == "range_backwards"
    at = first["items"][1]["at"]
    _, then = await node.call(
        "GET", f"/accounts/{smith.entity_id}/balance", smith.token, query={"at": at[:-1] + "999Z"}
    )
    assert then["balance_minor"] in (300, 600)
    _, before = await node.call(
        "GET", f"/accounts/{smith.entity_id}/balance", smith.token, query={"at": "2020-01-01T00:00:00Z"}
    )
    assert before["balance_minor"] == 0
    _, series = await node.call("GET", f"/accounts/{smith.entity_id}/series", smith.token)
    assert len(series["items"]) == 90
    assert series["items"][-1] | {"day": ""} == {"day": "", "balance_minor": 600, "in_minor": 600, "out_minor": 0}


async def test_limits_have_a_history_and_stay_beyond_the_balance(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    await node.pay(baker, smith, 1000)
    path = f"/accounts/{baker.entity_id}/limits"
    status, refused = await node.call("PUT", path, "admin", {"max_negative_minor": 999, "reason": "less"})
    assert (status, refused["errors"][0]["code"]) == (400, "limit_below_balance")
    status, account = await node.call("PUT", path, "admin", {"max_negative_minor": 1000, "reason": "less"})
    assert (status, account["max_negative_minor"], account["available_to_spend_minor"]) == (200, 1000, 0)
    assert (await node.call("PUT", path, baker.token, {"max_negative_minor": 10**6}))[0] == 403
    assert (await node.call("PUT", path, "admin", {"max_negative_minor": 1.5}))[0] == 400
    _, history = await node.call("GET", path, "admin")
    newest = history["items"][0]
    assert (newest["old_max_negative_minor"], newest["max_negative_minor"], newest["by"], newest["reason"]) == (
        50000,
        1000,
        "admin-user",
        "less",
    )
    assert "ledger.limits.changed.v1" in await node.told_types()


async def test_an_account_closes_only_empty(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    _, proposed = await node.propose(baker, smith, 10)
    path = f"/accounts/{baker.entity_id}"
    assert (await node.call("DELETE", path, "admin"))[1]["errors"][0]["code"] == "transfers_open"
    await node.act("accept", proposed["id"], smith)
    assert (await node.call("DELETE", path, "admin"))[1]["errors"][0]["code"] == "balance_not_zero"
    await node.pay(smith, baker, 10)
    assert (await node.call("DELETE", path, baker.token))[0] == 403
    assert (await node.call("DELETE", path, "admin"))[0] == 204
    assert (await node.call("DELETE", path, "admin"))[0] == 204
    assert (await node.propose(smith, baker, 10))[1]["errors"][0]["code"] == "unknown_account"
    standing = {"status": "tradingAccepted", "may_trade": True}
    assert (await node.call("PUT", f"{path}/standing", "gateway", standing))[1]["errors"][0]["code"] == "account_closed"


async def test_opening_twice_opens_one_account(node: Node) -> None:
    entity_id = new_id()
    first = await node.call("PUT", f"/accounts/{entity_id}", "gateway", {"name": "Bakery", "owner_user_id": "u"})
    second = await node.call("PUT", f"/accounts/{entity_id}", "gateway", {"name": "Other", "owner_user_id": "u"})
    assert first == second
    assert first[0] == 200
    assert (first[1]["max_negative_minor"], first[1]["max_positive_minor"], first[1]["balance_minor"]) == (0, 50000, 0)
    assert (await node.told_types()).count("ledger.account.opened.v1") == 1


async def test_an_api_key_does_what_its_scopes_say_for_its_entity(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    scopes = frozenset({"read"})
    node.verifier.people["key"] = Principal("api_key", baker.user_id, entity_id=baker.entity_id, scopes=scopes)
    node.verifier.people["foreign"] = Principal(
        "api_key", baker.user_id, entity_id=smith.entity_id, scopes=frozenset({"propose", "accept"})
    )
    assert (await node.call("GET", f"/accounts/{baker.entity_id}", "key"))[0] == 200
    assert (await node.call("GET", f"/accounts/{smith.entity_id}", "key"))[0] == 403
    body = {
        "direction": "out",
        "initiator": baker.number,
        "receiver": smith.number,
        "amount_minor": 5,
        "description": "",
    }
    assert (await node.call("POST", "/transfers", "key", body))[1]["errors"][0]["code"] == "scope_missing"
    assert (await node.call("POST", "/transfers", "foreign", body))[1]["errors"][0]["code"] == "not_your_account"


async def test_admins_find_entities_by_balance_and_limits(node: Node) -> None:
    baker, smith = await node.member(), await node.member(high=70000)
    await node.pay(baker, smith, 500)
    for query, expected in (
        ({"balance_min_minor": "500"}, [smith.entity_id]),
        ({"max_positive_min_minor": "60000"}, [smith.entity_id]),
        ({"number": baker.number}, [baker.entity_id]),
        ({"max_negative_min_minor": "50001"}, []),
    ):
        assert (await node.call("GET", "/accounts", "admin", query=query))[1]["entity_ids"] == expected
    assert (await node.call("GET", "/accounts", baker.token))[0] == 403


async def test_bands_change_with_the_balance_and_are_exported(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    await node.pay(baker, smith, 100)
    assert "ledger.account.band_changed.v1" not in await node.told_types()
    await node.pay(baker, smith, 40000)
    bands = {d["entity_id"]: d["band"] for k, d in await node.told() if k == "ledger.account.band_changed.v1"}
    assert bands == {baker.entity_id: -2, smith.entity_id: 2}
    _, exported = await node.call("GET", "/export/bands", "matcher")
    assert sorted((i["band"], i["sequence"]) for i in exported["items"]) == [(-2, 1), (2, 1)]
    assert (await node.call("GET", "/export/bands", baker.token))[0] == 403


async def test_health_says_ready_and_every_answer_has_a_request_id(node: Node) -> None:
    status, ready = await node.call("GET", "/health/ready")
    assert (status, ready["checks"]) == (200, {"database": True, "durability": True})
    answer = await node.http.post("/transfers", headers={"Authorization": "Bearer nobody"})
    assert answer.status_code == 401
    assert answer.headers["x-request-id"]
