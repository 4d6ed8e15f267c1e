"""Pictures over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from libs.common.auth import Principal
from libs.common.web import body_limit, principal, router
from services.directory.api.shapes import Id, answer, nothing
from services.directory.service import pictures
from services.directory.service.deps import Deps

Caller = Annotated[Principal, Depends(principal)]
_SERVED = {
    # a name never means other bytes; a browser takes them for nothing but what they are
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}


def routes(deps: Deps, bytes_max: int) -> APIRouter:
    """The endpoints of pictures; one that is sent has at most so many bytes."""
    api = router()

    @api.post("/entities/{entity_id}/pictures")
    @body_limit(bytes_max)
    async def add(request: Request, caller: Caller, entity_id: Id) -> Response:
        picture = await pictures.add(deps, caller, entity_id, await request.body())
        shape = {
            "name": picture.name,
            "thumbnail": picture.thumbnail,
            "width": picture.width,
            "height": picture.height,
        }
        return answer(shape, 201)

    @api.delete("/entities/{entity_id}/pictures/{name}")
    async def remove(caller: Caller, entity_id: Id, name: str) -> Response:
        await pictures.remove(deps, caller, entity_id, name)
        return nothing()

    @api.get("/pictures/{name}")
    async def one(caller: Caller, name: str) -> Response:
        content, content_type = await pictures.content(deps, name)
        return Response(content, media_type=content_type, headers=_SERVED)

    return api
