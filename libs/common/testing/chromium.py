"""A real Chromium for tests: the system's own, driven by Playwright, with nothing that talks to the outside."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from libs.common.testing.servers import not_run

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser (Playwright's synchronous API). Where there is none the test is skipped and counted."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        not_run("Chromium", "install it, for example by: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
