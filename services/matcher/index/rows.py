"""Where rows far down a list stand, for a few seconds: who turns the pages one by one need not count from the top each time."""

import time
from bisect import bisect_right, insort
from collections import OrderedDict
from typing import Any

LISTS_MAX = 500
ROWS_MAX = 200
REMEMBERED_S = 10.0

Values = list[Any]
"""What the engine sorted the row before by; the search goes on behind it."""


class Rows:
    """By list (a query in an order) the rows whose place is known."""

    def __init__(self) -> None:
        self._lists: OrderedDict[bytes, tuple[float, list[tuple[int, Values]]]] = OrderedDict()

    def near(self, name: bytes, row: int) -> tuple[int, Values | None]:
        """The last known row that is not behind this one; row 0 needs no values."""
        until, rows = self._lists.get(name, (0.0, []))
        if until < time.monotonic():
            return 0, None
        place = bisect_right(rows, row, key=lambda known: known[0])
        return rows[place - 1] if place else (0, None)

    def keep(self, name: bytes, row: int, values: Values) -> None:
        """This row is behind these values."""
        now = time.monotonic()
        until, rows = self._lists.pop(name, (0.0, []))
        if until < now or len(rows) >= ROWS_MAX:
            until, rows = now + REMEMBERED_S, []
        if all(known != row for known, _ in rows):
            insort(rows, (row, values), key=lambda known: known[0])
        self._lists[name] = (until, rows)
        if len(self._lists) > LISTS_MAX:
            self._lists.popitem(last=False)
