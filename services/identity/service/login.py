"""Logging in, staying in, logging out (ID-04 to ID-07)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from libs.common.contracts import category_of
from services.identity.domain.addresses import email_key
from services.identity.domain.errors import NamedError
from services.identity.domain.people import User, session_role
from services.identity.domain.sessions import RefreshVerdict, Session, judge_refresh, session_end, token_end
from services.identity.sealing import hash_of
from services.identity.service import checking, telling
from services.identity.service.checking import Checked
from services.identity.service.deps import Actor, Client, Deps, Unit, unit
from services.identity.service.second_factor import Judged, is_required_of, judge_code
from services.identity.service.tickets import Ticket, open_session, ticket
from services.identity.store import attempts, factors, memberships, sessions, users

_EMAIL_LENGTH_MAX = 400
_PASSWORD_LENGTH_MAX = 1000


@dataclass(frozen=True, slots=True)
class LogIn:
    """What somebody gives. `role`: whether as a member or for administration."""

    email: str
    password: str
    role: str = "member"
    kind: str = "api"
    code: str | None = None


class _Verdict(Enum):
    IN = auto()
    WRONG = auto()
    CODE_WRONG = auto()
    CODE_NEEDED = auto()
    SETUP_NEEDED = auto()


async def log_in(deps: Deps, command: LogIn, client: Client) -> Ticket:
    """A new session.

    Raises NamedError `login_failed` (the same for unknown address, wrong password and wrong kind of account),
    `second_factor_needed`, `second_factor_wrong`, `second_factor_setup_needed`, `busy`; AccountLocked, AddressThrottled.
    """
    key = email_key(command.email[:_EMAIL_LENGTH_MAX])
    password = command.password[:_PASSWORD_LENGTH_MAX]
    checked = await checking.check(deps, key, command.email, password, client)
    try:
        async with unit(deps) as work:
            verdict, answer = await _decide(deps, work, checked, command, client)
    except BaseException:
        await checking.give_back(deps, key)
        raise
    deps.turnstile.free(key)
    if answer is not None:
        return answer
    raise NamedError(
        {
            _Verdict.CODE_WRONG: "second_factor_wrong",
            _Verdict.CODE_NEEDED: "second_factor_needed",
            _Verdict.SETUP_NEEDED: "second_factor_setup_needed",
        }.get(verdict, "login_failed")
    )


async def _decide(
    deps: Deps, work: Unit, checked: Checked, command: LogIn, client: Client
) -> tuple[_Verdict, Ticket | None]:
    user, role = await _who(work, checked, command.role)
    if user is None or role is None:
        return await _fail(deps, work, checked, command, client, _Verdict.WRONG)
    judged = await judge_code(deps, work, user, command.code, must_have=is_required_of(deps, role))
    if judged.verdict is Judged.Verdict.WRONG:
        return await _fail(deps, work, checked, command, client, _Verdict.CODE_WRONG)
    if judged.verdict in (Judged.Verdict.NEEDED, Judged.Verdict.SETUP_NEEDED):
        state = await attempts.lock(work.connection, checked.email_key, work.now)
        await attempts.save(work.connection, checked.email_key, state.undecided(), work.now)
        await _tell_waiting(work, user, role, client)
        needed = judged.verdict is Judged.Verdict.NEEDED
        return (_Verdict.CODE_NEEDED if needed else _Verdict.SETUP_NEEDED), None
    await checking.settle(deps, work, checked, is_right=True)
    if checked.new_hash is not None:
        await users.set_password(work.connection, user.id, checked.new_hash, None)
    telling.audit(
        work, "login.succeeded",
        f"Logged in from {client.address or 'an unknown address'}{', with a second factor' if command.code else ''}.",
        actor=Actor(user.id, role), email=user.email, subject=user.id,
    )  # fmt: skip
    return _Verdict.IN, await open_session(
        deps, work, user, role=role, kind=command.kind, client=client, recovery_codes=judged.recovery_codes
    )


async def _tell_waiting(work: Unit, user: User, role: str, client: Client) -> None:
    """The password was right and the code did not come: somebody may know one without having the other."""
    if await telling.is_told(work, f"account {user.email_key}", "login.code_missing"):
        where = client.address or "an unknown address"
        telling.audit(
            work, "login.code_missing", f"A login from {where} gave the password and not the code.",
            email=user.email, subject=user.id, category=category_of(role),
        )  # fmt: skip


async def _who(work: Unit, checked: Checked, wanted: str) -> tuple[User | None, str | None]:
    """The user whose password was right and still is, and the role that the session gets."""
    if checked.user is None or not checked.is_right:
        return None, None
    found = await users.by_id(work.connection, checked.user.id, lock=True)
    if found is None:
        return None, None
    user = found[0]
    # another hash of the same password is another login's, which was first to make it anew
    if found[1] != checked.stored and user.password_changed_at != checked.user.password_changed_at:
        return None, None
    has_both = user.role != "member" and wanted == "member"
    acts_for = await memberships.of_users(work.connection, [user.id]) if has_both else []
    return user, session_role(user.role, wanted, len(acts_for))


async def _fail(
    deps: Deps, work: Unit, checked: Checked, command: LogIn, client: Client, verdict: _Verdict
) -> tuple[_Verdict, None]:
    state = await checking.settle(deps, work, checked, is_right=False)
    await checking.tell_failure(deps, work, checked, state, command.email, client)
    return verdict, None


async def refresh(deps: Deps, token: str) -> Ticket:
    """A fresh pair of tokens. Raises NamedError `refresh_invalid`, or `refresh_reused` when the session ended for it."""
    token_hash = hash_of(token)
    async with unit(deps) as work:
        session_id = await sessions.session_of_refresh(work.connection, token_hash)
        session = await sessions.lock(work.connection, session_id) if session_id else None
        if session is None:
            raise NamedError("refresh_invalid")
        used_at = await sessions.use_refresh(work.connection, token_hash, work.now)
        verdict = judge_refresh(used_at, session, work.now, deps.settings.refresh_grace_s)
        if verdict in (RefreshVerdict.GOOD, RefreshVerdict.REPEATED):
            if not await _lacks_factor(deps, work, session):
                return await _prolong(deps, work, session)
            await telling.end_sessions(work, session.user_id, "second_factor_required", only=[session.id])
            detail = "A second factor has become necessary: the session was ended."
            telling.audit(work, "session.ended", detail, subject=session.user_id)
        if verdict is RefreshVerdict.REUSED:
            await telling.end_sessions(work, session.user_id, "refresh_reused", only=[session.id])
            detail = "A refresh token was used twice: the session was ended."
            telling.audit(work, "session.ended", detail, subject=session.user_id)
    raise NamedError("refresh_reused" if verdict is RefreshVerdict.REUSED else "refresh_invalid")


async def _lacks_factor(deps: Deps, work: Unit, session: Session) -> bool:
    """A session of before second factors were made mandatory does not outlive its token."""
    if not is_required_of(deps, session.role):
        return False
    factor = await factors.of_user(work.connection, session.user_id)
    return factor is None or factor.confirmed_at is None


async def _prolong(deps: Deps, work: Unit, session: Session) -> Ticket:
    lifetimes = deps.settings.lifetimes
    expires_at = session_end(session.kind, session.created_at, work.now, lifetimes)
    token_expires_at = token_end(session.kind, work.now, lifetimes) + timedelta(seconds=1)
    await sessions.prolong(work.connection, session.id, work.now, expires_at, token_expires_at)
    prolonged = Session(
        session.id, session.user_id, session.role, session.kind, session.created_at, work.now, expires_at,
        token_expires_at, session.address, session.agent,
    )  # fmt: skip
    return await ticket(deps, work, prolonged)


async def log_out(deps: Deps, actor: Actor) -> None:
    """Ends the session of the token that asks, everywhere."""
    async with unit(deps) as work:
        gone = await telling.end_sessions(work, actor.id, "logout", only=[actor.session_id])
        if gone:
            email = await telling.email_of(work, actor)
            telling.audit(work, "logout", "Logged out.", actor=actor, email=email, subject=actor.id)


async def own_sessions(deps: Deps, actor: Actor) -> list[Session]:
    """Live sessions of the caller, the latest used first."""
    async with unit(deps) as work:
        return await sessions.live_of(work.connection, actor.id, work.now)


async def end_session(deps: Deps, actor: Actor, session_id: str) -> None:
    """Ends one own session. Raises NamedError `session_unknown`."""
    async with unit(deps) as work:
        if not await telling.end_sessions(work, actor.id, "ended_by_user", only=[session_id]):
            raise NamedError("session_unknown")
        email = await telling.email_of(work, actor)
        telling.audit(work, "session.ended", "Ended a session.", actor=actor, email=email, subject=actor.id)


async def end_sessions_of(deps: Deps, actor: Actor, user_id: str) -> int:
    """An admin ends all sessions of somebody; how many. Raises NamedError `user_unknown`."""
    async with unit(deps) as work:
        if await users.by_id(work.connection, user_id, lock=True) is None:
            raise NamedError("user_unknown")
        gone = await telling.end_sessions(work, user_id, "ended_by_admin")
        telling.audit(
            work, "session.ended", f"Ended {len(gone)} sessions of a user.", actor=actor,
            email=await telling.email_of(work, actor), subject=user_id,
        )  # fmt: skip
    return len(gone)


async def end_sessions(deps: Deps, actor: Actor, *, keep_current: bool) -> int:
    """Ends all own sessions; how many."""
    async with unit(deps) as work:
        keep = actor.session_id if keep_current else None
        gone = await telling.end_sessions(work, actor.id, "ended_by_user", keep=keep)
        if gone:
            email = await telling.email_of(work, actor)
            detail = f"Ended {len(gone)} sessions."
            telling.audit(work, "session.ended", detail, actor=actor, email=email, subject=actor.id)
    return len(gone)
