"""Texts, JSON, cursors and rates at their edges."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common import strictjson
from libs.common.errors import Refusal
from libs.common.ids import derived_id, is_id, new_id
from libs.common.paging import Cursor
from libs.common.rates import Bucket
from libs.common.texts import TextError, clean

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé", max_size=4), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None)
@given(_JSON, st.booleans())
def test_json_is_read_as_it_was_written(value, plain):
    assert strictjson.loads(json.dumps(value, ensure_ascii=plain).encode()) == value


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_bytes_come_they_are_read_or_refused(raw):
    refusal = None
    try:
        strictjson.loads(raw)
    except Refusal as caught:
        refusal = caught
    assert refusal is None or (refusal.status, refusal.problems[0].code) == (400, "malformed_body")


def test_a_fraction_is_a_decimal_and_exact():
    assert strictjson.loads(b"[1.10, 1e2, -0.5, 7]") == [Decimal("1.10"), Decimal(100), Decimal("-0.5"), 7]
    assert isinstance(strictjson.loads(b"1.0"), Decimal)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'"\\u0000"',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b'"\x00"',
        b"\xff",
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 5000,
        b"1" * 41,
        b"1." + b"1" * 41,
        b"1e999999999",
        b"1e-999999999",
        b"01",
        b"'a'",
        b'{"a":1,}',
        b"// a comment\n1",
    ],
)
def test_json_that_two_readers_could_understand_differently_is_refused(raw):
    with pytest.raises(Refusal):
        strictjson.loads(raw)


def test_brackets_inside_texts_are_not_nesting():
    assert strictjson.loads(json.dumps(["[" * 100, '"' + "{" * 100]).encode()) == ["[" * 100, '"' + "{" * 100]


def test_a_whole_pair_of_surrogates_is_one_character():
    assert strictjson.loads(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_a_text_is_brought_into_one_form():
    assert clean("  Cafe\u0301 ", 10) == "Café"
    assert clean("a\r\nb\rc\n", 10, multiline=True) == "a\nb\nc"


@pytest.mark.parametrize("text", ["a\0b", "a\nb", "a\tb", "a\x7fb", "a\u2028b", "a\u202eb", "a\u2066b", "a\x85b"])
def test_a_control_character_is_refused(text):
    with pytest.raises(TextError) as caught:
        clean(text, 10)
    assert caught.value.code == "control_character"


@pytest.mark.parametrize("text", ["a\0b", "a\x1bb", "a\u202eb"])
def test_of_control_characters_several_lines_have_breaks_and_tabs_alone(text):
    assert clean("a\n\tb", 10, multiline=True) == "a\n\tb"
    with pytest.raises(TextError):
        clean(text, 10, multiline=True)


def test_a_text_is_as_long_as_its_composed_form():
    assert clean("e\u0301" * 5, 5) == "é" * 5
    with pytest.raises(TextError) as caught:
        clean("é" * 6, 5)
    assert caught.value.code == "too_long"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**53) | st.text(max_size=20), min_size=2, max_size=3))
def test_a_cursor_comes_back_as_it_was(values):
    assert Cursor.decode(Cursor.encode(values)) == values


def test_a_cursor_of_one_value_is_that_value():
    assert Cursor.decode(Cursor.encode(17)) == 17
    assert Cursor.decode(Cursor.encode(["a", "b"]), str, str) == ["a", "b"]


@pytest.mark.parametrize("cursor", ["", "x", "ä", "e30", "bnVsbA", "W10", "/+==", "W" * 600, Cursor.encode([1, 2, 3])])
def test_what_no_list_gave_is_no_cursor(cursor):
    with pytest.raises(Refusal) as caught:
        Cursor.decode(cursor, str, str)
    assert caught.value.problems[0].code == "cursor_invalid"


def test_a_bucket_lets_a_burst_through_and_then_its_rate():
    now = [0.0]
    bucket = Bucket(60, 60, burst=3, clock=lambda: now[0])
    assert [bucket.take("a") for _ in range(3)] == [0, 0, 0]
    assert bucket.take("a") == pytest.approx(1)
    assert bucket.take("b") == 0
    now[0] += 1
    assert bucket.take("a") == 0
    assert bucket.take("a") > 0
    now[0] += 1000
    assert [bucket.take("a") for _ in range(4)][:3] == [0, 0, 0], "no more than the burst is saved up"


def test_a_refusal_of_a_bucket_says_when_to_come_back():
    bucket = Bucket(1, 60, clock=lambda: 0.0)
    bucket.require("a")
    with pytest.raises(Refusal) as caught:
        bucket.require("a")
    assert (caught.value.status, caught.value.retry_after_s) == (429, 60)


def test_a_bucket_forgets_whom_it_has_not_seen_for_long():
    bucket = Bucket(1, 60, clock=lambda: 0.0, keys_max=2)
    for key in "abc":
        bucket.take(key)
    assert len(bucket._levels) == 2
    assert bucket.take("c") > 0


def test_an_id_is_a_uuid_as_it_is_always_written():
    one = new_id()
    assert is_id(one)
    assert is_id(derived_id("a", "b"))
    odd = ("", "x", None, 7, one.upper(), f"{{{one}}}", f"urn:uuid:{one}", one.replace("-", ""), f"{one}\n", f" {one}")
    assert not any(map(is_id, (*odd, one[:-1], one[:-1] + "g", one[:-1] + "\u0663", one.replace("-", "_"))))
