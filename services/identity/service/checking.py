"""A password is looked at: lockout and throttle around it, the same time for everybody (ID-04, ID-05)."""

import asyncio
import math
from dataclasses import dataclass
from datetime import timedelta

from libs.common.contracts.identity import LoginFailedV1
from services.identity.domain.addresses import throttle_key
from services.identity.domain.errors import AccountLocked, AddressThrottled, NamedError
from services.identity.domain.lockout import Attempts, Leave
from services.identity.domain.people import User
from services.identity.service import telling
from services.identity.service.deps import Client, Deps, Unit, unit
from services.identity.store import attempts as store
from services.identity.store import users

BUSY_WAIT_S = 8.0
_LOOK_AGAIN_S = 0.25


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check that was taken out and is to be settled."""

    email_key: str
    user: User | None
    stored: str | None
    """The hash that was compared."""
    is_right: bool
    new_hash: str | None


async def check(deps: Deps, email_key: str, shown_email: str, password: str, client: Client) -> Checked:
    """Looks at the password of an account, known or not. The caller settles the check in its transaction.

    Raises AccountLocked, AddressThrottled, NamedError `busy`; then nothing is to be settled.
    """
    user, stored = await _take(deps, email_key, shown_email, client)
    try:
        is_right, new_hash = await deps.hasher.verify(password, stored)
    except BaseException:
        await give_back(deps, email_key)
        raise
    return Checked(email_key, user, stored, is_right, new_hash)


async def give_back(deps: Deps, email_key: str) -> None:
    """The check ends without an outcome."""
    async with unit(deps) as work:
        state = await store.lock(work.connection, email_key, work.now)
        await store.save(work.connection, email_key, state.undecided(), work.now)
    deps.turnstile.free(email_key)


async def settle(deps: Deps, work: Unit, checked: Checked, *, is_right: bool, is_whole: bool = True) -> Attempts:
    """Counts the outcome in the caller's transaction; the caller frees the turnstile after the commit.

    A right password forgets earlier failures only where it is all that was to be shown (`is_whole`): else who knows it
    could guess codes of the second factor without end, with the password between them.
    """
    state = await store.lock(work.connection, checked.email_key, work.now)
    if not is_right:
        state = state.failed(work.now, deps.settings.lockout_rule)
    else:
        state = state.succeeded() if is_whole else state.undecided()
    await store.save(work.connection, checked.email_key, state, work.now)
    return state


async def tell_failure(
    deps: Deps, work: Unit, checked: Checked, state: Attempts, email: str, client: Client, action: str = "login.failed"
) -> None:
    """Counts the address, and tells of a wrong password."""
    until = work.now + timedelta(seconds=deps.settings.lockout_s)
    await store.count_address(work.connection, throttle_key(client.address), work.now, until)
    subject = checked.user.id if checked.user else None
    locked = state.locked_until if state.is_locked(work.now) else None
    detail = f"A login from {client.address or 'an unknown address'} failed"
    is_admin = checked.user is not None and checked.user.role != "member"
    telling.audit(
        work,
        action,
        f"{detail}{'; the account is locked' if locked else ''}.",
        email=email[:100],
        subject=subject,
        category="admin" if is_admin else "user",
    )
    if checked.user is not None:
        event = LoginFailedV1(
            user_id=checked.user.id,
            email=checked.user.email,
            address=client.address,
            failures=state.failures,
            locked_until=locked,
        )
        work.tell(event.envelope(subject=checked.user.id, sequence=0, time=work.now))


async def _take(deps: Deps, email_key: str, shown_email: str, client: Client) -> tuple[User | None, str | None]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BUSY_WAIT_S
    while True:
        leave, state, found = await _try(deps, email_key, client)
        if leave is Leave.GRANTED:
            return found or (None, None)
        if leave is Leave.LOCKED:
            await _refused(deps, f"account {email_key}", "login.locked", shown_email, client)
            raise AccountLocked(state.retry_after_s(deps.clock()))
        if loop.time() >= deadline:
            raise NamedError("busy", retry_after_s=1)
        await deps.turnstile.wait(email_key, _LOOK_AGAIN_S)


async def _try(deps: Deps, email_key: str, client: Client) -> tuple[Leave, Attempts, tuple[User, str] | None]:
    async with unit(deps) as work:
        throttled = await _throttled_s(deps, work, client)
        if throttled is None:
            state = await store.lock(work.connection, email_key, work.now)
            leave, state = state.begin(work.now, deps.settings.lockout_rule)
            await store.save(work.connection, email_key, state, work.now)
            found = await users.by_key(work.connection, email_key) if leave is Leave.GRANTED else None
            return leave, state, found
    await _refused(deps, f"address {throttle_key(client.address)}", "login.throttled", "", client)
    raise AddressThrottled(throttled)


async def _throttled_s(deps: Deps, work: Unit, client: Client) -> int | None:
    seen = await store.failures_of_address(work.connection, throttle_key(client.address), work.now)
    if seen is None or seen[0] < deps.settings.login_failures_per_address_max:
        return None
    return max(1, math.ceil((seen[1] - work.now).total_seconds()))


async def _refused(deps: Deps, caller: str, action: str, email: str, client: Client) -> None:
    async with unit(deps) as work:
        if await telling.is_told(work, caller, action):
            detail = (
                f"A login from {client.address or 'an unknown address'} was refused without a look at the password."
            )
            telling.audit(work, action, detail, email=email[:100] or None, category="user")


async def begin_counted(deps: Deps, work: Unit, email_key: str) -> Attempts:
    """For a check that takes no time and lies within the caller's transaction: the state, locked.

    Raises AccountLocked.
    """
    state = await store.lock(work.connection, email_key, work.now)
    leave, state = state.begin(work.now, deps.settings.lockout_rule)
    if leave is Leave.LOCKED:
        raise AccountLocked(state.retry_after_s(work.now))
    if leave is Leave.BUSY:
        raise NamedError("busy", retry_after_s=1)
    return state


async def end_counted(deps: Deps, work: Unit, user: User, state: Attempts, client: Client, *, is_right: bool) -> None:
    """Its outcome."""
    state = state.succeeded() if is_right else state.failed(work.now, deps.settings.lockout_rule)
    await store.save(work.connection, user.email_key, state, work.now)
    if not is_right:
        checked = Checked(user.email_key, user, None, is_right=False, new_hash=None)
        await tell_failure(deps, work, checked, state, user.email, client, action="second_factor.failed")
