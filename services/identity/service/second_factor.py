"""The second factor (ID-11): codes of an authenticator (RFC 6238), and recovery codes that work once each."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

import pyotp

from services.identity.domain.access import RECOVERY_CODES, normal_code
from services.identity.domain.addresses import email_key
from services.identity.domain.errors import NamedError
from services.identity.domain.people import User, session_role
from services.identity.sealing import hash_of
from services.identity.service import checking, telling
from services.identity.service.deps import Actor, Client, Deps, Unit, unit
from services.identity.store import factors, memberships, users
from services.identity.store.factors import StoredFactor

_STEP_S = 30
_STEPS_OFF_MAX = 1
_RECOVERY_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_RECOVERY_GROUPS = 4
_RECOVERY_GROUP = 6
"""24 letters of 32 are 120 bits of chance: enough for a plain hash to keep them safe."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a code given at a login is worth."""

    class Verdict(Enum):
        GOOD = auto()
        NEEDED = auto()
        WRONG = auto()
        SETUP_NEEDED = auto()

    verdict: Verdict
    recovery_codes: tuple[str, ...] = ()
    """Made when this login confirmed the factor."""


@dataclass(frozen=True, slots=True)
class State:
    """How the second factor of a user stands."""

    enabled: bool
    required: bool
    recovery_codes_left: int


async def judge_code(deps: Deps, work: Unit, user: User, code: str | None, *, must_have: bool) -> Judged:
    """At a login, after the password was right, with the user's row locked. A used code counts as used in the caller's transaction."""
    if not user.second_factor and not must_have:
        return Judged(Judged.Verdict.GOOD)
    factor = await factors.of_user(work.connection, user.id, lock=True)
    is_on = factor is not None and factor.confirmed_at is not None
    if factor is None or (not is_on and not code):
        return Judged(Judged.Verdict.SETUP_NEEDED)
    if not code:
        return Judged(Judged.Verdict.NEEDED)
    used = _used(deps, factor, code, work.now)
    if used is None:
        return Judged(Judged.Verdict.WRONG)
    if is_on:
        await factors.save(work.connection, used)
        return Judged(Judged.Verdict.GOOD)
    return Judged(Judged.Verdict.GOOD, await _confirm(work, used, user))


async def state(deps: Deps, actor: Actor) -> State:
    """How the caller's second factor stands."""
    async with unit(deps) as work:
        factor = await factors.of_user(work.connection, actor.id)
        found = await users.by_id(work.connection, actor.id)
    is_on = factor is not None and factor.confirmed_at is not None
    is_required = found is not None and _is_required(deps, found[0])
    return State(is_on, is_required, len(factor.recovery_hashes) if factor and is_on else 0)


async def begin(deps: Deps, actor: Actor, password: str, client: Client) -> tuple[str, str]:
    """A secret that waits for its first code: base32, and as an `otpauth` address.

    Raises NamedError `current_password_wrong`, `already_enabled`; AccountLocked, AddressThrottled.
    """
    user = await checked_owner(deps, actor.id, password, client)
    return await _begin(deps, user)


async def enrol(deps: Deps, email: str, password: str, role: str, client: Client) -> tuple[str, str]:
    """The same for somebody who may not log in without a second factor: by the password instead of a session."""
    key = email_key(email)
    checked = await checking.check(deps, key, email, password, client)
    try:
        async with unit(deps) as work:
            acts_for = await memberships.of_users(work.connection, [checked.user.id]) if checked.user else []
            user = checked.user
            may = user is not None and checked.is_right and session_role(user.role, role, len(acts_for)) is not None
            is_whole = user is None or not user.second_factor
            status = await checking.settle(deps, work, checked, is_right=may, is_whole=is_whole)
            if not may:
                await checking.tell_failure(deps, work, checked, status, email, client)
    except BaseException:
        await checking.give_back(deps, key)
        raise
    deps.turnstile.free(key)
    if not may or user is None:
        raise NamedError("login_failed")
    return await _begin(deps, user)


async def confirm(deps: Deps, actor: Actor, code: str) -> tuple[str, ...]:
    """The first code turns the factor on: the recovery codes. Raises NamedError `second_factor_wrong`."""
    async with unit(deps) as work:
        factor = await factors.of_user(work.connection, actor.id, lock=True)
        used = _used(deps, factor, code, work.now) if factor and factor.confirmed_at is None else None
        found = await users.by_id(work.connection, actor.id)
        if used is None or found is None:
            raise NamedError("second_factor_wrong", field="code")
        return await _confirm(work, used, found[0])


async def renew_recovery_codes(deps: Deps, actor: Actor, code: str, client: Client) -> tuple[str, ...]:
    """New recovery codes in place of the old ones. Raises NamedError `second_factor_wrong`; AccountLocked."""
    codes = _new_codes()

    async def renew(work: Unit, user: User, used: StoredFactor) -> None:
        await factors.save(work.connection, replace(used, recovery_hashes=_hashes(codes)))
        telling.audit(
            work, "second_factor.codes", "Made new recovery codes.", actor=actor, email=user.email, subject=user.id
        )

    await _by_code(deps, actor, code, client, renew)
    return codes


