"""Favourites, dismissed matches, contact messages and the activity log over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from libs.common.auth import Principal
from libs.common.web import Page, page, principal, require_admin, router
from services.directory.api.shapes import (
    Contact,
    Dismissal,
    Id,
    Text,
    activity_shape,
    answer,
    in_utc,
    nothing,
    numbered,
    shown_list,
)
from services.directory.service import activity, links
from services.directory.service.deps import Deps
from services.directory.store.port import ActivityFilter, Slice

Caller = Annotated[Principal, Depends(principal)]
Admin = Annotated[Principal, Depends(require_admin)]
Part = Annotated[Page, Depends(page)]


def routes(deps: Deps) -> APIRouter:
    """The endpoints between two entities, and the log."""
    api = router()
    _favorites(api, deps)
    _others(api, deps)
    _log(api, deps)
    return api


def _favorites(api: APIRouter, deps: Deps) -> None:
    @api.put("/entities/{entity_id}/favorites/{other_id}")
    async def add(caller: Caller, entity_id: Id, other_id: Id) -> Response:
        await links.add_favorite(deps, caller, entity_id, other_id)
        return nothing()

    @api.delete("/entities/{entity_id}/favorites/{other_id}")
    async def remove(caller: Caller, entity_id: Id, other_id: Id) -> Response:
        await links.remove_favorite(deps, caller, entity_id, other_id)
        return nothing()

    @api.get("/entities/{entity_id}/favorites/ids")
    async def ids(caller: Caller, entity_id: Id) -> Response:
        return answer({"items": await links.favorite_ids(deps, caller, entity_id)})

    @api.get("/entities/{entity_id}/favorites")
    async def favorites(caller: Caller, entity_id: Id, part: Part) -> Response:
        return shown_list(*await links.favorites(deps, caller, entity_id, Slice(part.offset, part.page_size)))


def _others(api: APIRouter, deps: Deps) -> None:
    @api.post("/entities/{entity_id}/dismissals")
    async def dismiss(caller: Caller, entity_id: Id, body: Dismissal) -> Response:
        await links.dismiss(deps, caller, entity_id, body.other_entity_id, body.reason)
        return nothing()

    @api.get("/entities/{entity_id}/dismissals")
    async def dismissed(caller: Caller, entity_id: Id) -> Response:
        return answer({"items": await links.dismissed(deps, caller, entity_id)})

    @api.post("/contact-messages")
    async def contact(caller: Caller, body: Contact) -> Response:
        message_id = await links.contact(deps, caller, body.from_entity_id, body.to_entity_id, body.body)
        return answer({"message_id": message_id}, 201)


def _log(api: APIRouter, deps: Deps) -> None:
    @api.get("/activity")
    async def search(
        caller: Admin,
        part: Part,
        email: Text = None,
        category: Text = None,
        action: Text = None,
        detail: Text = None,
        entity_id: Text = None,
        date_from: datetime | None = None,
        date_to: datetime | None = None,
    ) -> Response:
        wanted = ActivityFilter(
            email, category, action, detail, entity_id, in_utc(date_from, "date_from"), in_utc(date_to, "date_to")
        )
        found, total = await activity.search(deps, wanted, Slice(part.offset, part.page_size))
        return numbered([activity_shape(line) for line in found], total)
