"""A town, and browsers in it."""

import pytest

from gateway.pages.tests.browsing import Browser
from gateway.pages.tests.community import Community
from gateway.pages.tests.scenes import a_town


@pytest.fixture
def town() -> Community:
    return a_town()[0]


@pytest.fixture
async def visitor(town: Community) -> Browser:
    return Browser(town)


@pytest.fixture
async def ana(town: Community) -> Browser:
    browser = Browser(town)
    await browser.log_in("ana@example.org")
    return browser


@pytest.fixture
async def ben(town: Community) -> Browser:
    browser = Browser(town)
    await browser.log_in("ben@example.org")
    return browser


@pytest.fixture
async def admin(town: Community) -> Browser:
    browser = Browser(town)
    await browser.log_in("admin@example.org", admin=True)
    return browser
