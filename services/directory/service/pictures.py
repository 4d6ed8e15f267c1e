"""Pictures of an entity (EN-07)."""

import asyncio
import re
from datetime import timedelta

from libs.common.auth import Principal
from libs.common.errors import Refusal
from services.directory.domain.entity import (
    PICTURES_MAX,
    Entity,
    Picture,
    TooManyPictures,
    with_picture,
    without_picture,
)
from services.directory.service.access import require_member_or_admin
from services.directory.service.deps import Deps
from services.directory.service.drawing import redrawn
from services.directory.service.entities import alter
from services.directory.service.telling import Act

NAME = re.compile(r"[0-9a-f]{64}\.(jpg|png|webp)")
_JUST_PUT = timedelta(minutes=10)


async def add(deps: Deps, caller: Principal, entity_id: str, raw: bytes) -> Picture:
    """Raises NotAPicture, PictureTooLarge, TooManyPictures, Refusal 403."""
    await require_member_or_admin(deps, caller, entity_id)
    there = await deps.store.entity(entity_id)
    if there is not None and len(there.pictures) >= PICTURES_MAX:
        raise TooManyPictures
    async with deps.drawing:
        large, small = await asyncio.to_thread(redrawn, raw, deps.rules.picture_pixels_max)
    for drawn in (large, small):
        await deps.store.put_picture(drawn.name, drawn.content, drawn.content_type, deps.now())
    picture = Picture(large.name, small.name, large.width, large.height)

    def how(before: Entity) -> tuple[Entity, Act]:
        return with_picture(before, picture), Act.by(caller, "picture.added", f"Added a picture to {before.name}.")

    await alter(deps, entity_id, how)
    return picture


async def remove(deps: Deps, caller: Principal, entity_id: str, name: str) -> None:
    """Also one that is not there. Raises Refusal 403."""
    await require_member_or_admin(deps, caller, entity_id)
    gone: list[str] = []

    def how(before: Entity) -> tuple[Entity, Act]:
        after = without_picture(before, name)
        gone[:] = [
            part for shown in before.pictures if shown not in after.pictures for part in (shown.name, shown.thumbnail)
        ]
        return after, Act.by(caller, "picture.removed", f"Removed a picture of {before.name}.")

    await alter(deps, entity_id, how)
    if gone:
        # younger ones may be on their way into another entity: housekeeping takes them
        await deps.store.drop_pictures(deps.now() - _JUST_PUT, gone)


async def content(deps: Deps, name: str) -> tuple[bytes, str]:
    """Bytes and content type of a picture or thumbnail. Raises Refusal 404."""
    found = await deps.store.picture(name) if NAME.fullmatch(name) else None
    if found is None:
        raise Refusal.of(404, "picture_unknown", "There is no such picture.")
    return found
