"""Sets of bits and sums over them, against sets and sums as anybody would write them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.matcher.index.bits import POPULAR_MIN, Posting, Sum, bits_of, members, union, walked

EXAMPLES = settings(max_examples=150, deadline=None)
SETS = st.sets(st.integers(0, 70), max_size=50)


@EXAMPLES
@given(SETS)
def test_a_set_goes_to_bits_and_back(numbers):
    assert list(members(bits_of(numbers))) == sorted(numbers)
    assert bits_of(numbers) == sum(1 << number for number in numbers)


@EXAMPLES
@given(st.lists(st.tuples(st.integers(1, 2000), SETS), max_size=6), SETS, st.integers(1, 60))
def test_sums_and_the_best_are_those_of_plain_adding_up(given_points, pool, count):
    total = Sum((points, bits_of(numbers)) for points, numbers in given_points)
    plain = {number: sum(points for points, numbers in given_points if number in numbers) for number in range(80)}
    assert total.of(range(80)) == plain
    sure, equal = (set(members(bits)) for bits in total.best(bits_of(pool), count))
    ordered = sorted((plain[number] for number in pool), reverse=True)
    if count >= len(pool):
        assert sure | equal == pool
    else:
        edge = ordered[count - 1]
        assert sure | equal >= {number for number in pool if plain[number] > edge}
        assert len(sure) == count or {plain[number] for number in equal} == {edge}
        assert len(sure) <= count <= len(sure | equal)
        assert sorted((plain[x] for x in [*sure, *equal]), reverse=True)[:count] == ordered[:count]


@EXAMPLES
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=120), st.integers(0, 60))
def test_a_posting_holds_what_was_put_and_not_dropped(steps, since):
    posting, plain = Posting(), {}
    for put, number in steps:
        if put:
            posting.put(number, number)
            plain[number] = number
        else:
            posting.drop(number)
            plain.pop(number, None)
    assert posting.values == plain
    assert union([posting]) == bits_of(plain)
    assert union([posting], since) == bits_of(number for number in plain if number >= since)


def test_a_posting_that_becomes_popular_stays_right():
    posting = Posting()
    for number in range(POPULAR_MIN * 2):
        posting.put(number, 1)
    for number in range(POPULAR_MIN * 2 - 1):
        posting.drop(number)
    assert list(members(union([posting]))) == [POPULAR_MIN * 2 - 1]


@EXAMPLES
@given(SETS, st.permutations(range(71)))
def test_a_pool_is_walked_in_the_order_of_the_list(pool, order):
    ordered = [(place, "", number) for place, number in enumerate(order)]
    assert list(walked(ordered, bits_of(pool))) == [number for number in order if number in pool]
