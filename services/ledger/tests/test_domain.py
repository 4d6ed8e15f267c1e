"""The rules in plain Python, and that the database's are the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.database import connect
from services.ledger.domain import Standing, band_of, fee_of, is_amount, is_number, luhn_digit, new_number

digits = st.text("0123456789", min_size=15, max_size=15)


@settings(max_examples=100)
@given(digits, st.integers(0, 14), st.integers(1, 9))
def test_a_check_digit_finds_every_single_wrong_digit(head: str, place: int, by: int) -> None:
    number = head + luhn_digit(head)
    assert is_number(number)
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert not is_number(wrong)


def test_what_is_no_number_is_none() -> None:
    for value in (None, 5, "", "1" * 15, "1" * 17, "１" * 16, "79927398713", "0000 0000 0000 0000"):
        assert not is_number(value)


def test_new_numbers_are_valid_and_keep_their_length() -> None:
    numbers = {new_number() for _ in range(200)}
    assert len(numbers) == 200
    assert all(is_number(number) and number[0] != "0" for number in numbers)


def test_a_fee_is_rounded_half_up() -> None:
    assert [fee_of(amount, 5000) for amount in (99, 100, 299, 300, 10**14)] == [0, 1, 1, 2, 5 * 10**11]


@settings(max_examples=100)
@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(-1000, 1000), st.integers(1, 2000))
def test_what_is_available_may_move_and_no_more(low: int, held: int, balance: int, high: int) -> None:
    standing = Standing(balance, held, -low, high)
    assert standing.may_pay(standing.available_to_spend)
    assert not standing.may_pay(standing.available_to_spend + 1)
    assert standing.may_receive(standing.available_to_receive)
    assert not standing.may_receive(standing.available_to_receive + 1)
    assert standing.is_within_limits == (standing.available_to_spend >= 0 and standing.available_to_receive >= 0)


def test_amounts_end_at_ten_to_the_twelfth() -> None:
    assert [is_amount(amount) for amount in (0, 1, 10**14, 10**14 + 1, -1)] == [False, True, True, False, False]


async def test_the_database_counts_bands_fees_and_check_digits_alike(ledger_url: str) -> None:
    connection = await connect(ledger_url)
    try:
        for low, high in ((-500, 500), (0, 500), (-1, 1), (-500, 0)):
            for balance in range(low, high + 1, max(1, (high - low) // 60)):
                found = await connection.fetchval("select band_of($1, $2, $3)", balance, low, high)
                assert found == band_of(balance, low, high), (balance, low, high)
        for amount in (1, 49, 50, 99, 100, 150, 10**14):
            assert await connection.fetchval("select fee_of($1, 10000)", amount) == fee_of(amount, 10000)
        for number in (*(new_number() for _ in range(20)), "1234567812345678", "1" * 16):
            assert await connection.fetchval("select luhn_valid($1)", number) == is_number(number)
    finally:
        await connection.close()
