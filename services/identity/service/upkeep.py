"""What runs by itself: counted refusals are told, what ran out is deleted, keys of other processes are heard of."""

import asyncio

import structlog

from services.identity.service import keys, telling
from services.identity.service.deps import Deps, unit
from services.identity.service.refused import tell_counted_of
from services.identity.store import upkeep as store

_EVERY_S = 30.0
_SWEEP_EVERY = 20
_log = structlog.get_logger(__name__)


async def tell_counted(deps: Deps) -> int:
    """One record for each caller whose refusals were only counted; how many."""
    async with unit(deps) as work:
        counted = await store.take_refusals(work.connection, work.now)
        for one in counted:
            kind, _, name = one.caller.partition(" ")
            if kind == telling.PERSON:
                await tell_counted_of(work, one.caller, one.counted)
                continue
            detail = f"{one.counted} more times from the same {kind}."
            telling.audit(work, one.action, detail, email=name if kind == "account" else None)
    return len(counted)


async def keep_up(deps: Deps, *, every_s: float = _EVERY_S) -> None:
    """Until cancelled. A fault is logged and tried again."""
    turn = 0
    while True:
        try:
            await tell_counted(deps)
            if turn % _SWEEP_EVERY == 0:
                await store.sweep(deps.pool, deps.clock())
        except Exception:  # noqa: BLE001  the next turn tries again
            _log.exception("identity.upkeep_failed")
        turn += 1
        await asyncio.sleep(every_s)


async def keep_keys(deps: Deps, *, every_s: float = _EVERY_S) -> None:
    """Another process may have rotated the keys while this one was deaf. Until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await keys.load(deps)
        except Exception:  # noqa: BLE001  likewise
            _log.exception("identity.keys_not_loaded")
