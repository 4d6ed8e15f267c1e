"""What happens to entities: signup, changes by members and admins, application, confirmation of an address, deletion."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from libs.common.auth import Principal
from libs.common.errors import Refusal
from services.directory.domain.entity import (
    STATUSES,
    Entity,
    applied,
    changed,
    with_consequences,
    without_person,
)
from services.directory.domain.profile import PERSON_NEEDS, Fault, Invalid, read_profile
from services.directory.domain.tags import CATEGORIES_MAX, TAG_LENGTH_MAX, tag_forms
from services.directory.service.access import require_member, require_member_or_admin
from services.directory.service.deps import TRIES_MAX, Deps, busy, not_yours, refuse_invalid, unknown_entity
from services.directory.service.telling import Act, write
from services.directory.service.terms import made_by_admin
from services.directory.store.port import Membership

_log = structlog.get_logger(__name__)
ADMIN_ONLY = ("status", "categories")


def validate(deps: Deps, profile: Mapping[str, Any]) -> None:
    """A dry run of a profile; raises Refusal 400 with every problem."""
    _read(deps, profile)


def _read(deps: Deps, profile: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return read_profile(profile, deps.rules.inc_types)
    except Invalid as invalid:
        refuse_invalid(invalid)


def _read_what_can_be(deps: Deps, profile: Mapping[str, Any]) -> dict[str, Any]:
    """Field by field, without what is against the rules: a signup that identity has accepted is not lost for it."""
    found: dict[str, Any] = {}
    for field, value in profile.items():
        try:
            found |= read_profile({field: value}, deps.rules.inc_types)
        except Invalid as invalid:
            _log.warning("profile_field_dropped", field=field, code=invalid.faults[0].code)
    return found


async def create(
    deps: Deps,
    entity_id: str,
    owner_user_id: str,
    profile: Mapping[str, Any],
    owner_email: str | None = None,
    *,
    strict: bool = True,
) -> Entity:
    """Creates the entity, or finds the one that is there: the signup's call and its event end in the same state.

    Not `strict`: a field against the rules is left out. Raises Refusal 400, or 409 `entity_deleted`.
    """
    fields = _read(deps, profile) if strict else _read_what_can_be(deps, profile)
    if owner_email and not fields.get("email"):
        fields |= _read_what_can_be(deps, {"email": owner_email})
    await deps.store.put_membership(Membership(entity_id, owner_user_id, "owner", 0))
    now = deps.now()
    entity = changed(
        Entity(id=entity_id, created_at=now, owner_user_id=owner_user_id, must_verify=deps.rules.must_verify),
        fields,
        now,
    )
    act = Act("entity.registered", f"{entity.name or 'A member'} signed up.", owner_user_id, "member", "user")
    fresh = write(None, entity, act, now)
    if await deps.store.insert(fresh):
        entity = fresh.entity
    else:
        entity = await deps.store.entity(entity_id) or entity
        if entity.deleted:
            raise Refusal.of(409, "entity_deleted", "This member was deleted.")
    # who confirmed the address before the entity was there has confirmed it for the entity too
    person = await deps.store.person(owner_user_id)
    if person is not None and person.email_verified and not entity.verified:
        return await confirm_address(deps, entity_id) or entity
    return entity


async def alter(
    deps: Deps,
    entity_id: str,
    how: Callable[[Entity], tuple[Entity, Act]],
    *,
    if_version: int | None = None,
    dry_run: bool = False,
) -> Entity:
    """Changes an entity with all consequences; begins again when somebody else was quicker. Raises Refusal 404, 409
    `version_conflict`, 503."""
    for _ in range(TRIES_MAX):
        before = await deps.store.entity(entity_id)
        if before is None or before.deleted:
            raise unknown_entity()
        if if_version is not None and before.version != if_version:
            raise Refusal.of(409, "version_conflict", "Somebody else changed this meanwhile; look at it and try again.")
        now = deps.now()
        after, act = how(before)
        after = with_consequences(before, after, now)
        if after == before or dry_run:
            return after
        next_state = write(before, after, act, now)
        if (await deps.store.save([next_state]))[0]:
            return next_state.entity
    raise busy()


async def change(
    deps: Deps,
    caller: Principal,
    entity_id: str,
    given: Mapping[str, Any],
    *,
    if_version: int | None = None,
    dry_run: bool = False,
) -> Entity:
    """A member's change of the profile, or an admin's of it and of status and categories.

    Raises Refusal 400 with every problem, 403, 404 (admins only), 409 `version_conflict`.
    """
    await require_member_or_admin(deps, caller, entity_id)
    if not caller.is_admin and any(name in given for name in ADMIN_ONLY):
        raise Refusal.of(403, "admin_only", "Only an admin can change status and categories.")
    try:
        fields = read_profile({name: given[name] for name in given if name not in ADMIN_ONLY}, deps.rules.inc_types)
    except Invalid as invalid:
        refuse_invalid(Invalid([*invalid.faults, *_faults_of_admin(given)]))
    if faults := _faults_of_admin(given):
        refuse_invalid(Invalid(faults))
    categories = tag_forms(given.get("categories") or ())
    if categories and not dry_run:
        await made_by_admin(deps, caller, "category", categories)

    def how(before: Entity) -> tuple[Entity, Act]:
        after = changed(before, fields, deps.now())
        if "status" in given:
            after = replace(after, status=given["status"])
        if "categories" in given:
            after = replace(after, categories=tuple(categories))
        return after, _act_of_change(caller, before, after)

    return await alter(deps, entity_id, how, if_version=if_version, dry_run=dry_run)


def _faults_of_admin(given: Mapping[str, Any]) -> list[Fault]:
    faults = []
    if "status" in given and given["status"] not in STATUSES:
        faults.append(Fault("status", "unknown_value", f"This must be one of {', '.join(STATUSES)}."))
    names = given.get("categories") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        faults.append(Fault("categories", "not_a_list", "This must be a list of texts."))
    elif len(tag_forms(names)) > CATEGORIES_MAX:
        faults.append(Fault("categories", "too_many", f"There can be at most {CATEGORIES_MAX}."))
    elif any(len(name) > TAG_LENGTH_MAX for name in tag_forms(names)):
        faults.append(Fault("categories", "too_long", f"Each must have at most {TAG_LENGTH_MAX} characters."))
    return faults


def _act_of_change(caller: Principal, before: Entity, after: Entity) -> Act:
    name = after.name or after.id
    if before.status != after.status:
        sentence = f"Changed the status of {name} from {before.status} to {after.status}."
        return Act.by(caller, "entity.status_changed", sentence)
    return Act.by(caller, "entity.changed", f"Changed {name}.")


async def apply_for_trading(deps: Deps, caller: Principal, entity_id: str, given: Mapping[str, Any]) -> Entity:
    """EN-03. Raises Refusal 400 with every problem, 403, 409 `cannot_apply`."""
    await require_member(deps, caller, entity_id)
    rest = {name: value for name, value in given.items() if name not in (*PERSON_NEEDS, "agreement")}
    profile, faults = _read_all(deps, rest)

    def how(before: Entity) -> tuple[Entity, Act]:
        try:
            after = applied(before, given, profile, caller.id, deps.now())
        except Invalid as invalid:
            # a field that is wrong is not missing too
            known = {fault.field for fault in faults}
            refuse_invalid(Invalid([*faults, *(fault for fault in invalid.faults if fault.field not in known)]))
        if faults:
            refuse_invalid(Invalid(faults))
        return after, Act.by(caller, "application.sent", f"{after.name} applied for trading.")

    return await alter(deps, entity_id, how)


def _read_all(deps: Deps, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """What can be read, and what is wrong with the rest."""
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    for field, value in given.items():
        try:
            found |= read_profile({field: value}, deps.rules.inc_types)
        except Invalid as invalid:
            faults.extend(invalid.faults)
    return found, faults


async def confirm_address(deps: Deps, entity_id: str) -> Entity | None:
    """One of the entity's users confirmed an address: it may be listed now. None when there is no such entity."""

    def how(before: Entity) -> tuple[Entity, Act]:
        return replace(before, verified=True), Act(
            "entity.verified", f"The e-mail address of {before.name} is confirmed."
        )

    entity = await deps.store.entity(entity_id)
    if entity is None or entity.deleted or entity.verified:
        return entity
    return await alter(deps, entity_id, how)


async def delete(deps: Deps, caller: Principal, entity_id: str) -> Entity:
    """Leaves a tombstone that carries the news; answers what was there, or the tombstone where it was done already.

    The ledger has closed the account before. By an admin, or by the gateway for a person who leaves (ID-15). Raises
    Refusal 403, 404.
    """
    if not (caller.is_admin or (caller.is_service and caller.id == "gateway")):
        raise not_yours()
    for _ in range(TRIES_MAX):
        before = await deps.store.entity(entity_id)
        if before is None:
            raise unknown_entity()
        if not before.deleted:
            now = deps.now()
            act = Act.by(caller, "entity.deleted", f"Deleted {before.name or before.id}.")
            if not (await deps.store.save([write(before, without_person(before), act, now)]))[0]:
                continue
        await deps.store.forget_links(entity_id)
        names = [name for picture in before.pictures for name in (picture.name, picture.thumbnail)]
        if names:
            await deps.store.drop_pictures(deps.now(), names)
        return before
    raise busy()
