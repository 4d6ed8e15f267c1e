"""Identity's rules by themselves."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.identity.common_passwords import common_passwords
from services.identity.domain.access import granted_scopes, normal_code
from services.identity.domain.addresses import email_key, parse_email, throttle_key
from services.identity.domain.errors import FieldsRefused, NamedError
from services.identity.domain.lockout import Attempts, Leave, Rule
from services.identity.domain.passwords import Common, faults_of
from services.identity.domain.people import Membership, check_owner_stays, session_role
from services.identity.domain.sessions import (
    Lifetimes,
    RefreshVerdict,
    Session,
    is_fresh,
    judge_refresh,
    session_end,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NONE_COMMON = Common(frozenset(), frozenset())
RULE = Rule(tries_max=3, lockout_s=900)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana@Example.org", "ana@example.ORG"),
        ("straße@example.org", "STRASSE@example.org"),
        ("jose\u0301@example.org", "jos\u00e9@example.org"),
        ("\uff41na@example.org", "ana@example.org"),
    ],
)
def test_two_spellings_of_an_address_are_one(one, other):
    assert parse_email(one).key == parse_email(other).key


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_the_key_of_an_address_is_its_own_key(text):
    assert email_key(email_key(text)) == email_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "ana", "@example.org", "ana@", "ana@example", "a b@example.org", "ana@exa mple.org", "ana@@example.org",
        "ana@example.org\r\nBcc: x@example.org", "ana\x00@example.org", "a\uff20b@example.org", ".ana@example.org",
        "ana..b@example.org", "ana@-example.org", "ana@example-.org", "ana@exa..mple.org", "<ana@example.org>",
        "ana@example.org,b@example.org", "x" * 65 + "@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(FieldsRefused) as refused:
        parse_email(text)
    assert refused.value.faults[0].code == "email_invalid"


def test_an_address_has_at_most_100_characters():
    assert parse_email(f"{'a' * 50}@{'b' * 45}.org").text
    with pytest.raises(FieldsRefused) as refused:
        parse_email(f"{'a' * 50}@{'b' * 46}.org")
    assert refused.value.faults[0].code == "too_long"


@pytest.mark.parametrize(
    "password", ["green-Tomatoes-42", "contraseñas-7", "пароль-для-7", "北京北京北京1!", "a" * 98 + "1!", "abcdef1€"]
)
def test_a_letter_a_digit_and_a_symbol_of_any_script_make_a_password(password):
    assert faults_of(password, NONE_COMMON) == []


@pytest.mark.parametrize(
    "password", ["", "short1!", "no-digits-here", "nosymbols123", "12345678!", "a" * 99 + "1!", "abc\x00def1!"]
)
def test_a_weak_password_says_what_it_must_have(password):
    (fault,) = faults_of(password, NONE_COMMON)
    assert fault.code == "password_weak"
    assert fault.message.startswith("The password must ")


def test_characters_are_counted_in_one_unicode_form():
    assert faults_of("e\u0301" * 98 + "1!", NONE_COMMON) == []
    assert faults_of("e\u0301" * 5 + "1!", NONE_COMMON) != []


@pytest.mark.parametrize("password", ["Password1!", "P@ssw0rd", "qwerty123!", "!!letmein99", "Welcome1!", "Passwort1!"])
def test_common_passwords_are_refused_also_with_digits_and_symbols_around(password):
    assert [fault.code for fault in faults_of(password, common_passwords())] == ["password_common"]


@pytest.mark.parametrize("password", ["Brook Vale 2026!", "brookvale-1", "BR00KV4LE#9", "1!Brook Vale"])
def test_the_communitys_own_name_is_a_common_password(password):
    common = NONE_COMMON.and_words(["Brook Vale", "", "42"])
    assert [fault.code for fault in faults_of(password, common)] == ["password_common"]
    assert faults_of("brook-Trout-vale-1", common) == []
    assert faults_of("42!-abcdefg", common) == []


@pytest.mark.parametrize("password", ["green-Tomatoes-42", "Barter-town-1", "market-Day-7"])
def test_other_passwords_are_not_taken_for_common_ones(password):
    assert faults_of(password, common_passwords()) == []


def test_three_failures_in_a_row_lock_and_the_lock_ends():
    state = Attempts()
    for _ in range(3):
        leave, state = state.begin(NOW, RULE)
        assert leave is Leave.GRANTED
        state = state.failed(NOW, RULE)
    assert state.begin(NOW, RULE)[0] is Leave.LOCKED
    assert state.retry_after_s(NOW) == 900
    leave, state = state.begin(NOW + timedelta(seconds=900), RULE)
    assert leave is Leave.GRANTED
    assert state.failures == 0


def test_a_success_forgets_failures():
    state = Attempts().begin(NOW, RULE)[1].failed(NOW, RULE).begin(NOW, RULE)[1].failed(NOW, RULE)
    state = state.begin(NOW, RULE)[1].succeeded()
    assert (state.failures, state.pending, state.is_locked(NOW)) == (0, 0, False)


def test_a_check_that_was_never_given_back_is_forgotten():
    state = Attempts()
    for _ in range(3):
        state = state.begin(NOW, RULE)[1]
    assert state.begin(NOW, RULE)[0] is Leave.BUSY
    assert state.begin(NOW + timedelta(seconds=10), RULE)[0] is Leave.GRANTED


def test_a_limit_that_was_lowered_leaves_one_try():
    state = Attempts(failures=4)
    leave, state = state.begin(NOW, RULE)
    assert leave is Leave.GRANTED
    assert state.failed(NOW, RULE).is_locked(NOW)


@given(st.lists(st.sampled_from(["begin", "fail", "win", "drop"]), max_size=60))
@settings(max_examples=200)
def test_whatever_happens_no_more_than_three_checks_fail_without_a_lock(steps):
    state, pending, failures = Attempts(), 0, 0
    for step in steps:
        if step == "begin":
            leave, state = state.begin(NOW, RULE)
            pending += leave is Leave.GRANTED
        elif pending:
            pending -= 1
            if step == "fail":
                state, failures = state.failed(NOW, RULE), failures + 1
            elif step == "win":
                state, failures = state.succeeded(), 0
            else:
                state = state.undecided()
        assert failures + pending <= 3
        assert state.is_locked(NOW) == (failures == 3)


@pytest.mark.parametrize(
    ("role", "wanted", "entities", "gets"),
    [
        ("member", "member", 1, "member"), ("member", "admin", 1, None), ("admin", "admin", 0, "admin"),
        ("admin", "member", 0, None), ("admin", "member", 1, "member"), ("operator", "admin", 0, "operator"),
        ("member", "member", 0, "member"),
    ],
)  # fmt: skip
def test_a_session_carries_no_more_than_was_asked_for(role, wanted, entities, gets):
    assert session_role(role, wanted, entities) == gets


def test_the_last_owner_stays():
    people = [Membership("e", "ana", "owner", NOW), Membership("e", "ben", "member", NOW)]
    with pytest.raises(NamedError, match="last_owner"):
        check_owner_stays(people, "ana")
    with pytest.raises(NamedError, match="last_owner"):
        check_owner_stays(people, "ana", "member")
    check_owner_stays(people, "ben")
    check_owner_stays([*people, Membership("e", "eva", "owner", NOW)], "ana")


def a_session(**more):
    times = {"created_at": NOW, "last_used_at": NOW, "expires_at": NOW + timedelta(days=1), "tokens_expire_at": NOW}
    return Session(**({"id": "s", "user_id": "u", "role": "member", "kind": "browser"} | times | more))


def test_a_refresh_token_is_good_once_and_a_moment_longer():
    later = NOW + timedelta(seconds=11)
    assert judge_refresh(None, a_session(), NOW, 10) is RefreshVerdict.GOOD
    assert judge_refresh(NOW, a_session(), NOW + timedelta(seconds=10), 10) is RefreshVerdict.REPEATED
    assert judge_refresh(NOW, a_session(), later, 10) is RefreshVerdict.REUSED
    assert judge_refresh(NOW, a_session(), NOW, 0) is RefreshVerdict.REUSED
    assert judge_refresh(None, a_session(ended_at=NOW), NOW, 10) is RefreshVerdict.OVER


def test_a_browser_session_ends_at_the_latest_after_its_whole_life():
    lifetimes = Lifetimes(86_400, 900, 1000, 10, 1500)
    assert session_end("browser", NOW, NOW, lifetimes) == NOW + timedelta(seconds=1000)
    assert session_end("browser", NOW, NOW + timedelta(seconds=800), lifetimes) == NOW + timedelta(seconds=1500)
    assert session_end("api", NOW, NOW, lifetimes) == NOW + timedelta(days=1)


def test_a_login_is_fresh_for_five_minutes():
    assert is_fresh(NOW, NOW + timedelta(seconds=300))
    assert not is_fresh(NOW, NOW + timedelta(seconds=301))


def test_addresses_are_throttled_as_networks_where_one_client_has_many():
    assert throttle_key("192.0.2.7") == "192.0.2.7"
    assert throttle_key("::ffff:192.0.2.7") == "192.0.2.7"
    assert throttle_key("2001:db8::1") == throttle_key("2001:db8::2:3:4") != throttle_key("2001:db8:1::1")
    assert throttle_key("nonsense") == "nonsense"


def test_a_token_gets_the_scopes_asked_for_and_no_others():
    assert granted_scopes(("read", "propose"), None) == ("read", "propose")
    assert granted_scopes(("read", "propose"), "read") == ("read",)
    assert granted_scopes(("read",), "read accept") is None


def test_a_code_is_read_however_it_is_typed():
    assert normal_code(" AB2CD-ef3gh ") == normal_code("ab2cd ef3gh") == "ab2cdef3gh"
