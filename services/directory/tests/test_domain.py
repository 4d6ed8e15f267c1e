"""The directory's rules: tag form, profile, status and its consequences, who sees what."""

import itertools
import unicodedata
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.directory.domain.entity import (
    LISTED,
    STATUSES,
    CannotApply,
    DatedTag,
    Picture,
    TooManyPictures,
    applied,
    changed,
    with_category_renamed,
    with_consequences,
    with_picture,
    with_tag_renamed,
    without_person,
)
from services.directory.domain.profile import TEXT_LENGTH_MAX, Invalid, Place, read_name, read_profile
from services.directory.domain.tags import folded, heading, tag_form, tag_forms
from services.directory.domain.viewing import Sight, Viewer, seen, sight, sight_of_others
from services.directory.tests.builders import NOON, an_entity

LATER = NOON + timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("  ! ! ! A 1 Unique Tag ! ! !  ", "a-1-unique-tag"),
        ("3D printing", "3d-printing"),
        ("Café", "café"),
        ("Cafe\u0301", "café"),
        ("北京", "北京"),
        ("हिन्दी भाषा", "हिन्दी-भाषा"),
        ("Ελλάδα ΣΑΣ", "ελλάδα-σας"),
        ("٣ أيام", "٣-أيام"),
        ("organic-vegetables", "organic-vegetables"),
        ("a -- b – c", "a-b-c"),
        ("rock'n'roll", "rocknroll"),
        ("!\u0301x", "x"),
        ("e!\u0301", "e"),
        ("\ud800tag\x00", "tag"),
        ("!!!", ""),
        ("", ""),
        ("😀", ""),
    ],
)
def test_a_tag_has_the_form_of_its_letters_marks_and_digits(text, form):
    assert tag_form(text) == form


@given(st.text(max_size=80))
@settings(max_examples=300)
def test_the_form_of_a_tag_is_stable_and_holds_nothing_else(text):
    form = tag_form(text)
    assert tag_form(form) == form
    assert unicodedata.is_normalized("NFC", form)
    assert form == form.lower()
    assert not form.startswith("-")
    assert not form.endswith("-")
    assert "--" not in form
    for character in form:
        category = unicodedata.category(character)
        assert character == "-" or category[0] in "LM" or category == "Nd"


@given(st.lists(st.text(max_size=20), max_size=20))
def test_forms_of_many_have_no_repeats_and_keep_their_order(texts):
    forms = tag_forms(texts)
    assert len(forms) == len(set(forms))
    assert forms == tag_forms(forms)
    assert "" not in forms


@given(st.text(max_size=40))
def test_folding_ignores_case_and_is_stable(text):
    assert folded(folded(text)) == folded(text)
    assert folded(text.upper().lower()) == folded(text.lower().upper().lower())


def test_names_stand_under_their_letter():
    assert [heading(name) for name in ("éclair", "3d", "北京", "ßtraße", "-")] == ["E", "#", "北", "S", "#"]


def test_texts_are_measured_in_characters_and_cleared_by_nothing():
    for field, length in TEXT_LENGTH_MAX.items():
        if field in ("email", "inc_type", "website"):
            continue
        assert read_profile({field: "é" * length}) == {field: "é" * length}
        with pytest.raises(Invalid) as refused:
            read_profile({field: "e" * (length + 1)})
        assert [(fault.field, fault.code) for fault in refused.value.faults] == [(field, "too_long")]
        assert read_profile({field: None}) == read_profile({field: "  "}) == {field: ""}


def test_every_fault_is_told_at_once():
    with pytest.raises(Invalid) as refused:
        read_profile(
            {
                "name": "x" * 101,
                "email": "nobody",
                "inc_type": "gmbh",
                "website": "javascript:alert(1)",
                "declared_turnover": -1,
                "offers": [f"tag {n}" for n in range(11)],
                "wants": ["x" * 51],
                "daily_matches": "yes",
                "place": {"latitude": 91, "longitude": 0},
                "city": 7,
                "balance": 1,
                "region": "a\x07b",
            }
        )
    assert {fault.field: fault.code for fault in refused.value.faults} == {
        "name": "too_long",
        "email": "not_an_email",
        "inc_type": "unknown_value",
        "website": "not_a_website",
        "declared_turnover": "out_of_range",
        "offers": "too_many",
        "wants": "too_long",
        "daily_matches": "not_a_switch",
        "place": "not_a_place",
        "city": "not_text",
        "balance": "unknown_field",
        "region": "control_character",
    }


@pytest.mark.parametrize(
    "website",
    [
        "ftp://example.org",
        "javascript:alert(1)",
        "http://",
        "https://user:password@example.org",
        "http://exa mple.org",
        'https://example.org/"><script>',
        "http://[::1",
        "https://example.org:99999",
        "data:text/html,x",
    ],
)
def test_a_website_is_an_http_address_without_traps(website):
    with pytest.raises(Invalid):
        read_profile({"website": website})


