"""What is said: every kind, in every shipped language, as text and HTML, whatever members wrote."""

import re
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.domain import KINDS
from services.notifier.language import FOLDER, Language, language_of, shipped
from services.notifier.render import bodies_of
from services.notifier.words.kinds import WRITERS, title_of, words_of

UTC = ZoneInfo("UTC")
A_TRANSFER: dict[str, Any] = {
    "transfer_id": "t1",
    "side": "payer",
    "other": "Bakery {Rosa} <b>&co</b>",
    "amount_minor": 125050,
    "unit": "CR",
    "description": "Bread <script>alert(1)</script>\nfor {two}",
    "expires_at": "2026-03-02T12:00:00.000Z",
    "completed_at": "2026-03-02T12:00:00.000Z",
    "cancelled_at": "2026-03-02T12:00:00.000Z",
    "by": "payee",
    "reason": "too {late} %s",
}
NAMES: dict[str, Any] = {
    "entity": "Rosa & {Co}",
    "entity_id": "e1",
    "node": "Eastville",
    "sender": "<i>Mia</i>",
    "sender_id": "e2",
}
PARAMS: dict[str, dict[str, Any]] = {
    "welcome": NAMES | {"token": "abc"},
    "email_verification": {"token": "abc"},
    "signup_repeated": {},
    "password_reset": {"role": "member", "token": "abc"},
    "password_changed": {"by_reset": True},
    "account_locked": {"until": "2026-03-02T12:00:00.000Z", "address": "192.0.2.1"},
    "new_device": {"at": "2026-03-02T12:00:00.000Z", "address": "192.0.2.1", "agent": "<Browser>"},
    "invitation": NAMES | {"token": "abc"},
    "application_received": NAMES,
    "status_decided": NAMES | {"old": "pending", "new": "accepted"},
    "contact_message": NAMES | {"body": "Hello {you}\n<b>second</b> line"},
    "match_found": {"count": 3},
    "daily_matches": {
        "pairs": [
            {"other_id": f"e{n}", "other": "{Max}", "side": side, "mine": "bread", "theirs": "rye-bread"}
            for n in range(20)
            for side in ("offer", "want")
        ]
    },
    "new_signup": NAMES | {"person": "", "email": "rosa@example.org"},
    "new_application": NAMES,
    "contact_copy": NAMES | {"receiver": "{Max}", "body": "Hello"},
    "books_broken": NAMES | {"check": "sum", "detail": "off by {1}", "accounts": ["1234567812345670"]},
    "dead_letters": {"service": "ledger", "count": 2, "type": "x.v1", "reason": "boom"},
} | {name: A_TRANSFER for name in KINDS if name.startswith("transfer_")}


