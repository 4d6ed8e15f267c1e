"""The relay: carries events from the outbox to the bus, at least once, and forgets them only after the confirm."""

import asyncio
import contextlib

import structlog

from libs.common import metrics
from libs.common.bus.port import Bus
from libs.common.outbox import OutboxStore

_PAUSE_FIRST_S = 0.1
_PAUSE_MAX_S = 5.0
_log = structlog.get_logger(__name__)


class Relay:
    """Publishes what waits in `store`, in windows. A fault is logged and tried again, later each time."""

    def __init__(
        self, store: OutboxStore, bus: Bus, *, name: str = "", window_max: int = 500, poll_s: float = 2.0
    ) -> None:
        self._store = store
        self._bus = bus
        self._name = name
        self._window_max = window_max
        self._poll_s = poll_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins; returns at once."""
        self._task = asyncio.create_task(self._run(), name=f"relay {self._name}")

    async def stop(self) -> None:
        """Ends. What was on its way without a confirm is published again by the next relay."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._store.close()

    async def drain(self) -> int:
        """Publishes until nothing waits or the bus refuses; how many. For tests and for the end of a program."""
        total = 0
        while True:
            claimed, taken = await self.once()
            total += taken
            if claimed == 0 or taken < claimed:
                return total

    async def once(self) -> tuple[int, int]:
        """One window: how many were claimed, and how many of them the bus took."""
        async with self._store.claim(self._window_max) as claim:
            waiting = len(claim.envelopes)
            if waiting == 0:
                return 0, 0
            taken = await self._bus.publish(claim.envelopes)
            if taken:
                await claim.done(taken)
        metrics.published.labels(self._name).inc(len(taken))
        metrics.outbox_waiting.labels(self._name).set(waiting - len(taken))
        return waiting, len(taken)

    async def _run(self) -> None:
        pause_s = _PAUSE_FIRST_S
        while True:
            try:
                claimed, taken = await self.once()
                why = f"the bus did not take {claimed - taken} of {claimed} events" if taken < claimed else ""
                if not why and claimed < self._window_max:
                    await self._store.wait(self._poll_s)
            except Exception as fault:  # noqa: BLE001  whatever is away comes back
                why = repr(fault)
            if not why:
                pause_s = _PAUSE_FIRST_S
                continue
            metrics.relay_failures.labels(self._name).inc()
            _log.warning("relay.waits", relay=self._name, why=why, pause_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _PAUSE_MAX_S)
