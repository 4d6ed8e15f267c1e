"""Events of identity, made from what the store holds."""

from datetime import datetime, timedelta
from typing import Any

from libs.common.contracts import category_of
from libs.common.contracts.identity import (
    AuditRecordedV1,
    MembershipChangedV1,
    SessionEndedV1,
    UserChangedV1,
)
from libs.common.envelope import Envelope
from services.identity.domain.people import User
from services.identity.domain.sessions import Session
from services.identity.service.deps import Actor, Unit
from services.identity.store import sessions, upkeep
from services.identity.store import users as store

REFUSALS_TOLD_MAX = 5
REFUSALS_PERIOD_S = 900
PERSON = "person"


def user_changed(user: User, now: datetime) -> Envelope:
    """The whole public state of a user."""
    return UserChangedV1(
        user_id=user.id,
        email=user.email,
        first_name=user.first_name,
        last_name=user.last_name,
        telephone=user.telephone,
        language=user.language,
        role=user.role,
        email_verified=user.email_verified,
    ).envelope(subject=user.id, sequence=user.version, time=now)


def membership_changed(entity_id: str, user_id: str, role: str | None, version: int, now: datetime) -> Envelope:
    """Who acts for the entity from now on."""
    event = MembershipChangedV1(entity_id=entity_id, user_id=user_id, role=role)
    return event.envelope(subject=f"{entity_id}/{user_id}", sequence=version, time=now)


def ended(session_id: str, user_id: str, reason: str, until: datetime, now: datetime) -> Envelope:
    """A session or a key is over."""
    event = SessionEndedV1(session_id=session_id, user_id=user_id, reason=reason, tokens_expire_at=until)
    return event.envelope(subject=session_id, sequence=1, time=now)


async def end_sessions(
    work: Unit, user_id: str, reason: str, *, only: list[str] | None = None, keep: str | None = None
) -> list[Session]:
    """Ends sessions of a user, tells every process, and says which."""
    gone = await sessions.end(work.connection, user_id, work.now, only=only, keep=keep)
    work.tell(*(ended(session.id, user_id, reason, session.tokens_expire_at, work.now) for session in gone))
    work.note_ended(gone)
    return gone


def audit(
    work: Unit,
    action: str,
    detail: str,
    *,
    actor: Actor | None = None,
    email: str | None = None,
    subject: str | None = None,
    subject_kind: str = "user",
    entity_id: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    category: str | None = None,
) -> None:
    """A line of the activity log (AD-07). `email` is the actor's; the category follows from the actor, where there is one."""
    category = category or category_of(actor.role if actor else None)
    event = AuditRecordedV1(
        actor_id=actor.id if actor else None,
        actor_email=email,
        actor_role=actor.role if actor else None,
        category=category,
        action=action,
        detail=detail,
        subject_kind=subject_kind if subject else None,
        subject_id=subject,
        entity_id=entity_id,
        before=before,
        after=after,
        at=work.now,
    )
    work.tell(event.envelope(subject=subject or entity_id or "identity", sequence=0, time=work.now))


async def is_told(
    work: Unit,
    caller: str,
    action: str,
    *,
    told_max: int = REFUSALS_TOLD_MAX,
    period_s: int = REFUSALS_PERIOD_S,
    times: int = 1,
) -> bool:
    """Whether this refusal of a caller still gets a record of its own; later ones are counted into one record, as are all
    but the first of several at once."""
    until = work.now + timedelta(seconds=period_s)
    return await upkeep.count_refusal(work.connection, caller, action, told_max=told_max, until=until, times=times)


def person_caller(actor: Actor, operation: str) -> str:
    """Under what the refusals of a person and an operation are counted."""
    return f"{PERSON} {actor.id} {actor.role} {operation}"


def person_of(caller: str) -> tuple[Actor, str]:
    """The person and the operation of `person_caller`."""
    _, user_id, role, operation = caller.split(" ", 3)
    return Actor(user_id, role), operation


async def email_of(work: Unit, actor: Actor) -> str | None:
    """The address of whoever acts, for the activity log."""
    found = None if actor.is_service else await store.by_id(work.connection, actor.id)
    return found[0].email if found else None
