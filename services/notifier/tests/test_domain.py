"""Rules of telling."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier import domain
from services.notifier.domain import KINDS, NewNotice


@pytest.mark.parametrize(
    ("initiator", "sides"), [("payer", ("payee",)), ("payee", ("payer",)), ("admin", ("payer", "payee"))]
)
def test_a_proposal_is_told_to_the_side_that_has_to_answer(initiator, sides):
    assert domain.told_of_proposal("transfer", initiator) == sides


@pytest.mark.parametrize("initiator", ["payer", "payee"])
def test_an_acceptance_is_told_to_the_side_that_proposed(initiator):
    assert domain.told_of_completion("transfer", initiator) == (initiator,)
    assert domain.completion_notice("transfer", initiator) == "transfer_accepted"


def test_a_transfer_by_an_admin_is_told_to_both_as_made_on_their_behalf():
    assert domain.told_of_completion("adminTransfer", "admin") == ("payer", "payee")
    assert domain.completion_notice("adminTransfer", "admin") == "transfer_on_behalf"


@pytest.mark.parametrize("kind", ["fee", "import"])
def test_fees_and_imports_are_nobodys_news(kind):
    assert domain.told_of_proposal(kind, "payer") == ()
    assert domain.told_of_completion(kind, "payer") == ()
    assert domain.told_of_cancellation(kind, "system") == ()


@pytest.mark.parametrize(
    ("by", "sides"), [("payer", ("payee",)), ("payee", ("payer",)), ("system", ("payer", "payee"))]
)
def test_an_end_is_told_to_who_did_not_end_it(by, sides):
    assert domain.told_of_cancellation("transfer", by) == sides


def test_the_same_event_makes_the_same_notice_and_another_receiver_another_one():
    one = NewNotice("transfer_on_behalf", "payer")
    assert one.id_after("e1") == NewNotice("transfer_on_behalf", "payer", {"more": 1}).id_after("e1")
    assert one.id_after("e1") != NewNotice("transfer_on_behalf", "payee").id_after("e1")
    assert one.id_after("e1") != one.id_after("e2")


@settings(max_examples=50)
@given(st.integers(1, 1000), st.floats(0.1, 100), st.floats(100, 100_000))
def test_each_wait_is_longer_until_the_longest(tries, first, longest):
    now, later = (domain.retry_delay_s(n, first_s=first, max_s=longest) for n in (tries, tries + 1))
    assert first <= now <= later <= longest


def test_twenty_four_tries_take_more_than_two_days():
    assert sum(domain.retry_delay_s(n, first_s=10, max_s=14_400) for n in range(1, 24)) > 2 * 86_400


def test_what_is_asked_for_and_what_is_about_security_cannot_be_switched_off():
    assert {"password_reset", "password_changed", "account_locked", "new_device", "welcome"} <= {
        name for name, kind in KINDS.items() if kind.mandatory
    }
    assert not any(kind.mandatory for kind in KINDS.values() if kind.audience == "entity")


@settings(max_examples=100)
@given(st.text(max_size=40))
def test_a_hidden_address_shows_one_letter_of_its_local_part(text):
    local = text.replace("@", "")
    shown = domain.hidden_address(f"{local}@example.org")
    assert shown in (f"{local[:1]}…@example.org", "…")
