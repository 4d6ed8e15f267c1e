"""Sessions and the tokens they hand out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.contracts.identity import LoginSucceededV1
from libs.common.ids import new_id
from services.identity.domain.people import User
from services.identity.domain.sessions import Session, session_end, token_end
from services.identity.sealing import hash_of, new_secret
from services.identity.service import telling
from services.identity.service.deps import Client, Deps, Unit
from services.identity.store import sessions, users

_AGENT_LENGTH_MAX = 400
_ADDRESS_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True)
class Ticket:
    """What somebody who came in is given."""

    token: str
    expires_at: datetime
    session_id: str
    user_id: str
    role: str
    entity_id: str | None = None
    refresh_token: str | None = None
    refresh_expires_at: datetime | None = None
    previous_login_at: datetime | None = None
    previous_login_address: str | None = None
    recovery_codes: tuple[str, ...] = ()


async def open_session(
    deps: Deps,
    work: Unit,
    user: User,
    *,
    role: str,
    kind: str,
    client: Client,
    entity_id: str | None = None,
    recovery_codes: tuple[str, ...] = (),
) -> Ticket:
    """A new session of a user who proved to be one; told as a login."""
    lifetimes = deps.settings.lifetimes
    session = Session(
        id=new_id(),
        user_id=user.id,
        role=role,
        kind=kind,
        created_at=work.now,
        last_used_at=work.now,
        expires_at=session_end(kind, work.now, work.now, lifetimes),
        tokens_expire_at=token_end(kind, work.now, lifetimes) + timedelta(seconds=1),
        address=client.address[:_ADDRESS_LENGTH_MAX],
        agent=client.agent[:_AGENT_LENGTH_MAX],
    )
    await _make_room(deps, work, user.id)
    await sessions.insert(work.connection, session)
    await users.note_login(work.connection, user.id, session.address, work.now)
    device = hash_of(f"{session.address}\n{session.agent}")
    is_new, had_any = await users.seen_device(work.connection, user.id, device, work.now)
    event = LoginSucceededV1(
        user_id=user.id,
        email=user.email,
        address=session.address,
        agent=session.agent,
        new_device=is_new and had_any,
    )
    work.tell(event.envelope(subject=user.id, sequence=0, time=work.now))
    return await ticket(
        deps,
        work,
        session,
        entity_id=entity_id,
        previous=(user.last_login_at, user.last_login_address),
        recovery_codes=recovery_codes,
    )


async def _make_room(deps: Deps, work: Unit, user_id: str) -> None:
    """Ends the sessions used longest ago where there are as many as may be."""
    most = deps.settings.sessions_per_user_max - 1
    if too_many := await sessions.beyond(work.connection, user_id, work.now, most):
        await telling.end_sessions(work, user_id, "too_many", only=too_many)
        detail = f"Ended {len(too_many)} used longest ago: a user has at most {most + 1} sessions."
        telling.audit(work, "session.ended", detail, subject=user_id)


async def ticket(
    deps: Deps,
    work: Unit,
    session: Session,
    *,
    entity_id: str | None = None,
    previous: tuple[datetime | None, str | None] = (None, None),
    recovery_codes: tuple[str, ...] = (),
) -> Ticket:
    """Tokens of a session: an access token, and for a browser a refresh token."""
    expires_at = token_end(session.kind, work.now, deps.settings.lifetimes)
    claims = {"sub": session.user_id, "role": session.role, "sid": session.id}
    refresh_token = None
    if session.kind == "browser":
        refresh_token = new_secret()
        await sessions.add_refresh(work.connection, session.id, hash_of(refresh_token), work.now)
    return Ticket(
        token=deps.keyring.token(claims, work.now, expires_at),
        expires_at=expires_at,
        session_id=session.id,
        user_id=session.user_id,
        role=session.role,
        entity_id=entity_id,
        refresh_token=refresh_token,
        refresh_expires_at=session.expires_at if refresh_token else None,
        previous_login_at=previous[0],
        previous_login_address=previous[1],
        recovery_codes=recovery_codes,
    )
