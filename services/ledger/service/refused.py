"""Refusals that could tell of another's balance, or fill the log: counted by pair and by caller."""

from libs.common.rates import Bucket

PAIR_TRIES = 5
PAIR_WINDOW_S = 3600.0
RECORDS = 5
RECORDS_WINDOW_S = 3600.0


class Refused:
    """Remembers in this process who was refused for whose limit; the bound holds for each copy of the service."""

    def __init__(self) -> None:
        self._pairs = Bucket(PAIR_TRIES, PAIR_WINDOW_S)
        self._records = Bucket(RECORDS, RECORDS_WINDOW_S)
        self._uncounted: dict[str, int] = {}

    def may_ask(self, initiator: str, receiver: str) -> float:
        """0.0 where the pair may be tried, else the seconds to wait: nobody finds a balance by halving (security)."""
        key = f"{initiator}>{receiver}"
        waits = self._pairs.take(key)
        if not waits:
            self._pairs.take(key, -1.0)  # asking costs nothing, only being refused does
        return waits

    def for_the_others_limit(self, initiator: str, receiver: str) -> None:
        """The pair was refused because of the receiver's limit."""
        self._pairs.take(f"{initiator}>{receiver}")

    def to_record(self, caller: str) -> int | None:
        """How many refusals of this caller the next record stands for; None where it is only counted."""
        count = self._uncounted.pop(caller, 0) + 1
        if self._records.take(caller):
            self._uncounted[caller] = count
            return None
        return count
