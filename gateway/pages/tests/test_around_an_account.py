"""Around an account: second factor, keys for programs, people and invitations, pictures."""

from gateway.pages.tests.browsing import Browser
from gateway.pages.tests.scenes import id_of
from gateway.pages.tests.test_doing import told

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 400_000


async def test_a_second_factor_is_turned_on_by_its_first_code(town, ana):
    await ana.open("/security/second-factor")
    page = await ana.press("/security/second-factor", status=400, current_password="wrong")
    assert "That is not your password." in page.text
    page = await ana.press("/security/second-factor", current_password="right-1-password")
    assert "JBSWY3DPEHPK3PXP" in page.text
    image = next(given for tag, given in page.tags if tag == "img")
    assert image["src"].startswith("data:image/svg+xml")
    secret_page = ana.answer
    page = await ana.press("/security/second-factor/confirm", status=400, code="000000")
    assert "This code is not right." in page.text
    ana.answer = secret_page
    page = await ana.press("/security/second-factor/confirm", code="123456")
    assert "aaaa-bbbb" in page.text
    assert "8 recovery codes are left" in (await ana.open("/security/second-factor")).text


async def test_an_admin_who_needs_a_second_factor_is_led_to_it_at_the_login(town):
    town.user("new-admin@example.org", role="admin")
    browser = Browser(town)
    await browser.open("/admin/login")
    page = await browser.press("/admin/login", email="new-admin@example.org", password="right-1-password")
    assert "JBSWY3DPEHPK3PXP" in page.text
    assert "right-1-password" not in browser.answer.text
    await browser.press("/admin/login", code="123456", password="right-1-password")
    assert browser.answer.url.path == "/admin"


async def test_a_key_for_a_program_shows_its_secret_once(ana):
    await ana.open("/security/api-keys")
    page = await ana.press("/security/api-keys", name="Shop till", scope="propose")
    assert "mccs-secret-wxyz" in page.text
    page = await ana.open("/security/api-keys")
    assert "mccs-secret-wxyz" not in page.text
    assert "Shop till" in page.text


async def test_somebody_invited_joins_and_can_be_removed(town, ana, ben):
    await ana.open("/profile/people")
    page = await ana.press("/profile/people", email="ben@example.org")
    assert "ben@example.org" in page.text
    page = await ben.open("/invitations/token-0")
    assert "Ana's Bakery" in page.text
    page = await ben.press("")
    assert "You act for this member now." in page.text
    assert ben.client.cookies["mccs_acting"] == id_of(town, "Ana")
    await ana.open("/profile/people")
    ben_user = town.owner_of(id_of(town, "Ben"))
    await ana.press(f"/profile/people/{ben_user}", button="remove")
    assert told(town, "end_membership") == [ben_user]
    page = await ben.open("/home")
    assert "Ana's Bakery" not in page.text.split("Matches for you")[0]


async def test_somebody_new_signs_up_by_an_invitation(town, ana, visitor):
    await ana.open("/profile/people")
    await ana.press("/profile/people", email="new@example.org")
    await visitor.open("/invitations/token-0")
    await visitor.press("", password="good-1-password")
    assert visitor.answer.url.path == "/login"
    assert told(town, "signup")[0]["invitation"] == "token-0"


async def test_a_picture_is_added_shown_and_removed(town, ana, visitor):
    token = await _token(ana)
    answer = await ana.client.post("/profile/pictures", data={"csrf": token}, files={"picture": ("a.png", PNG)})
    assert answer.status_code == 303
    shown = await visitor.client.get("/pictures/one.png")
    assert shown.content == PNG
    assert "immutable" in shown.headers["cache-control"]
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    await ana.open("/profile")
    await ana.press("/profile/pictures/remove", button="one.png")
    assert told(town, "remove_picture") == ["one.png"]


async def _token(ana: Browser) -> str:
    page = await ana.open("/profile")
    return dict(page.forms[0].fields)["csrf"]


async def test_what_is_no_picture_is_told_at_its_field(ana):
    token = await _token(ana)
    files = {"picture": ("a.png", b"<svg onload=alert(1)>")}
    ana.answer = await ana.client.post("/profile/pictures", data={"csrf": token}, files=files)
    assert ana.answer.status_code == 400
    assert "#f-picture" in ana.page.links
    ana.answer = await ana.client.post("/profile/pictures", data={"csrf": token}, files={"other": ("a", b"x")})
    assert "Please choose a picture." in ana.page.text


async def test_a_picture_beyond_the_limit_or_without_the_token_is_refused(ana):
    token = await _token(ana)
    large = {"picture": ("a.png", b"\x89PNG" + b"0" * 9_000_000)}
    assert (await ana.client.post("/profile/pictures", data={"csrf": token}, files=large)).status_code == 413
    answer = await ana.client.post("/profile/pictures", files={"picture": ("a.png", PNG)})
    assert answer.status_code == 403
    answer = await ana.client.post("/profile", data={"csrf": token}, files={"picture": ("a.png", PNG)})
    assert answer.status_code == 400


async def test_only_pictures_are_served_as_pictures(town, visitor):
    town.pictures["evil.html"] = b"<script>alert(1)</script>"
    assert (await visitor.client.get("/pictures/evil.html")).status_code == 404
    assert (await visitor.client.get("/pictures/none.png")).status_code == 404
