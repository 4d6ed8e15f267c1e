"""What identity tells about users: memberships, confirmed addresses, departures."""

from services.directory.service.deps import Deps
from services.directory.service.entities import confirm_address
from services.directory.store.port import Membership, Person


async def membership_changed(deps: Deps, membership: Membership) -> None:
    """Keeps the newest; an entity that is not known yet finds it when it comes."""
    await deps.store.put_membership(membership)
    if membership.role is None:
        return
    person = await deps.store.person(membership.user_id)
    if person is not None and person.email_verified:
        await confirm_address(deps, membership.entity_id)


async def user_changed(deps: Deps, person: Person) -> None:
    """Keeps the newest; a confirmed address counts for all entities that the user acts for."""
    await deps.store.put_person(person)
    known = await deps.store.person(person.user_id)
    if known is None or not known.email_verified:
        return
    for membership in await deps.store.memberships_of(person.user_id):
        await confirm_address(deps, membership.entity_id)


async def user_deleted(deps: Deps, user_id: str) -> None:
    """Drops what is known of the person."""
    await deps.store.forget_person(user_id)
