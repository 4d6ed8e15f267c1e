"""The activity log (AD-07): lines told by every service, kept once each, searched by admins."""

from dataclasses import replace

from services.directory.domain.profile import Invalid, read_text
from services.directory.service.deps import Deps, refuse_invalid
from services.directory.store.documents import to_the_millisecond
from services.directory.store.port import Activity, ActivityFilter, Slice


async def record(deps: Deps, activity: Activity) -> None:
    """Keeps a line; who is known by id only gets the address under which it acted."""
    if activity.actor_email is None and activity.actor_id is not None:
        person = await deps.store.person(activity.actor_id)
        activity = replace(activity, actor_email=person.email if person else None)
    await deps.store.record(replace(activity, at=to_the_millisecond(activity.at)))


async def search(deps: Deps, wanted: ActivityFilter, part: Slice) -> tuple[list[Activity], int]:
    """Newest first. Raises Refusal 400 for a text that is too long or odd."""
    for name in ("email", "category", "action", "detail", "entity_id"):
        try:
            read_text(name, getattr(wanted, name), 200)
        except Invalid as invalid:
            refuse_invalid(invalid)
    return await deps.store.activities(wanted, part)
