"""What protects a page: form tokens, origin, headers, cookies, escaping, redirects."""

import pytest

from gateway.pages.csrf import CsrfTokens
from gateway.pages.headers import local_path
from gateway.pages.routes import AREAS
from gateway.pages.tests.browsing import Browser
from gateway.pages.tests.scenes import id_of
from libs.common.testing import eventually

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


POSTS = [page for area in AREAS for page in area if page.post is not None and page.form_token]


@pytest.mark.parametrize("page", POSTS, ids=lambda page: page.path)
async def test_no_form_is_taken_without_its_token(page, town):
    browser = Browser(town)
    if page.who == "admin":
        await browser.log_in("admin@example.org", admin=True)
    elif page.who != "anyone":
        await browser.log_in("ana@example.org")
    town.calls.clear()
    path = page.path.replace("{id}", id_of(town, "Ben")).replace("{token}", "good")
    answer = await browser.client.post(path, data={"email": "a", "csrf": "x"})
    assert answer.status_code == 403
    assert [call for call, _ in town.calls if call != "mine"] == []


async def test_a_token_of_another_browser_or_of_before_the_login_is_worth_nothing(town):
    browser, other = Browser(town), Browser(town)
    await browser.open("/login")
    foreign = dict(browser.page.forms[0].fields)["csrf"]
    await other.open("/login")
    answer = await other.client.post("/login", data={"csrf": foreign, "email": "ana@example.org", "password": "x"})
    assert answer.status_code == 403
    await browser.press("/login", email="ana@example.org", password="right-1-password")
    answer = await browser.client.post("/logout", data={"csrf": foreign})
    assert answer.status_code == 403


async def test_a_form_sent_by_another_site_is_refused_even_with_the_right_token(ana):
    await ana.open("/home")
    token = dict(ana.page.forms[0].fields)["csrf"]
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[broken"},
    ):
        answer = await ana.client.post("/logout", data={"csrf": token}, headers=headers)
        assert answer.status_code == 403, headers
    answer = await ana.client.post("/logout", data={"csrf": token}, headers={"Origin": "http://town.example.org"})
    assert answer.status_code == 303


def test_a_token_looks_different_each_time_and_only_its_own_pair_matches():
    tokens = CsrfTokens(b"secret")
    first, second = tokens.issue("browser", "session"), tokens.issue("browser", "session")
    assert first != second
    assert tokens.matches(first, "browser", "session")
    assert tokens.matches(second, "browser", "session")
    for wrong in ("", "!", first[:-2], first + "AA", "é" * 40, "A" * 43):
        assert not tokens.matches(wrong, "browser", "session")
    assert not tokens.matches(first, "browser", "other")
    assert not tokens.matches(tokens.issue("", "session"), "", "session")
    assert not CsrfTokens(b"other").matches(first, "browser", "session")


@pytest.mark.parametrize("path", ["/", "/login", "/directory", "/nowhere", "/home", "/static/pages.css"])
async def test_every_answer_carries_the_security_headers(path, visitor):
    answer = await visitor.client.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    if not path.startswith("/static"):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


async def test_over_https_cookies_are_bound_to_the_host_and_https_is_remembered(town):
    browser = Browser(town, https=True)
    await browser.log_in("ana@example.org")
    names = {cookie.name for cookie in browser.client.cookies.jar}
    assert names == {"__Host-mccs_browser", "__Host-mccs_token", "__Host-mccs_refresh", "__Host-mccs_acting"}
    fresh = Browser(town, https=True)
    answer = await fresh.client.get("/login")
    cookie = answer.headers["set-cookie"].lower()
    for attribute in ("secure", "httponly", "samesite=lax", "path=/"):
        assert attribute in cookie
    assert "domain=" not in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=")


async def test_pages_have_no_inline_script_or_style(ana, admin, visitor):
    pages = [
        (visitor, "/"),
        (visitor, "/signup"),
        (ana, "/home"),
        (ana, "/profile"),
        (ana, "/statement"),
        (admin, "/admin"),
    ]
    for browser, path in pages:
        page = await browser.open(path)
        for tag, attributes in page.tags:
            assert tag != "style", path
            assert "style" not in attributes, path
            assert not [name for name in attributes if name.startswith("on")], path
            assert tag != "script" or attributes.get("src", "").startswith("/static/"), path


