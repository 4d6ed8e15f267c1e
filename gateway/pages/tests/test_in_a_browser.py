"""Every screen in a real Chromium: no violation found by axe, nothing wider than the window, nothing the policy blocks.

At 1280, 390 and 320 pixels (at 320 for its width, in both directions of reading), and once more in the dark for its colours.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from gateway.pages.tests.community import Community
from gateway.pages.tests.scenes import a_town
from gateway.pages.tests.serving import serving
from gateway.pages.tests.test_screens import ADMIN, MEMBER, VISITOR, filled
from libs.common.testing.chromium import chromium

pytestmark = pytest.mark.browser
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (1280, 390, 320)
NARROWEST = 320


@pytest.fixture(scope="module")
def town() -> Community:
    return a_town()[0]


@contextmanager
def served(town: Community) -> Iterator[str]:
    """The pages on a port, served by a thread of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    config = uvicorn.Config(serving(town, public_url=base), port=port, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield base
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(town: Community) -> Iterator[str]:
    with served(town) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("who", ["visitor", "member", "admin"])
def test_screens_are_accessible_and_fit_their_window(who, browser, address, town):
    context = browser.new_context(reduced_motion="reduce", color_scheme="light")
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    try:
        _log_in(page, address, who)
        problems = []
        for path in {"visitor": VISITOR, "member": MEMBER, "admin": ADMIN}[who]:
            page.goto(address + filled(path, town))
            for details in page.query_selector_all("main details:not([open]) > summary"):
                details.click()
            problems += [f"{path}: {each}" for each in _looked_at(page)]
        assert problems == []
        # a refused page is told by the browser too; those are asked for on purpose
        assert [each for each in said if "status of 400" not in each] == []
    finally:
        context.close()


def _looked_at(page: Any) -> list[str]:
    """The page at each width; colours once more in the dark."""
    problems = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            problems.append(f"{wide} wide in a window of {width}")
        if width != NARROWEST:
            problems += [f"at {width}: {each}" for each in _violations(page, RULES)]
    wide = page.evaluate("document.documentElement.dir = 'rtl', document.documentElement.scrollWidth")
    if wide > NARROWEST:
        problems.append(f"{wide} wide when it reads from right to left")
    page.emulate_media(color_scheme="dark")
    problems += [f"in the dark: {each}" for each in _violations(page, ["color-contrast"])]
    page.emulate_media(color_scheme="light")
    return problems


def _log_in(page: Any, address: str, who: str) -> None:
    if who == "visitor":
        return
    page.goto(f"{address}/admin/login" if who == "admin" else f"{address}/login")
    page.fill("[name=email]", "admin@example.org" if who == "admin" else "ana@example.org")
    page.fill("[name=password]", "right-1-password")
    page.click("main form button")
    page.wait_for_url(f"{address}/admin" if who == "admin" else f"{address}/home")


def _violations(page: Any, rules: list[str]) -> list[str]:
    found = axe.Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]}).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:300]}" for each in found for node in each["nodes"]
    ]


def test_the_keyboard_reaches_the_content_first_and_every_target_is_big_enough(browser, address, town):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    try:
        _log_in(page, address, "member")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
        small = page.evaluate(
            """() => [...document.querySelectorAll('button, .button, nav a, summary, input, select')]
                .filter(each => each.offsetParent && each.type !== 'hidden')
                .map(each => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
                .filter(([_, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
        )
        assert small == []
    finally:
        page.close()


def test_suggestions_come_while_somebody_types(browser, address, town):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    try:
        _log_in(page, address, "member")
        page.goto(f"{address}/profile")
        page.locator("#f-add-wants").press_sequentially("hedge", delay=20)
        suggestion = page.locator("#wants-suggestions button")
        suggestion.wait_for(timeout=5000)
        assert suggestion.first.inner_text() == "hedge trimming"
        suggestion.first.click()
        page.wait_for_url("**/profile?added=*")
        assert "1 member offers this" in page.inner_text("#wants")
    finally:
        page.close()


def test_the_directory_answers_while_somebody_types_and_keeps_the_cursor(browser, address, town):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    try:
        _log_in(page, address, "member")
        page.goto(f"{address}/directory")
        page.locator("#q").press_sequentially("bookkeeping", delay=20)
        page.wait_for_url("**/directory?q=bookkeeping")
        page.get_by_role("heading", name="Members who offer it").wait_for()
        assert page.evaluate("document.activeElement.id") == "q"
    finally:
        page.close()


def test_an_accepted_proposal_swaps_the_page_without_loading_it_again(browser, address):
    town, _ = a_town()
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    with served(town) as own_address:
        _log_in(page, own_address, "member")
        page.evaluate("window.same = true")
        page.get_by_role("button", name="Accept payment").click()
        page.get_by_text("Accepted. The transfer is complete.").wait_for()
        assert page.evaluate("window.same") is True
        assert "\u221260.50" in page.inner_text(".beam-panel")
        page.close()
