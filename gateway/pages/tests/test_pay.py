"""Paying and asking for payment: three steps, both figures, one payment however often a button is pressed."""

from typing import Any

import pytest

from gateway.pages.pay import amount_as_typed
from gateway.pages.tests.browsing import Browser
from gateway.pages.tests.scenes import id_of
from libs.common.money import AmountError, parse_amount


def proposals(town) -> list[Any]:
    return [what for call, what in town.calls if call == "propose"]


async def test_a_payment_in_three_steps_without_javascript(town, ana):
    ben = id_of(town, "Ben")
    await ana.open("/pay")
    page = await ana.press("/pay", q="wheeler")
    assert f"/pay/{ben}" in page.links
    page = await ana.open(f"/pay/{ben}")
    assert "You pay Ben Wheeler, Bicycles" in page.text
    page = await ana.press(f"/pay/{ben}/confirm", amount="12,50", text="A bell")
    assert "Your balance then" in page.text
    assert "\u221297.00" in page.text
    assert "343.00" in page.text
    assert not proposals(town), "nothing moves before the last step"
    page = await ana.press(f"/pay/{ben}")
    assert "You offered to pay Ben Wheeler, Bicycles" in page.text
    assert "A bell" in page.text
    assert proposals(town)[0]["amount_minor"] == 1250
    assert proposals(town)[0]["direction"] == "out"


async def test_a_request_shows_what_would_be_mine_then(town, ana):
    ben = id_of(town, "Ben")
    page = await ana.open(f"/request/{ben}/confirm?amount=100&text=Cake")
    assert "You ask Ben Wheeler, Bicycles to pay you" in page.text
    assert "15.50" in page.text
    page = await ana.press(f"/request/{ben}")
    assert "You asked Ben Wheeler, Bicycles to pay" in page.text
    assert proposals(town)[0]["direction"] == "in"


async def test_pressing_twice_or_going_back_never_pays_twice(town, ana):
    ben = id_of(town, "Ben")
    await ana.open(f"/pay/{ben}")
    await ana.press(f"/pay/{ben}/confirm", amount="10")
    confirm = ana.answer
    await ana.press(f"/pay/{ben}")
    receipt = ana.answer.url.path
    for _ in range(3):
        ana.answer = confirm
        await ana.press(f"/pay/{ben}")
        assert ana.answer.url.path == receipt
    assert len([each for each in town.transfers.values() if each["amount_minor"] == 1000]) == 1


async def test_the_same_form_with_another_amount_is_refused(town, ana):
    ben = id_of(town, "Ben")
    await ana.open(f"/pay/{ben}")
    second_step = ana.answer
    await ana.press(f"/pay/{ben}/confirm", amount="10")
    await ana.press(f"/pay/{ben}")
    ana.answer = second_step
    await ana.press(f"/pay/{ben}/confirm", amount="11")
    page = await ana.press(f"/pay/{ben}", status=400)
    assert "already used" in page.text


async def test_a_fresh_form_pays_again(town, ana):
    ben = id_of(town, "Ben")
    for _ in range(2):
        await ana.open(f"/pay/{ben}/confirm?amount=10")
        await ana.press(f"/pay/{ben}")
    assert len([each for each in town.transfers.values() if each["amount_minor"] == 1000]) == 2


@pytest.mark.parametrize("amount", ["", "abc", "0", "-5", "1.234", "1e9999", "NaN", "1" * 40])
async def test_an_amount_that_is_none_comes_back_with_its_field_marked(amount, town, ana):
    ben = id_of(town, "Ben")
    page = await ana.open(f"/pay/{ben}/confirm?amount={amount}&text=Bell", status=400)
    field = next(given for tag, given in page.tags if given.get("name") == "amount")
    assert field["aria-invalid"] == "true"
    assert "f-amount-error" in field["aria-describedby"]
    assert "#f-amount" in page.links
    assert "Bell" in page.text
    assert not proposals(town)


async def test_a_limit_is_told_where_the_amount_stands(town, ana):
    ben = id_of(town, "Ben")
    await ana.open(f"/pay/{ben}/confirm?amount=9000")
    page = await ana.press(f"/pay/{ben}", status=400)
    assert "Your limit allows at most" in page.text


async def test_who_may_not_trade_is_told_so_instead_of_a_form(town):
    browser = Browser(town)
    await browser.log_in("elm@example.org")
    page = await browser.open("/pay")
    assert "Trading is not granted to you yet" in page.text
    assert not [form for form in page.forms if form.action == "/pay"]


async def test_accept_moves_both_balances_and_reject_moves_nothing(town, ana):
    await ana.open("/home")
    offered = next(each for each in town.transfers.values() if each["amount_minor"] == 2400)
    asked = next(each for each in town.transfers.values() if each["amount_minor"] == 4500)
    page = await ana.press(f"/transfers/{offered['id']}/accept")
    assert "Accepted." in page.text
    assert "Ben Wheeler, Bicycles paid you" in page.text
    assert "\u221260.50" in page.text
    page = await ana.press(f"/transfers/{asked['id']}/reject")
    assert "Rejected. Nothing was paid." in page.text
    assert asked["status"] == "cancelled"


async def test_accepting_what_is_finished_says_so_on_its_page(town, ana):
    await ana.open("/home")
    offered = next(each for each in town.transfers.values() if each["amount_minor"] == 2400)
    offered |= {"status": "cancelled", "outcome": "cancelled"}
    page = await ana.press(f"/transfers/{offered['id']}/accept", status=400)
    assert "finished already" in page.text


async def test_somebody_elses_transfer_is_not_there(town, ana):
    other = town.transfer(id_of(town, "Ben"), id_of(town, "Cleo"), 700)
    await ana.open(f"/transfers/{other['id']}", status=404)
    await ana.open("/transfers/not-an-id", status=404)


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("12,50", 1250),
        ("12.5", 1250),
        ("1,234.50", 123450),
        ("1.234,50", 123450),
        ("1 234,5", 123450),
        ("1'000", 100000),
    ],
)
def test_amounts_are_read_as_people_write_them(typed, minor):
    assert parse_amount(amount_as_typed(typed)) == minor


@pytest.mark.parametrize("typed", ["1,234", "1.234", "1,2,3", "1,234.567,8", "--1", "1e3.0.0"])
def test_an_amount_that_could_mean_two_things_is_refused(typed):
    with pytest.raises(AmountError):
        parse_amount(amount_as_typed(typed))


async def test_what_would_be_left_comes_from_the_ledger_with_its_fees(town, ana):
    town.fee_minor = 50
    ben = id_of(town, "Ben")
    page = await ana.open(f"/pay/{ben}/confirm?amount=10")
    said = " ".join(page.text.split())
    assert "Upkeep: 0.50" in said
    assert "\u221295.00" in said
    page = await ana.open(f"/request/{ben}/confirm?amount=10")
    assert "\u221274.50" in " ".join(page.text.split())
