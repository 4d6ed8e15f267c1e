"""Who was refused an operation goes into the activity log (AD-07). A task of its own tells identity: no answer waits for it."""

import asyncio
from collections import deque
from dataclasses import dataclass

import structlog

from gateway.clients.identity import IdentityClient
from libs.common.auth import Principal
from libs.common.errors import Refusal
from libs.common.peers import Caller

log = structlog.get_logger(__name__)
NOTED_BY_IDENTITY = "forbidden"
"""The code with which identity refuses: it has made its record then."""
PERIOD_S = 60.0
WAITING_MAX = 1_000
COUNTED_MAX = 10_000
STOP_WITHIN_S = 3.0


@dataclass(slots=True)
class _Refused:
    """Who was refused what, and how often it is still to be told."""

    caller: Caller
    user_id: str
    role: str
    operation: str
    times: int


class Refusals:
    """Tells the first refusal of a person and an operation; those of the minute after it are counted and told once."""

    def __init__(self, identity: IdentityClient) -> None:
        self._identity = identity
        self._waiting: deque[_Refused] = deque()
        self._counted: dict[tuple[str, str, str], tuple[_Refused, asyncio.TimerHandle]] = {}
        self._telling: asyncio.Task[None] | None = None

    def note(self, caller: Caller, principal: Principal | None, operation: str, refusal: Refusal) -> None:
        """A person, or a program with a key, was told 403. What identity refused itself is not noted again."""
        if refusal.status != 403 or principal is None or principal.is_service:
            return
        if any(problem.code == NOTED_BY_IDENTITY for problem in refusal.problems):
            return
        key = (principal.id, principal.role, operation)
        if key in self._counted:
            self._counted[key][0].times += 1
            return
        if len(self._counted) >= COUNTED_MAX:
            self._end(next(iter(self._counted)))
        timer = asyncio.get_running_loop().call_later(PERIOD_S, self._end, key)
        self._counted[key] = (_Refused(caller, *key, times=0), timer)
        self._put(_Refused(caller, *key, times=1))

    async def drain(self) -> None:
        """Returns when what waits has been told."""
        while self._telling is not None:
            await asyncio.wait([self._telling])

    async def stop(self) -> None:
        """Tells what waits and what was counted, for a bounded time. Safe to call twice."""
        for key in list(self._counted):
            self._end(key)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.drain()
        except TimeoutError:
            log.warning("refusals_not_noted", count=len(self._waiting))
            self._waiting.clear()
            if self._telling is not None:
                self._telling.cancel()
                await self.drain()

    def _end(self, key: tuple[str, str, str]) -> None:
        """Of one minute."""
        counted, timer = self._counted.pop(key)
        timer.cancel()
        if counted.times:
            self._put(counted)

    def _put(self, refused: _Refused) -> None:
        if len(self._waiting) >= WAITING_MAX:
            log.warning("refusal_not_noted", operation=refused.operation, why="too many wait")
            return
        self._waiting.append(refused)
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell(), name="refusals")

    async def _tell(self) -> None:
        try:
            while self._waiting:
                each = self._waiting.popleft()
                try:
                    await self._identity.note_refusal(
                        each.caller, user_id=each.user_id, role=each.role, operation=each.operation, times=each.times
                    )
                except Refusal as failed:
                    log.warning("refusal_not_noted", operation=each.operation, why=str(failed))
        finally:
            self._telling = None
