"""The directory over HTTP."""

from fastapi import APIRouter

from services.directory.api import entities, links, pictures, terms
from services.directory.service.deps import Deps
from services.directory.settings import Settings


def routers(deps: Deps, settings: Settings) -> list[APIRouter]:
    """All endpoints."""
    return [
        entities.routes(deps),
        links.routes(deps),
        terms.routes(deps),
        pictures.routes(deps, settings.picture_max_bytes),
    ]
