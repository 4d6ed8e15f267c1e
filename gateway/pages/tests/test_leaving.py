"""Personal data in a member's own hands: taking it along, and leaving."""

import pytest

from gateway.pages.tests.browsing import Browser
from gateway.pages.tests.scenes import id_of
from gateway.pages.tests.test_doing import told

PASSWORD = "right-1-password"


@pytest.fixture
async def fay(town) -> Browser:
    """A member with nothing in the books."""
    browser = Browser(town)
    await browser.log_in("fay@example.org")
    return browser


async def test_a_member_takes_her_data_along_as_a_file(town, ana, visitor):
    page = await ana.open("/security")
    assert "/security/my-data" in page.links
    answer = await ana.client.get("/security/my-data")
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    whole = answer.json()
    assert whole["login"]["user"]["email"] == "ana@example.org"
    assert [each["id"] for each in whole["entities"]] == [id_of(town, "Ana")]
    assert whole["accounts"][0]["balance_minor"] == -8450
    assert [each["kind"] for each in whole["preferences"]] == ["transfer.proposed", "password.changed"]
    assert whole["notices"] == town.notices
    assert set(whole["favorites"]) == set(whole["dismissed_matches"]) == {id_of(town, "Ana")}
    assert whole["statements"] == [f"/api/v1/statement.json?querying_entity_id={id_of(town, 'Ana')}"]
    assert (await visitor.client.get("/security/my-data")).status_code == 303


async def test_who_leaves_confirms_by_password_and_is_gone(town, fay):
    entity_id = id_of(town, "Fay")
    page = await fay.open("/security")
    assert "/security/leave" in page.links
    page = await fay.open("/security/leave")
    assert "Fay Potter" in page.text
    page = await fay.press("/security/leave", status=400, password="")
    assert "Please confirm with your password." in page.text
    page = await fay.press("/security/leave", status=400, password="wrong-1-password")
    assert "The current password is wrong." in page.text
    assert "#f-password" in page.links
    assert "wrong-1-password" not in fay.answer.text
    assert entity_id in town.entities
    page = await fay.press("/security/leave", password=PASSWORD)
    assert fay.answer.url.path == "/login"
    assert "are deleted" in page.text
    assert "mccs_token" not in fay.client.cookies
    assert entity_id not in town.entities
    assert told(town, "delete_account")[-1] == [entity_id]
    await fay.press("/login", status=400, email="fay@example.org", password=PASSWORD)


async def test_a_balance_keeps_a_member_until_it_is_settled(town, ana):
    await ana.open("/security/leave")
    page = await ana.press("/security/leave", status=409, password=PASSWORD)
    assert "still has a balance" in page.text
    assert told(town, "close_account") == []
    assert id_of(town, "Ana") in town.entities
    assert "mccs_token" in ana.client.cookies


async def test_an_admin_does_not_leave_by_this_page(admin):
    page = await admin.open("/security")
    assert "/security/leave" not in page.links
    await admin.open("/security/leave")
    assert admin.answer.url.path == "/admin"
