"""Making many objects that last: the collector need not look through them again and again while they are made, nor later."""

import contextlib
import gc
from collections.abc import Iterator

YOUNG_MAX, MIDDLE_MAX, OLD_MAX = 10_000, 20, 1_000_000
"""While they are made: seldom, and what is old not at all."""


class _Making:
    """How many are at it in this process, and what the collector's thresholds are otherwise."""

    count = 0
    usual = gc.get_threshold()


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """Around a start, or the filling of an index in memory; several may overlap in any order.

    Without it every full collection walks all modules and declarations: 65 to 140 ms in which a ledger answers nobody,
    and a third of the time of a fill.
    """
    if not _Making.count:
        _Making.usual = gc.get_threshold()
        gc.set_threshold(YOUNG_MAX, MIDDLE_MAX, OLD_MAX)
    _Making.count += 1
    try:
        yield
        gc.collect(1)  # what is garbage already shall not stay for ever
        gc.freeze()
    finally:
        _Making.count -= 1
        if not _Making.count:
            gc.set_threshold(*_Making.usual)
