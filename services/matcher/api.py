"""Endpoints of the matcher: for other services only, above all the gateway, which knows who asks."""

from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.common import lean
from libs.common.auth import Principal
from libs.common.clock import rfc3339
from libs.common.errors import Refusal
from libs.common.lean import LeanRoute
from libs.common.web import json_response, problems_of, refusal_response, require_service, router
from services.matcher.domain.documents import Side
from services.matcher.domain.score import Reason, Scored
from services.matcher.index.port import IndexAway, Order
from services.matcher.service import matches as matching
from services.matcher.service import rebuild as rebuilding
from services.matcher.service import search as searching
from services.matcher.service.deps import Deps
from services.matcher.service.news import News
from services.matcher.service.rebuild import Rebuilder
from services.matcher.source import milliseconds

_log = structlog.get_logger(__name__)
TEXT_LENGTH_MAX = 200
TAGS_ASKED_MAX = 20
IDS_MAX = 10_000

Text = Annotated[str, Field(max_length=TEXT_LENGTH_MAX)]
Service = Annotated[Principal, Depends(require_service)]


class SearchBody(BaseModel):
    """What somebody searches for, as typed."""

    model_config = ConfigDict(extra="forbid")
    offers: list[Text] = Field([], max_length=TAGS_ASKED_MAX)
    wants: list[Text] = Field([], max_length=TAGS_ASKED_MAX)
    name: Text = ""
    category: Text = ""
    tagged_since: datetime | None = None
    ids: list[Annotated[str, Field(max_length=36)]] | None = Field(None, max_length=IDS_MAX)
    latitude: float | None = Field(None, ge=-90, le=90, allow_inf_nan=False)
    longitude: float | None = Field(None, ge=-180, le=180, allow_inf_nan=False)
    distance_km: float | None = Field(None, ge=0, le=20_100, allow_inf_nan=False)
    order: Order = "relevance"
    page: int = Field(1, ge=1, le=1_000_000)
    page_size: int = Field(10, ge=1, le=100)
    reasons: bool = True


_SEARCH_FIELDS = frozenset(SearchBody.model_fields)


