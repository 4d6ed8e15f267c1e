"""What time does, as a worker's loop: expiries, reminders, forgetting of old outcomes."""

import asyncio
import time

import structlog

from services.ledger.service.ledger import Ledger

AT_ONCE_MAX = 500
FORGET_EVERY_S = 3600.0

_log = structlog.get_logger(__name__)


async def act_on_due(ledger: Ledger) -> int:
    """Ends and reminds of all proposals that are due now; how many. Any number of workers may do so."""
    done = 0
    for act in (ledger.postings.expire_due, ledger.postings.remind_due):
        while (acted := await act(AT_ONCE_MAX)) > 0:
            done += acted
    if done:
        ledger.told()
    return done


async def keep_time(ledger: Ledger) -> None:
    """Until cancelled. A fault is logged and the next round tries again."""
    forgot_at = float("-inf")
    while True:
        try:
            await act_on_due(ledger)
            if time.monotonic() - forgot_at > FORGET_EVERY_S:
                await ledger.postings.forget_outcomes(ledger.settings.ledger_outcomes_kept_days)
                forgot_at = time.monotonic()
        except Exception:  # noqa: BLE001  logged, and the next round tries again
            _log.exception("clock_failed")
        await asyncio.sleep(ledger.settings.ledger_clock_s)
