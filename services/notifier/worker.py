"""The notifier's loops: mail and webhooks as they fall due, the daily mail, alarms and upkeep by the clock."""

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
from services.notifier.service.webhooks import deliver_due
from services.notifier.webdoor import WebDoor

PAUSE_AFTER_FAULT_S = 5.0
DAILY_CHECK_S = 60.0
DEAD_LETTER_CHECK_S = 60.0
UPKEEP_S = 3600.0

log = structlog.get_logger("notifier.worker")


class Pump:
    """Does one kind of work as long as there is some, then rests until it is woken or the poll comes round."""

    def __init__(self, name: str, work: Callable[[], Awaitable[int]], *, poll_s: float) -> None:
        self._name = name
        self._work = work
        self._poll_s = poll_s
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"notifier {self._name}")

    async def stop(self, within_s: float) -> None:
        """What is in hand gets this long; the rest is done by whoever is there."""
        self._stopping = True
        self._woken.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=within_s)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                found = await self._work()
            except Exception:
                log.exception("round_failed", work=self._name)
                await asyncio.sleep(PAUSE_AFTER_FAULT_S)
                continue
            if self._stopping:
                return
            if not found:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._woken.wait()
        except TimeoutError:
            return


class Worker:
    """Runs until it is stopped; a fault in one round is logged and the round comes again. Any number may run."""

    def __init__(self, deps: Deps, peers: Peers, mail_door: MailDoor, web_door: WebDoor, bus: Bus) -> None:
        self._deps = deps
        self._bus = bus
        poll_s = deps.settings.mail_poll_s
        self._pumps = (
            Pump("mail", lambda: send_due(deps, peers, mail_door), poll_s=poll_s),
            Pump("webhooks", lambda: deliver_due(deps, web_door), poll_s=poll_s),
        )
        self._tasks: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """There may be something to send."""
        for pump in self._pumps:
            pump.wake()

    def start(self) -> None:
        """Begins all loops."""
        for pump in self._pumps:
            pump.start()
        self._tasks = [
            asyncio.create_task(self._every(DAILY_CHECK_S, self._daily), name="notifier daily matches"),
            asyncio.create_task(self._every(DEAD_LETTER_CHECK_S, self._dead_letters), name="notifier dead letters"),
            asyncio.create_task(self._every(UPKEEP_S, self._upkeep), name="notifier upkeep"),
        ]

    async def stop(self, within_s: float) -> None:
        """Ends the loops; what is on its way gets this long, then it is tried again by whoever is there."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *(pump.stop(within_s) for pump in self._pumps), return_exceptions=True)

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
