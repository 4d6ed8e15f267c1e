"""Entities over HTTP; what is asked most stands in `looks`."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response

from libs.common.auth import Principal
from libs.common.errors import Refusal
from libs.common.ids import is_id
from libs.common.web import body_limit, principal, require_admin, require_service, router
from services.directory.api.shapes import (
    Find,
    Id,
    NewEntity,
    answer,
    in_utc,
    nothing,
    numbered,
)
from services.directory.domain.entity import STATUSES, Entity
from services.directory.domain.tags import tag_form, tag_forms
from services.directory.service import entities, reading
from services.directory.service.access import own_entities
from services.directory.service.deps import Deps
from services.directory.store.port import EntityFilter

QUERY_BYTES_MAX = 8 * 1024 * 1024
Caller = Annotated[Principal, Depends(principal)]
Service = Annotated[Principal, Depends(require_service)]
Admin = Annotated[Principal, Depends(require_admin)]
Anything = Annotated[dict[str, Any], Body()]


def routes(deps: Deps) -> APIRouter:
    """The endpoints of entities."""
    api = router()
    _signup(api, deps)
    _changing(api, deps)
    _for_admins(api, deps)
    return api


async def _whole(deps: Deps, caller: Principal, entity: Entity) -> Response:
    own = entity.id in await own_entities(deps, caller)
    return _with_version(reading.whole(entity, own=own))


def _with_version(shape: dict[str, Any], status: int = 200) -> Response:
    response = answer(shape, status)
    if "version" in shape:
        response.headers["ETag"] = f'"{shape["version"]}"'
    return response


def _signup(api: APIRouter, deps: Deps) -> None:
    @api.post("/entities/validate")
    async def validate(caller: Service, profile: Anything) -> Response:
        entities.validate(deps, profile)
        return nothing()

    @api.put("/entities/{entity_id}")
    async def create(caller: Service, entity_id: str, body: NewEntity) -> Response:
        if not is_id(entity_id):
            raise Refusal.of(400, "not_an_id", "This is not an id.", "entity_id")
        entity = await entities.create(deps, entity_id, body.owner_user_id, body.profile, body.owner_email)
        return answer(reading.whole(entity, own=False))

    @api.get("/export/entities")
    async def export(
        caller: Service,
        after: Annotated[str, Query(max_length=64)] = "",
        limit: Annotated[int, Query(ge=1, le=reading.EXPORT_MAX)] = reading.EXPORT_MAX,
    ) -> Response:
        items, following = await reading.export(deps, after if is_id(after) else "", limit)
        return answer({"items": items, "next": following})


def _changing(api: APIRouter, deps: Deps) -> None:
    @api.patch("/entities/{entity_id}")
    async def change(
        request: Request,
        caller: Caller,
        entity_id: Id,
        given: Anything,
        if_version: Annotated[int | None, Query(ge=0)] = None,
        if_match: Annotated[str | None, Header(max_length=40)] = None,
        *,
        dry_run: bool = False,
    ) -> Response:
        version = if_version if if_match is None else _version(if_match)
        entity = await entities.change(deps, caller, entity_id, given, if_version=version, dry_run=dry_run)
        return await _whole(deps, caller, entity)

    @api.delete("/entities/{entity_id}")
    async def delete(caller: Caller, entity_id: Id) -> Response:
        return answer(reading.whole(await entities.delete(deps, caller, entity_id), own=False))

    @api.post("/entities/{entity_id}/application")
    async def application(caller: Caller, entity_id: Id, given: Anything) -> Response:
        return await _whole(deps, caller, await entities.apply_for_trading(deps, caller, entity_id, given))


def _version(if_match: str) -> int:
    """The version of an `If-Match`; `0`, which nothing has, for a tag that we never gave."""
    text = if_match.strip().removeprefix("W/").strip('"')
    return int(text) if text.isascii() and text.isdigit() else 0


def _for_admins(api: APIRouter, deps: Deps) -> None:
    @api.post("/entities/query")
    @body_limit(QUERY_BYTES_MAX)
    async def find(caller: Admin, wanted: Find) -> Response:
        return await _found(deps, wanted)

    @api.get("/entities")
    async def find_by_query(caller: Admin, wanted: Annotated[Find, Query()]) -> Response:
        return await _found(deps, wanted)


async def _found(deps: Deps, wanted: Find) -> Response:
    for status in wanted.status:
        if status not in STATUSES:
            raise Refusal.of(400, "unknown_value", f"This must be one of {', '.join(STATUSES)}.", "status")
    filters = EntityFilter(
        ids=None if wanted.ids is None else tuple(wanted.ids),
        name=wanted.name,
        email=wanted.email,
        statuses=tuple(wanted.status),
        offers=tuple(tag_forms(wanted.offers)),
        wants=tuple(tag_forms(wanted.wants)),
        tagged_since=in_utc(wanted.tagged_since, "tagged_since"),
        category=tag_form(wanted.category or "") or None,
        city=wanted.city,
        region=wanted.region,
        country=wanted.country,
        newest_first=wanted.order == "newest",
    )
    if _finds_nothing(wanted, filters):
        return numbered([], 0)
    return numbered(*await reading.find(deps, filters, wanted.part))


def _finds_nothing(wanted: Find, filters: EntityFilter) -> bool:
    """A filter of which nothing is left in the form of tags matches no tag, instead of filtering nothing."""
    return (
        (bool(wanted.offers) and not filters.offers)
        or (bool(wanted.wants) and not filters.wants)
        or (bool(wanted.category) and filters.category is None)
    )
