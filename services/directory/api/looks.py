"""What every page and every search asks of entities, without FastAPI's machinery."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from libs.common.errors import Refusal
from libs.common.ids import is_id
from libs.common.lean import LeanRoute, body, caller, overseer, service, texts
from services.directory.api.shapes import NO_ID, answer, looked_answer, shown_answer
from services.directory.domain.entity import STATUSES
from services.directory.service import reading
from services.directory.service.deps import Deps

_FETCH_FIELDS = frozenset({"ids", "viewer_entity_id"})


def lean_routes(deps: Deps) -> list[LeanRoute]:
    """One entity, several, own ones; and how many there are, whose path one entity's would swallow."""

    async def mine(request: Request) -> Response:
        return answer({"items": await reading.mine(deps, await caller(request))})

    async def counts(request: Request) -> Response:
        await overseer(request)
        return answer(dict.fromkeys(STATUSES, 0) | await deps.store.count_by_status())

    async def one(request: Request) -> Response:
        who = await caller(request)
        viewer = _id_or_none(request.query_params.get("viewer_entity_id"))
        return shown_answer(await reading.one(deps, who, _known(request.path_params["entity_id"]), viewer))

    async def fetch(request: Request) -> Response:
        who = await caller(request)
        asked = await body(request, _FETCH_FIELDS)
        ids = [entity_id for entity_id in texts(asked, "ids", reading.FETCH_MAX) if is_id(entity_id)]
        return looked_answer(await reading.looked(deps, who, ids, _viewer(asked)))

    async def changes(request: Request) -> Response:
        await service(request)
        return answer(await reading.changes(deps, request.query_params.get("since")))

    return [
        ("/entities/mine", mine, "GET"),
        ("/entities/changes", changes, "GET"),
        ("/entities/counts", counts, "GET"),
        ("/entities/{entity_id}", one, "GET"),
        ("/entities/fetch", fetch, "POST"),
    ]


def _viewer(asked: Mapping[str, Any]) -> str | None:
    value = asked.get("viewer_entity_id")
    if value is not None and not isinstance(value, str):
        raise Refusal.of(400, "invalid", "This must be an id.", "viewer_entity_id")
    return _id_or_none(value)


def _id_or_none(text: str | None) -> str | None:
    return None if text is None else _known(text)


def _known(text: str) -> str:
    return text if is_id(text) else NO_ID
