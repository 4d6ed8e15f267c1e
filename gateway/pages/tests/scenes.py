"""A believable small town for looking at the pages: members on both sides of zero, matches, open proposals."""

from datetime import timedelta
from typing import Any

from gateway.pages.tests.community import START, Community
from libs.common.clock import rfc3339


def a_town() -> tuple[Community, str]:
    """The community, and the entity of the member through whose eyes it is seen (ana@example.org)."""
    town = Community()
    town.category_names = ["food", "crafts", "garden", "lessons", "repair"]
    ana = town.member(
        "Ana's Bakery",
        email="ana@example.org",
        balance=-8450,
        offers=["sourdough-bread", "cakes", "catering"],
        wants=["bicycle-repair", "bookkeeping", "garden-help"],
        categories=["food"],
        city="Brookvale",
        description="Bread from a wood oven, three days a week. Cakes on order.",
        telephone="+44 20 7946 0000",
        address="3 Mill Lane",
        website="https://bakery.example.org",
        member_since=rfc3339(START - timedelta(days=150)),
    )
    ben = town.member(
        "Ben Wheeler, Bicycles",
        email="ben@example.org",
        balance=12075,
        offers=["bicycle-repair", "bicycle-rental"],
        wants=["sourdough-bread", "catering"],
        categories=["repair"],
        city="Brookvale",
        description="I mend what rolls. Pick-up in the old station.",
    )
    cleo = town.member(
        "Cleo's Green Hands",
        email="cleo@example.org",
        balance=3100,
        offers=["garden-help", "hedge-trimming"],
        wants=["cakes"],
        categories=["garden"],
        city="Upper Marsh",
    )
    dario = town.member(
        "Dario Conti Accounts",
        email="dario@example.org",
        balance=-6725,
        offers=["bookkeeping", "tax-advice"],
        wants=["italian-lessons"],
        categories=["lessons"],
        city="Brookvale",
    )
    town.member("Elm Street Choir", email="elm@example.org", status="accepted", offers=["concerts"], wants=["cakes"])
    town.member(
        "Fay Potter",
        email="fay@example.org",
        status="pending",
        offers=["pots"],
        wants=["clay"],
        description="New in town.",
    )
    _past(town, ana, ben, cleo, dario)
    town.transfer(ben, ana, 2400, initiator="payer", text="Two loaves a week in March")
    town.transfer(ana, cleo, 4500, initiator="payee", text="Pruning the apple trees")
    town.transfer(ana, dario, 6000, initiator="payer", text="Bookkeeping, first quarter")
    town.accounts[ana]["held_minor"] = 6000
    town.notices = [_notice("Ben Wheeler, Bicycles offers to pay you 24.00 CR", "/transfers"), _notice("Welcome", None)]
    town.user("admin@example.org", role="admin")
    return town, ana


def id_of(town: Community, name: str) -> str:
    """The entity whose name begins so."""
    found: str = next(each["id"] for each in town.entities.values() if each["name"].startswith(name))
    return found


def _past(town: Community, ana: str, ben: str, cleo: str, dario: str) -> None:
    history: list[tuple[str, str, int, str, int]] = [
        (ana, ben, 3550, "New chain and brakes", 40),
        (cleo, ana, 1800, "Birthday cake", 31),
        (ana, dario, 5200, "Year-end accounts", 24),
        (ben, ana, 2600, "Catering for the opening", 12),
        (ana, cleo, 4100, "Hedge and lawn", 5),
    ]
    for payer, payee, amount, text, days in history:
        made = town.transfer(payer, payee, amount, status="completed", text=text)
        made["completed_at"] = made["proposed_at"] = rfc3339(START - timedelta(days=days))


def _notice(title: str, link: str | None) -> dict[str, Any]:
    notice: dict[str, Any] = {"id": title, "kind": "x", "title": title, "text": "", "at": rfc3339(START), "read": False}
    return {**notice, "link": link} if link else notice
