"""Refunds, groups, batches, fees."""

from libs.common.ids import new_id
from services.ledger.tests.conftest import Member, Node


def _leg(payer: Member, payee: Member, amount: int) -> dict[str, object]:
    return {"payer": payer.number, "payee": payee.number, "amount_minor": amount, "description": "loop"}


def _code(answer: tuple[int, dict]) -> str:  # type: ignore[type-arg]
    return str(answer[1]["errors"][0]["code"])


async def test_a_refund_is_a_linked_transfer_that_the_other_party_accepts(node: Node) -> None:
    baker, smith, stranger = await node.member(), await node.member(), await node.member()
    paid = await node.pay(baker, smith, 1000)
    path = f"/transfers/{paid['id']}/refund"
    assert _code(await node.call("POST", path, stranger.token, {})) == "not_a_party"
    status, offered = await node.call("POST", path, smith.token, {"amount_minor": 400, "description": "sorry"}, key="r")
    assert (status, offered["kind"], offered["parent_id"], offered["initiator"]) == (201, "refund", paid["id"], "payer")
    again = await node.call("POST", path, smith.token, {"amount_minor": 400, "description": "sorry"}, key="r")
    assert again[1]["id"] == offered["id"]
    assert _code(await node.call("POST", path, baker.token, {"amount_minor": 601})) == "refund_too_large"
    status, asked = await node.call("POST", path, baker.token, {})
    assert (status, asked["amount_minor"], asked["initiator"]) == (201, 600, "payee")
    assert (await node.act("accept", offered["id"], baker))[0] == 200
    assert (await node.act("reject", asked["id"], smith))[0] == 200
    assert (await node.balance(baker), await node.balance(smith)) == (-600, 600)
    _, open_one = await node.propose(baker, smith, 5)
    assert _code(await node.call("POST", f"/transfers/{open_one['id']}/refund", smith.token, {})) == "not_completed"
    await node.assert_sound()


async def test_a_loop_posts_as_one_at_the_last_consent_though_nobody_could_pay_alone(node: Node) -> None:
    a, b, c = [await node.member(name, low=-100, high=100) for name in ("A", "B", "C")]
    legs = [_leg(a, b, 500), _leg(b, c, 500), _leg(c, a, 500)]
    status, group = await node.call("POST", "/groups", a.token, {"initiator": a.number, "transfers": legs}, key="g")
    assert (status, group["status"], group["consented"]) == (201, "initiated", [a.number])
    again = await node.call("POST", "/groups", a.token, {"initiator": a.number, "transfers": legs}, key="g")
    assert again[1]["id"] == group["id"]
    path = f"/groups/{group['id']}"
    assert (await node.call("POST", f"{path}/accept", b.token, {"entity_id": c.entity_id}))[0] == 403
    status, group = await node.call("POST", f"{path}/accept", b.token, {"entity_id": b.entity_id})
    assert (status, group["status"]) == (200, "initiated")
    assert (await node.act("accept", group["transfers"][0]["id"], b))[0] == 403
    status, group = await node.call("POST", f"{path}/accept", c.token, {"entity_id": c.entity_id})
    assert (status, group["status"]) == (200, "completed")
    assert [await node.balance(member) for member in (a, b, c)] == [0, 0, 0]
    assert (await node.told_types()).count("ledger.transfer.completed.v1") == 3
    stranger = await node.member()
    assert (await node.call("GET", path, stranger.token))[0] == 403
    assert (await node.call("GET", path, a.token))[1]["status"] == "completed"
    await node.assert_sound()


async def test_a_group_reserves_the_net_and_ends_as_a_whole(node: Node) -> None:
    a, b, c = [await node.member(name, low=-1000) for name in ("A", "B", "C")]
    legs = [_leg(a, b, 800), _leg(c, a, 300)]
    _, group = await node.call("POST", "/groups", a.token, {"initiator": a.number, "transfers": legs})
    _, account = await node.call("GET", f"/accounts/{a.entity_id}", a.token)
    assert account["held_minor"] == 500
    await node.assert_sound()
    assert (await node.call("DELETE", f"/accounts/{b.entity_id}", "admin"))[0] == 409
    status, ended = await node.call("POST", f"/groups/{group['id']}/end", c.token, {"reason": "no"})
    assert (status, ended["status"]) == (200, "cancelled")
    assert _code(await node.call("POST", f"/groups/{group['id']}/accept", b.token, {"entity_id": b.entity_id})) == (
        "transfer_finished"
    )
    _, account = await node.call("GET", f"/accounts/{a.entity_id}", a.token)
    assert account["held_minor"] == 0
    too_much = {"initiator": a.number, "transfers": [_leg(a, b, 1001)]}
    assert _code(await node.call("POST", "/groups", a.token, too_much)) == "limit_reached"
    foreign = {"initiator": a.number, "transfers": [_leg(b, c, 1)]}
    assert _code(await node.call("POST", "/groups", a.token, foreign)) == "not_in_group"
    await node.assert_sound()


async def test_a_group_that_breaks_a_limit_at_the_last_consent_is_cancelled(node: Node) -> None:
    a, b = await node.member(low=-1000), await node.member(high=600)
    _, group = await node.call("POST", "/groups", a.token, {"initiator": a.number, "transfers": [_leg(a, b, 500)]})
    await node.pay(a, b, 200)
    answer = await node.call("POST", f"/groups/{group['id']}/accept", b.token, {"entity_id": b.entity_id})
    assert _code(answer) == "limit_reached"
    await node.assert_sound()


