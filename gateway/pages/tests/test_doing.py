"""What members and admins do on the pages, without JavaScript."""

import asyncio
from typing import Any

from gateway.pages.tests.browsing import Browser
from gateway.pages.tests.community import Directory
from gateway.pages.tests.scenes import id_of


def told(town, call: str) -> list[Any]:
    return [what for name, what in town.calls if name == call]


FULL = {
    "email": "gil@example.org",
    "password": "good-1-password",
    "profile__name": "Gil",
    "profile__offers": "Honey, bees wax",
    "profile__declared_turnover": "1200",
    "first_name": "Gil",
    "agreement": "1",
}


async def test_signing_up_leads_to_the_login_and_says_the_same_for_a_taken_address(town, visitor):
    texts = []
    for email in ("gil@example.org", "ana@example.org"):
        await visitor.open("/signup")
        page = await visitor.press("/signup", **{**FULL, "email": email})
        assert visitor.answer.url.path == "/login"
        texts.append(page.text)
    assert texts[0] == texts[1]
    profile = told(town, "signup")[0]["profile"]
    assert profile["offers"] == ["Honey", "bees wax"]
    assert profile["declared_turnover"] == 1200
    assert "first_name" not in profile
    await visitor.press("/login", email="gil@example.org", password="good-1-password")
    assert visitor.answer.url.path == "/home"
    assert "Almost there" in visitor.page.text


async def test_the_answer_to_a_signup_waits_no_longer_than_for_a_taken_address(town, visitor, monkeypatch):
    began, going_on = asyncio.Event(), asyncio.Event()

    async def slow(self: Any, *_: Any, **__: Any) -> None:
        began.set()
        await going_on.wait()

    monkeypatch.setattr(Directory, "create", slow)
    await visitor.open("/signup")
    async with asyncio.timeout(10):
        await visitor.press("/signup", **FULL)
        assert visitor.answer.url.path == "/login"
        await began.wait()
        going_on.set()


async def test_a_signup_with_mistakes_comes_back_with_everything_but_the_password(visitor):
    await visitor.open("/signup")
    page = await visitor.press("/signup", status=400, **{**FULL, "profile__declared_turnover": "lots"})
    assert "The turnover must be a whole number." in page.text
    assert "#f-profile-declared-turnover" in page.links
    fields = dict(page.forms[0].fields)
    assert fields["profile.name"] == "Gil"
    assert fields["password"] == ""
    page = await visitor.press("/signup", status=400, **{**FULL, "agreement": ""})
    assert "agree" in page.text


async def test_what_the_form_finds_and_what_the_services_find_is_told_at_once(town, visitor):
    await visitor.open("/signup")
    wrong = {"profile__name": "x" * 101, "profile__declared_turnover": "lots", "password": "short", "agreement": ""}
    page = await visitor.press("/signup", status=400, **{**FULL, **wrong})
    for field in ("profile-name", "profile-declared-turnover", "password", "agreement"):
        assert f"#f-{field}" in page.links
    assert told(town, "signup") == []


async def test_problems_of_the_profile_stand_at_their_fields(visitor):
    await visitor.open("/signup")
    page = await visitor.press("/signup", status=400, **{**FULL, "profile__name": "x" * 101})
    assert "#f-profile-name" in page.links


async def test_a_tag_is_added_and_tells_how_many_members_match(town, ana):
    await ana.open("/profile")
    page = await ana.press("/profile/tags", kind="offers", add="Choir singing")
    assert "Choir singing: 0 members want this" in " ".join(page.text.split())
    town.entities[id_of(town, "Ben")]["wants"].append("honey")
    page = await ana.press("/profile/tags", kind="offers", add="Honey")
    assert "1 member wants this" in page.text
    assert "honey" in town.entities[id_of(town, "Ana")]["offers"]
    page = await ana.press("/profile/tags", button="honey")
    assert "honey" not in town.entities[id_of(town, "Ana")]["offers"]


async def test_too_many_tags_are_told_at_their_box(ana):
    await ana.open("/profile")
    page = await ana.press("/profile/tags", status=400, kind="offers", add="a1,b2,c3,d4,e5,f6,g7,h8,i9")
    assert "At most 10 offers." in page.text
    assert "#f-add-offers" in page.links


