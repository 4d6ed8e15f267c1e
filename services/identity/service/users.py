"""Own details (ID-10), an admin's work on users (AD-04), making admins (ID-12), leaving for good (ID-15)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from libs.common.contracts.identity import PasswordChangedV1, UserDeletedV1
from libs.common.ids import new_id
from services.identity.domain.errors import NamedError
from services.identity.domain.people import User, check_owner_stays
from services.identity.service import api_keys, people, telling
from services.identity.service.deps import Actor, Client, Deps, Unit, unit
from services.identity.service.fields import Faults, own_details
from services.identity.service.second_factor import checked_owner
from services.identity.service.views import whole
from services.identity.store import attempts, links, memberships, sessions, users

_SHOWN = ("email", "first_name", "last_name", "telephone", "language", "role", "email_verified")


@dataclass(frozen=True, slots=True)
class Edit:
    """What an admin changes; what is absent stays. `entity_ids` replaces the entities the user acts for."""

    details: dict[str, Any] = field(default_factory=dict)
    email: str | None = None
    password: str | None = None
    role: str | None = None
    email_verified: bool | None = None
    entity_ids: Sequence[str] | None = None


async def change_own(deps: Deps, actor: Actor, given: dict[str, Any]) -> User:
    """Names, telephone, language. Raises FieldsRefused."""
    return await edit(deps, actor, actor.id, Edit(details=given), action="user.changed")


async def edit(
    deps: Deps, actor: Actor, user_id: str, command: Edit, *, dry_run: bool = False, action: str = "user.edited"
) -> User:
    """An admin's change of a user. Raises FieldsRefused, NamedError `email_taken`, `user_unknown`, `last_admin`."""
    faults = Faults()
    changes: dict[str, Any] = own_details(faults, command.details, deps.settings.language)
    if command.email is not None:
        email = faults.email(command.email)
        changes |= {"email": email.text, "email_key": email.key}
    if command.password is not None:
        faults.password(command.password, deps.common)
    faults.refuse()
    changes |= {
        name: value
        for name, value in (("role", command.role), ("email_verified", command.email_verified))
        if value is not None
    }
    password_hash = await deps.hasher.hash(command.password) if command.password and not dry_run else None
    async with unit(deps) as work:
        if changes.get("role"):
            await _keep_an_admin(work, user_id, new_role=changes["role"])
        found = await users.by_id(work.connection, user_id, lock=True)
        if found is None:
            raise NamedError("user_unknown")
        before = found[0]
        changes = {name: value for name, value in changes.items() if getattr(before, name) != value}
        if "email_key" in changes:
            await _check_free(work, changes["email_key"])
        if dry_run:
            return await whole(work, user_id)
        return await _change(work, actor, before, changes, password_hash, command, action)


async def _change(
    work: Unit,
    actor: Actor,
    before: User,
    changes: dict[str, Any],
    password_hash: str | None,
    command: Edit,
    action: str,
) -> User:
    if changes:
        await users.change(work.connection, before.id, changes)
    if "email_key" in changes or password_hash is not None:
        await links.use_ways_in(work.connection, before.id, changes.get("email_key", before.email_key), work.now)
    if password_hash is not None:
        await users.set_password(work.connection, before.id, password_hash, work.now)
        state = await attempts.lock(work.connection, before.email_key, work.now)
        await attempts.save(work.connection, before.email_key, state.succeeded(), work.now)
        changed = PasswordChangedV1(user_id=before.id, email=before.email)
        work.tell(changed.envelope(subject=before.id, sequence=0, time=work.now))
    if password_hash is not None or "role" in changes:
        # an own session that carries a role of before ends too
        keep = actor.session_id or None if "role" not in changes else None
        await telling.end_sessions(work, before.id, "changed_by_admin", keep=keep)
    if command.entity_ids is not None:
        await people.set_entities(work, actor, before.id, command.entity_ids)
    user = await whole(work, before.id)
    if changes:
        work.tell(telling.user_changed(user, work.now))
    shown = [name for name in _SHOWN if name in changes]
    if changes or password_hash is not None:
        telling.audit(
            work, action, "Changed a user." if password_hash is None else "Changed a user and set a password.",
            actor=actor, email=await telling.email_of(work, actor), subject=user.id,
            before={name: getattr(before, name) for name in shown},
            after={name: getattr(user, name) for name in shown},
        )  # fmt: skip
    return user


