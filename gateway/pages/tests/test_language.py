"""Languages: chosen by the visitor or the browser, with their own numbers, dates and direction; every text can be told."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo

from gateway.pages.language import Languages
from gateway.pages.tests.browsing import Browser

GATEWAY = Path(__file__).parents[2]


@pytest.fixture
def languages(tmp_path: Path) -> Languages:
    """English, and a Spanish and an Arabic that know a few sentences."""
    for code, texts in (("es", {"Statement": "Extracto", "You paid %(name)s": "Pagaste a %(name)s"}), ("ar", {})):
        catalog = Catalog(locale=code)
        for source, told in texts.items():
            catalog.add(source, told)
        folder = tmp_path / code / "LC_MESSAGES"
        folder.mkdir(parents=True)
        with (folder / "pages.mo").open("wb") as file:
            write_mo(file, catalog)
    return Languages("en", tmp_path)


@pytest.mark.parametrize(
    ("chosen", "accepted", "code"),
    [
        ("", "", "en"),
        ("es", "ar", "es"),
        ("xx", "es-MX,en;q=0.8", "es"),
        ("", "fr, ar;q=0.5, es;q=0.9", "es"),
        ("", "ar;q=nonsense, ;;;, es;q=0", "en"),
        ("../../etc", "*", "en"),
    ],
)
def test_the_visitors_choice_comes_first_then_the_browsers_then_the_communitys(chosen, accepted, code, languages):
    assert languages.choose(chosen, accepted).code == code


async def test_a_page_speaks_the_language_with_its_numbers_and_dates(town, languages):
    browser = Browser(town, languages=languages)
    await browser.log_in("ana@example.org")
    browser.client.headers["accept-language"] = "es"
    page = await browser.open("/statement")
    assert "Extracto" in page.text
    assert "Pagaste a Cleo's Green Hands" in page.text
    assert "84,50" in page.text
    assert "24 de febrero de 2026" in page.text
    assert next(given for tag, given in page.tags if tag == "html")["lang"] == "es"


async def test_a_chosen_language_is_kept_and_its_direction_is_told(town, languages):
    browser = Browser(town, languages=languages)
    await browser.open("/directory")
    page = await browser.press("/language", language="ar")
    html = next(given for tag, given in page.tags if tag == "html")
    assert (html["lang"], html["dir"]) == ("ar", "rtl")
    page = await browser.press("/language", language="no-such")
    assert next(given for tag, given in page.tags if tag == "html")["lang"] == "ar"


def test_every_text_of_the_pages_can_be_translated():
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    found = {
        message if isinstance(message, str) else message[0]
        for folder in ("pages", "templates")
        for _, _, message, _, _ in extract_from_dir(GATEWAY / folder, methods, {"**.html": {"silent": "false"}})
    }
    assert len(found) > 300
    for text in (
        "You paid %(payee)s",
        "They want %(tags)s",
        "Accepted. The transfer is complete.",
        "Skip to the content",
    ):
        assert text in found
