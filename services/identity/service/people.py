"""Who acts for which entity (EN-04): roles, leaving, removing, and an admin's whole list."""

from collections.abc import Sequence

from services.identity.domain.errors import FieldFault, FieldsRefused, NamedError
from services.identity.domain.people import Membership, check_owner_stays
from services.identity.service import api_keys, telling
from services.identity.service.deps import Actor, Deps, Unit, unit
from services.identity.service.invitations import check_owner
from services.identity.store import links, memberships, users


async def set_membership(deps: Deps, actor: Actor, entity_id: str, user_id: str, role: str) -> Membership:
    """An owner changes a role; an admin or service also adds. Raises NamedError `forbidden`, `last_owner`, `user_unknown`."""
    async with unit(deps) as work:
        people = await memberships.lock_entity(work.connection, entity_id)
        check_owner(actor, people)
        before = next((person for person in people if person.user_id == user_id), None)
        if before is None and not (actor.is_admin or actor.is_service):
            raise NamedError("forbidden")
        if before is not None and before.role == role:
            return before
        check_owner_stays(people, user_id, role)
        if await users.by_id(work.connection, user_id) is None:
            raise NamedError("user_unknown")
        if before is not None and before.role == "owner":
            await _end_what_was_given(work, actor, before)
        return await _put(work, actor, before, entity_id, user_id, role)


async def end_membership(deps: Deps, actor: Actor, entity_id: str, user_id: str) -> None:
    """Oneself leaves (ID-15), or an owner, admin or service removes. Raises NamedError `forbidden`, `last_owner`."""
    async with unit(deps) as work:
        people = await memberships.lock_entity(work.connection, entity_id)
        if actor.id != user_id:
            check_owner(actor, people)
        before = next((person for person in people if person.user_id == user_id), None)
        if before is None:
            if actor.id == user_id:
                raise NamedError("forbidden")
            return
        check_owner_stays(people, user_id)
        await end(work, actor, before)


async def set_people(
    deps: Deps, actor: Actor, entity_id: str, user_ids: Sequence[str], *, dry_run: bool
) -> list[Membership]:
    """An admin names exactly those who act for an entity. Where no owner would be left, the first named becomes one.

    Raises FieldsRefused with `user_unknown`.
    """
    wanted = list(dict.fromkeys(user_ids))
    async with unit(deps) as work:
        known = {user.id for user in await users.by_ids(work.connection, wanted)}
        if set(wanted) - known:
            raise FieldsRefused([FieldFault("user_ids", "user_unknown", "There is no such user.")])
        people = await memberships.lock_entity(work.connection, entity_id)
        if dry_run:
            return people
        there = {person.user_id: person for person in people}
        for person in people:
            if person.user_id not in wanted:
                await end(work, actor, person)
        has_owner = any(there[one].role == "owner" for one in wanted if one in there)
        for place, user_id in enumerate(wanted):
            role = "owner" if place == 0 and not has_owner else "member"
            if user_id not in there or (role == "owner" and there[user_id].role != "owner"):
                await _put(work, actor, there.get(user_id), entity_id, user_id, role)
        return await memberships.of_entities(work.connection, [entity_id])


async def set_entities(work: Unit, actor: Actor, user_id: str, entity_ids: Sequence[str]) -> None:
    """An admin names exactly the entities a user acts for; a new one without people gets the user as its owner."""
    there = {one.entity_id: one for one in await memberships.of_users(work.connection, [user_id])}
    for entity_id in sorted(set(entity_ids) ^ set(there)):
        people = await memberships.lock_entity(work.connection, entity_id)
        if entity_id in there:
            await end(work, actor, there[entity_id])
        else:
            role = "member" if any(person.role == "owner" for person in people) else "owner"
            await _put(work, actor, None, entity_id, user_id, role)


async def drop_entity(work: Unit, entity_id: str) -> None:
    """The entity is gone: nobody acts for it, no key opens it."""
    for person in await memberships.lock_entity(work.connection, entity_id):
        await end(work, None, person)
    await api_keys.revoke_of_entity(work, entity_id)


async def end(work: Unit, actor: Actor | None, person: Membership) -> None:
    """The user no longer acts for the entity; keys and invitations that it made for it are over."""
    version = await memberships.end(work.connection, person.entity_id, person.user_id)
    if version is None:
        return
    work.tell(telling.membership_changed(person.entity_id, person.user_id, None, version, work.now))
    await _end_what_was_given(work, actor, person)
    telling.audit(
        work, "membership.ended", "No longer acts for the entity.", actor=actor,
        email=await telling.email_of(work, actor) if actor else None,
        subject=person.user_id, entity_id=person.entity_id, before={"role": person.role},
    )  # fmt: skip


async def _end_what_was_given(work: Unit, actor: Actor | None, owner: Membership) -> None:
    """Who is no owner any more leaves no way in behind: neither a key nor an invitation."""
    await api_keys.revoke_of(work, owner.user_id, owner.entity_id)
    withdrawn = await links.withdraw_of(work.connection, owner.user_id, owner.entity_id, work.now)
    if withdrawn:
        telling.audit(
            work, "invitation.withdrawn", "Invitations ended with the right to invite.", actor=actor,
            email=await telling.email_of(work, actor) if actor else None, subject=owner.user_id,
            entity_id=owner.entity_id, before={"invitations": withdrawn},
        )  # fmt: skip


async def _put(
    work: Unit, actor: Actor, before: Membership | None, entity_id: str, user_id: str, role: str
) -> Membership:
    membership = await memberships.put(work.connection, entity_id, user_id, role, work.now)
    work.tell(telling.membership_changed(entity_id, user_id, role, membership.version, work.now))
    telling.audit(
        work, "membership.changed", f"Acts for the entity as {role}.", actor=actor,
        email=await telling.email_of(work, actor), subject=user_id, entity_id=entity_id,
        before={"role": before.role} if before else None, after={"role": role},
    )  # fmt: skip
    return membership
