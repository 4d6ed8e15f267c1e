"""The demo town's past: the same for the same day, inside all limits, on both sides of zero."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from deploy.local.demo.past import DAYS, Trader, past
from deploy.local.demo.town import members

TODAY = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _traders() -> list[Trader]:
    return [
        Trader(f"{n:016d}", member.offers, *(100 * limit for limit in member.limits()))
        for n, member in enumerate(members())
    ]


def test_the_same_day_has_the_same_past():
    assert list(past(_traders(), TODAY)) == list(past(_traders(), TODAY))


def test_it_is_dated_in_order_over_half_a_year_and_never_in_the_future():
    dates = [transfer.at for transfer in past(_traders(), TODAY)]
    assert dates == sorted(dates)
    assert dates[0] >= (TODAY - timedelta(days=DAYS)).replace(hour=0)
    assert dates[-1] < TODAY


def test_no_balance_ever_leaves_its_limits_and_all_sum_to_zero():
    traders = {trader.number: trader for trader in _traders()}
    balances: dict[str, int] = defaultdict(int)
    for transfer in past(list(traders.values()), TODAY):
        assert transfer.payer != transfer.payee
        assert transfer.amount_minor > 0
        balances[transfer.payer] -= transfer.amount_minor
        balances[transfer.payee] += transfer.amount_minor
        assert balances[transfer.payer] >= -traders[transfer.payer].max_negative_minor
        assert balances[transfer.payee] <= traders[transfer.payee].max_positive_minor
    assert sum(balances.values()) == 0
    assert min(balances.values()) < 0 < max(balances.values())


def test_the_town_has_sixty_members_with_addresses_of_their_own_in_four_languages():
    town = members()
    assert len(town) == 60
    assert len({member.email for member in town}) == 60
    assert {member.language for member in town} == {"en", "es", "fr", "de"}
    assert all(member.email.endswith("@demo.example") and member.offers and member.wants for member in town)
