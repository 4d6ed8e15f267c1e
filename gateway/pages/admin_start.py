"""Where an admin starts: what waits."""

import asyncio

from starlette.responses import Response

from gateway.pages.gather import part_of
from gateway.pages.page import Page
from gateway.pages.screen import Screen

_SHOWN = 20


async def show_todo(screen: Screen) -> Response:
    caller, directory = screen.caller(), screen.clients.directory
    counts, signups, applications, books = await asyncio.gather(
        part_of(directory.counts(caller)),
        part_of(directory.find(caller, status=["pending"], order="newest", page_size=_SHOWN)),
        part_of(directory.find(caller, status=["tradingPending"], order="newest", page_size=_SHOWN)),
        part_of(screen.clients.ledger.audit(caller)),
    )
    return screen.render("admin_todo.html", counts=counts, signups=signups, applications=applications, books=books)


PAGES = (Page("/admin", show_todo, who="admin"),)
