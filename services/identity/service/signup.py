"""Signing up (ID-01): a user, an entity's id and who acts for it, in one transaction with the news of it."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from libs.common.contracts.identity import (
    SignupRepeatedV1,
    UserJoinedV1,
    UserRegisteredV1,
    VerificationRequestedV1,
)
from libs.common.ids import new_id
from services.identity.domain.access import ISSUE_WITHIN_S, OneTimeToken
from services.identity.domain.addresses import Email
from services.identity.domain.errors import NamedError
from services.identity.domain.people import User
from services.identity.service import telling
from services.identity.service.deps import Actor, Client, Deps, Unit, unit
from services.identity.service.fields import Faults, own_details
from services.identity.service.invitations import join, open_invitation
from services.identity.service.tickets import Ticket, open_session
from services.identity.store import links, memberships, users


@dataclass(frozen=True, slots=True)
class SignUp:
    """What somebody gives. With an invitation's token the user joins its entity, else a new entity begins."""

    email: str
    password: str
    profile: dict[str, Any]
    details: dict[str, Any] = field(default_factory=dict)
    kind: str = "api"
    quiet: bool = False
    invitation: str | None = None


@dataclass(frozen=True, slots=True)
class SignedUp:
    """Who signed up quietly. Nobody is logged in by that: a session would cost time that a taken address does not."""

    user_id: str
    entity_id: str


def judge(deps: Deps, command: SignUp) -> None:
    """Whether e-mail address, password and details could be taken; who has the address is not asked.

    Raises FieldsRefused with every fault.
    """
    faults = Faults()
    faults.email(command.email)
    faults.password(command.password, deps.common)
    own_details(faults, command.details, deps.settings.language)
    faults.refuse()


async def sign_up(deps: Deps, command: SignUp, client: Client) -> Ticket | SignedUp | None:
    """The new user's first session; with `quiet` none. None where the address is taken and `quiet`: its owner gets a mail.

    Raises FieldsRefused, NamedError `email_taken`, `invitation_invalid`, `busy`.
    """
    faults = Faults()
    email = faults.email(command.email)
    faults.password(command.password, deps.common)
    details: dict[str, Any] = dict(own_details(faults, command.details, deps.settings.language))
    faults.refuse()
    password_hash = await deps.hasher.hash(command.password)
    async with unit(deps) as work:
        if command.invitation is not None:  # judged before the address is looked at: a dead link tells nothing of that
            await open_invitation(work, command.invitation)
        details.setdefault("language", deps.settings.language)
        user = replace(User(new_id(), email.text, email.key, "member", work.now), **details)
        if not await users.insert(work.connection, user, password_hash):
            await _taken(work, email)
        else:
            entity_id = await _begin(work, user, command)
            telling.audit(
                work, "signup", "Signed up.", actor=Actor(user.id, "member"), email=user.email,
                subject=user.id, entity_id=entity_id,
            )  # fmt: skip
            if command.quiet:
                return SignedUp(user.id, entity_id)
            return await open_session(
                deps, work, user, role="member", kind=command.kind, client=client, entity_id=entity_id
            )
    if command.quiet:
        return None
    raise NamedError("email_taken", field="email")


async def _taken(work: Unit, email: Email) -> None:
    found = await users.by_key(work.connection, email.key)
    if found is not None and await telling.is_told(work, f"account {email.key}", "signup.repeated", told_max=2):
        user = found[0]
        event = SignupRepeatedV1(user_id=user.id, email=user.email, language=user.language)
        work.tell(event.envelope(subject=user.id, sequence=0, time=work.now))
        telling.audit(work, "signup.repeated", "Somebody signed up with this address again.", subject=user.id)


async def _begin(work: Unit, user: User, command: SignUp) -> str:
    if command.invitation is not None:
        return await _join(work, user, command.invitation)
    entity_id = new_id()
    await users.keep_profile(work.connection, entity_id, user.id, command.profile, work.now)
    membership = await memberships.put(work.connection, entity_id, user.id, "owner", work.now)
    verification_id = await ask_for_verification(work, user, user.email, user.email_key)
    registered = UserRegisteredV1(
        user_id=user.id,
        entity_id=entity_id,
        email=user.email,
        first_name=user.first_name,
        last_name=user.last_name,
        telephone=user.telephone,
        language=user.language,
        profile=command.profile,
        verification_id=verification_id,
    )
    work.tell(
        registered.envelope(subject=user.id, sequence=1, time=work.now),
        telling.user_changed(user, work.now),
        telling.membership_changed(entity_id, user.id, "owner", membership.version, work.now),
    )
    return entity_id


async def _join(work: Unit, user: User, token: str) -> str:
    invitation = await open_invitation(work, token)
    verification_id = None
    if invitation.email_key == user.email_key:
        version = await users.change(work.connection, user.id, {"email_verified": True})
        found = await users.by_id(work.connection, user.id)
        assert found is not None
        assert found[0].version == version
        work.tell(telling.user_changed(found[0], work.now))
    else:
        work.tell(telling.user_changed(user, work.now))
        verification_id = await ask_for_verification(work, user, user.email, user.email_key)
    membership = await join(work, invitation.link, user.id)
    joined = UserJoinedV1(
        user_id=user.id,
        entity_id=membership.entity_id,
        email=user.email,
        first_name=user.first_name,
        language=user.language,
        verification_id=verification_id,
    )
    work.tell(joined.envelope(subject=user.id, sequence=1, time=work.now))
    return membership.entity_id


async def ask_for_verification(work: Unit, user: User, email: str, email_key: str) -> str:
    """Keeps a link by which this address is confirmed; its id."""
    link = OneTimeToken(
        new_id(), "verification", user.id, email, work.now, work.now + timedelta(seconds=ISSUE_WITHIN_S)
    )
    await links.add(work.connection, link, email_key)
    return link.id


def verification_requested(link_id: str, user: User, email: str, work: Unit) -> Any:
    """The news that a verification mail is wanted."""
    event = VerificationRequestedV1(verification_id=link_id, user_id=user.id, email=email, language=user.language)
    return event.envelope(subject=user.id, sequence=0, time=work.now)