async def test_hostile_texts_of_members_stay_text_everywhere(town, admin):
    ana = next(each for each in town.entities.values() if each["name"] == "Ana's Bakery")
    ben_id = id_of(town, "Ben")
    town.entities[ben_id] |= {
        "name": HOSTILE,
        "description": HOSTILE,
        "offers": [HOSTILE, "bicycle-repair"],
        "wants": [HOSTILE],
        "city": HOSTILE,
        "website": "javascript:alert(1)",
        "categories": [HOSTILE],
    }
    town.accounts[ben_id]["name"] = HOSTILE
    made = town.transfer(ben_id, ana["id"], 100, text=HOSTILE)
    town.category_names.append(HOSTILE)
    town.notices.append(
        {"id": "1", "kind": "x", "title": HOSTILE, "text": HOSTILE, "at": ana["created_at"], "read": False}
    )
    town.notices[-1]["link"] = "//evil.example"
    browser = Browser(town)
    await browser.log_in("ana@example.org")
    paths = ["/home", "/matches", "/directory", f"/entities/{ben_id}", "/transfers", f"/transfers/{made['id']}", "/pay"]
    paths += [f"/pay/{ben_id}", f"/pay/{ben_id}/confirm?amount=1&text={HOSTILE}", "/statement", "/directory/categories"]
    paths += [f"/directory?q={HOSTILE}", "/notifications", "/security", "/mail/m-1", f"/entities/{ben_id}/contact"]
    for path in paths:
        page = await browser.open(path)
        assert "<script>alert" not in browser.answer.text, path
        assert not [tag for tag, attributes in page.tags if "onerror" in attributes], path
        assert not [link for link in page.links if link.lower().startswith(("javascript:", "//"))], path
    for path in ("/admin", "/admin/entities", f"/admin/entities/{ben_id}", "/admin/transfers", "/admin/categories"):
        page = await admin.open(path)
        assert "<script>alert" not in admin.answer.text, path


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "/\t/evil.example",
        "evil",
        "",
        "/ok\\..//x",
        "/" + "a" * 600,
    ],
)
async def test_redirects_stay_on_this_site(target, town):
    assert local_path(target, "/home") == "/home"
    browser = Browser(town)
    await browser.open("/login")
    token = dict(browser.page.forms[0].fields)["csrf"]
    sent = {"csrf": token, "email": "ana@example.org", "password": "right-1-password", "next": target}
    answer = await browser.client.post("/login", data=sent)
    assert answer.headers["location"] == "/home"


async def test_after_the_login_one_is_where_one_wanted_to_go(town):
    browser = Browser(town)
    await browser.open("/statement?from=2026-01-01")
    assert browser.answer.url.path == "/login"
    await browser.press("/login", email="ana@example.org", password="right-1-password")
    assert (browser.answer.url.path, browser.answer.url.query) == ("/statement", b"from=2026-01-01")


async def test_a_form_that_is_too_large_or_no_form_is_refused(ana):
    answer = await ana.client.post(
        "/logout", content=b"a=" + b"x" * 300_000, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 413
    answer = await ana.client.post("/logout", json={"csrf": "x"})
    assert answer.status_code == 400
    answer = await ana.client.post(
        "/logout", content=b"csrf=%ff", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 400


GUARDED = [(page, method) for area in AREAS for page in area for method in page.methods if page.who != "anyone"]


def form_token_of(browser: Browser) -> str:
    return next(value for form in browser.page.forms for name, value in form.fields if name == "csrf")


async def test_every_page_and_form_is_for_its_own_kind_of_person_alone(town, visitor, ana, admin):
    await visitor.open("/login")
    tokens = {browser: form_token_of(browser) for browser in (visitor, ana, admin)}

    async def tried(browser, page, method):
        """The answer to somebody whose form and session are right."""
        path = page.path.replace("{id}", id_of(town, "Ben")).replace("{token}", "good")
        given = {"data": {"csrf": tokens[browser]}} if method == "POST" else {}
        town.calls.clear()
        answer = await browser.client.request(method, path, **given)
        done = {call for call, _ in town.calls} - {"mine", "note_refusal", "unread"}
        return answer, done

    for page, method in GUARDED:
        answer, done = await tried(visitor, page, method)
        assert (answer.status_code, done) == (303, set()), page.path
        assert answer.headers["location"].startswith(("/login", "/admin/login")), page.path
        answer, done = await tried(ana if page.who != "member" else admin, page, method)
        if page.who == "member":
            assert (answer.status_code, answer.headers["location"], done) == (303, "/admin", set()), page.path
        elif page.who in {"admin", "overseer"}:
            assert (answer.status_code, done) == (403, set()), page.path
            assert "too old" not in answer.text  # not for want of a good form
    assert {page.who for page, _ in GUARDED} >= {"member", "admin"}


async def test_a_fault_of_ours_is_a_page_with_a_number_and_no_trace(town, ana, monkeypatch, caplog):
    monkeypatch.setattr(type(town.context().clients.ledger), "account", None)
    page = await ana.open("/home", status=500)
    assert "request-1" in page.text
    assert "Traceback" not in ana.answer.text


async def test_a_visitor_who_asks_too_often_is_asked_to_wait(town):
    browser = Browser(town, rate_per_minute=3)
    answers = [await browser.client.get("/directory") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Not just now" in answers[-1].text


async def test_a_member_who_opens_an_admins_page_is_noted_and_an_old_form_is_not(town, ana):
    def noted():
        return [what for call, what in town.calls if call == "note_refusal"]

    await ana.client.post("/logout", data={"csrf": "x"})
    await ana.open("/admin/users", status=403)
    (first,) = await eventually(noted)
    assert first == (town.owner_of(id_of(town, "Ana")), "member", "GET /admin/users")
