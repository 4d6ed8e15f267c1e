"""Signing keys: made at the first start, rotated without logging anyone out (ID-06)."""

from datetime import datetime, timedelta

from libs.common.contracts.identity import KeysRotatedV1
from services.identity.keyring import new_key
from services.identity.service import telling
from services.identity.service.deps import Actor, Deps, unit
from services.identity.store import sessions, signing

_MARGIN_S = 60


async def load(deps: Deps) -> None:
    """Takes the keys of the database into use; makes the first one. Raises CannotOpen."""
    async with unit(deps) as work:
        keys = await signing.published(work.connection, work.now)
        if not keys:
            await signing.lock_keys(work.connection)
            keys = await signing.published(work.connection, work.now)
        if not keys:
            key = new_key(deps.sealer, work.now, work.now)
            await signing.add(work.connection, key)
            keys = [key]
    deps.keyring.load(keys)


async def rotate(deps: Deps, actor: Actor) -> list[str]:
    """A new key is published at once and signs after the overlap; the others stay published until no token of theirs
    can be alive. The ids of the published keys."""
    settings = deps.settings
    longest_s = max(settings.token_lifetime_s, settings.browser_token_lifetime_s, settings.key_token_lifetime_s)
    async with unit(deps) as work:
        await signing.lock_keys(work.connection)
        signs_from = work.now + timedelta(seconds=settings.key_overlap_s)
        key = new_key(deps.sealer, work.now, signs_from)
        await signing.add(work.connection, key)
        until = signs_from + timedelta(seconds=longest_s + _MARGIN_S)
        await signing.retire_older(work.connection, key.kid, until)
        keys = await signing.published(work.connection, work.now)
        kids = [one.kid for one in keys]
        work.tell(KeysRotatedV1(kids=kids).envelope(subject="keys", sequence=0, time=work.now))
        telling.audit(
            work, "keys.rotated", "A new signing key was made.", actor=actor,
            email=await telling.email_of(work, actor), subject=key.kid, subject_kind="signing_key",
        )  # fmt: skip
    deps.keyring.load(keys)
    return kids


async def revocations(deps: Deps) -> list[tuple[str, datetime]]:
    """Ended sessions and keys whose tokens have not run out, with the time at which they have."""
    async with unit(deps) as work:
        return await sessions.revocations(work.connection, work.now)
