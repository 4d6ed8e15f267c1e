"""All matches of a member, and putting one aside."""

import asyncio

from starlette.responses import Response

from gateway.pages.gather import part_of
from gateway.pages.headers import local_path
from gateway.pages.matching import best_matches
from gateway.pages.page import Page
from gateway.pages.screen import Screen

_SHOWN = 60
REASON_MAX = 200


async def show_matches(screen: Screen) -> Response:
    acting = await screen.acting()
    matches, _ = await asyncio.gather(
        best_matches(screen, acting["id"], limit=_SHOWN),
        part_of(screen.clients.notifier.matches_seen(screen.caller(), acting["id"])),
    )
    return screen.render("matches.html", acting=acting, matches=matches)


async def do_dismiss(screen: Screen) -> Response:
    acting_id = await screen.acting_id()
    reason = screen.form.text("reason")[:REASON_MAX]
    await screen.clients.directory.dismiss(screen.caller(), acting_id, screen.path_id(), reason=reason)
    return screen.go(local_path(screen.form.text("next"), "/matches"), done="dismissed")


PAGES = (
    Page("/matches", show_matches, who="member"),
    Page("/matches/{id}/dismiss", post=do_dismiss, who="member"),
)
