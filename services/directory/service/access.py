"""Who may act for whom, and with which eyes a caller looks."""

from collections.abc import Iterable, Sequence

from libs.common.auth import Principal
from libs.common.errors import Refusal
from services.directory.domain.viewing import Viewer
from services.directory.service.deps import Deps, not_yours
from services.directory.service.faces import Face
from services.directory.store.port import Glance

UNTRUSTED = frozenset({"gateway"})
"""Services that speak for people who are not logged in: they see what everybody sees."""


async def own_entities(deps: Deps, caller: Principal) -> list[str]:
    """Ids of the entities that this caller acts for; a key acts for one at most."""
    if caller.is_service:
        return []
    require_reading(caller)
    ids = [membership.entity_id for membership in await deps.store.memberships_of(caller.id)]
    return [entity_id for entity_id in ids if reaches(caller, entity_id)]


def reaches(caller: Principal, entity_id: str) -> bool:
    """Whether this token may speak for this entity, where its person acts for it."""
    return caller.kind != "api_key" or entity_id == caller.entity_id


async def require_member(deps: Deps, caller: Principal, entity_id: str) -> None:
    """A person who acts for this entity. Raises Refusal 403, for an unknown one too."""
    if caller.kind != "user" or await deps.store.role(entity_id, caller.id) is None:
        raise not_yours()


async def require_member_or_admin(deps: Deps, caller: Principal, entity_id: str) -> None:
    """A person who acts for this entity, or an admin. Raises Refusal 403."""
    if not caller.is_admin:
        await require_member(deps, caller, entity_id)


async def require_reader(deps: Deps, caller: Principal, entity_id: str) -> None:
    """Whoever may read what is this entity's own: its people, their keys, admins, other services."""
    if caller.is_admin or caller.is_service:
        return
    if entity_id not in await own_entities(deps, caller):
        raise not_yours()


async def look(
    deps: Deps, caller: Principal, ids: Sequence[str], viewer_entity_id: str | None
) -> tuple[Viewer, dict[str, Glance], dict[str, Face]]:
    """The viewer, and the entities of these ids that are there. Raises Refusal 403 for a viewer entity that the caller
    does not act for, and for a key that may not read."""
    require_reading(caller)
    if caller.is_service and viewer_entity_id is None and not any(map(deps.faces.knows, ids)):
        # nothing of theirs depends on who looks, and no version could tell that a face may be shown
        faces = {face.id: face for face in deps.faces.keep(await deps.store.entities(ids))}
        glances = {face.id: Glance(face.id, face.version) for face in faces.values()}
        return Viewer(trusted=_is_trusted(caller)), glances, faces
    user_id = None if caller.is_service else caller.id
    found = {glance.entity_id: glance for glance in await deps.store.glance(ids, user_id, viewer_entity_id)}
    own = {entity_id for entity_id, glance in found.items() if glance.is_own and reaches(caller, entity_id)}
    if viewer_entity_id is not None and viewer_entity_id not in own and not caller.is_admin:
        raise not_yours()
    as_whom = own if viewer_entity_id is None else {viewer_entity_id}
    faces = await _faces(deps, found.values())
    viewer = Viewer(
        logged_in=not caller.is_service,
        is_admin=caller.is_admin,
        trusted=_is_trusted(caller),
        own=frozenset(own),
        own_may_trade=any(faces[entity_id].may_trade for entity_id in as_whom if entity_id in faces),
    )
    return viewer, found, faces


def _is_trusted(caller: Principal) -> bool:
    return caller.is_service and caller.id not in UNTRUSTED


async def _faces(deps: Deps, glances: Iterable[Glance]) -> dict[str, Face]:
    """Of the versions that were glanced at, or later ones."""
    kept = {glance.entity_id: deps.faces.get(glance.entity_id, glance.version) for glance in glances}
    missing = [entity_id for entity_id, face in kept.items() if face is None]
    made = deps.faces.keep(await deps.store.entities(missing)) if missing else []
    return {face.id: face for face in (*kept.values(), *made) if face is not None}


def require_reading(caller: Principal) -> None:
    """Raises Refusal 403 for a key that may not read."""
    if not caller.may("read"):
        raise Refusal.of(403, "scope_missing", "This key may not read.")
