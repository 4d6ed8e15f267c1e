"""Users with the entities they act for and until when they are locked."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from services.identity.domain.errors import NamedError
from services.identity.domain.people import Membership, User
from services.identity.service.deps import Actor, Deps, Unit, unit
from services.identity.store import attempts, memberships, users


async def whole(work: Unit, user_id: str) -> User:
    """One user. Raises NamedError `user_unknown`."""
    found = await users.by_ids(work.connection, [user_id])
    if not found:
        raise NamedError("user_unknown")
    return (await filled(work, found))[0]


async def filled(work: Unit, found: Sequence[User]) -> list[User]:
    """Users with what lies in other tables, asked for all at once."""
    of_user: dict[str, list[Membership]] = defaultdict(list)
    for membership in await memberships.of_users(work.connection, [user.id for user in found]):
        of_user[membership.user_id].append(membership)
    locked = await attempts.locked_until(work.connection, [user.email_key for user in found], work.now)
    return [
        replace(user, memberships=tuple(of_user[user.id]), locked_until=locked.get(user.email_key)) for user in found
    ]


async def one(deps: Deps, user_id: str) -> User:
    """One user. Raises NamedError `user_unknown`."""
    async with unit(deps) as work:
        return await whole(work, user_id)


async def search(deps: Deps, *, last_name: str, email: str, limit: int, offset: int) -> tuple[list[User], int]:
    """AD-04: by literal fragments, ignoring case; and how many there are."""
    async with unit(deps) as work:
        found, total = await users.search(work.connection, last_name=last_name, email=email, limit=limit, offset=offset)
        return await filled(work, found), total


async def fetch(deps: Deps, *, ids: Sequence[str], entity_ids: Sequence[str]) -> list[User]:
    """These users, then whoever acts for these entities; unknown ones are left out."""
    async with unit(deps) as work:
        people = await memberships.of_entities(work.connection, entity_ids) if entity_ids else []
        wanted = list(dict.fromkeys([*ids, *(person.user_id for person in people)]))
        return await filled(work, await users.by_ids(work.connection, wanted))


async def people_of(deps: Deps, actor: Actor, entity_id: str) -> list[tuple[Membership, User | None]]:
    """Who acts for an entity, for its own people, admins and services. Raises NamedError `forbidden`."""
    async with unit(deps) as work:
        people = await memberships.of_entities(work.connection, [entity_id])
        if not (actor.is_service or actor.is_admin or any(person.user_id == actor.id for person in people)):
            raise NamedError("forbidden")
        known = {user.id: user for user in await users.by_ids(work.connection, [p.user_id for p in people])}
        return [(person, known.get(person.user_id)) for person in people]


async def memberships_of(deps: Deps, actor: Actor, user_id: str) -> list[Membership]:
    """For whom a user acts. Raises NamedError `forbidden` for somebody else's."""
    if not (actor.is_service or actor.is_admin or actor.id == user_id):
        raise NamedError("forbidden")
    async with unit(deps) as work:
        return await memberships.of_users(work.connection, [user_id])