async def test_suggestions_are_a_part_of_a_page(ana):
    await ana.open("/profile/suggestions?kind=wants&add=cakes")
    assert "<html" not in ana.answer.text
    assert "1 member offers this" in ana.answer.text
    await ana.open("/profile/suggestions?kind=nonsense&add=cakes")
    assert ana.answer.text.strip() == ""


async def test_a_field_of_the_profile_can_be_cleared(town, ana):
    await ana.open("/profile")
    await ana.press("/profile", profile__city="", profile__name="Ana & Co")
    ana_id = id_of(town, "Ana")
    assert "city" not in town.entities[ana_id]
    assert town.entities[ana_id]["name"] == "Ana & Co"


async def test_a_match_can_be_put_aside(town, ana):
    cleo = id_of(town, "Cleo")
    page = await ana.open("/matches")
    assert "They want cakes" in page.text
    page = await ana.press(f"/matches/{cleo}/dismiss", button="wrong")
    assert told(town, "dismiss") == ["wrong"]
    assert f"/entities/{cleo}" not in page.links


async def test_a_favourite_comes_and_goes(town, ana):
    ben = id_of(town, "Ben")
    await ana.open(f"/entities/{ben}")
    page = await ana.press(f"/entities/{ben}/favourite")
    assert "Remove from favourites" in page.text
    page = await ana.open("/directory?favourites=1")
    assert f"/entities/{ben}" in page.links
    await ana.open(f"/entities/{ben}")
    await ana.press(f"/entities/{ben}/favourite")
    assert told(town, "set_favorite") == [True, False]


async def test_a_message_is_sent_once_it_has_a_text(town, ana):
    ben = id_of(town, "Ben")
    await ana.open(f"/entities/{ben}/contact")
    page = await ana.press("", status=400, body="  ")
    assert "Please write a message." in page.text
    ana.answer = await ana.client.get(f"/entities/{ben}/contact")
    page = await ana.press("", body="Two loaves?")
    assert "on its way" in page.text
    assert town.messages[0]["body"] == "Two loaves?"


async def test_a_password_is_changed_with_the_present_one(town, ana):
    await ana.open("/security")
    fields = {"password": "new-1-password", "again": "new-1-password"}
    page = await ana.press("/security/password", status=400, current_password="wrong", **fields)
    assert "That is not your password." in page.text
    page = await ana.press("/security/password", current_password="right-1-password", **fields)
    assert "Your password is changed" in page.text


async def test_another_address_is_asked_for_with_the_password(town, ana):
    await ana.open("/security")
    page = await ana.press("/security/email", status=400, email="new@example.org", password_for_email="wrong")
    assert "That is not your password." in page.text
    assert "#f-password-for-email" in page.links
    page = await ana.press("/security/email", email="new@example.org", password_for_email="right-1-password")
    assert "on its way to the new address" in page.text
    assert "ana@example.org" in page.text, "the present one stays until the link was followed"
    assert told(town, "request_verification") == ["new@example.org"] * 2


async def test_a_forgotten_password_says_the_same_for_everybody(visitor, town):
    texts = []
    for email in ("ana@example.org", "nobody@example.org"):
        await visitor.open("/password-reset")
        texts.append((await visitor.press("", email=email)).text)
    assert texts[0] == texts[1]
    await visitor.open("/password-reset/good")
    await visitor.press("", status=400, password="a-1-password", again="b-1-password")
    await visitor.press("", password="a-1-password", again="a-1-password")
    assert told(town, "reset_password") == ["member"]


async def test_following_a_link_confirms_nothing_pressing_the_button_does(visitor, town):
    await visitor.open("/verify/good")
    assert not told(town, "verify_email")
    await visitor.press("")
    assert told(town, "verify_email") == ["good"]


