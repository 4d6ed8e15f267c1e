"""Invitations to act for an entity (EN-04)."""

from dataclasses import dataclass
from datetime import timedelta

from libs.common.contracts.identity import InvitationSentV1
from libs.common.ids import new_id
from services.identity.domain.access import INVITATION_LIFETIME_S, OPEN_INVITATIONS_MAX, OneTimeToken
from services.identity.domain.addresses import email_key, parse_email
from services.identity.domain.errors import NamedError
from services.identity.domain.people import Membership
from services.identity.sealing import hash_of
from services.identity.service import telling
from services.identity.service.deps import Actor, Deps, Unit, unit
from services.identity.store import links, memberships, users


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation whose link works, and the key of the address it went to."""

    link: OneTimeToken
    email_key: str


async def invite(deps: Deps, actor: Actor, entity_id: str, email: str, role: str) -> OneTimeToken:
    """An owner invites by mail. Raises NamedError `forbidden`, `already_member`, `too_many`, and FieldsRefused."""
    address = parse_email(email)
    async with unit(deps) as work:
        people = await memberships.lock_entity(work.connection, entity_id)
        check_owner(actor, people)
        found = await users.by_key(work.connection, address.key)
        if found is not None and any(person.user_id == found[0].id for person in people):
            raise NamedError("already_member", field="email")
        waiting = await links.open_invitations(work.connection, entity_id, work.now)
        if len(waiting) >= OPEN_INVITATIONS_MAX:
            raise NamedError("too_many")
        for older in waiting:
            if email_key(older.email) == address.key:
                await links.use(work.connection, older.id, work.now)
        link = OneTimeToken(
            new_id(), "invitation", None, address.text, work.now,
            work.now + timedelta(seconds=INVITATION_LIFETIME_S), entity_id, role, actor.id,
        )  # fmt: skip
        await links.add(work.connection, link, address.key)
        mine = await users.by_id(work.connection, actor.id)
        language = found[0].language if found else mine[0].language if mine else deps.settings.language
        event = InvitationSentV1(
            invitation_id=link.id, entity_id=entity_id, email=link.email, invited_by=actor.id, role=role,
            language=language,
        )  # fmt: skip
        work.tell(event.envelope(subject=link.id, sequence=1, time=work.now))
        telling.audit(
            work, "invitation.sent", f"Invited {link.email} as {role}.", actor=actor,
            email=mine[0].email if mine else None, entity_id=entity_id, after={"email": link.email, "role": role},
        )  # fmt: skip
    return link


async def waiting(deps: Deps, actor: Actor, entity_id: str) -> list[OneTimeToken]:
    """Invitations without an answer, for the people of the entity."""
    async with unit(deps) as work:
        people = await memberships.of_entities(work.connection, [entity_id])
        if not (actor.is_service or actor.is_admin or any(person.user_id == actor.id for person in people)):
            raise NamedError("forbidden")
        return await links.open_invitations(work.connection, entity_id, work.now)


async def withdraw(deps: Deps, actor: Actor, invitation_id: str) -> None:
    """An owner takes an invitation back. Raises NamedError `forbidden` (also where there is none)."""
    async with unit(deps) as work:
        link = await links.lock_by_id(work.connection, invitation_id)
        if link is None or link.kind != "invitation" or link.entity_id is None:
            raise NamedError("forbidden")
        check_owner(actor, await memberships.of_entities(work.connection, [link.entity_id]))
        await links.use(work.connection, link.id, work.now)
        email = await telling.email_of(work, actor)
        telling.audit(
            work, "invitation.withdrawn", f"Took back the invitation of {link.email}.", actor=actor, email=email,
            entity_id=link.entity_id,
        )  # fmt: skip


async def look(deps: Deps, token: str) -> OneTimeToken:
    """What a link invites to. Raises NamedError `invitation_invalid`."""
    async with unit(deps) as work:
        return (await open_invitation(work, token)).link


async def accept(deps: Deps, actor: Actor, token: str) -> Membership:
    """A user who is logged in joins. Raises NamedError `invitation_invalid`."""
    async with unit(deps) as work:
        invitation = await open_invitation(work, token)
        return await join(work, invitation.link, actor.id)


async def open_invitation(work: Unit, token: str) -> OpenInvitation:
    """The invitation that a link opens, locked. Raises NamedError `invitation_invalid`."""
    link = await links.lock_by_secret(work.connection, "invitation", hash_of(token))
    if link is None or not link.is_good(work.now):
        raise NamedError("invitation_invalid")
    return OpenInvitation(link, email_key(link.email))


async def join(work: Unit, link: OneTimeToken, user_id: str) -> Membership:
    """The invitation is used: the user acts for the entity, if it did not as an owner before."""
    assert link.entity_id is not None
    people = await memberships.lock_entity(work.connection, link.entity_id)
    if not people:  # the entity is gone
        raise NamedError("invitation_invalid")
    await links.use(work.connection, link.id, work.now)
    there = next((person for person in people if person.user_id == user_id), None)
    if there is not None and there.role == "owner":
        return there
    membership = await memberships.put(work.connection, link.entity_id, user_id, link.role, work.now)
    work.tell(telling.membership_changed(link.entity_id, user_id, membership.role, membership.version, work.now))
    telling.audit(
        work, "membership.joined", f"Joined by invitation as {membership.role}.", actor=Actor(user_id, "member"),
        email=link.email, subject=user_id, entity_id=link.entity_id, after={"role": membership.role},
    )  # fmt: skip
    return membership


def check_owner(actor: Actor, people: list[Membership]) -> None:
    """Owners, admins and services only. Raises NamedError `forbidden`."""
    if actor.is_service or actor.is_admin:
        return
    if not any(person.user_id == actor.id and person.role == "owner" for person in people):
        raise NamedError("forbidden")
