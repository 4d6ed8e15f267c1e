"""The session in a browser: login, renewal by two tabs at once, logout, an identity that is away."""

import asyncio
from datetime import timedelta

from gateway.pages.tests.browsing import Browser
from gateway.pages.tests.community import Community


def refreshes(town: Community) -> int:
    return len([call for call, _ in town.calls if call == "refresh"])


async def test_a_wrong_password_says_so_on_top_of_the_form_and_keeps_the_address(visitor):
    await visitor.open("/login")
    page = await visitor.press("/login", status=400, email="ana@example.org", password="wrong")
    assert "E-mail or password is wrong." in page.text
    assert dict(page.forms[0].fields)["email"] == "ana@example.org"
    assert dict(page.forms[0].fields)["password"] == ""


async def test_a_token_that_has_run_out_is_renewed_without_the_member_noticing(town, ana):
    before = ana.client.cookies["mccs_token"]
    town.now += timedelta(minutes=11)
    await ana.open("/home")
    assert ana.answer.url.path == "/home"
    assert ana.client.cookies["mccs_token"] != before
    assert refreshes(town) == 1


async def test_two_tabs_that_renew_at_once_share_one_renewal_and_stay_logged_in(town, ana):
    town.now += timedelta(minutes=11)
    cookies = {name: ana.client.cookies[name] for name in ("mccs_token", "mccs_refresh", "mccs_browser")}
    header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    ana.client.cookies.clear()
    answers = await asyncio.gather(*(ana.client.get("/home", headers=header) for _ in range(5)))
    late = await ana.client.get("/home", headers=header)
    assert {answer.status_code for answer in [*answers, late]} == {200}
    assert refreshes(town) == 1


async def test_a_refresh_that_identity_refuses_leads_to_the_login_and_forgets_the_cookies(town, ana):
    town.now += timedelta(minutes=11)
    town.refresh_tokens.clear()
    await ana.open("/home")
    assert ana.answer.url.path == "/login"
    assert "mccs_token" not in ana.client.cookies
    assert "mccs_refresh" not in ana.client.cookies


async def test_while_identity_is_away_nobody_is_logged_out(town, ana):
    town.now += timedelta(minutes=11)
    town.away.add("identity")
    await ana.open("/home", status=503)
    assert "mccs_refresh" in ana.client.cookies
    town.away.clear()
    await ana.open("/home")
    assert ana.answer.url.path == "/home"


async def test_logging_out_is_a_form_and_ends_the_session_itself(town, ana):
    token = ana.client.cookies["mccs_token"]
    assert (await ana.client.get("/logout")).status_code in {404, 405}
    await ana.open("/home")
    page = await ana.press("/logout")
    assert "You are logged out." in page.text
    assert token not in town.sessions
    assert "mccs_token" not in ana.client.cookies


async def test_a_session_ended_elsewhere_ends_here_too(town, ana):
    town.sessions.clear()
    town.refresh_tokens.clear()
    await ana.open("/home")
    assert ana.answer.url.path == "/login"


async def test_an_admin_and_a_member_have_their_own_doors(town):
    browser = Browser(town)
    await browser.open("/login")
    await browser.press("/login", status=400, email="admin@example.org", password="right-1-password")
    await browser.open("/admin/login")
    await browser.press("/admin/login", status=400, email="ana@example.org", password="right-1-password")


async def test_an_operator_sees_health_and_figures_and_nothing_else(town):
    town.user("watch@example.org", role="operator")
    browser = Browser(town)
    await browser.log_in("watch@example.org", admin=True)
    assert browser.answer.url.path == "/admin/system"
    assert "balanced" in browser.page.text
    assert "Trading member" in browser.page.text
    assert not [form for form in browser.page.forms if form.action.startswith("/admin")]
    for path in ("/home", "/pay", "/login", "/admin/login", "/"):
        await browser.open(path)
        assert browser.answer.url.path == "/admin/system", path
    for path in ("/admin", "/admin/users", "/admin/activity", "/admin/entities", "/admin/transfers"):
        await browser.open(path, status=403)
    await browser.open("/security")
    await browser.open("/directory")
    member = Browser(town)
    await member.log_in("ana@example.org")
    await member.open("/admin/system", status=403)


async def test_logging_in_anew_ends_the_session_of_before(town):
    browser = Browser(town)
    await browser.open("/login")
    await browser.press("/login", email="ana@example.org", password="right-1-password")
    (first,) = town.sessions
    await browser.open("/admin/login")
    await browser.press("/admin/login", email="admin@example.org", password="right-1-password")
    assert first not in town.sessions
    assert [principal.role for principal in town.sessions.values()] == ["admin"]


async def test_an_admin_logs_somebody_out_everywhere(town, ana, admin):
    user_id = next(user_id for user_id, user in town.users.items() if user["email"] == "ana@example.org")
    await admin.open(f"/admin/users/{user_id}")
    page = await admin.press(f"/admin/users/{user_id}/sessions")
    assert "logged out everywhere" in page.text
    assert not [principal for principal in town.sessions.values() if principal.id == user_id]
