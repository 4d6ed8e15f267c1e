"""The main job as people do it, in a real Chromium: on a desktop, on a telephone, and without JavaScript."""

import re
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from libs.common.testing.chromium import chromium
from tests.e2e.driving import PASSWORD, eventually
from tests.e2e.running import ADMIN, Running

pytestmark = pytest.mark.browser
LOOKS, LOOK_EVERY_MS = 100, 50
DESKTOP, TELEPHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, browser: Any, address: str, *, window: dict[str, int], scripts: bool) -> None:
        self.address = address
        self.context = browser.new_context(viewport=window, java_script_enabled=scripts, reduced_motion="reduce")
        self.context.set_default_timeout(15_000)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        self.name = ""
        self.email = ""

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def press(self, name: str) -> None:
        """The first button or link of this name that is seen."""
        button = self.page.get_by_role("button", name=name, exact=True)
        found = button if button.count() else self.page.get_by_role("link", name=name, exact=True)
        found.first.click()

    def sees(self, words: str) -> bool:
        """Whether the page says so, now or in a moment: with scripts a part of it may still be on its way."""
        for _ in range(LOOKS):
            if words in " ".join(self.page.inner_text("main").split()):
                return True
            self.page.wait_for_timeout(LOOK_EVERY_MS)
        return False

    def at(self) -> str:
        return str(urlsplit(self.page.url).path)

    def signs_up(self, name: str) -> None:
        self.name, self.email = name, f"{name.lower().replace(' ', '.')}@people.example"
        self.open("/")
        self.press("Sign up")
        self.page.get_by_label("E-mail", exact=True).fill(self.email)
        self.page.get_by_label("Password", exact=False).fill(PASSWORD)
        self.page.get_by_label("Name of your business", exact=False).fill(name)
        self.page.get_by_role("checkbox").first.check()
        self.page.locator("main form").get_by_role("button", name="Sign up").click()
        assert self.at() == "/login", self.page.inner_text("main")
        self.logs_in(self.email, PASSWORD)
        assert self.at() == "/home"

    def logs_in(self, email: str, password: str) -> None:
        self.page.get_by_label("E-mail", exact=True).fill(email)
        self.page.get_by_label("Password", exact=False).fill(password)
        self.page.locator("main form").get_by_role("button", name="Log in").click()

    def adds(self, kind: str, tag: str) -> None:
        self.open("/profile")
        self.page.locator(f"#f-add-{kind}").fill(tag)
        self.page.locator(f"#{kind}").get_by_role("button", name="Add", exact=True).click()
        self.page.wait_for_url("**/profile?added=*")
        assert self.page.locator(f"#{kind} .tags").get_by_text(tag.lower()).count()

    def close(self) -> None:
        self.context.close()


class Steward(Person):
    """The admin at a browser."""

    def enters(self) -> None:
        self.open("/admin/login")
        self.logs_in(*ADMIN)
        assert self.at() == "/admin"

    def lets_trade(self, name: str) -> None:
        """Finds the newcomer under what waits, grants trading, then sets limits with a reason."""
        self.open("/admin/entities?status=pending")
        self.page.get_by_role("link", name=name, exact=True).click()
        self.page.get_by_role("radio", name=re.compile("^Trading member")).check()
        self.press("Change status")
        assert self.sees("The status is changed")
        self.page.get_by_label("May go below zero by").fill("200")
        self.page.get_by_label("May go above zero by").fill("1000")
        self.page.get_by_label("Why").fill("New member")
        self.press("Change limits")
        assert self.sees("The limits are changed")
        assert self.sees("200.00")


@pytest.mark.parametrize(
    ("window", "scripts"),
    [(DESKTOP, True), (TELEPHONE, True), (DESKTOP, False)],
    ids=["desktop", "telephone", "without-javascript"],
)
def test_two_people_sign_up_meet_and_trade(window, scripts, node: Running, browser):
    ana, ben = (Person(browser, node.address, window=window, scripts=scripts) for _ in range(2))
    steward = Steward(browser, node.address, window=window, scripts=scripts)
    people = [ana, ben, steward]
    try:
        _trade(ana, ben, steward)
        assert [person.faults for person in people] == [[], [], []]
    finally:
        for person in people:
            person.close()


