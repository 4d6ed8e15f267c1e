"""The ledger's rules in plain Python: numbers, amounts, limits, fees, bands, and the life of a transfer.

The database enforces the same rules for every program (migrations/sql); tests hold the two against each other.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from libs.common.money import AMOUNT_MAX_MINOR

DESCRIPTION_LENGTH_MAX = 500
REASON_LENGTH_MAX = 500
NAME_LENGTH_MAX = 100
KEY_LENGTH_MAX = 200
NUMBER_LENGTH = 16

LISTED_STATUSES = frozenset({"accepted", "tradingPending", "tradingRejected", "tradingAccepted"})
STATUSES = LISTED_STATUSES | {"pending", "rejected"}

OUTCOMES = frozenset({"completed", "rejected", "cancelled", "expired", "refused_by_limit"})
"""How a proposal can end; each of them is final (LE-06)."""


_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` valid (ISO/IEC 7812-1, annex B): every second one from the right counts twice."""
    turned = digits.encode("ascii")[::-1]
    total = sum(turned[::2].translate(_DOUBLED)) + sum(turned[1::2].translate(_PLAIN))
    return str(-total % 10)


def is_number(text: object) -> bool:
    """Whether this is an account number: 16 digits, the last one the check digit (LE-01)."""
    return (
        isinstance(text, str)
        and len(text) == NUMBER_LENGTH
        and text.isascii()
        and text.isdigit()
        and luhn_digit(text[:-1]) == text[-1]
    )


def new_number(chance: Callable[[int], int] = secrets.randbelow) -> str:
    """A random account number. Whoever keeps it checks that it is not taken."""
    digits = f"{chance(9 * 10**14) + 10**14:015d}"
    return digits + luhn_digit(digits)


@dataclass(frozen=True, slots=True)
class Standing:
    """What of an account decides whether an amount may move (LE-09). `min_balance` is 0 or below."""

    balance: int
    held: int
    min_balance: int
    max_balance: int

    @property
    def available_to_spend(self) -> int:
        return self.balance - self.min_balance - self.held

    @property
    def available_to_receive(self) -> int:
        return self.max_balance - self.balance

    def may_pay(self, amount: int) -> bool:
        return amount <= self.available_to_spend

    def may_receive(self, amount: int) -> bool:
        return amount <= self.available_to_receive

    @property
    def is_within_limits(self) -> bool:
        return self.balance <= self.max_balance and self.balance - self.held >= self.min_balance


def fee_of(amount: int, share_ppm: int) -> int:
    """A rule's share of an amount, rounded half up (LE-11)."""
    return int((Decimal(amount) * share_ppm / 1_000_000).quantize(Decimal(1), ROUND_HALF_UP))


def band_of(balance: int, min_balance: int, max_balance: int) -> int:
    """How far from zero: 0 near, from a fifth of the limit on 1 or -1, from three fifths on 2 or -2 (MA-07)."""
    limit = min_balance if balance < 0 else max_balance
    share = abs(balance) * 5
    if balance == 0 or share < abs(limit):
        return 0
    far = share >= abs(limit) * 3
    return (2 if far else 1) * (1 if balance > 0 else -1)


def is_amount(amount: int) -> bool:
    """More than 0 and at most 10^12 units (LE-02)."""
    return 0 < amount <= AMOUNT_MAX_MINOR
