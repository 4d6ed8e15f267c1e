"""Limits of how often, in memory, by key: a token bucket each."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from libs.common.errors import Refusal

_KEYS_MAX = 100_000


class Bucket:
    """Allows `burst` at once and `count` per `per_s` seconds for each key; remembers the latest 100 000 keys."""

    def __init__(
        self,
        count: float,
        per_s: float,
        *,
        burst: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        keys_max: int = _KEYS_MAX,
    ) -> None:
        self._rate = count / per_s
        self._burst = count if burst is None else burst
        self._clock = clock
        self._keys_max = keys_max
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, cost: float = 1.0) -> float:
        """Takes one; 0.0 where it is allowed, else the seconds after which it will be."""
        now = self._clock()
        level, since = self._levels.pop(key, (self._burst, now))
        level = min(self._burst, level + (now - since) * self._rate)
        waits = 0.0 if level >= cost else (cost - level) / self._rate
        self._levels[key] = (level if waits else level - cost, now)
        if len(self._levels) > self._keys_max:
            self._levels.popitem(last=False)
        return waits

    def require(self, key: str, cost: float = 1.0, *, code: str = "too_many_requests") -> None:
        """Takes one, or raises Refusal 429 with the time to wait."""
        waits = self.take(key, cost)
        if waits:
            raise Refusal.of(429, code, "Too many requests; wait a little.", retry_after_s=max(1, math.ceil(waits)))
