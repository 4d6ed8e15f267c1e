"""The directory over HTTP."""

import structlog
from fastapi import FastAPI, Request, Response

from libs.common.errors import Refusal
from libs.common.lean import Handler, add_lean
from libs.common.web import refusal_response
from services.directory.api import entities, links, looks, pictures, terms
from services.directory.service.deps import Deps
from services.directory.settings import Settings
from services.directory.store.doors import AWAY

STORE_AWAY_RETRY_S = 2
_log = structlog.get_logger(__name__)


def add_routes(app: FastAPI, deps: Deps, settings: Settings) -> None:
    """All endpoints."""
    routers = (
        entities.routes(deps),
        links.routes(deps),
        terms.routes(deps),
        pictures.routes(deps, settings.picture_max_bytes),
    )
    for each in routers:
        app.include_router(each)
    add_lean(app, [(path, _over_the_store(handler), method) for path, handler, method in looks.lean_routes(deps)])


def answer_for_the_store(app: FastAPI) -> None:
    """A store that is away is no fault of the service's: 503, and when to try again."""
    for kind in AWAY:
        app.add_exception_handler(kind, _store_away)


def _over_the_store(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except AWAY as error:
            return await _store_away(request, error)

    return handle


async def _store_away(request: Request, error: Exception) -> Response:
    _log.warning("store_away", why=repr(error))
    sentence = "The directory's store does not answer; try again in a moment."
    return refusal_response(Refusal.of(503, "store_away", sentence, retry_after_s=STORE_AWAY_RETRY_S))
