"""When a request is sent again, and after how long."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from .errors import Unreachable
from .request import Request

BUSY = frozenset({429, 502, 503, 504})
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds of repeating: number of tries, seconds in all, and the waits, which grow and are spread by chance."""

    tries_max: int = 6
    total_s: float = 60.0
    wait_first_s: float = 0.2
    wait_max_s: float = 10.0
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    def begin(self, request: Request[Any]) -> "Attempts":
        """The tries of one request."""
        return Attempts(request, self)


class Attempts:
    """Decides after each try. It does not wait itself, so that it serves both kinds of client."""

    def __init__(self, request: Request[Any], policy: Policy) -> None:
        self._request = request
        self._policy = policy
        self._ends = policy.clock() + policy.total_s
        self._tries = 0

    def after_fault(self, fault: httpx2.TransportError) -> float:
        """How long to wait before the next try; raises Unreachable when this was the last."""
        self._tries += 1
        was_sent = not isinstance(fault, _NOT_SENT)
        wait_s = self._growing_wait_s()
        if (was_sent and self._request.again == "once") or not self._allows(wait_s):
            reason = f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__
            raise Unreachable(reason, was_sent=was_sent, idempotency_key=self._request.key) from fault
        return wait_s

    def after_answer(self, status: int, retry_after: str | None) -> float | None:
        """How long to wait before the next try, or None where this answer stands.

        The node's own `Retry-After` is kept to. A 429 was not carried out; what another of these did is not known.
        """
        self._tries += 1
        if status not in BUSY or (self._request.again == "once" and status != 429):
            return None
        asked_s = seconds_of(retry_after)
        wait_s = self._growing_wait_s() if asked_s is None else asked_s
        return wait_s if self._allows(wait_s) else None

    def _growing_wait_s(self) -> float:
        policy = self._policy
        longest: float = min(policy.wait_first_s * 2 ** (self._tries - 1), policy.wait_max_s)
        return longest * (0.5 + policy.chance() / 2)

    def _allows(self, wait_s: float) -> bool:
        return self._tries < self._policy.tries_max and self._policy.clock() + wait_s <= self._ends


def seconds_of(retry_after: str | None) -> float | None:
    """`Retry-After` (RFC 9110 section 10.2.3) in seconds from now: a number, or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isascii() and retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment: datetime = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