def routes(deps: Deps, news: News, rebuilder: Rebuilder) -> APIRouter:
    """All endpoints of the matcher."""
    api = router()

    async def filled(request: Request) -> None:
        _require_filled(news)

    ready = [Depends(filled)]

    @api.get("/matches", dependencies=ready)
    async def matches(
        caller: Service,
        entity_id: Annotated[str, Query(max_length=36)],
        since: datetime | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Response:
        found = await matching.matches(deps, entity_id, since=_moment(since, "since"), limit=limit)
        return json_response({"items": [_match_shape(each) for each in found.items], "total": found.total})

    @api.get("/counts", dependencies=ready)
    async def counts(caller: Service, kind: Side, tag: Annotated[str, Query(max_length=TEXT_LENGTH_MAX)]) -> Response:
        return json_response({"kind": kind, "tag": tag, "count": await searching.count(deps, kind=kind, tag=tag)})

    @api.get("/suggest", dependencies=ready)
    async def suggest(
        caller: Service,
        text: Annotated[str, Query(max_length=TEXT_LENGTH_MAX)] = "",
        kind: Side | None = None,
        limit: Annotated[int, Query(ge=1, le=50)] = 10,
    ) -> Response:
        found = await searching.suggest(deps, text=text, kind=kind, limit=limit)
        return json_response({"items": [{"tag": tag, "count": count} for tag, count in found]})

    @api.post("/rebuild")
    async def rebuild(caller: Service, by: Annotated[str | None, Query(max_length=36)] = None) -> Response:
        return json_response(_status_shape(await rebuilding.begin_for(deps, rebuilder, by)), 202)

    @api.get("/rebuild")
    async def rebuild_status(caller: Service) -> Response:
        return json_response(_status_shape(rebuilder.status))

    @api.get("/check", dependencies=ready)
    async def check(caller: Service) -> Response:
        return json_response(_comparison_shape(await rebuilding.compare(deps)))

    return api


def lean_routes(deps: Deps, news: News) -> list[LeanRoute]:
    """The search, which is asked most, without FastAPI's machinery."""

    async def search(request: Request) -> Response:
        await lean.service(request)
        _require_filled(news)
        asked = await lean.body(request, _SEARCH_FIELDS)
        try:
            body = SearchBody.model_validate(asked)
        except ValidationError as fault:
            raise Refusal(400, problems_of(fault.errors())) from None
        try:
            found = await searching.search(deps, _command(body))
        except IndexAway as fault:
            return await on_index_away(request, fault)
        return json_response(_search_shape(found))

    return [("/search", search, "POST")]


async def on_index_away(request: Request, fault: Exception) -> Response:
    """503, and when to try again."""
    _log.warning("index_away", problem=str(fault))
    return refusal_response(Refusal.of(503, "index_away", "The search index does not answer.", retry_after_s=2))


def _require_filled(news: News) -> None:
    if not news.filled.is_set():
        raise Refusal.of(503, "index_not_ready", "The search index is being built.", retry_after_s=2)


def _command(body: SearchBody) -> searching.SearchCommand:
    return searching.SearchCommand(
        offers=tuple(body.offers),
        wants=tuple(body.wants),
        name=body.name,
        category=body.category,
        tagged_since=_moment(body.tagged_since, "tagged_since"),
        ids=None if body.ids is None else tuple(body.ids),
        latitude=body.latitude,
        longitude=body.longitude,
        distance_km=body.distance_km,
        order=body.order,
        page=body.page,
        page_size=body.page_size,
        reasons=body.reasons,
    )


def _moment(moment: datetime | None, field: str) -> int:
    """Unix milliseconds; 0 for none."""
    if moment is None:
        return 0
    if moment.tzinfo is None:
        raise Refusal.of(400, "invalid", "A time needs its offset from UTC.", field)
    return max(1, milliseconds(moment))


def _search_shape(answer: searching.SearchAnswer) -> dict[str, Any]:
    how = {entity_id: _reason_shapes(reasons) for entity_id, reasons in answer.how.items()}
    return {"ids": answer.ids, "total": answer.total, "how": how}


def _reason_shapes(reasons: list[Reason] | tuple[Reason, ...]) -> list[dict[str, Any]]:
    return [{"code": reason.code, "params": dict(reason.params)} for reason in reasons]


def _match_shape(scored: Scored) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "entity_id": scored.document.entity_id,
        "score": scored.score,
        "mutual": scored.mutual,
        "trading": scored.document.trading,
        "appeared_at": _text_of(scored.at),
        "tags": [
            {
                "side": pair.side,
                "mine": pair.mine,
                "theirs": pair.theirs,
                "kind": pair.kind,
                "appeared_at": _text_of(pair.at),
            }
            for pair in scored.pairs
        ],
        "reasons": _reason_shapes(scored.reasons),
    }
    if scored.distance_km is not None:
        shape["distance_km"] = round(scored.distance_km, 1)
    return shape


def _text_of(milliseconds_since_epoch: int) -> str:
    return rfc3339(datetime.fromtimestamp(milliseconds_since_epoch / 1000, UTC))


def _status_shape(status: rebuilding.Status) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "state": status.state,
        "done": status.read,
        "total": max(status.total, status.read),
        "checked_pages": status.checked_pages,
        "differing_pages": status.differing_pages,
        "started_at": status.started_at and rfc3339(status.started_at),
        "finished_at": status.finished_at and rfc3339(status.finished_at),
        "problem": status.problem,
    }
    return {name: value for name, value in shape.items() if value is not None}


def _comparison_shape(comparison: rebuilding.Comparison) -> dict[str, Any]:
    named = comparison.differences[: rebuilding.DIFFERENCES_NAMED_MAX]
    return {
        "ok": not comparison.differences,
        "directory": comparison.source,
        "index": comparison.index,
        "difference_count": len(comparison.differences),
        "faults": [rebuilding.sentence(each) for each in named],
        "differences": [
            {"entity_id": each.entity_id, "kind": each.kind, "fields": list(each.fields)} for each in named
        ],
    }