def _trade(ana: Person, ben: Person, steward: Steward) -> None:
    mark = uuid.uuid4().hex[:8]
    ana.signs_up(f"Alma {mark}")
    ben.signs_up(f"Bruno {mark}")
    assert ana.sees("Waiting for approval")
    steward.enters()
    for person in (ana, ben):
        steward.lets_trade(person.name)
    tag = f"thatching {mark}"
    ana.adds("offers", tag)
    ben.adds("wants", tag)
    for one, other, words in ((ana, ben, f"They want {tag}"), (ben, ana, f"They offer {tag}")):
        eventually(partial(_is_matched, one, other))
        assert one.sees(words)
    _ben_pays(ana, ben)
    _ana_accepts(ana, ben)
    _both_statements(ana, ben)


def _is_matched(one: Person, other: Person) -> bool:
    one.open("/home")
    found = one.page.locator("section", has_text="Matches for you").get_by_role("link", name=other.name)
    return bool(found.count())


def _ben_pays(ana: Person, ben: Person) -> None:
    ben.page.locator("section", has_text="Matches for you").get_by_role("link", name=f"Pay {ana.name}").click()
    assert ben.sees(f"You pay {ana.name}")
    ben.page.get_by_label("Amount", exact=False).fill("12,50")
    ben.page.get_by_label("What for", exact=False).fill("A roof for the bees")
    ben.press("Continue")
    assert ben.sees("Your balance then \u221212.50")
    assert ben.sees("You can then still spend 187.50")
    ben.press("Send the payment")
    assert ben.sees(f"You offered to pay {ana.name}")
    assert ben.sees("Waiting for an answer")
    # going back and pressing once more finds the same transfer
    receipt = ben.at()
    ben.page.go_back()
    ben.press("Send the payment")
    assert ben.at() == receipt


def _ana_accepts(ana: Person, ben: Person) -> None:
    ana.open("/home")
    assert ana.sees(f"{ben.name} offers to pay you")
    ana.press("Accept payment")
    assert ana.sees("Accepted. The transfer is complete.")
    assert ana.sees("Nothing waits for you.")


def _both_statements(ana: Person, ben: Person) -> None:
    for person, words, balance in (
        (ana, f"{ben.name} paid you", "12.50"),
        (ben, f"You paid {ana.name}", "\u221212.50"),
    ):
        person.open("/statement")
        assert person.sees(words)
        assert person.sees(f"Balance now {balance}")
        assert person.sees("A roof for the bees")


def test_logging_out_in_one_tab_ends_the_other_too(node: Running, browser):
    person = Person(browser, node.address, window=DESKTOP, scripts=True)
    try:
        person.signs_up(f"Carla {uuid.uuid4().hex[:8]}")
        other = person.context.new_page()
        other.goto(f"{node.address}/profile")
        person.page.locator(".menu summary").click()
        person.press("Log out")
        assert person.sees("You are logged out.")
        other.reload()
        assert urlsplit(other.url).path == "/login"
    finally:
        person.close()


def test_a_forgotten_password_is_replaced_by_the_mailed_link(node: Running, browser):
    person = Person(browser, node.address, window=TELEPHONE, scripts=False)
    try:
        person.signs_up(f"Dora {uuid.uuid4().hex[:8]}")
        person.context.clear_cookies()
        person.open("/password-reset")
        person.page.get_by_label("E-mail", exact=True).fill(person.email)
        person.press("Send the link")
        link = str(eventually(lambda: _mailed_link(person, "/password-reset/")))
        person.open(link)
        for label in ("New password", "The same again"):
            person.page.get_by_label(label).fill("Another-one-8")
        person.press("Save")
        person.logs_in(person.email, "Another-one-8")
        assert person.at() == "/home"
        person.open(link)
        assert person.sees("This link does not work any more")
    finally:
        person.close()


def _mailed_link(person: Person, beginning: str) -> str:
    """The path of a link that was mailed to this person, read on the development mail page."""
    person.open(f"/mail?to={person.email}")
    for letter in [each.get_attribute("href") for each in person.page.query_selector_all("main li a")]:
        person.open(letter)
        for link in person.page.query_selector_all(".mail-text a"):
            path = urlsplit(str(link.get_attribute("href"))).path
            if path.startswith(beginning):
                return path
    return ""