def test_a_bare_host_becomes_an_https_address():
    assert read_profile({"website": "www.example.org/shop"}) == {"website": "https://www.example.org/shop"}
    assert read_profile({"website": "http://example.org"}) == {"website": "http://example.org"}


def test_numbers_are_judged_by_their_value():
    assert read_profile({"declared_turnover": Decimal("1e1")}) == {"declared_turnover": 10}
    assert read_profile({"declared_turnover": None}) == {"declared_turnover": None}
    for odd in (Decimal("10.5"), True, "10", [1], Decimal("1e30")):
        with pytest.raises(Invalid):
            read_profile({"declared_turnover": odd})


def test_tags_are_brought_into_form_before_they_are_counted():
    assert read_profile({"offers": [*[" Bread! "] * 30, "Beer"]}) == {"offers": ["bread", "beer"]}
    assert read_profile({"wants": None}) == {"wants": []}


def test_the_name_of_a_tag_needs_a_letter():
    assert read_name("Organic Food!") == "organic-food"
    for odd in ("!!!", "", None, 7, "x" * 51, "x" * 500):
        with pytest.raises(Invalid):
            read_name(odd)


def test_a_tag_that_stays_keeps_its_date():
    before = an_entity(offers=("bread", "beer"))
    after = changed(before, {"offers": ["beer", "cheese"]}, LATER)
    assert after.offers == (DatedTag("beer", NOON), DatedTag("cheese", LATER))
    assert after.wants == before.wants


def test_a_cleared_field_is_gone_and_an_absent_one_stays():
    before = an_entity(texts={"city": "Żary", "region": "Lubusz"})
    assert changed(before, {"city": ""}, LATER).texts == {"name": "Green Acres", "region": "Lubusz"}


def test_becoming_listed_dates_the_tags_anew_and_stays_so():
    before = an_entity(offers=("bread",))
    after = with_consequences(before, replace(before, status="accepted"), LATER)
    assert after.offers == (DatedTag("bread", LATER),)
    assert after.listed_since == LATER
    further = with_consequences(after, replace(after, status="tradingAccepted"), LATER + timedelta(days=1))
    assert further.offers == after.offers
    assert further.member_since == LATER + timedelta(days=1)
    back = with_consequences(further, replace(further, status="tradingRejected"), LATER)
    again = with_consequences(back, replace(back, status="tradingAccepted"), LATER + timedelta(days=9))
    assert again.member_since == further.member_since


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=8))
def test_whatever_the_path_of_decisions_listing_and_trading_follow_the_status(path):
    entity = an_entity(offers=("bread",))
    first_trading = None
    for day, status in enumerate(path):
        now = NOON + timedelta(days=day + 1)
        entity = with_consequences(entity, replace(entity, status=status), now)
        if status == "tradingAccepted" and first_trading is None:
            first_trading = now
        assert entity.listed == (status in LISTED)
        assert entity.may_trade == (status == "tradingAccepted")
        assert entity.member_since == first_trading


def test_where_addresses_must_be_confirmed_an_entity_is_listed_only_then():
    before = an_entity(must_verify=True, status="accepted", offers=("bread",))
    assert not before.listed
    after = with_consequences(before, replace(before, verified=True), LATER)
    assert after.listed
    assert after.offers == (DatedTag("bread", LATER),)


def an_application(**fields):
    person = {"first_name": "Ana", "last_name": "Ruiz", "telephone": "1", "agreement": True}
    return person | fields


FULL = {
    "name": "Green Acres",
    "inc_type": "sole",
    "description": "Vegetables",
    "address": "Lane 1",
    "city": "Town",
    "region": "Hills",
    "postal_code": "1",
    "country": "Land",
}


def test_an_application_needs_everything_and_says_what_is_missing():
    entity = an_entity(name="", status="accepted")
    with pytest.raises(Invalid) as refused:
        applied(entity, {"first_name": "A" * 101}, {}, "user", NOON)
    assert {fault.field for fault in refused.value.faults} == {
        *FULL,
        "first_name",
        "last_name",
        "telephone",
        "agreement",
    }
    after = applied(entity, an_application(), FULL, "user", NOON)
    assert after.status == "tradingPending"
    assert after.application is not None
    assert after.application.last_name == "Ruiz"


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "accepted"])
def test_only_an_accepted_member_applies(status):
    with pytest.raises(CannotApply):
        applied(an_entity(status=status), an_application(), FULL, "user", NOON)


