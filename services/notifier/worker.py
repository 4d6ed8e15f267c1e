"""The notifier's loops: mail as it falls due, the daily mail, alarms and upkeep by the clock."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from libs.common.bus.port import Bus
from libs.common.peers import Peers
from services.notifier.mail.port import MailDoor
from services.notifier.service.deps import Deps
from services.notifier.service.mailing import send_due
from services.notifier.service.matches import mail_daily_matches
from services.notifier.service.upkeep import forget_what_is_old, report_dead_letters

PAUSE_AFTER_FAULT_S = 5.0
DAILY_CHECK_S = 60.0
DEAD_LETTER_CHECK_S = 60.0
UPKEEP_S = 3600.0

log = structlog.get_logger("notifier.worker")


class Worker:
    """Runs until it is stopped; a fault in one round is logged and the round comes again. Any number may run."""

    def __init__(self, deps: Deps, peers: Peers, door: MailDoor, bus: Bus) -> None:
        self._deps = deps
        self._peers = peers
        self._door = door
        self._bus = bus
        self._mail_waits = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def wake(self) -> None:
        """There may be mail to send."""
        self._mail_waits.set()

    def start(self) -> None:
        """Begins all loops."""
        self._tasks = [
            asyncio.create_task(self._mail(), name="notifier mail"),
            asyncio.create_task(self._every(DAILY_CHECK_S, self._daily), name="notifier daily matches"),
            asyncio.create_task(self._every(DEAD_LETTER_CHECK_S, self._dead_letters), name="notifier dead letters"),
            asyncio.create_task(self._every(UPKEEP_S, self._upkeep), name="notifier upkeep"),
        ]

    async def stop(self, within_s: float) -> None:
        """Ends the loops; a mail on its way gets this long, then it is tried again by whoever is there."""
        tasks, self._tasks = self._tasks, []
        for task in tasks[1:]:
            task.cancel()
        if tasks:
            self._stopping = True
            self._mail_waits.set()
            await asyncio.wait(tasks[:1], timeout=within_s)
            tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _mail(self) -> None:
        while not self._stopping:
            self._mail_waits.clear()
            try:
                found = await send_due(self._deps, self._peers, self._door)
            except Exception:
                log.exception("mail.round_failed")
                await asyncio.sleep(PAUSE_AFTER_FAULT_S)
                continue
            if not found:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._deps.settings.mail_poll_s):
                await self._mail_waits.wait()
        except TimeoutError:
            return

    async def _every(self, pause_s: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                log.exception("round_failed", work=work.__name__)
            await asyncio.sleep(pause_s)

    async def _daily(self) -> None:
        await mail_daily_matches(self._deps)

    async def _dead_letters(self) -> None:
        await report_dead_letters(self._deps, self._bus)

    async def _upkeep(self) -> None:
        await forget_what_is_old(self._deps)
