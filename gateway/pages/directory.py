"""The directory: one search box with facets, A to Z by category, a member's page, favourites and messages."""

import asyncio
import math
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.clients.directory import Entity
from gateway.clients.matcher import Order, Reason, Search
from gateway.pages.gather import Part, part_of
from gateway.pages.headers import local_path
from gateway.pages.page import Page
from gateway.pages.screen import Screen, form_problems
from libs.common.errors import Problem, Refusal

PAGE_SIZE = 20
_TASTE = 4
_SIDES = ("offers", "wants", "people")
_ORDERS = ("relevance", "name", "newest")
_PAGE_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Found:
    """One list of members with the exact number of all and why each was found."""

    entities: list[Entity]
    total: int
    how: dict[str, list[Reason]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the search form says."""

    q: str
    side: str
    category: str
    favourites: bool
    order: Order
    page: int

    @classmethod
    def from_query(cls, screen: Screen) -> "Asked":
        """Unknown words fall back to the widest search; a page that is no number is the first."""
        query = screen.query
        side, order, page = query.get("side", ""), query.get("order", ""), query.get("page", "")
        return cls(
            q=query.get("q", "").strip()[:100],
            side=side if side in _SIDES else "all",
            category=query.get("category", "").strip()[:100],
            favourites=query.get("favourites") == "1" and screen.visitor.principal is not None,
            order=cast("Order", order if order in _ORDERS else "relevance"),
            page=min(int(page), _PAGE_MAX) if page.isascii() and page.isdigit() and int(page[:9]) > 0 else 1,
        )

    def link(self, **changes: str) -> str:
        """The same search with something else, for a link."""
        now = {"q": self.q, "side": self.side, "category": self.category, "order": self.order}
        if self.favourites:
            now["favourites"] = "1"
        told = {name: value for name, value in (now | changes).items() if value not in {"", "all", "relevance"}}
        return "/directory?" + (urlencode(told) + "&" if told else "")


async def show_directory(screen: Screen) -> Response:
    asked = Asked.from_query(screen)
    viewer = await _viewer(screen)
    ids = None
    if asked.favourites and viewer:
        ids = await screen.clients.directory.favorite_ids(screen.caller(), viewer["id"])
    values: dict[str, Any] = {"asked": asked, "acting": viewer, "sections": None, "found": None}
    if asked.q and asked.side == "all":
        parts = await asyncio.gather(
            *(part_of(_find(screen, asked, side, ids, viewer, page_size=_TASTE)) for side in _SIDES)
        )
        values["sections"] = dict(zip(_SIDES, parts, strict=True))
        values["nothing"] = all(part.value is not None and not part.value.total for part in parts)
    else:
        found = await part_of(_find(screen, asked, asked.side, ids, viewer, page_size=PAGE_SIZE))
        values["found"] = found
        values["nothing"] = found.value is not None and not found.value.total
        values["pages"] = max(1, math.ceil(found.value.total / PAGE_SIZE)) if found.value else 1
    return screen.render("directory.html", **values)


async def _viewer(screen: Screen) -> Entity | None:
    """The entity through whose eyes a member sees the directory; nobody for visitors and admins."""
    if not screen.visitor.is_member:
        return None
    mine = await screen.mine()
    return await screen.acting() if mine.value else None


async def _find(
    screen: Screen, asked: Asked, side: str, ids: list[str] | None, viewer: Entity | None, *, page_size: int
) -> Found:
    words = [word.strip() for word in asked.q.split(",") if word.strip()]
    search = Search(
        offers=words if side == "offers" else (),
        wants=words if side == "wants" else (),
        name=asked.q if asked.q and side in {"people", "all"} else None,
        category=asked.category or None,
        ids=ids,
        order="name" if not asked.q and asked.order == "relevance" and asked.category else asked.order,
        page=asked.page,
        page_size=page_size,
    )
    result = await screen.clients.matcher.search(screen.own_caller(), search)
    if not result["ids"]:
        return Found([], result["total"], {})
    entities = await screen.clients.directory.fetch(
        screen.caller(), result["ids"], viewer_entity_id=viewer["id"] if viewer else None
    )
    return Found(entities, result["total"], result["how"])


async def show_categories(screen: Screen) -> Response:
    """A to Z, as in a telephone directory."""
    letter = screen.query.get("letter", "")[:4]
    caller, viewer = screen.own_caller(), await _viewer(screen)
    letters, categories = await asyncio.gather(
        part_of(screen.clients.directory.category_letters(caller)),
        part_of(screen.clients.directory.categories(caller, letter=letter or None, page_size=100)),
    )
    return screen.render("categories.html", letters=letters, categories=categories, letter=letter, acting=viewer)


async def show_entity(screen: Screen) -> Response:
    viewer, entity_id = await _viewer(screen), screen.path_id()
    entity = await screen.clients.directory.entity(
        screen.caller(), entity_id, viewer_entity_id=viewer["id"] if viewer else None
    )
    number: Part[str] = Part(None)
    if screen.visitor.principal:
        number = await part_of(_account_number(screen, entity_id))
    return screen.render("entity.html", entity=entity, acting=viewer, number=number.value)


async def _account_number(screen: Screen, entity_id: str) -> str:
    accounts = await screen.clients.ledger.accounts_by_entity(screen.caller(), [entity_id])
    return accounts[0]["number"] if accounts else ""


async def do_favourite(screen: Screen) -> Response:
    entity_id, wanted = screen.path_id(), screen.form.text("wanted") == "1"
    acting = await screen.acting()
    await screen.clients.directory.set_favorite(screen.caller(), acting["id"], entity_id, is_favorite=wanted)
    back = local_path(screen.form.text("next"), f"/entities/{entity_id}")
    return screen.go(back, done="favourite_added" if wanted else "favourite_removed")


async def show_contact(screen: Screen) -> Response:
    acting = await screen.acting()
    entity = await screen.clients.directory.entity(screen.caller(), screen.path_id(), viewer_entity_id=acting["id"])
    return screen.render("contact.html", entity=entity, acting=acting)


async def do_contact(screen: Screen) -> Response:
    acting, entity_id = await screen.acting(), screen.path_id()
    text = screen.form.text("body")
    problems: tuple[Problem, ...] = ()
    if not text:
        problems = (Problem("text_needed", "Please write a message.", "body"),)
    else:
        try:
            await screen.clients.directory.contact(
                screen.caller(), from_entity_id=acting["id"], to_entity_id=entity_id, body=text
            )
        except Refusal as refusal:
            problems = form_problems(refusal)
    if problems:
        entity = await screen.clients.directory.entity(screen.caller(), entity_id, viewer_entity_id=acting["id"])
        return screen.render("contact.html", status=400, entity=entity, acting=acting, problems=problems)
    return screen.go(f"/entities/{entity_id}", done="sent")


PAGES = (
    Page("/directory", show_directory),
    Page("/directory/categories", show_categories),
    Page("/entities/{id}", show_entity),
    Page("/entities/{id}/favourite", post=do_favourite, who="member"),
    Page("/entities/{id}/contact", show_contact, do_contact, who="member"),
)
