"""What the worker does by the clock: renames left over, pictures that nobody shows, counts that may have drifted."""

import asyncio
import time
from datetime import timedelta

import structlog

from services.directory.service.deps import Deps
from services.directory.service.jobs import carry_on

_log = structlog.get_logger(__name__)
_TURN_S = 10.0
_FIRST_AFTER_S = 60.0
PICTURES_KEPT = timedelta(hours=1)
"""Younger ones may be on their way into an entity."""


async def carry_jobs_on(deps: Deps, look_s: float) -> None:
    """Until cancelled."""
    while True:
        try:
            await carry_on(deps, time.monotonic() + _TURN_S)
        except Exception:  # noqa: BLE001  logged; the next turn tries again
            _log.exception("jobs_not_carried_on")
        await asyncio.sleep(look_s)


async def keep_house(deps: Deps, every_s: float) -> None:
    """Until cancelled; the first time a minute after the start."""
    await asyncio.sleep(min(_FIRST_AFTER_S, every_s))
    while True:
        try:
            await tidy(deps)
        except Exception:  # noqa: BLE001  logged; the next turn tries again
            _log.exception("house_not_kept")
        await asyncio.sleep(every_s)


async def tidy(deps: Deps) -> None:
    """Once."""
    dropped = await deps.store.drop_pictures(deps.now() - PICTURES_KEPT)
    if dropped:
        _log.info("pictures_dropped", count=dropped)
    if deps.store.counts_may_drift:
        await deps.store.recount("tag")
        await deps.store.recount("category")