async def test_every_line_of_a_batch_has_its_outcome_and_a_repeat_finds_it(node: Node) -> None:
    baker, smith = await node.member(), await node.member(trades=False)
    miller = await node.member()
    good = {
        "direction": "out",
        "initiator": baker.number,
        "receiver": miller.number,
        "amount_minor": 5,
        "description": "",
    }
    lines = [good, good | {"receiver": smith.number}, good | {"amount_minor": -1}, good, {"colour": 1}]
    first = await node.call("POST", "/transfers/batch", baker.token, {"transfers": lines}, key="b")
    assert first[0] == 200
    assert [line["code"] for line in first[1]["lines"]] == [
        "ok",
        "unknown_account",
        "amount_not_positive",
        "ok",
        "columns_wrong",
    ]
    assert (first[1]["accepted"], first[1]["refused"]) == (2, 3)
    assert await node.call("POST", "/transfers/batch", baker.token, {"transfers": lines}, key="b") == first
    assert await node.owner.fetchval("select count(*) from transfer") == 2


async def test_all_or_nothing_keeps_nothing_where_one_line_is_refused(node: Node) -> None:
    baker, miller = await node.member(low=-1000), await node.member()
    csv = f"direction,receiver,amount,description\nout,{miller.number},6,a\nout,{miller.number},4.01,b\n"
    query = {"initiator": baker.number, "all_or_nothing": "true"}
    status, found = await node.call(
        "POST", "/transfers/batch", baker.token, raw=csv.encode(), content_type="text/csv", query=query
    )
    assert (status, [line["code"] for line in found["lines"]]) == (200, ["not_done", "limit_reached"])
    assert await node.owner.fetchval("select count(*) from transfer") == 0
    fits = csv.replace("4.01", "4")
    _, found = await node.call(
        "POST", "/transfers/batch", baker.token, raw=fits.encode(), content_type="text/csv", query=query
    )
    assert [line["code"] for line in found["lines"]] == ["ok", "ok"]
    await node.assert_sound()


async def test_a_fee_is_previewed_reserved_and_posted_with_its_transfer(node: Node) -> None:
    baker, smith = await node.member(low=-1010), await node.member()
    assert (await node.call("POST", "/fees", baker.token, {"name": "Upkeep", "share_ppm": 5000}))[0] == 403
    assert (await node.call("POST", "/fees", "admin", {"name": "Upkeep", "share_ppm": 0}))[0] == 400
    status, rule = await node.call("POST", "/fees", "admin", {"name": "Upkeep", "share_ppm": 5000})
    assert (status, rule["name"], rule["payee"]["entity_id"]) == (201, "Upkeep", None)
    body = {
        "direction": "out",
        "initiator": baker.number,
        "receiver": smith.number,
        "amount_minor": 1000,
        "description": "",
    }
    status, preview = await node.call("POST", "/transfers/preview", baker.token, body)
    assert (status, preview["total_minor"], preview["fees"][0]["amount_minor"]) == (200, 1005, 5)
    after = {"balance_minor": -1005, "available_to_spend_minor": 5}
    assert preview["account_after"] == after | {
        "available_to_receive_minor": preview["account_after"]["available_to_receive_minor"]
    }
    _, request = await node.call("POST", "/transfers/preview", baker.token, body | {"direction": "in"})
    assert (request["total_minor"], request["account_after"]["balance_minor"]) == (1005, 1000), (
        "the payer bears the fee"
    )
    _, before = await node.call("GET", f"/accounts/{baker.entity_id}", baker.token)
    assert preview["account_after"]["available_to_receive_minor"] - before["available_to_receive_minor"] == 1005
    assert before["available_to_receive_minor"] - request["account_after"]["available_to_receive_minor"] == 1000
    refused = await node.call("POST", "/transfers", baker.token, body | {"amount_minor": 1006})
    assert _code(refused) == "limit_reached"
    _, proposed = await node.propose(baker, smith, 1000)
    assert proposed["fees"][0]["amount_minor"] == 5
    _, account = await node.call("GET", f"/accounts/{baker.entity_id}", baker.token)
    assert account["held_minor"] == 1005
    _, accepted = await node.act("accept", proposed["id"], smith)
    assert accepted["fees"][0]["amount_minor"] == 5
    assert (await node.balance(baker), await node.balance(smith)) == (-1005, 1000)
    assert (await node.call("DELETE", f"/fees/{rule['id']}", "admin"))[0] == 204
    assert (await node.call("DELETE", f"/fees/{new_id()}", "admin"))[0] == 404
    _, again = await node.propose(smith, baker, 100)
    assert "fees" not in again
    await node.assert_sound()


async def test_a_rejected_transfer_with_a_fee_releases_both(node: Node) -> None:
    baker, smith = await node.member(low=-1010), await node.member()
    await node.call("POST", "/fees", "admin", {"name": "Upkeep", "share_ppm": 5000})
    _, proposed = await node.propose(baker, smith, 1000)
    assert (await node.act("reject", proposed["id"], smith))[0] == 200
    _, account = await node.call("GET", f"/accounts/{baker.entity_id}", baker.token)
    assert account["held_minor"] == 0
    await node.assert_sound()
