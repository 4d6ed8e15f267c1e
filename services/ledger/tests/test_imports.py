"""The import of a past: dated lines, each with its outcome, safe to repeat."""

from typing import Any

from services.ledger.tests.conftest import Member, Node


async def _load(node: Node, *lines: str, token: str = "operator") -> Any:
    status, answer = await node.call(
        "POST", "/imports/transfers", token, raw="\n".join(lines).encode(), content_type="text/csv"
    )
    assert status == 200, answer
    return answer


def _line(day: str, payer: Member, payee: Member, amount: str, text: str = "bread") -> str:
    return f"{day},{payer.number},{payee.number},{amount},{text}"


async def test_a_past_is_booked_at_its_dates_without_notices_and_once_only(node: Node) -> None:
    baker, smith = await node.member(), await node.member()
    before = await node.told_types()
    lines = [
        "date,payer,payee,amount,description",
        _line("2026-01-05", baker, smith, "10.50"),
        _line("2026-01-06T09:30:00+01:00", smith, baker, "3", '"nails, long"'),
        _line("2026-01-06", baker, smith, "1"),
        _line("2026-01-06", baker, smith, "1"),
    ]
    first = await _load(node, *lines)
    assert (first["imported"], first["repeated"], first["refused"]) == (4, 0, 0)
    assert [line["line"] for line in first["lines"]] == [2, 3, 4, 5]
    second = await _load(node, *lines)
    assert (second["imported"], second["repeated"], second["refused"]) == (0, 4, 0)
    assert [line["transfer_id"] for line in second["lines"]] == [line["transfer_id"] for line in first["lines"]]
    assert (await node.balance(baker), await node.balance(smith)) == (-950, 950)
    assert [kind for kind in await node.told_types() if kind.startswith("ledger.transfer")] == []
    assert len(await node.told_types()) == len(before)
    _, statement = await node.call("GET", f"/accounts/{baker.entity_id}/statement", baker.token)
    assert [i["at"] for i in statement["items"]][-1] == "2026-01-05T12:00:00.000Z"
    _, then = await node.call(
        "GET", f"/accounts/{baker.entity_id}/balance", baker.token, query={"at": "2026-01-05T23:00:00Z"}
    )
    assert then["balance_minor"] == -1050
    await node.assert_sound()


async def test_each_bad_line_has_its_code_and_the_good_ones_are_booked(node: Node) -> None:
    baker, smith = await node.member(low=-2000), await node.member()
    found = await _load(
        node,
        _line("2026-01-05", baker, smith, "10"),
        _line("2026-01-04", baker, smith, "1"),
        _line("2999-01-05", baker, smith, "1"),
        _line("yesterday", baker, smith, "1"),
        _line("2026-01-06", baker, smith, "10.01"),
        _line("2026-01-06", baker, smith, "1.001"),
        _line("2026-01-06", baker, smith, "NaN"),
        _line("2026-01-06", baker, smith, "-1"),
        f"2026-01-06,{baker.number},1234,1,x",
        f"2026-01-06,{baker.number}",
        _line("2026-01-06", baker, baker, "1"),
        _line("2026-01-07", baker, smith, "10"),
    )
    assert [line["code"] for line in found["lines"]] == [
        "imported",
        "date_order",
        "date_in_future",
        "date_wrong",
        "limit_reached",
        "amount_too_many_decimals",
        "amount_not_a_number",
        "amount_not_positive",
        "unknown_account",
        "columns_wrong",
        "same_account",
        "imported",
    ]
    await node.assert_sound()


async def test_an_account_with_transfers_of_its_own_takes_no_past(node: Node) -> None:
    baker, smith, miller = await node.member(), await node.member(), await node.member()
    await _load(node, _line("2026-01-05", baker, smith, "10"))
    await node.pay(baker, smith, 100)
    found = await _load(node, _line("2026-01-06", baker, miller, "10"), _line("2026-01-05", baker, smith, "10"))
    assert [line["code"] for line in found["lines"]] == ["account_in_use", "repeated"]


async def test_only_admins_and_the_operator_import(node: Node) -> None:
    baker = await node.member()
    for token in (baker.token, "matcher"):
        assert (await node.call("POST", "/imports/transfers", token, raw=b"", content_type="text/csv"))[0] == 403
    assert (await node.call("POST", "/imports/transfers", "admin", raw=b"\xff\xff", content_type="text/csv"))[1][
        "errors"
    ][0]["code"] == "file_unreadable"
