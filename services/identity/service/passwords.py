"""Lost and changed passwords (ID-08, ID-09), and links in general."""

from datetime import datetime, timedelta

from libs.common.contracts.identity import PasswordChangedV1, ResetRequestedV1
from libs.common.ids import new_id
from services.identity.domain.access import ISSUE_WITHIN_S, OPEN_RESETS_MAX, RESET_LIFETIME_S, OneTimeToken, link_end
from services.identity.domain.addresses import email_key, throttle_key
from services.identity.domain.errors import NamedError
from services.identity.domain.people import User
from services.identity.domain.sessions import is_fresh
from services.identity.sealing import hash_of, new_secret
from services.identity.service import telling
from services.identity.service.deps import Actor, Client, Deps, Unit, unit
from services.identity.service.fields import Faults
from services.identity.service.second_factor import checked_owner
from services.identity.store import attempts, links, memberships, sessions, users

_EMAIL_LENGTH_MAX = 400


async def request_reset(deps: Deps, email: str, role: str, client: Client) -> None:
    """Asks for a reset link by mail. Always the same, whoever has the address; the work for a user is a few rows."""
    key = email_key(email[:_EMAIL_LENGTH_MAX])
    async with unit(deps) as work:
        found = await users.by_key(work.connection, key)
        if found is None or not await _may_reset(work, found[0], role):
            await _note_stranger(work, client)
            return
        user = found[0]
        since = work.now - timedelta(seconds=RESET_LIFETIME_S)
        if await links.open_of_user(work.connection, user.id, "reset", since) >= OPEN_RESETS_MAX:
            return
        link = OneTimeToken(
            new_id(), "reset", user.id, user.email, work.now, work.now + timedelta(seconds=ISSUE_WITHIN_S), role=role
        )
        await links.add(work.connection, link, user.email_key)
        event = ResetRequestedV1(reset_id=link.id, user_id=user.id, email=user.email, role=role, language=user.language)
        work.tell(event.envelope(subject=user.id, sequence=0, time=work.now))
        detail = f"A password reset was asked for from {client.address or 'an unknown address'}."
        telling.audit(work, "password.reset_requested", detail, email=user.email, subject=user.id)


async def _note_stranger(work: Unit, client: Client) -> None:
    """About as much work as for a user: the time it takes tells nothing either."""
    if await telling.is_told(work, f"address {throttle_key(client.address)}", "password.reset_unknown"):
        detail = f"A password reset for an unknown account was asked for from {client.address or 'an unknown address'}."
        telling.audit(work, "password.reset_unknown", detail)


async def _may_reset(work: Unit, user: User, role: str) -> bool:
    if role == "admin":
        return user.role in ("admin", "operator")
    return user.role == "member" or bool(await memberships.of_users(work.connection, [user.id]))


async def check_reset(deps: Deps, token: str, role: str | None) -> None:
    """Whether a reset link works. Raises NamedError `token_invalid`."""
    async with unit(deps) as work:
        await _good_reset(work, token, role)


async def reset_password(deps: Deps, token: str, password: str, role: str | None) -> None:
    """A new password by a reset link; ends all sessions and the lock. Raises NamedError `token_invalid`, FieldsRefused."""
    await check_reset(deps, token, role)
    password_hash = await _hash_of_good(deps, password)
    async with unit(deps) as work:
        link = await _good_reset(work, token, role)
        found = await users.by_id(work.connection, str(link.user_id), lock=True)
        if found is None:
            raise NamedError("token_invalid")
        user = found[0]
        state = await attempts.lock(work.connection, user.email_key, work.now)
        await attempts.save(work.connection, user.email_key, state.succeeded(), work.now)
        await _put(work, user, password_hash, by_reset=True)
        if not user.email_verified and link.email == user.email:  # the mail arrived, so the address is the user's
            await users.change(work.connection, user.id, {"email_verified": True})
            changed = await users.by_id(work.connection, user.id)
            assert changed is not None
            work.tell(telling.user_changed(changed[0], work.now))
        await telling.end_sessions(work, user.id, "password_reset")
        telling.audit(
            work, "password.reset", "Set a new password by a mailed link.", actor=Actor(user.id, user.role),
            email=user.email, subject=user.id,
        )  # fmt: skip


async def _good_reset(work: Unit, token: str, role: str | None) -> OneTimeToken:
    link = await links.lock_by_secret(work.connection, "reset", hash_of(token))
    if link is None or not link.is_good(work.now) or (role is not None and link.role != role):
        raise NamedError("token_invalid")
    return link


async def change_password(
    deps: Deps, actor: Actor, password: str, current_password: str | None, client: Client
) -> None:
    """A new password; ends the other sessions. The current one is needed unless the login was minutes ago.

    Raises NamedError `current_password_needed`, `current_password_wrong`; FieldsRefused, AccountLocked.
    """
    if current_password is None:
        await _require_fresh(deps, actor)
    else:
        await checked_owner(deps, actor.id, current_password, client)
    password_hash = await _hash_of_good(deps, password)
    async with unit(deps) as work:
        found = await users.by_id(work.connection, actor.id, lock=True)
        if found is None:
            raise NamedError("user_unknown")
        user = found[0]
        await _put(work, user, password_hash, by_reset=False)
        await telling.end_sessions(work, user.id, "password_changed", keep=actor.session_id)
        telling.audit(work, "password.changed", "Changed the password.", actor=actor, email=user.email, subject=user.id)


async def _require_fresh(deps: Deps, actor: Actor) -> None:
    """The login itself was minutes ago: a refreshed token is young, whoever holds the browser."""
    async with unit(deps) as work:
        session = await sessions.lock(work.connection, actor.session_id)
    if session is None or not is_fresh(session.created_at, deps.clock()):
        raise NamedError("current_password_needed", field="current_password")


async def _hash_of_good(deps: Deps, password: str) -> str:
    faults = Faults()
    faults.password(password, deps.common)
    faults.refuse()
    return await deps.hasher.hash(password)


async def _put(work: Unit, user: User, password_hash: str, *, by_reset: bool) -> None:
    """Keeps it. Links of before open nothing any more: neither to another password nor to another address."""
    await users.set_password(work.connection, user.id, password_hash, work.now)
    await links.use_ways_in(work.connection, user.id, user.email_key, work.now)
    event = PasswordChangedV1(user_id=user.id, email=user.email, by_reset=by_reset)
    work.tell(event.envelope(subject=user.id, sequence=0, time=work.now))


async def issue_link(deps: Deps, link_id: str) -> tuple[str, datetime]:
    """Makes the secret of a link at the moment its mail is written. Raises NamedError `token_unknown`."""
    secret = new_secret()
    async with unit(deps) as work:
        link = await links.lock_by_id(work.connection, link_id)
        if link is None or not link.may_be_issued(work.now):
            raise NamedError("token_unknown")
        expires_at = link_end(link.kind, work.now)
        await links.issue(work.connection, link.id, hash_of(secret), work.now, expires_at)
    return secret, expires_at
