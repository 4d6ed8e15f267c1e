"""Checks the books all the time: sums each second, what changed each minute, everything nightly and on demand (LE-20)."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from services.ledger.service.sealer import verify
from services.ledger.signing import LedgerKeys
from services.ledger.store.audit import AuditStore, Fault
from services.ledger.store.blocks import Blocks

SUMS_EVERY_S = 1.0
CHANGED_EVERY_S = 60.0
WHOLE_EVERY_S = 86_400.0
_log = structlog.get_logger(__name__)


@dataclass
class Auditor:
    """Judges and notes; `told` wakes the relay when there is news."""

    store: AuditStore
    blocks: Blocks
    keys: LedgerKeys
    told: Callable[[], None]
    _checked_pos: int = field(default=-1, init=False)
    _whole_running: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def sums(self) -> list[Fault]:
        """The cheap checks."""
        return await self._noted("sums", time.monotonic(), await self.store.sums())

    async def changed(self) -> list[Fault]:
        """What was booked since the last look."""
        began = time.monotonic()
        upto = await self.blocks.sealable_upto()
        faults = await self.store.changed(max(0, self._checked_pos), upto)
        self._checked_pos = upto
        return await self._noted("changed", began, faults)

    async def whole(self) -> list[Fault]:
        """Everything over all time, the guards and the chain; one at a time."""
        async with self._whole_running:
            return await self._whole()

    async def _whole(self) -> list[Fault]:
        began = time.monotonic()
        upto = await self.blocks.sealable_upto()
        faults = [
            *await self.store.sums(),
            *await self.store.changed(0, upto),
            *await self.store.whole(),
            *await verify(self.blocks, self.keys),
        ]
        self._checked_pos = upto
        return await self._noted("full", began, faults)

    async def clear(self, fault_id: int, by: str, reason: str) -> bool:
        """Ends a fault that was repaired, and tells the activity log; False where there is no such open fault. Raises
        StillBroken."""
        cleared = 0 < fault_id < 2**63 and await self.store.clear(fault_id, by, reason)
        if cleared:
            self.told()
        return cleared

    async def keep_checking(self) -> None:
        """Until cancelled. A fault of the check itself is logged and the next round tries again."""
        looked_at = time.monotonic()
        while True:
            try:
                if self._checked_pos < 0:
                    self._checked_pos = await self.blocks.sealable_upto()
                await self.sums()
                if time.monotonic() - looked_at > CHANGED_EVERY_S:
                    looked_at = time.monotonic()
                    await (self.whole() if await self.store.whole_is_due(WHOLE_EVERY_S) else self.changed())
            except Exception:  # noqa: BLE001  logged, and the next round tries again
                _log.exception("audit_failed")
            await asyncio.sleep(SUMS_EVERY_S)

    async def _noted(self, kind: str, began: float, faults: list[Fault]) -> list[Fault]:
        if await self.store.report(kind, round((time.monotonic() - began) * 1000), faults):
            _log.error("books_broken", faults=[fault.detail for fault in faults])
            self.told()
        return faults
