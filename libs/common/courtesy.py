"""Requests before background work: in a process that does both, whoever waits for an answer waits for little else.

Consumers and what sends mail take turns of work. A turn at whose end a request is under way is followed by a rest as long as a
few turns, so that a node under load answers first and catches up when the load is over; it never stands still. A relay never
rests: every process must hear at once that a session ended.
"""

import asyncio
import time

REST_TURNS = 3.0
"""Of the time that the turn took: the work gets at least a quarter of the time."""
REST_MAX_S = 0.5


class _Requests:
    """Of this process."""

    under_way = 0


def begin() -> None:
    """A request came."""
    _Requests.under_way += 1


def end() -> None:
    """It was answered."""
    _Requests.under_way -= 1


class Turn:
    """`turn = Turn()`, work, `await turn.rest()`."""

    __slots__ = ("_began",)

    def __init__(self) -> None:
        self._began = time.monotonic()

    def rest_s(self) -> float:
        """How long a rest is due now; nothing where nobody waits for an answer."""
        return min(REST_TURNS * (time.monotonic() - self._began), REST_MAX_S) if _Requests.under_way else 0.0

    async def rest(self) -> None:
        """Returns at once where nobody waits for an answer."""
        seconds = self.rest_s()
        if seconds:
            await asyncio.sleep(seconds)
