"""What people, admins and other services see of entities (DI-08, AD-03), and the export for the rebuild."""

import asyncio
from collections.abc import Sequence
from typing import Any

from libs.common.auth import Principal
from libs.common.contracts.directory import EntityChangedV1, TagsChangedV1
from services.directory.domain.entity import Entity
from services.directory.domain.profile import Invalid, read_text
from services.directory.domain.viewing import Sight, seen, sight
from services.directory.service.access import look, own_entities
from services.directory.service.deps import Deps, refuse_invalid, unknown_entity
from services.directory.service.telling import entity_changed, sequence_of, tags_changed
from services.directory.store.port import EntityFilter, Slice

FETCH_MAX = 100
EXPORT_MAX = 500


async def one(deps: Deps, caller: Principal, entity_id: str, viewer_entity_id: str | None = None) -> dict[str, Any]:
    """An entity as this caller may see it. Raises Refusal 404, also when it is not listed for this viewer."""
    shown = await several(deps, caller, [entity_id], viewer_entity_id)
    if not shown:
        raise unknown_entity()
    if "version" in shown[0]:
        shown[0]["users"] = await _users(deps, entity_id)
    return shown[0]


async def several(
    deps: Deps, caller: Principal, ids: Sequence[str], viewer_entity_id: str | None = None
) -> list[dict[str, Any]]:
    """Entities in the order of ids, without those that this viewer may not see."""
    viewer, found = await look(deps, caller, ids, viewer_entity_id)
    shown = []
    for glance in (found[entity_id] for entity_id in dict.fromkeys(ids) if entity_id in found):
        how_much = sight(glance.entity, viewer)
        if how_much == Sight.NOTHING:
            continue
        fields = seen(glance.entity, how_much) | {"own": glance.entity.id in viewer.own}
        if viewer_entity_id is not None:
            fields["is_favorite"] = glance.is_favorite
        shown.append(fields)
    return shown


async def mine(deps: Deps, caller: Principal) -> list[dict[str, Any]]:
    """The entities that the caller acts for, whole, in the order in which they signed up."""
    ids = await own_entities(deps, caller)
    entities = sorted(await deps.store.entities(ids), key=lambda entity: entity.id) if ids else []
    alive = [entity for entity in entities if not entity.deleted]
    users = await asyncio.gather(*(_users(deps, entity.id) for entity in alive))
    return [whole(entity, own=True) | {"users": known} for entity, known in zip(alive, users, strict=True)]


async def _users(deps: Deps, entity_id: str) -> list[dict[str, Any]]:
    return [{"user_id": member.user_id, "role": member.role} for member in await deps.store.members(entity_id)]


def whole(entity: Entity, *, own: bool) -> dict[str, Any]:
    """An entity as its own users and admins see it."""
    return seen(entity, Sight.WHOLE) | {"own": own}


async def find(deps: Deps, wanted: EntityFilter, part: Slice) -> tuple[list[dict[str, Any]], int]:
    """AD-03, for admins. Raises Refusal 400 for a text that is too long."""
    for name in ("name", "email", "category", "city", "region", "country"):
        try:
            read_text(name, getattr(wanted, name), 200)
        except Invalid as invalid:
            refuse_invalid(invalid)
    found, total = await deps.store.find(wanted, part)
    return [whole(entity, own=False) for entity in found], total


async def export(deps: Deps, after: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """A page of everything there is, in the order of ids, and where the next one begins: what the events would say."""
    entities = await deps.store.after(after, limit)
    dismissed = await deps.store.dismissed_by([entity.id for entity in entities])
    items = [_exported(entity, dismissed.get(entity.id, [])) for entity in entities]
    return items, entities[-1].id if len(entities) == limit else None


def _exported(entity: Entity, dismissed: list[str]) -> dict[str, Any]:
    if entity.deleted:
        return {"entity_id": entity.id, "deleted": True}
    return {
        "entity_id": entity.id,
        "deleted": False,
        "entity": entity_changed(entity).model_dump(mode="json"),
        "entity_sequence": sequence_of(entity, EntityChangedV1),
        "tags": tags_changed(entity).model_dump(mode="json"),
        "tags_sequence": sequence_of(entity, TagsChangedV1),
        "dismissed": dismissed,
    }