async def remove(deps: Deps, actor: Actor, password: str, code: str, client: Client) -> None:
    """Turns it off. Raises NamedError `current_password_wrong`, `second_factor_wrong`, `second_factor_required`."""
    if _is_required(deps, await checked_owner(deps, actor.id, password, client)):
        raise NamedError("second_factor_required")

    async def turn_off(work: Unit, user: User, used: StoredFactor) -> None:
        await factors.remove(work.connection, user.id)
        telling.audit(
            work, "second_factor.off", "Turned the second factor off.", actor=actor, email=user.email, subject=user.id
        )

    await _by_code(deps, actor, code, client, turn_off)


async def checked_owner(
    deps: Deps, user_id: str, password: str, client: Client, *, field: str = "current_password"
) -> User:
    """The user whose current password this is. Wrong ones count towards the lockout.

    Raises NamedError `current_password_wrong`, `user_unknown`; AccountLocked, AddressThrottled.
    """
    async with unit(deps) as work:
        found = await users.by_id(work.connection, user_id)
    if found is None:
        raise NamedError("user_unknown")
    user = found[0]
    checked = await checking.check(deps, user.email_key, user.email, password, client)
    try:
        async with unit(deps) as work:
            is_whole = checked.user is None or not checked.user.second_factor
            status = await checking.settle(deps, work, checked, is_right=checked.is_right, is_whole=is_whole)
            if not checked.is_right:
                await checking.tell_failure(
                    deps, work, checked, status, user.email, client, action="password.check_failed"
                )
    except BaseException:
        await checking.give_back(deps, user.email_key)
        raise
    deps.turnstile.free(user.email_key)
    if not checked.is_right:
        raise NamedError("current_password_wrong", field=field)
    return user


def is_required_of(deps: Deps, role: str) -> bool:
    """Whether a login in this role must have a second factor."""
    return deps.settings.admin_second_factor and role in ("admin", "operator")


def _is_required(deps: Deps, user: User) -> bool:
    """By the user's own role: an admin may have come in as a member."""
    return is_required_of(deps, user.role)


async def _begin(deps: Deps, user: User) -> tuple[str, str]:
    secret = pyotp.random_base32()
    async with unit(deps) as work:
        if not await factors.begin(work.connection, user.id, deps.sealer.seal(secret.encode(), user.id)):
            raise NamedError("already_enabled")
    return secret, pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=deps.settings.node_name)


async def _by_code(
    deps: Deps, actor: Actor, code: str, client: Client, change: Callable[[Unit, User, StoredFactor], Awaitable[None]]
) -> None:
    """What a code of the caller's factor allows, in the transaction that uses it; wrong ones count as wrong passwords do."""
    async with unit(deps) as work:
        found = await users.by_id(work.connection, actor.id)
        factor = await factors.of_user(work.connection, actor.id, lock=True)
        if found is None or factor is None or factor.confirmed_at is None:
            raise NamedError("second_factor_wrong", field="code")
        user = found[0]
        status = await checking.begin_counted(deps, work, user.email_key)
        used = _used(deps, factor, code, work.now)
        await checking.end_counted(deps, work, user, status, client, is_right=used is not None)
        if used is not None:
            await factors.save(work.connection, used)
            await change(work, user, used)
    if used is None:
        raise NamedError("second_factor_wrong", field="code")


async def _confirm(work: Unit, used: StoredFactor, user: User) -> tuple[str, ...]:
    codes = _new_codes()
    await factors.save(work.connection, replace(used, confirmed_at=work.now, recovery_hashes=_hashes(codes)))
    telling.audit(
        work, "second_factor.on", "Turned the second factor on.", actor=Actor(user.id, user.role), email=user.email,
        subject=user.id,
    )  # fmt: skip
    return codes


def _used(deps: Deps, factor: StoredFactor, code: str, now: datetime) -> StoredFactor | None:
    """The factor after this code was used; None where the code is wrong or was used before."""
    plain = normal_code(code)
    totp = pyotp.TOTP(deps.sealer.open(factor.secret_sealed, factor.user_id).decode(), interval=_STEP_S)
    step = int(now.timestamp()) // _STEP_S
    for candidate in range(step - _STEPS_OFF_MAX, step + _STEPS_OFF_MAX + 1):
        is_it = hmac.compare_digest(totp.generate_otp(candidate).encode(), plain.encode("utf-8", "replace"))
        if is_it and candidate > factor.last_step:
            return replace(factor, last_step=candidate)
    wanted = hash_of(plain)
    if factor.confirmed_at is not None and wanted in factor.recovery_hashes:
        left = tuple(one for one in factor.recovery_hashes if one != wanted)
        return replace(factor, recovery_hashes=left)
    return None


def _new_codes() -> tuple[str, ...]:
    def group() -> str:
        return "".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(_RECOVERY_GROUP))

    return tuple("-".join(group() for _ in range(_RECOVERY_GROUPS)) for _ in range(RECOVERY_CODES))


def _hashes(codes: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(hash_of(normal_code(code)) for code in codes)
