"""The demo town's last half year: believable transfers, the same for the same day and seed, always inside the limits."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAYS = 182
TRADES_A_DAY = 6


@dataclass(frozen=True, slots=True)
class Trader:
    """A member as the simulation sees it: its account number, what it sells, how far it may go (minor units)."""

    number: str
    offers: tuple[str, ...]
    max_negative_minor: int
    max_positive_minor: int


@dataclass(frozen=True, slots=True)
class PastTransfer:
    """One line of the import: when, from whom, to whom, how much, what for."""

    at: datetime
    payer: str
    payee: str
    amount_minor: int
    description: str


def past(traders: Sequence[Trader], today: datetime, seed: int = 20) -> Iterator[PastTransfer]:
    """Dated transfers in the order of time, ending the day before `today`.

    Some members mostly sell and some mostly buy, so balances end on both sides of zero.
    """
    chance = random.Random(seed)  # noqa: S311  a demo wants the same town every time, not secrets
    balances = dict.fromkeys((trader.number for trader in traders), 0)
    thrift = {trader.number: chance.uniform(0.7, 1.3) for trader in traders}
    first_day = (today - timedelta(days=DAYS)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(DAYS):
        moments = sorted(chance.randrange(8 * 3600, 20 * 3600) for _ in range(chance.randint(2, 2 * TRADES_A_DAY - 2)))
        for second in moments:
            payer, payee = _pair(chance, traders, thrift)
            amount = _amount(chance)
            if not _fits(payer, payee, amount, balances):
                continue
            balances[payer.number] -= amount
            balances[payee.number] += amount
            yield PastTransfer(
                at=first_day + timedelta(days=day, seconds=second),
                payer=payer.number,
                payee=payee.number,
                amount_minor=amount,
                description=chance.choice(payee.offers),
            )


def _pair(chance: random.Random, traders: Sequence[Trader], thrift: dict[str, float]) -> tuple[Trader, Trader]:
    """Who pays whom: spenders pay more often, the thrifty earn more often."""
    payer = chance.choices(traders, [1 / thrift[trader.number] for trader in traders])[0]
    others = [trader for trader in traders if trader.number != payer.number]
    return payer, chance.choices(others, [thrift[trader.number] for trader in others])[0]


def _amount(chance: random.Random) -> int:
    """Mostly small sums, now and then a large one; prices people really ask for, in minor units."""
    units = min(chance.lognormvariate(3.1, 0.8), 260)
    return max(100, round(units * 4) * 25)


def _fits(payer: Trader, payee: Trader, amount: int, balances: dict[str, int]) -> bool:
    return (
        balances[payer.number] - amount >= -payer.max_negative_minor
        and balances[payee.number] + amount <= payee.max_positive_minor
    )
