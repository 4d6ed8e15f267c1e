"""The first page of a visitor, and the start page of a member: balance, what waits, matches, what happened."""

import asyncio

from starlette.responses import Response

from gateway.clients.directory import Entity
from gateway.clients.ledger_shapes import PendingJson
from gateway.pages.figures import beam_of
from gateway.pages.gather import Part, part_of
from gateway.pages.matching import Meeting, best_matches, since_when
from gateway.pages.page import Page
from gateway.pages.screen import Screen

_LATEST = 6
_MATCHES = 4


async def show_first(screen: Screen) -> Response:
    """What this is, for somebody who comes by; members go on to their own start page."""
    if screen.visitor.principal:
        return screen.go(screen.visitor.start)
    categories = await part_of(screen.clients.directory.categories(screen.own_caller(), page_size=100))
    used = sorted((categories.value or {"items": []})["items"], key=lambda each: -each["entities"])
    return screen.render("first.html", categories=[each for each in used if each["entities"]][:12])


async def show_home(screen: Screen) -> Response:
    mine = await screen.mine()
    if mine.here and not mine.value:
        return screen.render("home_nobody.html")
    acting_id = await screen.acting_id()
    acting = next((entity for entity in mine.value or () if entity["id"] == acting_id), None)
    clients, caller = screen.clients, screen.caller()
    account, pending, latest, (matches, only_new), unread = await asyncio.gather(
        part_of(clients.ledger.account(caller, acting_id)),
        part_of(clients.ledger.pending(caller, [acting_id])),
        part_of(clients.ledger.transfers(caller, entity_id=acting_id, status=["completed"], page_size=_LATEST)),
        _new_matches(screen, acting, acting_id),
        part_of(clients.notifier.unread(caller)),
    )
    return screen.render(
        "home.html",
        acting=acting,
        own={acting_id},
        account=account,
        beam=beam_of(screen.language, account.value) if account.value else None,
        pending=pending,
        waiting=_mine_to_answer(pending.value),
        sent_out=_theirs_to_answer(pending.value),
        latest=latest,
        matches=matches,
        only_new=only_new,
        unread=unread.value or 0,
    )


async def _new_matches(screen: Screen, acting: Entity | None, acting_id: str) -> tuple[Part[list[Meeting]], bool]:
    """The best matches, and whether only those since the previous login were asked for."""
    since = await since_when(screen, acting)
    return await best_matches(screen, acting_id, limit=_MATCHES, since=since), since is not None


def _mine_to_answer(pending: list[PendingJson] | None) -> list[PendingJson]:
    return [each for each in pending or () if each["may_accept"]]


def _theirs_to_answer(pending: list[PendingJson] | None) -> list[PendingJson]:
    return [each for each in pending or () if not each["may_accept"]]


PAGES = (
    Page("/", show_first),
    Page("/home", show_home, who="member"),
)