class Tags(HTMLParser):
    """Names of the tags and the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]


def tags_of(html: str) -> Tags:
    found = Tags()
    found.feed(html)
    return found


def test_every_kind_has_words_and_a_name_and_nothing_else_has():
    assert set(WRITERS) == set(KINDS) == set(PARAMS)
    assert len({title_of(kind, Language("en")) for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("code", shipped())
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_said_in_every_language_as_text_and_html(kind, code):
    language = language_of(code, default="en", zone=UTC)
    words = words_of(kind, language, PARAMS[kind])
    assert words.title
    assert "\n" not in words.title
    bodies = bodies_of(
        words,
        language,
        node="East & West",
        base="https://n.example",
        name="Mia",
        unsubscribe_url="https://n.example/u/1",
    )
    tags = tags_of(bodies.html)
    assert not {"script", "b", "i", "browser"} & set(tags.names)
    assert f'<html lang="{code}" dir="{language.direction}">' in bodies.html
    assert "https://n.example/u/1" in bodies.text
    assert "https://n.example/u/1" in tags.links
    if words.action:
        assert f"https://n.example{words.action.path}" in bodies.text
        assert f"https://n.example{words.action.path}" in tags.links
    assert not re.search(r"[ \t]+$|\n{4}", bodies.text.replace("-- \n", ""), re.MULTILINE)


@settings(max_examples=40, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=60),
    st.text(min_size=1, max_size=60),
)
def test_whatever_a_member_writes_is_text_in_the_html(name, body):
    words = words_of("contact_message", Language("en"), {"sender": name, "sender_id": "e", "body": body})
    plain = words_of("contact_message", Language("en"), {"sender": "x", "sender_id": "e", "body": "y"})
    html = bodies_of(words, Language("en"), node=name, base="https://n.example", name=name).html
    expected = bodies_of(plain, Language("en"), node="n", base="https://n.example", name="x").html
    assert tags_of(html).names == tags_of(expected).names


@pytest.mark.parametrize(
    ("kind", "side", "title"),
    [
        ("transfer_proposed", "payer", "Rosa asks you to pay 1,250.50\xa0CR"),
        ("transfer_proposed", "payee", "Rosa wants to pay you 1,250.50\xa0CR"),
        ("transfer_accepted", "payer", "Rosa accepted your payment of 1,250.50\xa0CR"),
        ("transfer_accepted", "payee", "Rosa paid you 1,250.50\xa0CR as you asked"),
        ("transfer_rejected", "payer", "Rosa declined your payment of 1,250.50\xa0CR"),
        ("transfer_rejected", "payee", "Rosa declined to pay you 1,250.50\xa0CR"),
    ],
)
def test_who_pays_whom_is_said_in_words(kind, side, title):
    assert words_of(kind, Language("en"), A_TRANSFER | {"side": side, "other": "Rosa"}).title == title


def test_amounts_are_written_as_the_language_writes_them():
    assert Language("en").amount(125050, "CR") == "1,250.50\xa0CR"
    assert Language("de").amount(125050, "CR") == "1.250,50\xa0CR"
    assert Language("en").amount(1, "CR") == "0.01\xa0CR"


def test_moments_are_written_in_the_communitys_time_zone():
    assert (
        Language("en", ZoneInfo("Europe/Berlin")).moment("2026-03-02T12:00:00.000Z").startswith("2 March 2026, 13:00")
    )


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("de", "Rosa möchte Ihnen 1.250,50\xa0CR zahlen"),
        ("es", "Rosa quiere pagarte 1.250,50\xa0CR"),
        ("fr", "Rosa veut vous payer 1\u202f250,50\xa0CR"),
    ],
)
def test_a_notice_in_another_language(code, title):
    language = language_of(code, default="en", zone=UTC)
    assert words_of("transfer_proposed", language, A_TRANSFER | {"side": "payee", "other": "Rosa"}).title == title


def test_a_language_that_is_not_shipped_becomes_the_default_and_then_english():
    assert language_of("xx", default="en", zone=UTC).code == "en"
    assert language_of(None, default="xx", zone=UTC).code == "en"
    assert language_of("EN_us", default="xx", zone=UTC).code == "en"


def test_the_welcome_of_who_joined_names_the_entity_and_leads_in_or_to_the_confirmation():
    words = words_of("welcome", Language("en"), NAMES | {"joined": True})
    assert words.lines == ("You now act for Rosa & {Co}.",)
    assert words.action is not None
    assert words.action.path == "/home"
    asked = words_of("welcome", Language("en"), NAMES | {"joined": True, "entity": "", "token": "abc"})
    assert asked.lines == ("Please confirm that this address is yours:",)
    assert asked.action is not None
    assert asked.action.path == "/verify/abc"


def test_the_welcome_without_a_token_has_no_link():
    assert words_of("welcome", Language("en"), NAMES).action is None


def extracted() -> set[str]:
    package = Path(__file__).parents[1]
    methods = [("words/**.py", "python"), ("render.py", "python")]
    found = {
        message
        for _, _, message, _, _ in extract_from_dir(package, methods, keywords={"_": None, "language": None})
        if isinstance(message, str)
    }
    templates = "".join(path.read_text() for path in (package / "templates").iterdir())
    return found | set(re.findall(r'_\("([^"]+)"\)', templates))


def fields(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("code", [code for code in shipped() if code != "en"])
def test_a_shipped_language_has_every_text_with_the_same_places(code):
    with (FOLDER / code / "LC_MESSAGES" / "notifier.po").open("rb") as file:
        catalog = {str(entry.id): str(entry.string) for entry in read_po(file) if entry.id}
    assert extracted() - {text for text, said in catalog.items() if said} == set()
    assert {text for text, said in catalog.items() if fields(text) != fields(said)} == set()
    assert set(catalog) - extracted() == set()