async def test_a_mail_program_unsubscribes_without_session_or_token(town, visitor):
    answer = await visitor.client.post("/unsubscribe/abc", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert told(town, "unsubscribe") == ["abc"]
    await visitor.open("/unsubscribe/abc")
    assert "no more of this" in visitor.page.text


async def test_preferences_say_for_each_kind_what_is_wanted(town, ana):
    await ana.open("/notifications/preferences")
    await ana.press("", on="transfer.proposed:bell")
    assert told(town, "set_preferences") == [[{"kind": "transfer.proposed", "mail": False, "bell": True}]]


async def test_an_application_is_filled_in_with_what_is_known(town):
    elm = Browser(town)
    await elm.log_in("elm@example.org")
    page = await elm.open("/application")
    form = next(form for form in page.forms if form.action == "")
    assert dict(form.fields)["name"] == "Elm Street Choir"
    await elm.press("", status=400)
    await elm.open("/application")
    page = await elm.press("", agreement="1", first_name="Elm")
    assert "application is with the administrators" in page.text
    assert told(town, "apply")[-1]["agreement"] is True


async def test_who_acts_for_two_chooses_one(town, ana):
    owner = town.owner_of(id_of(town, "Ana"))
    second = town.member("Zed Workshop", email="zed@example.org")
    town.owners[owner].append(second)
    await ana.open("/home")
    page = await ana.press("/acting", button=second)
    assert "Zed Workshop" in page.text
    assert ana.client.cookies["mccs_acting"] == second
    await ana.client.post("/acting", data={"csrf": dict(page.forms[0].fields)["csrf"], "entity": id_of(town, "Cleo")})
    assert ana.client.cookies["mccs_acting"] == second, "only an own one can be chosen"


async def test_broken_books_are_named_on_the_admins_first_page(town, admin):
    town.book_faults = [
        {"id": 1, "check": "legs", "detail": "the entries of transfer 7 sum to 5", "numbers": ["4000000000000001"]}
    ]
    assert "The books do not balance" in (await admin.open("/admin")).text
    page = await admin.open("/admin/system")
    assert "the entries of transfer 7 sum to 5" in page.text
    assert "4000000000000001" in page.text


async def test_an_admin_grants_trading_and_sets_limits(town, admin):
    fay = id_of(town, "Fay")
    page = await admin.open("/admin")
    assert "Fay Potter" in page.text
    page = await admin.press(f"/admin/entities/{fay}/status", button="tradingAccepted")
    assert "The status is changed" in page.text
    assert town.entities[fay]["status"] == "tradingAccepted"
    assert told(town, "set_standing")[-1]["may_trade"] is True
    await admin.open(f"/admin/entities/{fay}")
    page = await admin.press(f"/admin/entities/{fay}/limits", status=400, max_negative="250,50", max_positive="1000")
    assert "A limit is a whole number." in page.text
    assert told(town, "set_limits") == []
    page = await admin.press(f"/admin/entities/{fay}/limits", max_negative="250,00", max_positive="1000", reason="New")
    assert "The limits are changed." in page.text
    assert town.accounts[fay]["max_negative_minor"] == 25000
    assert town.accounts[fay]["max_positive_minor"] == 100000
    assert "250.00" in page.text
    page = await admin.press(f"/admin/entities/{fay}/limits", status=400, max_negative="x", max_positive="1")
    assert "#f-max-negative" in page.links


async def test_an_admin_deletes_only_what_has_no_balance_and_after_a_tick(town, admin):
    ben, fay = id_of(town, "Ben"), id_of(town, "Fay")
    await admin.open(f"/admin/entities/{fay}")
    page = await admin.press(f"/admin/entities/{fay}/delete", status=400)
    assert "tick the box" in page.text
    await admin.press(f"/admin/entities/{fay}/delete", sure="1")
    assert fay not in town.entities
    await admin.open(f"/admin/entities/{ben}")
    page = await admin.press(f"/admin/entities/{ben}/delete", status=409, sure="1")
    assert "The balance is not zero." in page.text


async def test_an_admin_makes_a_transfer_on_behalf_once(town, admin):
    numbers = [town.accounts[id_of(town, name)]["number"] for name in ("Ana", "Ben")]
    await admin.open("/admin/transfers")
    values = {"payer": numbers[0], "payee": numbers[1], "amount": "5", "description": "Correction"}
    page = await admin.press("/admin/transfers", **values)
    assert "Ana's Bakery paid Ben Wheeler, Bicycles" in page.text


async def test_a_category_that_exists_is_told(town, admin):
    await admin.open("/admin/categories")
    page = await admin.press("", name="music")
    assert "music" in town.category_names
    page = await admin.press("", status=409, name="music")
    assert "exists already" in page.text
