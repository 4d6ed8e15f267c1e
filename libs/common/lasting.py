"""Making many objects that last: the collector need not look through them again and again while they are made, nor later."""

import contextlib
import gc
from collections.abc import Iterator

YOUNG_MAX, MIDDLE_MAX, OLD_MAX = 10_000, 20, 1_000_000
"""While they are made: seldom, and what is old not at all."""


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """Around a start, or the filling of an index in memory; these may be nested.

    Without it every full collection walks all modules and declarations: 65 to 140 ms in which a ledger answers nobody,
    and a third of the time of a fill.
    """
    usual = gc.get_threshold()
    gc.set_threshold(YOUNG_MAX, MIDDLE_MAX, OLD_MAX)
    try:
        yield
        gc.collect(1)  # what is garbage already shall not stay for ever
        gc.freeze()
    finally:
        gc.set_threshold(*usual)
