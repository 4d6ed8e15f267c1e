"""What tests of every part use: waiting for a condition, a clock that stands still, servers of their own."""

from libs.common.testing.clocks import FixedClock
from libs.common.testing.servers import not_run
from libs.common.testing.waiting import eventually

__all__ = ["FixedClock", "eventually", "not_run"]
