"""Amounts: integer minor units (hundredths) inside, decimal numbers with at most two places outside. Never a float."""

from decimal import Decimal, InvalidOperation

MINOR_PER_UNIT = 100
AMOUNT_MAX_MINOR = 10**12 * MINOR_PER_UNIT


class AmountError(ValueError):
    """Not an amount. `code` is one of not_a_number, too_many_decimals, not_positive, too_large."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def parse_minor(value: object) -> int:
    """A decimal number (int, Decimal, or its text) in minor units, of any sign; raises AmountError.

    Floats are refused: whoever parses JSON keeps its numbers as Decimal (`libs.common.strictjson`).
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise AmountError("not_a_number", "The amount must be a number.")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise AmountError("not_a_number", "The amount must be a number.") from None
    if not number.is_finite():
        raise AmountError("not_a_number", "The amount must be a number.")
    if abs(number) > AMOUNT_MAX_MINOR // MINOR_PER_UNIT:
        raise AmountError("too_large", "The amount must be at most 1000000000000.")
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -2:
        raise AmountError("too_many_decimals", "The amount must have at most two decimals.")
    return int(number * MINOR_PER_UNIT)


def parse_amount(value: object) -> int:
    """As parse_minor, and above zero: what a transfer may carry."""
    minor = parse_minor(value)
    if minor <= 0:
        raise AmountError("not_positive", "The amount must be more than 0.")
    return minor


def json_number(minor: int) -> int | float:
    """Minor units as the JSON number a program reads: `1050` is `10.5`.

    The division is correctly rounded and JSON prints the shortest text that reads back the same, so up to 15 digits
    (beyond every limit here) the text has at most two decimals and is exact.
    """
    units, rest = divmod(minor, MINOR_PER_UNIT)
    return units if rest == 0 else minor / MINOR_PER_UNIT


def decimal_text(minor: int) -> str:
    """Minor units as plain text with two decimals: `-1050` is `-10.50`."""
    sign = "-" if minor < 0 else ""
    units, rest = divmod(abs(minor), MINOR_PER_UNIT)
    return f"{sign}{units}.{rest:02d}"
