"""Requests a minute: per client address for who is not logged in, per person for who is, per key for programs."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from libs.common.auth import Principal
from libs.common.errors import Refusal

LOGGED_IN_FACTOR = 10
KEYS_MAX = 100_000
"""Clients remembered at most; the one that was longest silent is forgotten first."""


@dataclass(slots=True)
class Rates:
    """A bucket of tokens per client that fills steadily and holds a minute's worth. One per gateway process."""

    per_minute: int
    now: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def check(self, principal: Principal | None, address: str) -> None:
        """Counts one request. Raises Refusal 429 `too_many_requests` with the seconds to wait."""
        if principal is None:
            self._take(f"address {address}", self.per_minute)
        elif not principal.is_service:
            self._take(f"{principal.kind} {principal.session_id or principal.id}", self.per_minute * LOGGED_IN_FACTOR)

    def _take(self, key: str, per_minute: int) -> None:
        now = self.now()
        tokens, since = self._buckets.pop(key, (float(per_minute), now))
        tokens = min(float(per_minute), tokens + (now - since) * per_minute / 60)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            wait = math.ceil((1 - tokens) * 60 / per_minute)
            raise Refusal.of(429, "too_many_requests", "Too many requests; wait a little.", retry_after_s=max(1, wait))
        self._buckets[key] = (tokens - 1, now)
        if len(self._buckets) > KEYS_MAX:
            self._buckets.popitem(last=False)
