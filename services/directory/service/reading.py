"""What people, admins and other services see of entities (DI-08, AD-03), and the export for the rebuild."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from libs.common.auth import Principal
from libs.common.contracts.directory import EntityChangedV1, TagsChangedV1
from services.directory.domain.entity import Entity
from services.directory.domain.profile import Invalid, read_text
from services.directory.domain.viewing import Sight, seen, sight, sight_of_others
from services.directory.service.access import look, reaches, require_reading
from services.directory.service.deps import Deps, refuse_invalid, unknown_entity
from services.directory.service.faces import as_json
from services.directory.service.telling import entity_changed, sequence_of, tags_changed
from services.directory.store.port import EntityFilter, Membership, Slice

FETCH_MAX = 100
EXPORT_MAX = 500
CHANGES_MAX = 1_000
MARK_LENGTH_MAX = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """An entity as JSON for somebody's eyes; with its version where they see the whole."""

    json: bytes
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """Entities as somebody sees them, and why so: their sight of others, and which are their own."""

    items: list[Shown]
    sight: Sight
    own: list[str]


async def one(deps: Deps, caller: Principal, entity_id: str, viewer_entity_id: str | None = None) -> Shown:
    """An entity as this caller may see it. Raises Refusal 404, also when it is not listed for this viewer."""
    shown = await several(deps, caller, [entity_id], viewer_entity_id)
    if not shown:
        raise unknown_entity()
    if shown[0].version is None:
        return shown[0]
    users = as_json({"users": _users(await deps.store.members(entity_id))})
    return Shown(b"%b,%b" % (shown[0].json[:-1], users[1:]), shown[0].version)


async def several(
    deps: Deps, caller: Principal, ids: Sequence[str], viewer_entity_id: str | None = None
) -> list[Shown]:
    """Entities in the order of ids, without those that this viewer may not see."""
    return (await looked(deps, caller, ids, viewer_entity_id)).items


async def looked(deps: Deps, caller: Principal, ids: Sequence[str], viewer_entity_id: str | None = None) -> Looked:
    """The same with why they are seen so. Raises Refusal 403 as `access.look`."""
    viewer, found, faces = await look(deps, caller, ids, viewer_entity_id)
    sights = {each: sight(faces[each], viewer) for each in dict.fromkeys(ids) if each in faces}
    entire = [each for each, how_much in sights.items() if how_much == Sight.WHOLE]
    stored = {each.id: each for each in await deps.store.entities(entire) if not each.deleted} if entire else {}
    shown = []
    for entity_id, how_much in sights.items():
        more: dict[str, Any] = {"own": entity_id in viewer.own}
        if viewer_entity_id is not None:
            more["is_favorite"] = found[entity_id].is_favorite
        if entity_id in stored:
            entity = stored[entity_id]
            shown.append(Shown(as_json(seen(entity, how_much) | more), entity.version))
        elif how_much not in (Sight.NOTHING, Sight.WHOLE):
            shown.append(Shown(faces[entity_id].json(how_much, more)))
    return Looked(shown, sight_of_others(viewer), sorted(viewer.own))


async def mine(deps: Deps, caller: Principal) -> list[dict[str, Any]]:
    """The entities that the caller acts for, whole, in the order in which they signed up."""
    require_reading(caller)
    if caller.is_service:
        return []
    return [
        whole(entity, own=True) | {"users": _users(members)}
        for entity, members in await deps.store.own(caller.id)
        if not entity.deleted and reaches(caller, entity.id)
    ]


def _users(members: Sequence[Membership]) -> list[dict[str, Any]]:
    return [{"user_id": member.user_id, "role": member.role} for member in members]


def whole(entity: Entity, *, own: bool) -> dict[str, Any]:
    """An entity as its own users and admins see it."""
    return seen(entity, Sight.WHOLE) | {"own": own}


async def changes(deps: Deps, since: str | None) -> dict[str, Any]:
    """Ids of entities that changed since a mark and of users whose memberships did, none of them missing, and the next mark.
    `ids` and `users` are null where there are too many to name or no mark was given, `mark` where the store cannot tell."""
    known = (
        since if since is not None and since.isascii() and since.isdigit() and len(since) < MARK_LENGTH_MAX else None
    )
    found = await deps.store.changes(known, CHANGES_MAX)
    if found is None:
        return {"mark": None, "ids": None, "users": None}
    if known is None:
        return {"mark": found.mark, "ids": None, "users": None}
    return {"mark": found.mark, "ids": found.ids, "users": found.users}


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