async def delete(deps: Deps, actor: Actor, user_id: str) -> User:
    """An admin deletes a user; who the user was. Raises NamedError `user_unknown`, `last_admin`."""
    async with unit(deps) as work:
        user = await _going(work, user_id)
        await _forget(work, actor, user, await telling.email_of(work, actor))
        return user


async def depart(deps: Deps, user_id: str, password: str, closed_entity_ids: Sequence[str], client: Client) -> None:
    """A user deletes the own account (ID-15). The entities named were closed by their owners before.

    Raises NamedError `current_password_wrong`, `last_owner`, `last_admin`, `user_unknown`; AccountLocked.
    """
    await checked_owner(deps, user_id, password, client, field="password")
    async with unit(deps) as work:
        user = await _going(work, user_id)
        for membership in sorted(user.memberships, key=lambda one: one.entity_id):
            if membership.entity_id not in closed_entity_ids:
                check_owner_stays(await memberships.lock_entity(work.connection, membership.entity_id), user_id)
        await _forget(work, Actor(user.id, user.role), user, user.email)


async def _going(work: Unit, user_id: str) -> User:
    """A user who is about to be deleted, locked before all that hangs on it, as a login locks."""
    await _keep_an_admin(work, user_id)
    await users.by_id(work.connection, user_id, lock=True)
    return await whole(work, user_id)


async def _forget(work: Unit, actor: Actor, user: User, actor_email: str | None) -> None:
    for membership in sorted(user.memberships, key=lambda one: one.entity_id):
        await memberships.lock_entity(work.connection, membership.entity_id)
        await people.end(work, actor, membership)
    await api_keys.revoke_of(work, user.id)
    await telling.end_sessions(work, user.id, "user_deleted")
    telling.audit(
        work, "user.deleted", "Deleted a user.", actor=actor, email=actor_email, subject=user.id,
        before={"email": user.email, "first_name": user.first_name, "last_name": user.last_name},
    )  # fmt: skip
    await users.delete(work.connection, user)
    work.tell(UserDeletedV1(user_id=user.id).envelope(subject=user.id, sequence=1, time=work.now))


async def create_admin(
    deps: Deps, email: str, password: str, *, role: str = "admin", actor: Actor | None = None
) -> User:
    """A new admin or operator, without an entity. Raises FieldsRefused, NamedError `email_taken`."""
    faults = Faults()
    address = faults.email(email)
    faults.password(password, deps.common)
    faults.refuse()
    password_hash = await deps.hasher.hash(password)
    async with unit(deps) as work:
        user = User(
            new_id(), address.text, address.key, role, work.now, language=deps.settings.language, email_verified=True
        )
        if not await users.insert(work.connection, user, password_hash):
            raise NamedError("email_taken", field="email")
        work.tell(telling.user_changed(user, work.now))
        telling.audit(
            work, "admin.created", f"Made an {role}.", actor=actor,
            email=await telling.email_of(work, actor) if actor else None, subject=user.id,
            after={"email": user.email, "role": role},
        )  # fmt: skip
    return user


async def own_data(deps: Deps, actor: Actor) -> dict[str, Any]:
    """ID-15: everything identity holds about the caller, but for secrets."""
    async with unit(deps) as work:
        user = await whole(work, actor.id)
        return {
            "user": user,
            "sessions": await sessions.live_of(work.connection, actor.id, work.now),
            "api_keys": await api_keys.of_user(work, actor.id),
        }


async def _check_free(work: Unit, email_key: str) -> None:
    if await users.by_key(work.connection, email_key) is not None:
        raise NamedError("email_taken", field="email")


async def _keep_an_admin(work: Unit, user_id: str, new_role: str | None = None) -> None:
    """The last admin stays one. Raises NamedError `last_admin`."""
    if new_role != "admin" and await users.lock_admins(work.connection) == [user_id]:
        raise NamedError("last_admin")
