"""Forms that anybody may send ask for a person where the node says so (ID-13); a service of a test judges it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from gateway.pages.robots import AWAY, KINDS, NOT_SHOWN, RobotCheck
from gateway.pages.routes import AREAS
from gateway.pages.tests.browsing import Browser
from gateway.pages.tests.test_doing import FULL, told
from gateway.settings import Settings

HUMAN = "an answer of a person"


@dataclass
class Judge:
    """Stands in for the service: judges by the answer, remembers what it was told."""

    url: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    body: str | None = None

    async def answer(self, request: web.Request) -> web.Response:
        self.told.append(dict(await request.post()))
        if self.body is not None:
            return web.Response(text=self.body, status=self.status)
        if self.told[-1]["secret"] != "our-secret":
            return web.json_response({"success": False, "error-codes": ["invalid-input-secret"]})
        is_person = self.told[-1]["response"] == HUMAN
        return web.json_response({"success": is_person, "error-codes": [] if is_person else ["invalid-input-response"]})


@pytest.fixture
async def judge() -> AsyncIterator[Judge]:
    made = Judge()
    app = web.Application()
    app.router.add_post("/siteverify", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/siteverify"
    yield made
    await runner.cleanup()


def a_check(judge: Judge, name: str = "hcaptcha", secret: str = "our-secret") -> RobotCheck:
    return RobotCheck(replace(KINDS[name], judge_url=judge.url), "our-site", secret, timeout_s=2)


async def test_a_person_passes_and_the_service_learns_only_the_answer(judge):
    assert await a_check(judge).problem_of(HUMAN) is None
    assert judge.told == [{"secret": "our-secret", "response": HUMAN, "sitekey": "our-site"}]


async def test_a_robot_does_not_pass_and_nothing_is_asked_without_an_answer(judge):
    assert await a_check(judge).problem_of("a robot's") is NOT_SHOWN
    for nothing in ("", "x" * 8_001):
        assert await a_check(judge).problem_of(nothing) is NOT_SHOWN
    assert len(judge.told) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, "{}"), (302, '{"success": true}'), (200, "<p>"), (200, "[]"), (200, '{"success": "true"'), (200, "")],
)
async def test_a_service_that_does_not_judge_lets_nobody_in(judge, status, body):
    judge.status, judge.body = status, body
    assert await a_check(judge).problem_of(HUMAN) is AWAY


async def test_only_a_plain_yes_is_one(judge):
    for body in ('{"success": "true"}', '{"success": 1}', "{}", '{"success": false}'):
        judge.body = body
        assert await a_check(judge).problem_of(HUMAN) is NOT_SHOWN


async def test_a_wrong_key_of_ours_is_not_laid_on_the_person(judge):
    assert await a_check(judge, secret="of yesterday").problem_of(HUMAN) is AWAY


async def test_nobody_there_is_told_as_such(judge):
    check = replace(a_check(judge), kind=replace(KINDS["recaptcha"], judge_url="http://127.0.0.1:1/siteverify"))
    assert await check.problem_of(HUMAN) is AWAY


@pytest.mark.parametrize("name", list(KINDS))
async def test_a_signup_needs_a_person_and_comes_back_with_what_was_typed(town, judge, name):
    check = a_check(judge, name)
    visitor = Browser(town, robots=check)
    await visitor.open("/signup")
    assert {"class": check.kind.css, "data-sitekey": "our-site"} in [given for _, given in visitor.page.tags]
    policy = visitor.answer.headers["content-security-policy"]
    host = check.kind.script.split("/api")[0].split("/1/")[0].rsplit(".", 2)[-2]
    assert host in policy.split("script-src ")[1].split(";")[0]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    page = await visitor.press("/signup", status=400, **FULL)
    assert "Please show that you are not a robot." in page.text
    assert dict(page.forms[0].fields)["profile.name"] == "Gil"
    assert dict(page.forms[0].fields)["password"] == ""
    assert told(town, "signup") == []
    await visitor.press("/signup", **{**FULL, check.kind.answer_field: HUMAN})  # type: ignore[arg-type]  # the status is no field
    assert visitor.answer.url.path == "/login"
    assert len(told(town, "signup")) == 1


async def test_every_form_that_anybody_may_send_asks(town, judge):
    """All posts of visitors, but those that a secret of a mail opens, that end a session, or that keep a choice."""
    asking = {page.path for area in AREAS for page in area if page.asks_robots}
    assert asking == {
        "/signup", "/login", "/admin/login", "/password-reset", "/admin/password-reset", "/invitations/{token}",
    }  # fmt: skip
    open_posts = {
        page.path for area in AREAS for page in area if page.post and page.who == "anyone" and page.form_token
    }
    assert open_posts - asking == {
        "/logout", "/verify/{token}", "/language", "/password-reset/{token}", "/admin/password-reset/{token}",
    }  # fmt: skip
    before = len(town.calls)
    for path, action in (
        ("/login", "/login"), ("/admin/login", "/admin/login"), ("/password-reset", ""), ("/admin/password-reset", ""),
    ):  # fmt: skip
        visitor = Browser(town, robots=a_check(judge))
        await visitor.open(path)
        page = await visitor.press(action, status=400, email="ana@example.org")
        assert "Please show that you are not a robot." in page.text
    assert not [name for name, _ in town.calls[before:] if name in {"login", "request_password_reset"}]
    judge.body = "<p>"
    page = await visitor.press("", status=503, **{"email": "ana@example.org", "h-captcha-response": HUMAN})
    assert "try again in a minute" in page.text


async def test_without_the_setting_nothing_is_drawn_in(visitor):
    await visitor.open("/signup")
    assert "captcha" not in visitor.answer.text
    assert "https:" not in visitor.answer.headers["content-security-policy"]


async def test_who_is_logged_in_is_not_asked(town, judge):
    ana = Browser(town, robots=a_check(judge))
    await ana.open("/login")
    shown = {"email": "ana@example.org", "password": "right-1-password", "h-captcha-response": HUMAN}
    await ana.press("/login", **shown)  # type: ignore[arg-type]  # the status is no field
    await ana.open("/security")
    assert "captcha" not in ana.answer.text
    assert "https:" not in ana.answer.headers["content-security-policy"]


def test_the_setting_needs_its_keys():
    with pytest.raises(ValidationError, match="MCCS_ROBOT_CHECK_SECRET"):
        Settings(_env_file=None, robot_check="hcaptcha", robot_check_site_key="x")
    settings = Settings(_env_file=None, robot_check="hcaptcha", robot_check_site_key="x", robot_check_secret="ours")
    check = RobotCheck.of(settings)
    assert check is not None
    assert (check.kind, check.site_key, check.secret) == (KINDS["hcaptcha"], "x", "ours")
    assert "ours" not in repr(check)
    assert RobotCheck.of(Settings(_env_file=None)) is None