def test_a_renamed_tag_merges_with_the_one_that_is_there_and_keeps_the_older_date():
    entity = replace(an_entity(wants=("beer",)), offers=(DatedTag("bread", NOON), DatedTag("loaf", LATER)))
    assert with_tag_renamed(entity, "loaf", "bread").offers == (DatedTag("bread", NOON),)
    assert with_tag_renamed(entity, "bread", "loaf").offers == (DatedTag("loaf", NOON),)
    assert with_tag_renamed(entity, "bread", None).offers == (DatedTag("loaf", LATER),)
    assert with_tag_renamed(entity, "beer", "ale").wants == (DatedTag("ale", NOON),)


def test_a_renamed_category_merges():
    entity = an_entity(categories=("food", "drink"))
    assert with_category_renamed(entity, "food", "drink").categories == ("drink",)
    assert with_category_renamed(entity, "food", None).categories == ("drink",)


def test_pictures_are_counted():
    entity = an_entity()
    for number in range(5):
        entity = with_picture(entity, Picture(f"{number}.jpg", "s.jpg", 1, 1))
    assert with_picture(entity, Picture("0.jpg", "s.jpg", 1, 1)) == entity
    with pytest.raises(TooManyPictures):
        with_picture(entity, Picture("6.jpg", "s.jpg", 1, 1))


def test_a_tombstone_keeps_nothing_of_the_person():
    entity = an_entity(
        texts={"email": "a@example.org", "telephone": "1"},
        offers=("bread",),
        place=Place(1, 2),
        status="accepted",
        version=7,
    )
    gone = without_person(entity)
    assert gone.deleted
    assert not gone.listed
    assert gone.texts == {"name": "Green Acres"}
    assert (gone.offers, gone.place, gone.version) == ((), None, 7)


PRIVATE = {"telephone": "1", "address": "Lane 1", "email": "a@example.org", "city": "Town"}


@pytest.mark.parametrize(
    ("status", "viewer", "expected"),
    [
        ("pending", Viewer(logged_in=True, own_may_trade=True), Sight.NOTHING),
        ("rejected", Viewer(), Sight.NOTHING),
        ("pending", Viewer(is_admin=True), Sight.WHOLE),
        ("pending", Viewer(trusted=True), Sight.WHOLE),
        ("accepted", Viewer(), Sight.PUBLIC),
        ("accepted", Viewer(logged_in=True, own_may_trade=True), Sight.MEMBER),
        ("tradingAccepted", Viewer(logged_in=True), Sight.MEMBER),
        ("tradingAccepted", Viewer(logged_in=True, own_may_trade=True), Sight.TRADER),
    ],
)
def test_what_a_viewer_may_see(status, viewer, expected):
    assert sight(an_entity(status=status), viewer) == expected


def test_own_users_see_the_whole_and_nobody_sees_a_deleted_one():
    entity = an_entity()
    assert sight(entity, Viewer(logged_in=True, own=frozenset({entity.id}))) == Sight.WHOLE
    assert sight(replace(entity, deleted=True), Viewer(is_admin=True)) == Sight.NOTHING


def test_fields_are_shown_by_how_much_may_be_seen():
    entity = an_entity(texts=PRIVATE, declared_turnover=5, place=Place(52.12345, 0.98765), status="accepted")
    shown = {how_much: seen(entity, how_much) for how_much in Sight if how_much}
    assert not {"telephone", "address", "email", "declared_turnover", "version"} & set(shown[Sight.PUBLIC])
    assert shown[Sight.PUBLIC]["place"] == {"latitude": 52.12, "longitude": 0.99}
    assert {"telephone", "address", "declared_turnover"} <= set(shown[Sight.MEMBER])
    assert "email" not in shown[Sight.MEMBER]
    assert shown[Sight.TRADER]["email"] == "a@example.org"
    assert shown[Sight.TRADER]["place"] == shown[Sight.PUBLIC]["place"]
    assert shown[Sight.WHOLE]["place"] == {"latitude": 52.12345, "longitude": 0.98765}
    assert shown[Sight.WHOLE]["version"] == 0


def test_who_sees_as_much_of_others_sees_the_same_of_each():
    flags = [dict(zip(("logged_in", "is_admin", "trusted", "own_may_trade"), each, strict=True)) for each in _bits(4)]
    viewers = [Viewer(**each, own=own) for each in flags for own in (frozenset[str](), frozenset({"mine"}))]
    entities = [
        an_entity(status=status, deleted=deleted, must_verify=must) for status in STATUSES for deleted, must in _bits(2)
    ]
    for entity in entities:
        by_sight: dict[Sight, set[Sight]] = {}
        for viewer in viewers:
            by_sight.setdefault(sight_of_others(viewer), set()).add(sight(entity, viewer))
        assert all(len(seen) == 1 for seen in by_sight.values())


def _bits(count: int) -> list[tuple[bool, ...]]:
    return list(itertools.product((False, True), repeat=count))
